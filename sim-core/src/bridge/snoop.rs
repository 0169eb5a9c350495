//! What multicast snooping, which is on by default, does without group tables
//! (`net/bridge/br_multicast.c`).
//!
//! As long as no querier is heard, Linux floods all multicast frames even so. What remains is that
//! it looks into them: malformed IPv4 and IGMP is dropped (`ip_mc_check_igmp()`).

use crate::packet::checksum::ip_compute_csum;
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::{EtherType, IpProto};

/// The length of the shortest IGMP message, in bytes.
const IGMP_HLEN: usize = 8;

/// Whether the network layer packet at the front of `packet`, which came in a group frame, is well
/// formed.
pub(super) fn is_well_formed(protocol: EtherType, packet: &[u8]) -> bool {
    protocol != EtherType::IPV4 || ipv4_is_well_formed(packet)
}

fn ipv4_is_well_formed(packet: &[u8]) -> bool {
    let Some(header) = packet.first_chunk::<IPV4_HLEN>() else { return false };
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[0] >> 4 != 4 || header_len < IPV4_HLEN {
        return false;
    }
    let Some((header, data)) = packet.get(..total).and_then(|p| p.split_at_checked(header_len))
    else {
        return false;
    };
    if ip_compute_csum(header) != 0 {
        return false;
    }
    IpProto(packet[9]) != IpProto::IGMP || igmp_is_well_formed(data)
}

fn igmp_is_well_formed(message: &[u8]) -> bool {
    message.len() >= IGMP_HLEN && ip_compute_csum(message) == 0
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
        assert!(is_well_formed(EtherType::IPV4, &REPORT));
        for (at, value) in [(0, 0x65), (0, 0x44), (2, 1), (3, 0x13), (10, 0xbf), (22, 0xf9)] {
            let mut packet = REPORT;
            packet[at] = value;
            assert!(!is_well_formed(EtherType::IPV4, &packet), "{at} {value:#x}");
            assert!(is_well_formed(EtherType::ARP, &packet));
        }
        assert!(!is_well_formed(EtherType::IPV4, &REPORT[..10]));
    }
}
