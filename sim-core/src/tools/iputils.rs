//! What the tools of iputils have in common.

use std::fmt::Display;
use std::ops::RangeInclusive;

/// Why a command has nothing to run: what it prints, and its exit status.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Ended {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) status: u8,
}

impl Ended {
    /// A message after the tool's name (`error(3)`).
    pub(super) fn message(tool: &str, status: u8, message: impl Display) -> Self {
        Self { stderr: format!("{tool}: {message}\n"), status, ..Self::default() }
    }

    /// The help text, as an error.
    pub(super) fn usage(text: &str) -> Self {
        Self { stderr: text.to_owned(), status: 2, ..Self::default() }
    }

    /// Text that was asked for.
    pub(super) fn output(text: &str) -> Self {
        Self { stdout: text.to_owned(), ..Self::default() }
    }

    /// The same with further text that was asked for.
    pub(super) fn and_output(mut self, text: &str) -> Self {
        self.stdout.push_str(text);
        self
    }

    /// The same with the help text behind it.
    pub(super) fn with_usage(mut self, text: &str) -> Self {
        self.stderr.push_str(text);
        self
    }
}

/// A decimal integer within `range` (`strtol_or_err()`).
pub(super) fn integer<T: TryFrom<i64>>(
    tool: &str,
    text: &str,
    range: RangeInclusive<i64>,
) -> Result<T, Ended> {
    let wrong =
        |why: &str| Ended::message(tool, 1, format_args!("invalid argument: '{text}'{why}"));
    let digits = text.trim_start().trim_start_matches(['+', '-']);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong(""));
    }
    let number: i64 =
        text.trim_start().parse().map_err(|_| wrong(": Numerical result out of range"))?;
    let (first, last) = (*range.start(), *range.end());
    let outside = || wrong(&format!(": out of range: {first} <= value <= {last}"));
    if !range.contains(&number) {
        return Err(outside());
    }
    T::try_from(number).map_err(|_| outside())
}
