//! The Internet checksum: sums (RFC 1071), pseudo headers (RFC 768, RFC 8200 section 8.1) and
//! incremental updates (RFC 1624).
//!
//! One's complement arithmetic has two zeros, so two correct ways to update a checksum can leave
//! different bytes (0x0000 and 0xffff). The functions named as in Linux leave the bytes that Linux
//! leaves (`include/net/checksum.h`). All numbers are in host order, as the views return them.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::ip_proto::IpProto;

/// What UDP sends in place of a computed checksum of 0, which would mean "none" (`CSUM_MANGLED_0`).
pub const CSUM_MANGLED_0: u16 = 0xffff;

/// Folds a sum of 16-bit words into 16 bits with end-around carry, not complemented.
#[must_use]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "two folds leave at most 16 bits")]
pub const fn fold_sum(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

/// Folds a sum of 16-bit words into the value of a checksum field (`csum_fold()`).
#[must_use]
#[inline]
pub const fn csum_fold(sum: u32) -> u16 {
    !fold_sum(sum)
}

/// Folds a sum of 32-bit native words into 16 bits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "each fold leaves what the next one takes")]
const fn fold_64(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    fold_sum(((sum & 0xffff) + (sum >> 16)) as u32)
}

/// Sums the native 32-bit words of whole 32-byte blocks.
///
/// Four lanes of 64 bits cannot overflow below 2^32 words, and the compiler makes vector code of them.
#[inline]
fn sum_blocks(blocks: &[[u8; 32]]) -> u64 {
    let mut lanes = [0u64; 8];
    for block in blocks {
        let (words, _) = block.as_chunks::<4>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane += u64::from(u32::from_ne_bytes(*word));
        }
    }
    lanes.iter().sum()
}

/// Sums 16-bit big-endian words, an odd last byte padded with zero, and adds `initial`
/// (`csum_partial()`). The result is folded to 17 bits at most, so that a few can be added.
#[must_use]
pub fn csum_partial(data: &[u8], initial: u32) -> u32 {
    let (blocks, rest) = data.as_chunks::<32>();
    let mut sum = if blocks.is_empty() { 0 } else { sum_blocks(blocks) };
    let (words, tail) = rest.as_chunks::<4>();
    for word in words {
        sum += u64::from(u32::from_ne_bytes(*word));
    }
    sum += u64::from(u32::from_ne_bytes(match *tail {
        [a] => [a, 0, 0, 0],
        [a, b] => [a, b, 0, 0],
        [a, b, c] => [a, b, c, 0],
        _ => [0; 4],
    }));
    u32::from(u16::from_be(fold_64(sum))) + u32::from(fold_sum(initial))
}

/// Returns the checksum of `data` (`ip_compute_csum()`); 0 if the checksum within it is right.
#[must_use]
#[inline]
pub fn ip_compute_csum(data: &[u8]) -> u16 {
    csum_fold(csum_partial(data, 0))
}

/// Returns the checksum of an IPv4 header (`ip_fast_csum()`); 0 if the checksum within it is right.
#[must_use]
#[inline]
pub fn ip_fast_csum(header: &[u8]) -> u16 {
    let (words, rest) = header.as_chunks::<4>();
    let [a, b, c, d, e] = *words else { return ip_compute_csum(header) };
    if !rest.is_empty() {
        return ip_compute_csum(header);
    }
    let sum = [a, b, c, d, e].into_iter().map(|word| u64::from(u32::from_ne_bytes(word))).sum();
    !u16::from_be(fold_64(sum))
}

/// Sums the IPv4 pseudo header (`csum_tcpudp_nofold()`); `len` is that of the transport header and data.
#[must_use]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the length field has 16 bits")]
pub fn pseudo_v4(src: Ipv4Addr, dst: Ipv4Addr, proto: IpProto, len: usize) -> u32 {
    sum_u32(src.to_bits()) + sum_u32(dst.to_bits()) + u32::from(proto.0) + u32::from(len as u16)
}

