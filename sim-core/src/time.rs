//! Virtual time: whole nanoseconds since the world began.
//!
//! There is no other clock in this library. Kernel timers that count jiffies round to [`JIFFY`],
//! as on a kernel built with `HZ=250`, the usual distribution setting.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// How many jiffies a second has.
pub const HZ: u64 = 250;

/// The length of one jiffy.
pub const JIFFY: Duration = Duration::from_millis(4);

/// A point in virtual time, in nanoseconds since the world began.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SimTime(u64);

/// When the world begins, in seconds of Unix time: 2026-01-01 00:00:00 UTC. Tools that print the
/// time of day count from here.
pub const EPOCH_S: u64 = 1_767_225_600;

impl SimTime {
    /// The moment the world began.
    pub const ZERO: Self = Self(0);

    /// Returns the point that lies `nanos` nanoseconds after the beginning.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the point that lies `millis` milliseconds after the beginning.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the beginning.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds since the beginning.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole milliseconds since the beginning.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The time of day, in microseconds of Unix time.
    #[must_use]
    pub const fn unix_micros(self) -> u64 {
        EPOCH_S * 1_000_000 + self.as_micros()
    }

    /// The kernel's jiffies counter at this point, starting from zero.
    #[must_use]
    pub const fn jiffies(self) -> u64 {
        self.0 / 4_000_000
    }

    /// The time that passed since `earlier`; zero if `earlier` lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The nanoseconds of `d`, saturating after 584 years.
fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for SimTime {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(nanos(d)))
    }
}

impl AddAssign<Duration> for SimTime {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}

impl Sub<Duration> for SimTime {
    type Output = Self;
    fn sub(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(d)))
    }
}

/// Seconds with all nine decimals: `1.004000000`.
impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_saturates_instead_of_wrapping() {
        assert_eq!(
            SimTime::from_nanos(u64::MAX) + Duration::from_secs(1),
            SimTime::from_nanos(u64::MAX)
        );
    }

    #[test]
    fn time_prints_seconds_with_nine_decimals() {
        assert_eq!(SimTime::from_nanos(1_004_000_000).to_string(), "1.004000000");
    }
}
