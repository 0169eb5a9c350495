//! Packets of flows that nobody has seen: datagrams whose sources are all different.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::path::PAYLOAD;

const IPV4_HLEN: usize = 20;
const UDP_HLEN: usize = 8;
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
        let mut packet = [0; LEN];
        let len = |len: usize| u16::try_from(len).expect("a small packet").to_be_bytes();
        packet[0] = 0x45;
        packet[2..4].copy_from_slice(&len(LEN));
        packet[8..10].copy_from_slice(&[64, 17]);
        packet[16..20].copy_from_slice(&to.ip().octets());
        packet[22..24].copy_from_slice(&to.port().to_be_bytes());
        packet[24..26].copy_from_slice(&len(LEN - IPV4_HLEN));
        packet[IPV4_HLEN + UDP_HLEN..].copy_from_slice(PAYLOAD);
        Self { packet, made: 0 }
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
