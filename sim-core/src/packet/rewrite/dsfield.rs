//! The TOS byte: DSCP and ECN (`include/net/dsfield.h`, `include/net/inet_ecn.h`).

use pnet_packet::ipv4::MutableIpv4Packet;

use super::ipv4::open;
use crate::packet::ipv4::INET_ECN_MASK;

fn tos(ip: &MutableIpv4Packet<'_>) -> u8 {
    ip.get_dscp() << 2 | ip.get_ecn()
}

fn set_tos(ip: &mut MutableIpv4Packet<'_>, tos: u8) {
    ip.set_dscp(tos >> 2);
    ip.set_ecn(tos & INET_ECN_MASK);
}

/// Keeps the TOS bits of `mask` and sets those of `value` (`ipv4_change_dsfield()`).
#[expect(clippy::cast_possible_truncation, reason = "the carry was added, the rest is dropped")]
pub fn ipv4_change_dsfield(packet: &mut [u8], mask: u8, value: u8) {
    let Some(mut ip) = open(packet) else { return };
    let old = tos(&ip);
    let new = (old & mask) | value;
    let mut check = u32::from(ip.get_checksum()) + u32::from(old);
    if (check + 1) >> 16 != 0 {
        check = (check + 1) & 0xffff;
    }
    let check = check.wrapping_sub(u32::from(new));
    let check = check.wrapping_add(check >> 16);
    ip.set_checksum(check as u16);
    set_tos(&mut ip, new);
}

/// Marks the packet as having met congestion, if it may be marked, and returns whether it is marked
/// (`IP_ECN_set_ce()`).
#[expect(clippy::cast_possible_truncation, reason = "the carry was added")]
pub fn ip_ecn_set_ce(packet: &mut [u8]) -> bool {
    let Some(mut ip) = open(packet) else { return false };
    let old = tos(&ip);
    let added = match old & INET_ECN_MASK {
        0 => return false,
        0b11 => return true,
        ect => u32::from(0b11 - ect),
    };
    let sum = u32::from(ip.get_checksum()) + 0xffff - added;
    ip.set_checksum((sum + (sum >> 16)) as u16);
    set_tos(&mut ip, old | INET_ECN_MASK);
    true
}
