//! What is written to the files: how the kernel reads numbers, and what it takes
//! (`kernel/sysctl.c`).

use crate::errno::Errno;
use crate::sysctl::table::Sysctl;

/// The largest `int`.
pub const MAX: i64 = i32::MAX as i64;
/// Any `int` (`proc_dointvec()`).
pub const ANY: Kind = Kind::Int(i32::MIN as i64, MAX);
/// A byte (`proc_dou8vec_minmax()`).
pub const BYTE: Kind = Kind::Int(0, 255);
/// 0 or 1.
pub const FLAG: Kind = Kind::Int(0, 1);
/// An `int` that is not negative.
pub const COUNT: Kind = Kind::Int(0, MAX);
/// An `unsigned int` (`proc_douintvec()`).
pub const WORD: Kind = Kind::Int(0, u32::MAX as i64);
/// Seconds that the kernel keeps in jiffies, and that must fit (`proc_dointvec_jiffies()`).
pub const SECONDS: Kind = Kind::Int(-(MAX / HZ), MAX / HZ);

/// Jiffies in a second.
const HZ: i64 = 250;
/// Milliseconds in a jiffy.
const MILLIS_PER_JIFFY: i64 = 1000 / HZ;

/// What may be written to a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A number from the first to the second.
    Int(i64, i64),
    /// Any `int`; all but 0 become 1.
    Bool,
    /// Milliseconds; they become whole jiffies.
    Millis,
    /// A number not below another setting.
    AtLeast(Sysctl),
    /// A number not above another setting.
    AtMost(Sysctl),
    /// The first port that anybody may bind, not above the first ephemeral one.
    PortStart,
    /// The first and the last ephemeral port.
    PortRange,
    /// The first and the last group; an impossible range becomes none.
    GroupRange,
    /// Three sizes, each at least 1.
    Sizes,
    /// Ports and ranges of ports, set as a bitmap.
    PortList,
    /// A congestion control algorithm.
    Congestion,
    /// One or two keys of four 32-bit words.
    FastopenKey,
    /// Nothing, once it is set; reading it before is an error.
    Secret,
    /// Nothing.
    ReadOnly,
    /// A number from the first to the second that is one for all namespaces; only the first one may write it.
    Shared(i64, i64),
    /// What logs packets of an address family.
    Logger,
    /// Anything: writing does something, and there is nothing to read.
    Trigger,
}

impl Kind {
    /// The file's mode.
    #[must_use]
    pub fn mode(self) -> u16 {
        match self {
            Self::ReadOnly => 0o444,
            Self::Trigger => 0o200,
            Self::FastopenKey | Self::Secret => 0o600,
            Self::Int(..)
            | Self::Bool
            | Self::Millis
            | Self::AtLeast(_)
            | Self::AtMost(_)
            | Self::PortStart
            | Self::PortRange
            | Self::GroupRange
            | Self::Sizes
            | Self::PortList
            | Self::Congestion
            | Self::Shared(..)
            | Self::Logger => 0o644,
        }
    }
}

/// What a file holds as long as nobody has written to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fallback {
    /// A number.
    One(i64),
    /// Two or three numbers.
    Many([i64; 3]),
    /// A text.
    Text(&'static str),
}

/// What was written to a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// A number.
    One(i64),
    /// Two or three numbers.
    Many([i64; 3]),
    /// A text.
    Text(Box<str>),
}

/// Reads the first number of `text` and returns it with the rest (`proc_get_long()`): decimal, or
/// octal behind `0`, or hexadecimal behind `0x`.
fn number(text: &str) -> Result<(i64, &str), Errno> {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', next, ..] if next.is_ascii_hexdigit() => (16, &digits[2..]),
        [b'0', ..] => (8, digits),
        _ => (10, digits),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if !(rest.is_empty() || rest.starts_with([' ', '\t', '\n'])) {
        return Err(Errno::EINVAL);
    }
    let value = i64::from_str_radix(digits, radix).map_err(|_| Errno::EINVAL)?;
    Ok((if negative { -value } else { value }, rest))
}

/// Reads the one number of a file; what follows it is ignored.
///
/// # Errors
///
/// [`Errno::EINVAL`] if there is none.
pub fn one(text: &str) -> Result<i64, Errno> {
    Ok(number(text)?.0)
}