/// Sums the IPv6 pseudo header (RFC 8200, section 8.1).
#[must_use]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the length field has 32 bits")]
pub fn pseudo_v6(src: Ipv6Addr, dst: Ipv6Addr, proto: IpProto, len: usize) -> u32 {
    csum_partial(&src.octets(), csum_partial(&dst.octets(), 0))
        + sum_u32(len as u32)
        + u32::from(proto.0)
}

/// Returns the checksum of a TCP, UDP or UDP-Lite segment over IPv4 (`csum_tcpudp_magic()`),
/// or 0 if the one that `segment` holds is right.
#[must_use]
#[inline]
pub fn csum_tcpudp_magic(src: Ipv4Addr, dst: Ipv4Addr, proto: IpProto, segment: &[u8]) -> u16 {
    csum_fold(csum_partial(segment, pseudo_v4(src, dst, proto, segment.len())))
}

/// Returns the checksum of a segment over IPv6 (`csum_ipv6_magic()`), or 0 if the one within is right.
#[must_use]
#[inline]
pub fn csum_ipv6_magic(src: Ipv6Addr, dst: Ipv6Addr, proto: IpProto, segment: &[u8]) -> u16 {
    csum_fold(csum_partial(segment, pseudo_v6(src, dst, proto, segment.len())))
}

/// Replaces a computed UDP checksum of 0 by 0xffff (RFC 768).
#[must_use]
#[inline]
pub const fn udp_nonzero(check: u16) -> u16 {
    if check == 0 { CSUM_MANGLED_0 } else { check }
}

#[inline]
const fn sum_u32(value: u32) -> u32 {
    (value >> 16) + (value & 0xffff)
}

/// Updates a checksum for one changed word (`csum_replace2()`, RFC 1624 equation 3).
#[must_use]
#[inline]
pub const fn csum_replace2(check: u16, old: u16, new: u16) -> u16 {
    csum_fold(!check as u32 + !old as u32 + new as u32)
}

/// Updates a checksum for a changed 32-bit field (`csum_replace4()`), such as an address.
///
/// Never returns 0xffff: Linux works on the complement of the 32-bit value, which is never zero.
#[must_use]
#[inline]
pub const fn csum_replace4(check: u16, old: u32, new: u32) -> u16 {
    csum_fold(0xffff + !check as u32 + sum_u32(!old) + sum_u32(new))
}

/// Updates a transport checksum for a changed word (`inet_proto_csum_replace2()`): a port, an echo id.
///
/// Linux widens the word to 32 bits here, so that it differs from [`csum_replace2`] in the zero it leaves.
#[must_use]
#[inline]
pub const fn inet_proto_csum_replace2(check: u16, old: u16, new: u16) -> u16 {
    csum_replace4(check, old as u32, new as u32)
}

/// Updates a checksum for bytes that changed, such as an IPv6 address (`inet_proto_csum_replace16()`).
///
/// Both slices start at an even offset of the summed bytes; a shorter one counts as padded with zeros.
#[must_use]
pub fn csum_replace_bytes(check: u16, old: &[u8], new: &[u8]) -> u16 {
    let removed = u32::from(!fold_sum(csum_partial(old, 0)));
    csum_fold(csum_partial(new, 0) + removed + 0xffff + u32::from(!check))
}

