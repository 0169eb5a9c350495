//! Packets of flows that nobody has seen: datagrams whose sources are all different.

use std::net::{Ipv4Addr, SocketAddrV4};

use sim_core::packet::build::{
    ChecksumMode, Ipv4Params, PseudoHeader, UdpParams, push_ipv4, push_udp,
};
use sim_core::packet::ipv4::IPV4_HLEN;
use sim_core::packet::udp::UDP_HLEN;
use sim_core::packet::{IpProto, Skb};

use crate::path::PAYLOAD;

/// The length of each packet, in bytes.
pub(crate) const LEN: usize = IPV4_HLEN + UDP_HLEN + PAYLOAD.len();

/// The first source; all lie in the network of the pods.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 244, 1, 0);
/// The ports that are used of each address: from which on, and how many.
const PORTS: (u32, u32) = (1024, 64_000);
/// How many addresses are used.
const ADDRS: u32 = 0xf000;

/// A source of such packets, for raw sockets: whoever sends them fills in the header's checksum.
#[derive(Clone, Debug)]
pub(crate) struct Fresh {
    packet: [u8; LEN],
    made: u32,
}

impl Fresh {
    /// Packets to `to`.
    #[must_use]
    pub(crate) fn new(to: SocketAddrV4) -> Self {
        let mut skb = Skb::from_slice(PAYLOAD);
        let (src, dst) = (FIRST, *to.ip());
        let ports = UdpParams { src_port: 0, dst_port: to.port(), checksum: ChecksumMode::None };
        push_udp(&mut skb, &ports, PseudoHeader::V4 { src, dst });
        push_ipv4(&mut skb, &Ipv4Params::new(src, dst, IpProto::UDP));
        Self {
            packet: skb.data().try_into().expect("the length of both headers is known"),
            made: 0,
        }
    }

    /// The next packet.
    pub(crate) fn packet(&mut self) -> &[u8; LEN] {
        let (first_port, ports) = PORTS;
        let addr = FIRST.to_bits() + self.made / ports % ADDRS;
        let port = u16::try_from(first_port + self.made % ports).expect("a port");
        self.made = self.made.wrapping_add(1);
        self.packet[12..16].copy_from_slice(&addr.to_be_bytes());
        self.packet[20..22].copy_from_slice(&port.to_be_bytes());
        &self.packet
    }
}
