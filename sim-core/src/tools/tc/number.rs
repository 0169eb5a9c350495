//! Numbers as `tc` reads and prints them: doubles, as `strtod(3)` and `printf(3)` do.

#![expect(clippy::float_arithmetic, reason = "tc reckons with doubles")]
#![expect(clippy::cast_possible_truncation, reason = "as conversions in C")]
#![expect(clippy::cast_sign_loss, reason = "as conversions in C")]

use crate::libc::number::strtod;
use crate::link::qdisc::netem::{Share, Ticks};
use crate::tools::failure::{Failure, Result};

/// A number and what stands behind it; `None` if there is no number.
fn leading(text: &str) -> Result<Option<(f64, &str)>> {
    let unsigned = text.trim_start().trim_start_matches(['+', '-']).to_ascii_lowercase();
    if ["0x", "nan", "inf"].iter().any(|odd| unsigned.starts_with(odd)) {
        return Err(Failure::not_modelled("a number in hexadecimal digits, or no number"));
    }
    let (number, rest) = strtod(text.trim_start());
    Ok((rest.len() < text.trim_start().len()).then_some((number, rest)))
}

/// As a C program on this machine makes an unsigned number of 32 bits of a double: it keeps the lower half.
fn truncated(number: f64) -> u32 {
    if number.abs() < 9.2e18 { (number as i64) as u32 } else { 0 }
}

/// A percentage (`get_percent()`); `None` if it is not one.
pub(super) fn percent(text: &str) -> Result<Option<Share>> {
    let (number, rest) = leading(text)?.unwrap_or((0.0, text));
    let share = number / 100.0;
    let fits = (0.0..=1.0).contains(&share) && matches!(rest, "" | "%");
    Ok(fits.then(|| (share * f64::from(Share::MAX)).round_ties_even() as Share))
}

/// Why a time is refused.
pub(super) enum BadTime {
    /// It is none.
    NotATime,
    /// It has too many microseconds.
    TooLarge(u32),
}

/// Ticks in a microsecond.
const TICK_IN_USEC: f64 = 15.625;

/// A time in whole microseconds, in ticks (`get_ticks()`).
pub(super) fn ticks(text: &str) -> Result<std::result::Result<Ticks, BadTime>> {
    let Some((number, unit)) = leading(text)? else { return Ok(Err(BadTime::NotATime)) };
    let micros = match unit.to_ascii_lowercase().as_str() {
        "s" | "sec" | "secs" => number * 1e6,
        "ms" | "msec" | "msecs" => number * 1e3,
        "" | "us" | "usec" | "usecs" => number,
        _ => return Ok(Err(BadTime::NotATime)),
    };
    let micros = truncated(micros);
    let ticks = f64::from(micros) * TICK_IN_USEC;
    if ticks >= 4_294_967_296.0 {
        return Ok(Err(BadTime::TooLarge(micros)));
    }
    Ok(Ok(Ticks(ticks as u32)))
}

/// A number of packets, which may have a suffix as if it were of bytes (`get_size()`).
pub(super) fn size(text: &str) -> Result<Option<u32>> {
    let Some((number, unit)) = leading(text)? else { return Ok(None) };
    let number = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => number,
        "kb" | "k" => number * 1024.0,
        "mb" | "m" => number * 1_048_576.0,
        "gb" | "g" => number * 1_073_741_824.0,
        "kbit" => number * 128.0,
        "mbit" => number * 131_072.0,
        "gbit" => number * 134_217_728.0,
        _ => return Ok(None),
    };
    let size = truncated(number);
    #[expect(clippy::float_cmp, reason = "tc finds out so whether the number fits")]
    let fits = f64::from(size) == number.floor();
    Ok(fits.then_some(size))
}

/// The number of bytes that wait (`sprint_size()`).
pub(super) fn print_size(size: u32) -> String {
    let of = |unit: f64, close: f64| {
        let count = (f64::from(size) / unit).round_ties_even();
        (f64::from(size) >= unit && (unit * count - f64::from(size)).abs() < close).then_some(count)
    };
    match (of(1_048_576.0, 1024.0), of(1024.0, 16.0)) {
        (Some(count), _) => format!("{}Mb", general(count, 6)),
        (None, Some(count)) => format!("{}Kb", general(count, 6)),
        (None, None) => format!("{size}b"),
    }
}

/// The whole microseconds of a time (`tc_core_tick2time()`).
fn micros(ticks: Ticks) -> u32 {
    (f64::from(ticks.0) / TICK_IN_USEC) as u32
}

/// A time for people (`sprint_ticks()`).
pub(super) fn print_ticks(ticks: Ticks) -> String {
    match micros(ticks) {
        micros @ 1_000_000.. => format!("{}s", general(f64::from(micros) / 1e6, 3)),
        micros @ 1000.. => format!("{}ms", general(f64::from(micros) / 1e3, 3)),
        micros => format!("{micros}us"),
    }
}

/// A time in seconds, for JSON.
pub(super) fn json_ticks(ticks: Ticks) -> String {
    general(f64::from(micros(ticks)) / 1e6, 6)
}

/// A share in percent.
pub(super) fn print_percent(share: Share) -> String {
    general(100.0 * f64::from(share) / f64::from(Share::MAX), 6) + "%"
}

/// A share as a part of one, for JSON.
pub(super) fn json_share(share: Share) -> String {
    general(f64::from(share) / f64::from(Share::MAX), 6)
}

/// What `printf(3)` makes of a number with `%.Ng`: `digits` that count, no zeros at the end.
fn general(number: f64, digits: usize) -> String {
    let last = digits.saturating_sub(1);
    let scientific = format!("{number:.last$e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    match usize::try_from(exponent) {
        Ok(exponent) if exponent > last => format!("{}e+{exponent:02}", trimmed(mantissa)),
        Ok(exponent) => trimmed(&format!("{number:.width$}", width = last - exponent)),
        Err(_) if exponent < -4 => format!("{}e-{:02}", trimmed(mantissa), -exponent),
        Err(_) => {
            let width = last + usize::try_from(-exponent).unwrap_or(0);
            trimmed(&format!("{number:.width$}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `printf(1)` prints them with `%g` and `%.3g`.
    #[test]
    fn a_double_has_as_many_digits_as_printf_gives_it() {
        for (number, digits, text) in [
            (0.0, 6, "0"),
            (0.1, 6, "0.1"),
            (33.333_000_07, 6, "33.333"),
            (0.001_000_007_6, 6, "0.00100001"),
            (0.000_012_345_678, 6, "1.23457e-05"),
            (1_234_567.0, 6, "1.23457e+06"),
            (999_999.5, 6, "1e+06"),
            (1.234_567, 3, "1.23"),
            (999.9, 3, "1e+03"),
            (100.0, 6, "100"),
        ] {
            assert_eq!(general(number, digits), text, "{number}");
        }
    }
}