/// Updates the IPv4 header checksum for a TTL that went down by one (`ip_decrease_ttl()`).
#[must_use]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the carry was added, the rest is dropped")]
pub const fn decrease_ttl(check: u16) -> u16 {
    let sum = check as u32 + 0x0100;
    (sum + (sum >= 0xffff) as u32) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sum as RFC 1071 section 4.1 writes it.
    fn slow(data: &[u8]) -> u16 {
        let mut sum = 0u64;
        for pair in data.chunks(2) {
            sum += u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u64::from(*low));
        }
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).expect("folded")
    }

    #[test]
    fn the_sum_is_that_of_the_example_in_rfc_1071() {
        let words = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(fold_sum(csum_partial(&words, 0)), 0xddf2);
    }

    #[test]
    fn the_update_is_that_of_the_example_in_rfc_1624() {
        assert_eq!(csum_replace2(0xdd2f, 0x5555, 0x3285), 0x0000);
        assert_eq!(inet_proto_csum_replace2(0xdd2f, 0x5555, 0x3285), 0x0000);
    }

    #[test]
    fn a_checksum_of_65535_over_zeros_stays_with_words_and_becomes_0_with_fields() {
        assert_eq!(csum_replace2(0xffff, 0xffff, 0), 0xffff);
        assert_eq!(csum_replace4(0xffff, 0xffff_ffff, 0), 0x0000);
    }

    #[test]
    fn the_ttl_update_adds_a_carry_at_65535() {
        assert_eq!(decrease_ttl(0x1234), 0x1334);
        assert_eq!(decrease_ttl(0xfeff), 0x0000);
        assert_eq!(decrease_ttl(0xffff), 0x0100);
        assert_eq!(decrease_ttl(0xff12), 0x0013);
    }

    proptest! {
        #[test]
        fn the_fast_sum_is_the_slow_sum(data in prop::collection::vec(any::<u8>(), 0..600)) {
            prop_assert_eq!(ip_compute_csum(&data), slow(&data));
        }

        #[test]
        fn the_sum_of_a_header_is_the_slow_sum(data in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(ip_fast_csum(&data), slow(&data));
            let header: Vec<u8> = data.iter().copied().cycle().take(20).collect();
            prop_assert_eq!(ip_fast_csum(&header), slow(&header));
        }

        #[test]
        fn sums_can_be_taken_in_parts(
            data in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..100,
        ) {
            let at = (2 * at).min(data.len() & !1);
            let parts = csum_partial(&data[at..], csum_partial(&data[..at], 0));
            prop_assert_eq!(csum_fold(parts), slow(&data));
        }

        #[test]
        fn transport_checksums_are_those_of_etherparse(
            src: [u8; 4], dst: [u8; 4], src6: [u8; 16], dst6: [u8; 16], sport: u16, dport: u16,
            payload in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let len = u16::try_from(8 + payload.len()).expect("short");
            let header = etherparse::UdpHeader {
                source_port: sport, destination_port: dport, length: len, checksum: 0,
            };
            let mut segment = header.to_bytes().to_vec();
            segment.extend_from_slice(&payload);
            let want = header.calc_checksum_ipv4_raw(src, dst, &payload).expect("short");
            let got = csum_tcpudp_magic(src.into(), dst.into(), IpProto::UDP, &segment);
            prop_assert_eq!(udp_nonzero(got), want);
            let want = header.calc_checksum_ipv6_raw(src6, dst6, &payload).expect("short");
            let got = csum_ipv6_magic(src6.into(), dst6.into(), IpProto::UDP, &segment);
            prop_assert_eq!(udp_nonzero(got), want);
        }

        #[test]
        fn an_update_is_a_recompute(
            mut data in prop::collection::vec(any::<u8>(), 4..60), new: [u8; 4], at in 0usize..14,
        ) {
            prop_assume!(data.iter().any(|byte| *byte != 0));
            let at = (at * 4).min((data.len() - 4) & !1);
            let check = ip_compute_csum(&data);
            let old: [u8; 4] = data[at..at + 4].try_into().expect("four bytes");
            data[at..at + 4].copy_from_slice(&new);
            prop_assume!(data.iter().any(|byte| *byte != 0));
            let want = ip_compute_csum(&data);
            let (old32, new32) = (u32::from_be_bytes(old), u32::from_be_bytes(new));
            prop_assert_eq!(csum_replace4(check, old32, new32), want);
            prop_assert_eq!(csum_replace_bytes(check, &old, &new), want);
            let half = |word: u32| {
                let [a, b, c, d] = word.to_be_bytes();
                (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
            };
            let ((old_high, old_low), (new_high, new_low)) = (half(old32), half(new32));
            let once = csum_replace2(check, old_high, new_high);
            let twice = csum_replace2(once, old_low, new_low);
            prop_assert_eq!(fold_sum(u32::from(twice)) % 0xffff, want % 0xffff);
        }
    }
}
