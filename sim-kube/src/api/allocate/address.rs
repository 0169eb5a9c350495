//! Addresses of Services.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use sim_core::rng::Stream;

use crate::api::version::Version;

/// How many addresses are left to people, at least and at most, and the share of the range that is.
const MIN_STATIC: u64 = 16;
const MAX_STATIC: u64 = 256;
const STATIC_SHARE: u64 = 16;
/// How large a range is at most, for what is drawn from it.
const MAX_SIZE: u64 = 1 << 62;

/// Whether a Service may have an address of a range: not the range's own, nor the one to all of an IPv4 network.
pub(super) fn is_in(range: IpNet, ip: IpAddr) -> bool {
    let is_to_all = ip.is_ipv4() && ip == range.broadcast();
    range.contains(&ip) && ip != range.network() && !is_to_all
}

/// Draws an address that is free.
pub(super) fn next(
    range: IpNet,
    version: Version,
    taken: &BTreeSet<IpAddr>,
    stream: &mut Stream,
) -> Option<IpAddr> {
    let (size, low) = (usable(range), static_addresses(range, version));
    let free = |offset: u64| at(range, offset).filter(|ip| !taken.contains(ip));
    let mut draw = |start: u64, count: u64| {
        let first = below(stream, count)?;
        let offsets = (first..count).chain(0..first);
        offsets.map(|offset| start + offset).find_map(free)
    };
    draw(low, size.saturating_sub(low)).or_else(|| draw(0, low))
}

/// A random number below `bound`; `None` if there is none.
fn below(stream: &mut Stream, bound: u64) -> Option<u64> {
    match u32::try_from(bound) {
        Ok(0) => None,
        Ok(bound) => Some(stream.below(bound).into()),
        Err(_) => Some(stream.next_u64() % bound),
    }
}

/// The size of a range, with the addresses that nobody may have.
fn size(range: IpNet) -> u64 {
    let bits = u32::from(range.max_prefix_len() - range.prefix_len());
    1_u64.checked_shl(bits).map_or(MAX_SIZE, |size| size.min(MAX_SIZE))
}

/// How many addresses Services may have.
fn usable(range: IpNet) -> u64 {
    let unusable = if range.addr().is_ipv4() { 2 } else { 1 };
    size(range).saturating_sub(unusable)
}

/// How many addresses are left to people.
fn static_addresses(range: IpNet, version: Version) -> u64 {
    let size = size(range);
    if version < Version::V1_25 || size <= MIN_STATIC {
        return 0;
    }
    (size / STATIC_SHARE).clamp(MIN_STATIC, MAX_STATIC)
}

/// The address at an offset from the first one that a Service may have.
pub(super) fn at(range: IpNet, offset: u64) -> Option<IpAddr> {
    let offset = offset.checked_add(1)?;
    match range {
        IpNet::V4(range) => {
            let first = u32::from(range.network());
            Some(IpAddr::V4(first.checked_add(offset.try_into().ok()?)?.into()))
        }
        IpNet::V6(range) => {
            let first = u128::from(range.network());
            Some(IpAddr::V6(first.checked_add(offset.into())?.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use sim_core::rng::SimRng;

    use super::*;

    fn draw_all(range: &str, version: Version) -> Vec<IpAddr> {
        let (range, mut taken) = (range.parse().unwrap(), BTreeSet::new());
        let (mut rng, mut order) = (SimRng::new(1), Vec::new());
        while let Some(ip) = next(range, version, &taken, rng.stream("t")) {
            taken.insert(ip);
            order.push(ip);
        }
        order
    }

    #[test]
    fn the_lower_addresses_are_drawn_when_the_upper_ones_are_used_up() {
        let order = draw_all("10.0.0.0/24", Version::V1_36);
        assert_eq!(order.len(), 254);
        let low = |ip: &IpAddr| *ip <= IpAddr::V4(Ipv4Addr::new(10, 0, 0, 16));
        assert!(!order[..238].iter().any(low));
        assert!(order[238..].iter().all(low));
    }

    #[test]
    fn before_1_25_addresses_are_drawn_from_all() {
        let order = draw_all("10.0.0.0/24", Version::V1_24);
        assert_eq!(order.len(), 254);
        let low = |ip: &IpAddr| *ip <= IpAddr::V4(Ipv4Addr::new(10, 0, 0, 16));
        assert!(!order[238..].iter().all(low));
    }

    #[test]
    fn a_sixteenth_of_the_addresses_but_16_to_256_are_left_to_people() {
        let cases = [
            ("10.96.0.0/12", 256),
            ("10.96.0.0/16", 256),
            ("10.96.0.0/20", 256),
            ("10.96.0.0/21", 128),
            ("10.96.0.0/24", 16),
            ("10.96.0.0/27", 16),
            ("10.96.0.0/28", 0),
            ("fd00::/112", 256),
            ("fd00::/64", 256),
        ];
        for (range, count) in cases {
            assert_eq!(static_addresses(range.parse().unwrap(), Version::V1_36), count, "{range}");
        }
    }
}
