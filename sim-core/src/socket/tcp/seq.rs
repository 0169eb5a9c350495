//! Sequence numbers: 32 bits that wrap around (RFC 9293, section 3.4).

use std::fmt;

/// A sequence number.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Seq(pub u32);

impl Seq {
    /// The number `n` further on.
    #[must_use]
    pub const fn plus(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }

    /// The number `n` before.
    #[must_use]
    pub const fn minus(self, n: u32) -> Self {
        Self(self.0.wrapping_sub(n))
    }

    /// How far this number lies beyond `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// Whether this number comes before `other` (`before()`).
    #[must_use]
    pub const fn before(self, other: Self) -> bool {
        self.since(other) & 0x8000_0000 != 0
    }

    /// Whether this number comes after `other` (`after()`).
    #[must_use]
    pub const fn after(self, other: Self) -> bool {
        other.before(self)
    }

    /// Whether this number lies in `low..=high` (`between()`).
    #[must_use]
    pub const fn between(self, low: Self, high: Self) -> bool {
        high.since(low) >= self.since(low)
    }

    /// The later of two.
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        if self.before(other) { other } else { self }
    }

    /// The earlier of two.
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        if self.after(other) { other } else { self }
    }
}

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The length of a buffer as TCP counts it.
#[must_use]
pub(super) fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Rounds up to a multiple of a power of two (`ALIGN()`).
#[must_use]
pub(super) const fn align(value: u32, shift: u8) -> u32 {
    let mask = (1 << shift) - 1;
    value.saturating_add(mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_across_the_wrap() {
        let (old, new) = (Seq(u32::MAX - 1), Seq(3));
        assert!(old.before(new) && new.after(old) && !new.before(old));
        assert_eq!(new.since(old), 5);
        assert_eq!((old.plus(5), new.minus(5)), (new, old));
        assert!(Seq(0).between(old, new) && !Seq(4).between(old, new));
        assert_eq!((old.max(new), old.min(new)), (new, old));
    }

    #[test]
    fn windows_are_rounded_up_to_the_scale() {
        assert_eq!((align(64240, 10), align(64512, 10), align(7, 0)), (64512, 64512, 7));
    }
}
