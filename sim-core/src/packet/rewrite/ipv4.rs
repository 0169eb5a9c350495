//! The IPv4 header.

use core::net::Ipv4Addr;

use pnet_packet::ipv4::MutableIpv4Packet;

use super::transport;
use crate::packet::checksum::{self, csum_replace2, csum_replace4};
use crate::packet::ipv4::Ipv4;

/// Opens the header for writing if the bytes are an IPv4 packet.
pub(super) fn open(packet: &mut [u8]) -> Option<MutableIpv4Packet<'_>> {
    Ipv4::parse(packet).ok()?;
    MutableIpv4Packet::new(packet)
}

/// Sets the source address, and what covers it: the header checksum and that of TCP or UDP
/// (`nf_nat_ipv4_manip_pkt()`).
pub fn set_ipv4_src(packet: &mut [u8], addr: Ipv4Addr) {
    let Some(mut ip) = open(packet) else { return };
    let (old, new) = (ip.get_source().to_bits(), addr.to_bits());
    ip.set_checksum(csum_replace4(ip.get_checksum(), old, new));
    ip.set_source(addr);
    transport::patch_addr(packet, old, new);
}

/// Sets the destination address, and what covers it; see [`set_ipv4_src`].
pub fn set_ipv4_dst(packet: &mut [u8], addr: Ipv4Addr) {
    let Some(mut ip) = open(packet) else { return };
    let (old, new) = (ip.get_destination().to_bits(), addr.to_bits());
    ip.set_checksum(csum_replace4(ip.get_checksum(), old, new));
    ip.set_destination(addr);
    transport::patch_addr(packet, old, new);
}

/// Takes one off the TTL and returns what is left (`ip_decrease_ttl()`).
///
/// A TTL of 0 becomes 255, as in Linux, which never forwards such a packet.
pub fn ip_decrease_ttl(packet: &mut [u8]) -> Option<u8> {
    let mut ip = open(packet)?;
    let ttl = ip.get_ttl().wrapping_sub(1);
    ip.set_checksum(checksum::decrease_ttl(ip.get_checksum()));
    ip.set_ttl(ttl);
    Some(ttl)
}

/// Sets the TTL (target `TTL`).
pub fn set_ttl(packet: &mut [u8], ttl: u8) {
    let Some(mut ip) = open(packet) else { return };
    let word = |ttl: u8| u16::from(ttl) << 8;
    if ip.get_ttl() != ttl {
        ip.set_checksum(csum_replace2(ip.get_checksum(), word(ip.get_ttl()), word(ttl)));
        ip.set_ttl(ttl);
    }
}

/// Sets the identification.
pub fn set_ipv4_id(packet: &mut [u8], id: u16) {
    let Some(mut ip) = open(packet) else { return };
    ip.set_checksum(csum_replace2(ip.get_checksum(), ip.get_identification(), id));
    ip.set_identification(id);
}
