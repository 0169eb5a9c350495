//! Randomness: one seed a world, one stream a purpose.
//!
//! Each consumer draws from a stream of its own name, so that a new consumer, or one more draw in
//! one place, does not shift what the others see. The streams are xoshiro256++, a published algorithm;
//! the mapping to ranges is ours, so that a new release of `rand` cannot change results.

use std::collections::{BTreeMap, VecDeque};

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, SeedableRng as _};
use smallvec::SmallVec;

/// The world's seed and its named streams.
#[derive(Clone, Debug)]
pub struct SimRng {
    seed: u64,
    streams: BTreeMap<&'static str, Stream>,
    choices: SmallVec<[Choice; 4]>,
}

/// A number that was drawn to decide about a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Choice {
    /// The stream that it was drawn from.
    pub stream: &'static str,
    /// The number.
    pub value: u32,
}

impl SimRng {
    /// Makes the generator for `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, streams: BTreeMap::new(), choices: SmallVec::new() }
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

    /// Draws 16 bits that decide about a packet, which traces tell of.
    pub(crate) fn choose_u16(&mut self, name: &'static str) -> u16 {
        let value = self.stream(name).next_u16();
        self.choices.push(Choice { stream: name, value: value.into() });
        value
    }

    /// Draws 32 bits that decide about a packet, which traces tell of.
    pub(crate) fn choose_u32(&mut self, name: &'static str) -> u32 {
        let value = self.stream(name).next_u32();
        self.choices.push(Choice { stream: name, value });
        value
    }

    /// Whether anything was drawn about packets that nobody has taken yet.
    pub(crate) fn has_chosen(&self) -> bool {
        !self.choices.is_empty()
    }

    /// Takes what was drawn about packets since the last time, in order.
    pub(crate) fn take_choices(&mut self) -> SmallVec<[Choice; 4]> {
        std::mem::take(&mut self.choices)
    }
}

/// One sequence of random numbers, a function of the world's seed and the stream's name.
#[derive(Clone, Debug)]
pub struct Stream {
    random: Xoshiro256PlusPlus,
    /// What is drawn before anything random.
    pinned: VecDeque<u64>,
}

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
        Self { random: Xoshiro256PlusPlus::seed_from_u64(hash), pinned: VecDeque::new() }
    }

    /// Decides what is drawn next: these numbers in this order, of each as many of the lower bits as are asked for
    /// ([`Stream::below`] takes the remainder). What is random goes on behind them, as if they had not been.
    pub fn pin(&mut self, numbers: impl IntoIterator<Item = u64>) {
        self.pinned.extend(numbers);
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.pinned.pop_front().unwrap_or_else(|| self.random.next_u64())
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        match self.pinned.pop_front() {
            Some(pinned) => (pinned & 0xffff_ffff) as u32,
            None => (self.random.next_u64() >> 32) as u32,
        }
    }

    /// The next 16 random bits.
    pub fn next_u16(&mut self) -> u16 {
        match self.pinned.pop_front() {
            Some(pinned) => (pinned & 0xffff) as u16,
            None => (self.random.next_u64() >> 48) as u16,
        }
    }

    /// A number below `bound`, or 0 when `bound` is 0 (the kernel's `get_random_u32_below()`).
    pub fn below(&mut self, bound: u32) -> u32 {
        if let Some(pinned) = self.pinned.pop_front() {
            let remainder = pinned.checked_rem(bound.into()).unwrap_or(0);
            return u32::try_from(remainder).unwrap_or(0);
        }
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

    #[test]
    fn what_is_pinned_is_drawn_first_and_shifts_nothing() {
        let (mut plain, mut pinned) = (SimRng::new(3), SimRng::new(3));
        pinned.stream("t").pin([0x1_0002, 7, 11]);
        let stream = pinned.stream("t");
        assert_eq!((stream.next_u16(), stream.next_u32(), stream.below(4)), (2, 7, 3));
        assert_eq!(stream.next_u64(), plain.stream("t").next_u64());
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
