//! Which packets to groups are well formed (`ip_mc_check_igmp()`): a bridge that listens drops the others.

use std::net::Ipv4Addr;

use crate::packet::IpProto;
use crate::packet::checksum::ip_compute_csum;
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::ipv6::IPV6_HLEN;

/// The length of the shortest IGMP message, in bytes.
const IGMP_HLEN: usize = 8;
/// The length of a query of version 3 that names no senders, in bytes.
const QUERY_V3_LEN: usize = 12;
/// The group of all hosts on a link, whom general queries are for.
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

/// What matters of a packet's IP header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    /// Its length in bytes.
    pub(super) header_len: usize,
    /// The protocol of what follows.
    pub(super) proto: IpProto,
    /// The sender.
    pub(super) src: Ipv4Addr,
    /// The group.
    pub(super) dst: Ipv4Addr,
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind<'p> {
    /// A message about groups, at least as long as the shortest one.
    Igmp(&'p [u8]),
    /// Something else.
    Other,
}

/// Reads the IPv4 packet at the front of `packet`; `None` if it is malformed.
pub(super) fn check(packet: &[u8]) -> Option<(Header, Kind<'_>)> {
    let fixed = packet.first_chunk::<IPV4_HLEN>()?;
    let header_len = usize::from(fixed[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    if fixed[0] >> 4 != 4 || header_len < IPV4_HLEN {
        return None;
    }
    let (header, data) = packet.get(..total)?.split_at_checked(header_len)?;
    if ip_compute_csum(header) != 0 {
        return None;
    }
    let [.., s0, s1, s2, s3, d0, d1, d2, d3] = *fixed;
    let header = Header {
        header_len,
        proto: IpProto(fixed[9]),
        src: Ipv4Addr::new(s0, s1, s2, s3),
        dst: Ipv4Addr::new(d0, d1, d2, d3),
    };
    let kind = if header.proto == IpProto::IGMP { igmp(data, header.dst)? } else { Kind::Other };
    Some((header, kind))
}

/// Whether the IPv6 packet at the front of `packet` is well formed (`ipv6_mc_check_ip6hdr()`): it carries
/// something, and is not cut.
pub(super) fn ipv6_is_well_formed(packet: &[u8]) -> bool {
    let Some(header) = packet.first_chunk::<IPV6_HLEN>() else { return false };
    let len = usize::from(u16::from_be_bytes([header[4], header[5]]));
    header[0] >> 4 == 6 && len > 0 && packet.len() >= IPV6_HLEN + len
}

fn igmp(message: &[u8], to: Ipv4Addr) -> Option<Kind<'_>> {
    if message.len() < IGMP_HLEN || ip_compute_csum(message) != 0 {
        return None;
    }
    match message[0] {
        0x12 | 0x16 | 0x17 | 0x22 => Some(Kind::Igmp(message)),
        0x11 => {
            let whole = message.len() == IGMP_HLEN || message.len() >= QUERY_V3_LEN;
            let general = message[4..8] == [0; 4];
            (whole && (!general || to == ALL_HOSTS)).then_some(Kind::Igmp(message))
        }
        _ => Some(Kind::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IGMPv2 report of 239.1.2.3 by 10.0.0.2, seen to pass a bridge of Linux 6.18.
    const REPORT: [u8; 28] = [
        0x45, 0, 0, 0x1c, 0, 1, 0, 0, 1, 2, 0xbe, 0xd9, 10, 0, 0, 2, 239, 1, 2, 3, 0x16, 0, 0xf8,
        0xfa, 239, 1, 2, 3,
    ];

    #[test]
    fn what_is_malformed_does_not_pass() {
        assert!(matches!(check(&REPORT), Some((_, Kind::Igmp(_)))));
        for (at, value) in [(0, 0x65), (0, 0x44), (2, 1), (3, 0x13), (10, 0xbf), (22, 0xf9)] {
            let mut packet = REPORT;
            packet[at] = value;
            assert_eq!(check(&packet), None, "{at} {value:#x}");
        }
        assert_eq!(check(&REPORT[..10]), None);
    }
}
