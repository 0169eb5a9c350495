//! Congestion marks through tunnels (RFC 6040, `include/net/inet_ecn.h`).

use crate::packet::EtherType;
use crate::packet::ipv4::INET_ECN_MASK;
use crate::packet::rewrite::ip_ecn_set_ce;

/// "Congestion experienced".
const CE: u8 = 0b11;
/// "Can be marked", the usual one of the two codes.
const ECT_0: u8 = 0b10;
const NOT_ECT: u8 = 0b00;

/// The DSCP and ECN of a network layer packet; 0 if it has none (`ip_tunnel_get_dsfield()`). They are taken
/// from where they should be, whatever else is wrong with the header.
pub(super) fn dsfield(protocol: EtherType, packet: &[u8]) -> u8 {
    match (protocol, packet) {
        (EtherType::IPV4, &[_, tos, ..]) => tos,
        // The traffic class starts in the middle of the first byte.
        (EtherType::IPV6, &[high, low, ..]) => (high << 4) | (low >> 4),
        _ => 0,
    }
}

/// The outer TOS for an inner one: marks go out, except that the outside starts unmarked
/// (`INET_ECN_encapsulate()`).
pub(super) fn encapsulate(outer: u8, inner: u8) -> u8 {
    let ecn = if inner & INET_ECN_MASK == CE { ECT_0 } else { inner & INET_ECN_MASK };
    outer & !INET_ECN_MASK | ecn
}

/// Carries a mark from the outer header into the inner packet; false if the packet has to be dropped,
/// because its sender could not be told (`INET_ECN_decapsulate()`).
pub(super) fn decapsulate(outer: u8, protocol: EtherType, packet: &mut [u8]) -> bool {
    if !matches!(protocol, EtherType::IPV4 | EtherType::IPV6) || outer & INET_ECN_MASK != CE {
        return true;
    }
    if dsfield(protocol, packet) & INET_ECN_MASK == NOT_ECT {
        return false;
    }
    if protocol == EtherType::IPV4 {
        ip_ecn_set_ce(packet);
    } else if let Some(byte) = packet.get_mut(1) {
        *byte |= CE << 4;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6040, figure 3, "normal mode"; Linux starts the outside of a marked packet as ECT(0).
    #[test]
    fn marks_of_the_inner_packet_are_copied_out() {
        for (inner, outer) in [(0b00, 0b00), (0b01, 0b01), (0b10, 0b10), (0b11, 0b10)] {
            assert_eq!(encapsulate(0xb8, 0x40 | inner), 0xb8 | outer, "{inner:02b}");
        }
    }

    /// Linux 6.18 sent these payloads, which are no IPv6, in outer packets marked 10 and 01.
    #[test]
    fn a_mark_is_read_where_it_should_be_whatever_the_header_is() {
        for (start, mark) in [([0x25, 0xe8], 0b10), ([0x2e, 0xd1], 0b01)] {
            assert_eq!(dsfield(EtherType::IPV6, &start) & INET_ECN_MASK, mark, "{start:02x?}");
        }
        assert_eq!(dsfield(EtherType::IPV4, &[0x25]), 0);
    }

    /// RFC 6040, figure 4.
    #[test]
    fn a_mark_on_the_outside_reaches_only_those_that_understand_it() {
        for (inner, outer, kept, after) in [
            (0b00, 0b00, true, 0b00),
            (0b00, 0b10, true, 0b00),
            (0b00, 0b11, false, 0b00),
            (0b10, 0b11, true, 0b11),
            (0b01, 0b11, true, 0b11),
            (0b10, 0b10, true, 0b10),
            (0b11, 0b00, true, 0b11),
        ] {
            let mut packet =
                [0x45, inner, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
            assert_eq!(decapsulate(outer, EtherType::IPV4, &mut packet), kept, "{inner} {outer}");
            assert_eq!(packet[1], after, "{inner} {outer}");
        }
    }
}
