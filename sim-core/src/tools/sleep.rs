//! `sleep`: waits in virtual time, with the arguments and messages of GNU coreutils.

use std::time::Duration;

use crate::time::SimTime;
use crate::tools::Call;
use crate::world::{Poll, Program, Sys};

const TRY_HELP: &str = "Try 'sleep --help' for more information.\n";

/// The most decimal digits of an interval that are looked at: enough for 584 years in nanoseconds.
const DIGITS: usize = 11;

pub(super) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Sleep { call, until: None })
}

#[derive(Clone, Debug)]
struct Sleep {
    call: Call,
    until: Option<Until>,
}

/// When the waiting ends.
#[derive(Clone, Copy, Debug)]
enum Until {
    Time(SimTime),
    Never,
}

impl Program for Sleep {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let until = match self.until {
            Some(until) => until,
            None => match interval(self.call.args()) {
                Ok(Some(interval)) => Until::Time(sys.now() + interval),
                Ok(None) => Until::Never,
                Err(message) => {
                    sys.stderr(message + TRY_HELP);
                    return Poll::Exit(1);
                }
            },
        };
        self.until = Some(until);
        match until {
            Until::Time(end) if sys.now() >= end => Poll::Exit(0),
            Until::Time(end) => {
                sys.set_alarm(Some(end));
                Poll::WaitBounded
            }
            Until::Never => Poll::WaitUnbounded,
        }
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

/// The sum of the intervals; `None` is forever.
fn interval(args: &[String]) -> Result<Option<Duration>, String> {
    let mut words = args.iter().map(String::as_str);
    let mut sum = Some(Duration::ZERO);
    let mut wrong = String::new();
    let mut options = true;
    if args.is_empty() {
        return Err("sleep: missing operand\n".into());
    }
    for word in words.by_ref() {
        match word.strip_prefix('-') {
            Some("-") if options => options = false,
            Some(option) if options && !option.is_empty() => return Err(bad_option(option)),
            _ => match one(word) {
                Ok(part) => sum = sum.zip(part).map(|(a, b)| a.saturating_add(b)),
                Err(message) => wrong += &message,
            },
        }
    }
    if wrong.is_empty() { Ok(sum) } else { Err(wrong) }
}

fn bad_option(option: &str) -> String {
    match option.strip_prefix('-') {
        Some("help" | "version") => format!("sleep: -{option} is not modelled\n"),
        Some(_) => format!("sleep: unrecognized option '-{option}'\n"),
        None => {
            let letter: String = option.chars().take(1).collect();
            format!("sleep: invalid option -- '{letter}'\n")
        }
    }
}

/// One interval: a decimal number and a suffix.
fn one(word: &str) -> Result<Option<Duration>, String> {
    let invalid = || format!("sleep: invalid time interval '{word}'\n");
    let unsigned = word.strip_prefix('+').unwrap_or(word);
    if unsigned.starts_with("0x") || unsigned.starts_with("0X") {
        return Err(format!("sleep: the hexadecimal time interval '{word}' is not modelled\n"));
    }
    let (number, unit_s) = match unsigned.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, unit_seconds(&unsigned[number.len()..])),
        None => (unsigned, 1),
    };
    if number.eq_ignore_ascii_case("inf") || number.eq_ignore_ascii_case("infinity") {
        return Ok(None);
    }
    decimal_nanos(number, unit_s).map(Some).ok_or_else(invalid)
}

fn unit_seconds(suffix: &str) -> u64 {
    match suffix {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 1,
    }
}

/// `number` times `unit_s` seconds, rounded up to nanoseconds as GNU sleep does.
fn decimal_nanos(number: &str, unit_s: u64) -> Option<Duration> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let digits: String = format!("{whole}{fraction}").trim_start_matches('0').to_owned();
    let scale = exponent.saturating_sub(i32::try_from(fraction.len()).ok()?).saturating_add(9);
    let kept = digits.len().min(DIGITS + 9);
    let scale = scale.saturating_add(i32::try_from(digits.len() - kept).ok()?);
    let value: u128 = digits[..kept].parse().unwrap_or(0);
    let value = value * u128::from(unit_s);
    let power = 10_u128.checked_pow(scale.unsigned_abs());
    let nanos = match (scale >= 0, power) {
        (true, Some(power)) => value.saturating_mul(power),
        (true, None) if value > 0 => u128::MAX,
        (true, None) => 0,
        (false, Some(power)) => value.div_ceil(power),
        (false, None) => u128::from(value > 0),
    };
    Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(args: &[&str]) -> Result<Option<Duration>, String> {
        interval(&args.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn intervals_are_decimal_numbers_with_units_and_add_up() {
        let table: &[(&[&str], u128)] = &[
            (&["5"], 5_000_000_000),
            (&["0.5"], 500_000_000),
            (&[".5"], 500_000_000),
            (&["1.5m"], 90_000_000_000),
            (&["1e-3"], 1_000_000),
            (&["1e1"], 10_000_000_000),
            (&["1", "2", "0.25"], 3_250_000_000),
            (&["--"], 0),
            (&["0.0000000001"], 1),
            (&["1h"], 3_600_000_000_000),
            (&["00001"], 1_000_000_000),
            (&["99999999999999999999999999"], u128::from(u64::MAX)),
            (&["1e999999999"], u128::from(u64::MAX)),
            (&["1e-999999999"], 1),
        ];
        for (args, nanos) in table {
            assert_eq!(seconds(args).unwrap().unwrap().as_nanos(), *nanos, "{args:?}");
        }
        assert_eq!(seconds(&["1", "infinity"]), Ok(None));
    }

    /// Observed with coreutils 9.1 in the C locale.
    #[test]
    fn wrong_words_are_refused_as_coreutils_does() {
        for (args, message) in [
            (&[][..], "sleep: missing operand\n"),
            (&["x"], "sleep: invalid time interval 'x'\n"),
            (&["1y", ""], "sleep: invalid time interval '1y'\nsleep: invalid time interval ''\n"),
            (&["-1"], "sleep: invalid option -- '1'\n"),
            (&["--foo"], "sleep: unrecognized option '--foo'\n"),
            (&["nan"], "sleep: invalid time interval 'nan'\n"),
            (&["--", "-1"], "sleep: invalid time interval '-1'\n"),
        ] {
            assert_eq!(seconds(args), Err(message.into()), "{args:?}");
        }
    }
}
