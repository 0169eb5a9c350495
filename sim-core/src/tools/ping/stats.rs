//! What `ping` counts, and how it sums it up.

use std::fmt::{self, Write as _};
use std::time::Duration;

/// How many sequence numbers back a duplicate is noticed (`MAX_DUP_CHK`).
const DUP_WINDOW: usize = 0x10000;

/// Counters of one run.
#[derive(Clone, Debug)]
pub(super) struct Stats {
    pub(super) transmitted: u64,
    pub(super) received: u64,
    pub(super) repeats: u64,
    pub(super) errors: u64,
    pub(super) checksum_errors: u64,
    /// The highest sequence number that was answered, by a reply or an error.
    acked: u16,
    /// The most requests that were under way at once.
    pipe: u16,
    times: Times,
    /// One bit a sequence number: whether its reply came.
    seen: Vec<u64>,
}

/// Round trip times in microseconds.
#[derive(Clone, Debug)]
struct Times {
    min: u64,
    max: u64,
    sum: u64,
    sum_of_squares: u128,
    /// Eight times the moving average.
    ewma8: u64,
}

impl Default for Stats {
    fn default() -> Self {
        let times = Times { min: u64::MAX, max: 0, sum: 0, sum_of_squares: 0, ewma8: 0 };
        Self {
            transmitted: 0,
            received: 0,
            repeats: 0,
            errors: 0,
            checksum_errors: 0,
            acked: 0,
            pipe: 0,
            times,
            seen: vec![0; DUP_WINDOW / 64],
        }
    }
}

impl Stats {
    #[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap")]
    pub(super) fn last_sequence(&self) -> u16 {
        self.transmitted as u16
    }

    /// How many requests wait for their answer (`in_flight()`).
    pub(super) fn in_flight(&self) -> u64 {
        let behind = self.last_sequence().wrapping_sub(self.acked);
        if behind <= 0x7fff {
            behind.into()
        } else {
            self.transmitted.saturating_sub(self.received + self.errors)
        }
    }

    /// Notes that a request was answered (`acknowledge()`).
    pub(super) fn acknowledge(&mut self, sequence: u16) {
        let behind = self.last_sequence().wrapping_sub(sequence);
        if behind > 0x7fff {
            return;
        }
        self.pipe = self.pipe.max(behind.saturating_add(1));
        let ahead = sequence.wrapping_sub(self.acked);
        if (1..=0x7fff).contains(&ahead) || self.last_sequence().wrapping_sub(self.acked) > 0x7fff {
            self.acked = sequence;
        }
    }

    /// Notes that `sequence` is on its way: a reply to it is no duplicate.
    pub(super) fn expect(&mut self, sequence: u16) {
        self.seen[usize::from(sequence) / 64] &= !(1 << (sequence % 64));
    }

    /// Notes a reply, and whether it is a duplicate.
    pub(super) fn reply(&mut self, sequence: u16) -> bool {
        let word = &mut self.seen[usize::from(sequence) / 64];
        let duplicate = *word >> (sequence % 64) & 1 == 1;
        *word |= 1 << (sequence % 64);
        if duplicate {
            self.repeats += 1;
        } else {
            self.received += 1;
        }
        duplicate
    }

    /// Notes a round trip time.
    pub(super) fn time(&mut self, taken: Duration) {
        let us = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
        let times = &mut self.times;
        times.sum = times.sum.saturating_add(us);
        times.sum_of_squares = times.sum_of_squares.saturating_add(u128::from(us) * u128::from(us));
        times.min = times.min.min(us);
        times.max = times.max.max(us);
        times.ewma8 = if times.ewma8 == 0 { us * 8 } else { times.ewma8 + us - times.ewma8 / 8 };
    }

    /// The longest round trip.
    pub(super) fn longest(&self) -> Duration {
        Duration::from_micros(self.times.max)
    }

    /// The lines from `--- X ping statistics ---` on.
    pub(super) fn summary(&self, target: &str, report: &Report) -> String {
        let mut text = format!("\n--- {target} ping statistics ---\n");
        self.write_summary(&mut text, report).expect("a string takes all");
        text
    }

    fn write_summary(&self, text: &mut String, report: &Report) -> fmt::Result {
        write!(text, "{} packets transmitted, {} received", self.transmitted, self.received)?;
        for (count, what) in [
            (self.repeats, "duplicates"),
            (self.checksum_errors, "corrupted"),
            (self.errors, "errors"),
        ] {
            if count != 0 {
                write!(text, ", +{count} {what}")?;
            }
        }
        if self.transmitted > 0 {
            let lost = self.transmitted.saturating_sub(self.received);
            let took = report.took.as_millis();
            write!(text, ", {}% packet loss, time {took}ms", percent(lost, self.transmitted))?;
        }
        text.push('\n');
        let mut comma = "";
        if self.received > 0 && report.timing {
            write!(text, "rtt min/avg/max/mdev = {} ms", self.rtt())?;
            comma = ", ";
        }
        if self.pipe > 1 {
            write!(text, "{comma}pipe {}", self.pipe)?;
            comma = ", ";
        }
        if self.received > 0 && report.gaps && self.transmitted > 1 {
            let ipg =
                u64::try_from(report.took.as_micros()).unwrap_or(u64::MAX) / (self.transmitted - 1);
            write!(text, "{comma}ipg/ewma {}/{} ms", Ms(ipg), Ms(self.times.ewma8 / 8))?;
        }
        text.push('\n');
        Ok(())
    }

