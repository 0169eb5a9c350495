//! Where the transport header is, its ports and its checksum.

use pnet_packet::tcp::MutableTcpPacket;
use pnet_packet::udp::MutableUdpPacket;

use crate::packet::checksum::{csum_replace4, inet_proto_csum_replace2, udp_nonzero};
use crate::packet::ip_proto::IpProto;
use crate::packet::ipv4::Ipv4;
use crate::packet::tcp::TCP_HLEN;
use crate::packet::udp::UDP_HLEN;

/// The transport header of an IPv4 packet, if it has one that was not cut off.
///
/// A fragment other than the first has none. Packets quoted in ICMP errors may have just the first
/// 8 bytes of one, without the checksum of TCP.
pub(super) fn split(packet: &mut [u8]) -> Option<(IpProto, &mut [u8])> {
    let ip = Ipv4::parse(packet).ok()?;
    if ip.frag_offset() != 0 {
        return None;
    }
    let (proto, start) = (ip.proto(), ip.header_len());
    let end = ip.total_len().clamp(start, packet.len());
    Some((proto, packet.get_mut(start..end)?))
}

/// Changes the checksum of a transport header by `change`, if it has one.
pub(super) fn patch(proto: IpProto, transport: &mut [u8], change: impl Fn(u16) -> u16) {
    match proto {
        IpProto::TCP if transport.len() >= TCP_HLEN => {
            if let Some(mut tcp) = MutableTcpPacket::new(transport) {
                tcp.set_checksum(change(tcp.get_checksum()));
            }
        }
        IpProto::UDP if transport.len() >= UDP_HLEN => {
            if let Some(mut udp) = MutableUdpPacket::new(transport)
                && udp.get_checksum() != 0
            {
                udp.set_checksum(udp_nonzero(change(udp.get_checksum())));
            }
        }
        IpProto::UDPLITE if transport.len() >= UDP_HLEN => {
            if let Some(mut udp) = MutableUdpPacket::new(transport) {
                udp.set_checksum(udp_nonzero(change(udp.get_checksum())));
            }
        }
        _ => {}
    }
}

/// Changes the checksum of the transport header for an address of the pseudo header that changed.
pub(super) fn patch_addr(packet: &mut [u8], old: u32, new: u32) {
    if let Some((proto, transport)) = split(packet) {
        patch(proto, transport, |check| csum_replace4(check, old, new));
    }
}

/// A transport header that starts with two ports.
const fn has_ports(proto: IpProto) -> bool {
    matches!(proto, IpProto::TCP | IpProto::UDP | IpProto::UDPLITE | IpProto::DCCP | IpProto::SCTP)
}

/// Sets the source port of TCP, UDP or UDP-Lite (`tcp_manip_pkt()`, `udp_manip_pkt()`).
///
/// Returns whether there was such a header. Of a TCP header that an ICMP error quotes without its
/// checksum just the port changes.
pub fn set_src_port(packet: &mut [u8], port: u16) -> bool {
    set_port(packet, 0, port)
}

/// Sets the destination port of TCP, UDP or UDP-Lite; see [`set_src_port`].
pub fn set_dst_port(packet: &mut [u8], port: u16) -> bool {
    set_port(packet, 2, port)
}

fn set_port(packet: &mut [u8], at: usize, port: u16) -> bool {
    match split(packet) {
        Some((proto, transport)) => set_port_of(proto, transport, at, port),
        None => false,
    }
}

/// Sets the port at byte `at` of a transport header.
pub(super) fn set_port_of(proto: IpProto, transport: &mut [u8], at: usize, port: u16) -> bool {
    if !has_ports(proto) || transport.len() < 8 {
        return false;
    }
    let Some(field) = transport.get_mut(at..).and_then(<[u8]>::first_chunk_mut) else {
        return false;
    };
    let old = u16::from_be_bytes(*field);
    *field = port.to_be_bytes();
    patch(proto, transport, |check| inet_proto_csum_replace2(check, old, port));
    true
}
