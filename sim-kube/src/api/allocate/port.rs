//! Ports of nodes.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use sim_core::rng::Stream;

use crate::api::version::Version;

/// How many ports are left to people, at least and at most, and the share of the range that is.
const MIN_STATIC: u32 = 16;
const MAX_STATIC: u32 = 128;
const STATIC_SHARE: u32 = 32;

/// Draws a port that is free.
pub(super) fn next(
    range: &RangeInclusive<u16>,
    version: Version,
    taken: &BTreeSet<i32>,
    stream: &mut Stream,
) -> Option<i32> {
    let (size, low) = (size(range), static_ports(range, version));
    let mut draw = |start: u32, count: u32| {
        if count == 0 {
            return None;
        }
        let first = stream.below(count);
        let offsets = (first..count).chain(0..first);
        let ports = offsets
            .filter_map(|offset| i32::try_from(u32::from(*range.start()) + start + offset).ok());
        ports.into_iter().find(|port| !taken.contains(port))
    };
    draw(low, size.saturating_sub(low)).or_else(|| draw(0, low))
}

fn size(range: &RangeInclusive<u16>) -> u32 {
    (u32::from(*range.end()) + 1).saturating_sub(u32::from(*range.start()))
}

/// How many ports are left to people.
fn static_ports(range: &RangeInclusive<u16>, version: Version) -> u32 {
    let size = size(range);
    if version < Version::V1_28 || size <= MIN_STATIC {
        return 0;
    }
    (size / STATIC_SHARE).clamp(MIN_STATIC, MAX_STATIC)
}

#[cfg(test)]
mod tests {
    use sim_core::rng::SimRng;

    use super::*;

    #[test]
    fn the_lower_ports_are_drawn_when_the_upper_ones_are_used_up() {
        let (range, mut taken, mut rng) = (30_000..=32_767, BTreeSet::new(), SimRng::new(1));
        for count in 0..2768 {
            let port = next(&range, Version::V1_36, &taken, rng.stream("t")).unwrap();
            assert_eq!(port >= 30_086, count < 2768 - 86, "{port}");
            assert!(taken.insert(port));
        }
        assert_eq!(next(&range, Version::V1_36, &taken, rng.stream("t")), None);
    }

    #[test]
    fn a_range_of_16_ports_is_drawn_from_as_a_whole() {
        assert_eq!(static_ports(&(30_000..=30_015), Version::V1_36), 0);
        assert_eq!(static_ports(&(30_000..=30_016), Version::V1_36), 16);
        assert_eq!(static_ports(&(30_000..=32_767), Version::V1_36), 86);
        assert_eq!(static_ports(&(30_000..=50_000), Version::V1_36), 128);
        assert_eq!(static_ports(&(30_000..=32_767), Version::V1_27), 0);
    }
}