    fn rtt(&self) -> String {
        let Times { min, max, sum, sum_of_squares, .. } = self.times;
        let n = self.received + self.repeats;
        let average = sum / n;
        let variance = (sum_of_squares
            - (u128::from(sum) * u128::from(sum) / u128::from(n)).min(sum_of_squares))
            / u128::from(n);
        let deviation = u64::try_from(variance.isqrt()).unwrap_or(u64::MAX);
        format!("{}/{}/{}/{}", Ms(min), Ms(average), Ms(max), Ms(deviation))
    }

    /// The line that `SIGQUIT` asks for.
    pub(super) fn status(&self, timing: bool) -> String {
        let lost = (self.transmitted.saturating_sub(self.received)) * 100;
        let loss = lost.checked_div(self.transmitted).unwrap_or(0);
        let times = if self.received > 0 && timing {
            let Times { min, max, sum, ewma8, .. } = self.times;
            let average = sum / (self.received + self.repeats);
            let [min, average, ewma, max] = [min, average, ewma8 / 8, max].map(Ms);
            format!(", min/avg/ewma/max = {min}/{average}/{ewma}/{max} ms")
        } else {
            String::new()
        };
        format!("\r{}/{} packets, {loss}% loss{times}\n", self.received, self.transmitted)
    }
}

/// What the summary says beside the counters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    /// From the first request to the last one.
    pub(super) took: Duration,
    /// Whether requests carry the time.
    pub(super) timing: bool,
    /// Whether the gaps between requests are of interest: flood and adaptive mode.
    pub(super) gaps: bool,
}

/// Microseconds, printed as milliseconds with three decimals.
struct Ms(u64);

impl fmt::Display for Ms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// A round trip time with the decimals that its size calls for.
pub(super) fn round_trip(taken: Duration) -> String {
    let us = taken.as_micros();
    match us {
        0..1_000 => format!("0.{us:03}"),
        1_000..9_995 => format!("{}.{:02}", (us + 5) / 1000, (us + 5) % 1000 / 10),
        9_995..99_950 => format!("{}.{}", (us + 50) / 1000, (us + 50) % 1000 / 100),
        _ => format!("{}", (us + 500) / 1000),
    }
}

/// `100 * part / whole` as `%g` prints it: six significant digits, no trailing zeros.
fn percent(part: u64, whole: u64) -> String {
    if part == 0 {
        return "0".to_owned();
    }
    let (part, whole) = (u128::from(part) * 100, u128::from(whole));
    // As many decimals as leave six significant digits.
    let mut decimals = 5_u32;
    let mut bound = 10;
    while part >= bound * whole && decimals > 0 {
        decimals -= 1;
        bound *= 10;
    }
    let mut small = part;
    while small < whole && decimals < 12 {
        decimals += 1;
        small *= 10;
    }
    let scale = 10_u128.pow(decimals);
    let scaled = (part * scale * 2 + whole) / (whole * 2);
    let width = decimals as usize;
    let text = format!("{}.{:0width$}", scaled / scale, scaled % scale);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `printf %g`.
    #[test]
    fn loss_prints_with_six_significant_digits() {
        for (lost, sent, text) in [
            (0, 3, "0"),
            (3, 3, "100"),
            (1, 3, "33.3333"),
            (2, 3, "66.6667"),
            (1, 7, "14.2857"),
            (1, 8, "12.5"),
            (1, 300, "0.333333"),
            (1, 3000, "0.0333333"),
            (999_999, 1_000_000, "99.9999"),
        ] {
            assert_eq!(percent(lost, sent), text, "{lost}/{sent}");
        }
    }

    #[test]
    fn a_round_trip_time_has_three_digits_of_interest() {
        for (us, text) in [
            (0, "0.000"),
            (204, "0.204"),
            (1_204, "1.20"),
            (9_994, "9.99"),
            (9_995, "10.0"),
            (99_949, "99.9"),
            (99_950, "100"),
            (1_234_567, "1235"),
        ] {
            assert_eq!(round_trip(Duration::from_micros(us)), text);
        }
    }

    /// Three requests that fail together after the last one, as on Linux with a dead neighbour.
    #[test]
    fn requests_under_way_together_make_a_pipe() {
        let mut stats = Stats { transmitted: 3, ..Stats::default() };
        for sequence in 1..=3 {
            stats.acknowledge(sequence);
            stats.errors += 1;
        }
        let report = Report { took: Duration::from_millis(2035), timing: true, gaps: false };
        assert_eq!(
            stats.summary("10.0.0.9", &report),
            "\n--- 10.0.0.9 ping statistics ---\n\
             3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 2035ms\npipe 3\n"
        );
    }

    /// Numbers of a real run: 28, 48 and 58 microseconds.
    #[test]
    fn the_times_are_summed_up_as_the_real_tool_does() {
        let mut stats = Stats::default();
        for (sequence, us) in [(1, 28), (2, 48), (3, 58)] {
            stats.transmitted += 1;
            stats.expect(sequence);
            stats.acknowledge(sequence);
            assert!(!stats.reply(sequence));
            stats.time(Duration::from_micros(us));
        }
        let report = Report { took: Duration::from_millis(642), timing: true, gaps: false };
        let text = stats.summary("10.0.0.2", &report);
        assert!(text.ends_with("rtt min/avg/max/mdev = 0.028/0.044/0.058/0.012 ms\n"), "{text}");
        assert_eq!(
            stats.status(true),
            "\r3/3 packets, 0% loss, min/avg/ewma/max = 0.028/0.044/0.034/0.058 ms\n"
        );
    }
}