/// Reads a number that `kind` allows, as it is kept.
///
/// # Errors
///
/// [`Errno::EINVAL`] if it is out of bounds or no number; [`Errno::EACCES`] if the file takes none.
pub fn scalar(kind: Kind, text: &str) -> Result<i64, Errno> {
    let within = |value: i64, min, max| {
        if (min..=max).contains(&value) { Ok(value) } else { Err(Errno::EINVAL) }
    };
    match kind {
        Kind::Int(min, max) | Kind::Shared(min, max) => within(one(text)?, min, max),
        Kind::Bool => Ok(i64::from(within(one(text)?, i64::from(i32::MIN), MAX)? != 0)),
        Kind::Millis => {
            let millis = within(one(text)?, 0, MAX)?;
            Ok((millis + MILLIS_PER_JIFFY - 1) / MILLIS_PER_JIFFY * MILLIS_PER_JIFFY)
        }
        Kind::AtLeast(_) | Kind::AtMost(_) | Kind::PortStart => one(text),
        Kind::Trigger => Ok(0),
        Kind::PortRange
        | Kind::GroupRange
        | Kind::Sizes
        | Kind::PortList
        | Kind::Congestion
        | Kind::Logger
        | Kind::FastopenKey
        | Kind::Secret
        | Kind::ReadOnly => Err(Errno::EACCES),
    }
}

/// Reads up to `count` numbers; those that are not there keep their `old` values.
///
/// # Errors
///
/// [`Errno::EINVAL`] if one is not between `min` and `max`, or there is none.
pub fn vector(
    mut text: &str,
    old: [i64; 3],
    count: usize,
    min: i64,
    max: i64,
) -> Result<[i64; 3], Errno> {
    let mut values = old;
    for (i, slot) in values.iter_mut().take(count).enumerate() {
        if i > 0 && text.trim().is_empty() {
            break;
        }
        let (value, rest) = number(text)?;
        if !(min..=max).contains(&value) {
            return Err(Errno::EINVAL);
        }
        *slot = value;
        text = rest;
    }
    Ok(values)
}

/// Reads a list of ports and ranges and writes it as the kernel shows it
/// (`proc_do_large_bitmap()`): sorted, with neighbours joined.
///
/// # Errors
///
/// [`Errno::EINVAL`] for anything else.
pub fn port_list(text: &str) -> Result<String, Errno> {
    let mut ranges = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let port = |text: &str| text.parse::<u16>().map_err(|_| Errno::EINVAL);
        let (first, last) = (port(first)?, port(last)?);
        if last < first {
            return Err(Errno::EINVAL);
        }
        ranges.push((first, last));
    }
    ranges.sort_unstable();
    let mut joined: Vec<(u16, u16)> = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    let words: Vec<String> = joined
        .into_iter()
        .map(
            |(first, last)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            },
        )
        .collect();
    Ok(words.join(","))
}

/// Reads one or two TCP Fast Open keys and writes them as the kernel shows them.
///
/// # Errors
///
/// [`Errno::EINVAL`] for anything else.
pub fn fastopen_key(text: &str) -> Result<String, Errno> {
    let keys: Vec<&str> = text.trim().split(',').collect();
    if keys.len() > 2 {
        return Err(Errno::EINVAL);
    }
    let key = |key: &str| -> Result<String, Errno> {
        let words: Vec<&str> = key.split('-').collect();
        if words.len() != 4 {
            return Err(Errno::EINVAL);
        }
        let word = |w: &str| {
            u32::from_str_radix(w, 16).map(|w| format!("{w:08x}")).map_err(|_| Errno::EINVAL)
        };
        Ok(words.into_iter().map(word).collect::<Result<Vec<_>, _>>()?.join("-"))
    };
    Ok(keys.into_iter().map(key).collect::<Result<Vec<_>, _>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written with `sysctl -w` on Linux 6.18, and what `sysctl -n` showed then.
    #[test]
    fn numbers_are_read_as_the_kernel_reads_them() {
        for (written, read) in [
            ("1", Ok(1)),
            ("1 2", Ok(1)),
            ("0x10", Ok(16)),
            ("010", Ok(8)),
            (" 7\n", Ok(7)),
            ("-1", Ok(-1)),
            ("2147483648", Err(Errno::EINVAL)),
            ("1abc", Err(Errno::EINVAL)),
            ("abc", Err(Errno::EINVAL)),
            ("", Err(Errno::EINVAL)),
        ] {
            assert_eq!(scalar(ANY, written), read, "{written:?}");
        }
        assert_eq!(scalar(Kind::Millis, "1001"), Ok(1004));
        assert_eq!(scalar(Kind::Bool, "-1"), Ok(1));
    }

    /// As `numbers_are_read_as_the_kernel_reads_them`.
    #[test]
    fn port_lists_are_joined() {
        assert_eq!(port_list("5,7-9,8-12").as_deref(), Ok("5,7-12"));
        assert_eq!(port_list("").as_deref(), Ok(""));
        for bad in ["70000", "a", "9-7"] {
            assert_eq!(port_list(bad), Err(Errno::EINVAL), "{bad}");
        }
    }

    /// As `numbers_are_read_as_the_kernel_reads_them`.
    #[test]
    fn a_fastopen_key_is_written_out() {
        let shown = fastopen_key("1-2-3-4");
        assert_eq!(shown.as_deref(), Ok("00000001-00000002-00000003-00000004"));
    }
}
