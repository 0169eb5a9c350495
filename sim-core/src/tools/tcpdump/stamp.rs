//! How the time of a frame is printed. The time zone is UTC.

use crate::tools::calendar::{self, Moment};
use crate::tools::tcpdump::args::Stamp;

/// Prints times one after another.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    first_us: Option<u64>,
    previous_us: Option<u64>,
}

const DAY_S: u64 = 86_400;

impl Clock {
    /// The time `us`, microseconds of Unix time, with a blank behind it.
    pub(super) fn print(&mut self, stamp: Stamp, us: u64) -> String {
        let first = *self.first_us.get_or_insert(us);
        let previous = self.previous_us.replace(us).unwrap_or(us);
        let micros = us % 1_000_000;
        match stamp {
            Stamp::None => String::new(),
            Stamp::Unix => format!("{}.{micros:06} ", us / 1_000_000),
            Stamp::TimeOfDay => time_of_day(us),
            Stamp::DateAndTime => format!("{} {}", date(us / 1_000_000 / DAY_S), time_of_day(us)),
            Stamp::SincePrevious => format!(" {}", time_of_day(us.saturating_sub(previous))),
            Stamp::SinceFirst => format!(" {}", time_of_day(us.saturating_sub(first))),
        }
    }
}

fn time_of_day(us: u64) -> String {
    let seconds = us / 1_000_000 % DAY_S;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:06} ", seconds % 60, us % 1_000_000)
}

/// The date of the day that lies `days` days after 1970-01-01.
fn date(days: u64) -> String {
    let Moment { year, month, day, .. } = calendar::moment(days * DAY_S * 1_000_000);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::EPOCH_S;

    /// Computed with `date -u -d @N +%F`.
    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_709_164_800, "2024-02-29"),
            (1_735_603_200, "2024-12-31"),
            (EPOCH_S, "2026-01-01"),
        ] {
            assert_eq!(date(seconds / DAY_S), text);
        }
    }

    /// Seen on tcpdump 4.99.3 for frames at 1.5 s and 3.25 s.
    #[test]
    fn each_repetition_of_t_prints_times_its_own_way() {
        for (stamp, one, two) in [
            (Stamp::TimeOfDay, "00:00:01.500000 ", "00:00:03.250000 "),
            (Stamp::None, "", ""),
            (Stamp::Unix, "1.500000 ", "3.250000 "),
            (Stamp::SincePrevious, " 00:00:00.000000 ", " 00:00:01.750000 "),
            (Stamp::DateAndTime, "1970-01-01 00:00:01.500000 ", "1970-01-01 00:00:03.250000 "),
            (Stamp::SinceFirst, " 00:00:00.000000 ", " 00:00:01.750000 "),
        ] {
            let mut clock = Clock::default();
            assert_eq!(clock.print(stamp, 1_500_000), one, "{stamp:?}");
            assert_eq!(clock.print(stamp, 3_250_000), two, "{stamp:?}");
        }
    }
}
