//! Frames cut short and damaged, the same ones for the same seed.

use super::Frame;

/// A small generator of numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(value).unwrap() % bound.max(1)
    }

    fn byte(&mut self) -> u8 {
        // Small numbers and all ones are what length fields and flags go wrong with.
        match self.below(4) {
            0 => u8::try_from(self.below(16)).unwrap(),
            1 => 0xff,
            _ => u8::try_from(self.below(256)).unwrap(),
        }
    }
}

/// Damages each frame in one way or another.
pub(super) fn frames(frames: &[Frame], seed: u64) -> Vec<Frame> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    frames
        .iter()
        .filter(|frame| !frame.bytes.is_empty())
        .map(|frame| {
            let mut frame = frame.clone();
            let len = frame.bytes.len();
            match random.below(4) {
                0 => frame.bytes.truncate(1 + random.below(len)),
                1 => {
                    frame.bytes.truncate(1 + random.below(len));
                    frame.wire_len = frame.bytes.len();
                }
                2 => {
                    flip(&mut frame.bytes, &mut random);
                    let len = frame.bytes.len();
                    frame.bytes.truncate(len - random.below(len.min(8)));
                }
                _ => flip(&mut frame.bytes, &mut random),
            }
            frame
        })
        .collect()
}

/// Overwrites a few bytes, most of them behind the Ethernet header.
fn flip(bytes: &mut [u8], random: &mut Random) {
    for _ in 0..=random.below(3) {
        let start = if random.below(8) == 0 { 0 } else { 14.min(bytes.len() - 1) };
        let at = start + random.below(bytes.len() - start);
        bytes[at] = random.byte();
    }
}
