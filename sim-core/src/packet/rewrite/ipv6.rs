//! IPv6 addresses.

use core::net::Ipv6Addr;

use pnet_packet::ipv6::MutableIpv6Packet;

use super::transport;
use crate::packet::checksum::csum_replace_bytes;
use crate::packet::icmp::ICMP_HLEN;
use crate::packet::ip_proto::IpProto;
use crate::packet::ipv6::Ipv6;

/// Sets the source address, and the checksum of TCP, UDP or ICMPv6 that covers it
/// (`nf_nat_ipv6_manip_pkt()`). Bytes that are no IPv6 packet stay as they are.
pub fn set_ipv6_src(packet: &mut [u8], addr: Ipv6Addr) {
    let Ok(ip) = Ipv6::parse(packet) else { return };
    let old = ip.src();
    if let Some(mut ip) = MutableIpv6Packet::new(packet) {
        ip.set_source(addr);
    }
    patch(packet, old, addr);
}

/// Sets the destination address, and what covers it; see [`set_ipv6_src`].
pub fn set_ipv6_dst(packet: &mut [u8], addr: Ipv6Addr) {
    let Ok(ip) = Ipv6::parse(packet) else { return };
    let old = ip.dst();
    if let Some(mut ip) = MutableIpv6Packet::new(packet) {
        ip.set_destination(addr);
    }
    patch(packet, old, addr);
}

fn patch(packet: &mut [u8], old: Ipv6Addr, new: Ipv6Addr) {
    let Some((proto, transport)) = split(packet) else { return };
    let change = |check| csum_replace_bytes(check, &old.octets(), &new.octets());
    if proto == IpProto::ICMPV6 && transport.len() >= ICMP_HLEN {
        if let Some(field) = transport.get_mut(2..).and_then(<[u8]>::first_chunk_mut) {
            *field = change(u16::from_be_bytes(*field)).to_be_bytes();
        }
    } else {
        transport::patch(proto, transport, change);
    }
}

/// The transport header behind the extension headers; a later fragment has none.
fn split(packet: &mut [u8]) -> Option<(IpProto, &mut [u8])> {
    let (proto, bytes) = Ipv6::parse(packet).ok()?.upper().ok()?;
    let (len, end) = (bytes.len(), Ipv6::parse(packet).ok()?.end());
    Some((proto, packet.get_mut(end.checked_sub(len)?..end)?))
}
