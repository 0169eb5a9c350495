//! Randomness: one seed a world, one stream a purpose.
//!
//! Each consumer draws from a stream of its own name, so that a new consumer, or one more draw in
//! one place, does not shift what the others see. The streams are xoshiro256++, a published algorithm;
//! the mapping to ranges is ours, so that a new release of `rand` cannot change results.

use std::collections::BTreeMap;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, SeedableRng as _};

/// The world's seed and its named streams.
#[derive(Clone, Debug)]
pub struct SimRng {
    seed: u64,
    streams: BTreeMap<&'static str, Stream>,
}

impl SimRng {
    /// Makes the generator for `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, streams: BTreeMap::new() }
    }

    /// The seed it was made from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The stream called `name`, for example `"ip.id"` or `"tcp.isn"`.
    pub fn stream(&mut self, name: &'static str) -> &mut Stream {
        self.streams.entry(name).or_insert_with(|| Stream::new(self.seed, name))
    }
}

/// One sequence of random numbers, a function of the world's seed and the stream's name.
#[derive(Clone, Debug)]
pub struct Stream(Xoshiro256PlusPlus);

impl Stream {
    fn new(seed: u64, name: &str) -> Self {
        // FNV-1a over seed and name: names are few and fixed, their streams only have to differ.
        let hash = seed
            .to_le_bytes()
            .into_iter()
            .chain(name.bytes())
            .fold(0xcbf2_9ce4_8422_2325, |h, b| {
                (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        Self(Xoshiro256PlusPlus::seed_from_u64(hash))
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        (self.0.next_u64() >> 32) as u32
    }

    /// The next 16 random bits.
    pub fn next_u16(&mut self) -> u16 {
        (self.0.next_u64() >> 48) as u16
    }

    /// A number below `bound`, or 0 when `bound` is 0 (the kernel's `get_random_u32_below()`).
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(bound)) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stream_does_not_shift_another() {
        let mut alone = SimRng::new(7);
        let mut mixed = SimRng::new(7);
        let first = alone.stream("ip.id").next_u64();
        mixed.stream("tcp.isn").next_u64();
        assert_eq!(mixed.stream("ip.id").next_u64(), first);
        assert_ne!(mixed.stream("tcp.isn").next_u64(), first);
    }

    #[test]
    fn a_bounded_draw_stays_below_its_bound() {
        let mut rng = SimRng::new(1);
        for bound in [1, 2, 3, 1000, u32::MAX] {
            assert!(rng.stream("t").below(bound) < bound);
        }
        assert_eq!(rng.stream("t").below(0), 0);
    }

    /// Captures and traces are promised to stay the same from release to release, and with them
    /// the streams behind them.
    #[test]
    fn the_stream_of_a_seed_is_fixed_for_ever() {
        let mut rng = SimRng::new(1);
        let drawn: Vec<u64> = (0..3).map(|_| rng.stream("golden").next_u64()).collect();
        assert_eq!(drawn, GOLDEN);
    }

    /// Computed by an independent implementation of FNV-1a, SplitMix64 and xoshiro256++.
    const GOLDEN: [u64; 3] =
        [11_918_248_263_154_132_508, 4_876_646_743_516_776_440, 13_217_615_787_974_756_294];
}
