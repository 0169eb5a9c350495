//! The hash of a flow, which spreads the outer source ports of tunnels.
//!
//! The kernel's hash has a key of its own for every boot (`skb_get_hash()`); this one is ours, the same
//! on every machine. What it looks at is the same: addresses, protocol and ports, of both directions
//! alike.

use std::net::Ipv4Addr;

use crate::packet::{EtherType, Ethernet, IpProto, Ipv4};

/// The hash of the flow that an Ethernet frame belongs to.
pub(super) fn of_frame(frame: &[u8]) -> u32 {
    let Ok(eth) = Ethernet::parse(frame) else { return 0 };
    match (eth.ether_type(), Ipv4::parse(eth.payload())) {
        (EtherType::IPV4, Ok(ip)) => of_ipv4(&ip),
        _ => mix(eth.header()),
    }
}

/// The hash of an IPv4 packet's flow.
fn of_ipv4(ip: &Ipv4<'_>) -> u32 {
    let has_ports = matches!(ip.proto(), IpProto::TCP | IpProto::UDP | IpProto::SCTP);
    let ports = match ip.payload() {
        [a, b, c, d, ..] if has_ports && !ip.is_fragment() => {
            (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))
        }
        _ => (0, 0),
    };
    let (from, to) = ((ip.src(), ports.0), (ip.dst(), ports.1));
    let (low, high) = if from <= to { (from, to) } else { (to, from) };
    let mut key = [0; 13];
    for (at, (addr, port)) in [(0, low), (6, high)] {
        put(&mut key[at..], addr, port);
    }
    key[12] = ip.proto().0;
    mix(&key)
}

fn put(key: &mut [u8], addr: Ipv4Addr, port: u16) {
    key[..4].copy_from_slice(&addr.octets());
    key[4..6].copy_from_slice(&port.to_be_bytes());
}

/// FNV-1a, folded.
fn mix(bytes: &[u8]) -> u32 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let [a, b, c, d, e, f, g, h] = hash.to_le_bytes();
    u32::from_le_bytes([a, b, c, d]) ^ u32::from_le_bytes([e, f, g, h])
}

/// The outer source port of a flow (`udp_flow_src_port()`): within `range`, whose last port is never
/// taken.
pub(super) fn src_port(hash: u32, range: (u16, u16)) -> u16 {
    let (min, max) = range;
    let hash = hash ^ hash << 16;
    let offset = (u64::from(hash) * u64::from(max.saturating_sub(min))) >> 32;
    min.saturating_add(u16::try_from(offset).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_two_ports_leaves_the_first() {
        for hash in [0, 1, 0x8000_0000, u32::MAX] {
            assert_eq!(src_port(hash, (50000, 50001)), 50000);
        }
    }

    #[test]
    fn ports_stay_within_their_range() {
        assert_eq!(src_port(0, (32768, 60999)), 32768);
        assert_eq!(src_port(u32::MAX, (32768, 60999)), 32768);
        assert_eq!(src_port(0xffff_0000, (32768, 60999)), 60998);
    }
}
