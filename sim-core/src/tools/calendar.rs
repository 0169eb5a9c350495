//! Dates and times of day, in UTC.

/// The names of the days, from the first of 1970-01-04 on.
pub(crate) const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
/// The names of the months.
pub(crate) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const DAY_S: u64 = 86_400;

/// A moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Moment {
    pub(crate) year: u64,
    /// From 1.
    pub(crate) month: usize,
    /// From 1.
    pub(crate) day: u64,
    /// From Sunday.
    pub(crate) weekday: usize,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
    pub(crate) micros: u64,
}

/// The moment `us` microseconds after 1970-01-01: years of 400-year cycles that begin in March.
pub(crate) fn moment(us: u64) -> Moment {
    let seconds = us / 1_000_000;
    let days = seconds / DAY_S;
    let since = days + 719_468;
    let (cycle, day) = (since / 146_097, since % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, early) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let small = |n: u64| usize::try_from(n).expect("a remainder");
    Moment {
        year: cycle * 400 + year + early,
        month: small(month),
        day,
        weekday: small((days + 4) % 7),
        hour: seconds % DAY_S / 3600,
        minute: seconds / 60 % 60,
        second: seconds % 60,
        micros: us % 1_000_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `date -u -d @N +'%F %w %T'`.
    #[test]
    fn moments_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 4 00:00:00"),
            (951_782_399, "2000-02-28 1 23:59:59"),
            (951_782_400, "2000-02-29 2 00:00:00"),
            (1_767_225_600, "2026-01-01 4 00:00:00"),
        ] {
            let m = moment(seconds * 1_000_000);
            let Moment { year, month, day, weekday, hour, minute, second, .. } = m;
            let ours = format!(
                "{year:04}-{month:02}-{day:02} {weekday} {hour:02}:{minute:02}:{second:02}"
            );
            assert_eq!(ours, text);
        }
    }
}
