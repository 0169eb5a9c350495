//! The command line of `ping`, with the messages of iputils 20221126.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::libc::inet_aton;
use crate::libc::number::strtod;
use crate::link::DevName;
use crate::socket::PmtuDiscovery;
use crate::tools::getopt::{Getopt, Word};
use crate::tools::iputils::{self, Ended};

const USAGE: &str = include_str!("usage.txt");
const VERSION: &str = include_str!("version.txt");
/// The most bytes that an echo's data can have beside the headers.
const MAX_PATTERN: usize = 16;

/// What a command line asks for.
#[derive(Clone, Debug)]
pub(super) struct Args {
    /// The destination as it was written, and its address.
    pub(super) target: (String, Ipv4Addr),
    pub(super) audible: bool,
    pub(super) adaptive: bool,
    pub(super) count: Option<u64>,
    pub(super) timestamps: bool,
    pub(super) ident: Option<u16>,
    pub(super) flood: bool,
    pub(super) device: Option<DevName>,
    pub(super) source: Option<Ipv4Addr>,
    pub(super) interval: Duration,
    pub(super) no_loop: bool,
    pub(super) preload: u32,
    pub(super) mark: Option<u32>,
    pub(super) pmtu: Option<PmtuDiscovery>,
    pub(super) outstanding: bool,
    pub(super) pattern: Option<Vec<u8>>,
    pub(super) quiet: bool,
    pub(super) tos: Option<u8>,
    pub(super) size: usize,
    pub(super) sndbuf: Option<u32>,
    pub(super) ttl: Option<u8>,
    pub(super) verbose: bool,
    pub(super) deadline: Option<Duration>,
    pub(super) linger: Option<Duration>,
    pub(super) broadcast: bool,
    pub(super) ip_option: Option<IpOption>,
    /// What is said on standard error before anything else.
    pub(super) warnings: String,
}

/// An IP option that echo requests carry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum IpOption {
    RecordRoute,
    Timestamp { addresses: bool },
}

/// A message after the tool's name, and the exit status.
pub(super) fn fatal(status: u8, message: impl std::fmt::Display) -> Ended {
    Ended::message("ping", status, message)
}

const OPTIONS: &str = "h?4bRT:6F:N:aABc:CdDe:fi:I:l:Lm:M:nOp:qQ:s:S:t:UvVw:W:";

/// Reads the words after `ping`.
pub(super) fn parse(words: &[String]) -> Result<Args, Ended> {
    let mut args = Args::default();
    let mut operands = Vec::new();
    let mut family = None;
    for word in Getopt::new(OPTIONS, words) {
        match word {
            Err(error) => return Err(fatal(2, error).with_usage(USAGE)),
            Ok(Word::Operand(operand)) => operands.push(operand),
            Ok(Word::Option(letter @ ('4' | '6'), _)) => {
                if family.is_some_and(|f| f != letter) {
                    return Err(fatal(2, "only one -4 or -6 option may be specified"));
                }
                family = Some(letter);
            }
            Ok(Word::Option(letter, None)) => args.flag(letter)?,
            Ok(Word::Option(letter, Some(value))) => args.value(letter, value)?,
        }
    }
    let [target] = operands[..] else {
        return Err(match operands.len() {
            0 => fatal(1, "usage error: Destination address required"),
            _ => fatal(2, "source routes through several hosts are not modelled"),
        });
    };
    if family == Some('6') {
        return Err(fatal(2, "-6: IPv6 is not modelled"));
    }
    let address = inet_aton(target).ok_or_else(|| unknown_host(target))?;
    args.target = (target.to_owned(), address);
    Ok(args)
}

/// There is no resolver that could know a name.
fn unknown_host(name: &str) -> Ended {
    let why = if name.is_empty() {
        "Name or service not known"
    } else {
        "Temporary failure in name resolution"
    };
    fatal(2, format_args!("{name}: {why}"))
}

impl Default for Args {
    fn default() -> Self {
        Self {
            target: (String::new(), Ipv4Addr::UNSPECIFIED),
            audible: false,
            adaptive: false,
            count: None,
            timestamps: false,
            ident: None,
            flood: false,
            device: None,
            source: None,
            interval: Duration::from_secs(1),
            no_loop: false,
            preload: 1,
            mark: None,
            pmtu: None,
            outstanding: false,
            pattern: None,
            quiet: false,
            tos: None,
            size: 56,
            sndbuf: None,
            ttl: None,
            verbose: false,
            deadline: None,
            linger: None,
            broadcast: false,
            ip_option: None,
            warnings: String::new(),
        }
    }
}

impl Args {
    /// An option without an argument.
    fn flag(&mut self, letter: char) -> Result<(), Ended> {
        match letter {
            'h' | '?' => return Err(Ended::usage(USAGE)),
            'V' => return Err(Ended::output(VERSION)),
            'a' => self.audible = true,
            'A' => (self.adaptive, self.interval) = (true, Duration::ZERO),
            'b' => self.broadcast = true,
            'D' => self.timestamps = true,
            'f' => (self.flood, self.interval) = (true, Duration::ZERO),
            'L' => self.no_loop = true,
            'O' => self.outstanding = true,
            'q' => self.quiet = true,
            'R' => self.ip_option = Some(IpOption::RecordRoute),
            'v' => self.verbose = true,
            // -B, -C, -d, -n and -U change nothing that could be seen here: the source stays, the
            // socket hears one target only, there are no names, and reading takes no time.
            _ => {}
        }
        Ok(())
    }

    /// An option with an argument.
    fn value(&mut self, letter: char, value: &str) -> Result<(), Ended> {
        match letter {
            'c' => self.count = Some(integer(value, 1..=i64::MAX)?),
            'e' => self.ident = Some(integer(value, 0..=65535)?),
            'I' => self.interface(value)?,
            'i' => {
                let given = self.seconds(value, "bad timing interval")?;
                self.interval = given.unwrap_or_default();
            }
            'l' => self.preload = integer(value, 1..=65536)?,
            'm' => self.mark = Some(integer(value, 0..=i64::from(u32::MAX))?),
            'M' => self.pmtu = Some(discovery(value)?),
            'p' => self.pattern = Some(pattern(value)?),
            'Q' => self.tos = Some(type_of_service(value)?),
            's' => self.size = integer(value, 0..=i64::from(i32::MAX))?,
            'S' => self.sndbuf = Some(integer(value, 1..=i64::from(i32::MAX))?),
            't' => self.ttl = Some(integer(value, 0..=255)?),
            'T' => self.ip_option = Some(timestamp(value)?),
            'w' => {
                let seconds: u64 = integer(value, 0..=i64::from(i32::MAX))?;
                self.deadline = (seconds > 0).then(|| Duration::from_secs(seconds));
            }
            'W' => {
                let given = self.seconds(value, "bad linger time")?;
                self.linger = Some(given.ok_or_else(|| bad("bad linger time", value))?);
            }
            // -F and -N are for IPv6.
            _ => {}
        }
        Ok(())
    }

    /// `-I`: an address to send from or a device to send by.
    fn interface(&mut self, value: &str) -> Result<(), Ended> {
        if let Ok(address) = value.parse() {
            self.source = Some(address);
        } else {
            let unknown = || fatal(2, format_args!("SO_BINDTODEVICE {value}: No such device"));
            self.device = Some(value.parse().map_err(|_| unknown())?);
        }
        Ok(())
    }

    /// Seconds with a fraction; `None` if negative. Garbage behind the number only draws a warning.
    #[expect(clippy::float_arithmetic, reason = "the argument is a strtod(3) number")]
    fn seconds(&mut self, text: &str, what: &str) -> Result<Option<Duration>, Ended> {
        let range = || fatal(2, format_args!("{what}: {text}: Numerical result out of range"));
        let (number, garbage) = strtod(text);
        if !number.is_finite() {
            return Err(range());
        }
        if !garbage.is_empty() || text.is_empty() {
            self.warnings = format!(
                "{}ping: option argument contains garbage: {garbage}\n\
                 ping: this will become fatal error in the future\n",
                self.warnings
            );
        }
        if number > f64::from(i32::MAX) / 1000.0 {
            return Err(bad(what, text));
        }
        // Whole milliseconds, as the tool keeps them.
        Ok(Duration::try_from_secs_f64(number)
            .ok()
            .map(|d| Duration::from_millis(u64::try_from(d.as_millis()).unwrap_or(u64::MAX))))
    }
}

fn bad(what: &str, value: &str) -> Ended {
    fatal(2, format_args!("{what}: {value}"))
}

fn integer<T: TryFrom<i64>>(text: &str, range: RangeInclusive<i64>) -> Result<T, Ended> {
    iputils::integer("ping", text, range)
}

fn discovery(value: &str) -> Result<PmtuDiscovery, Ended> {
    match value {
        "do" => Ok(PmtuDiscovery::Do),
        "dont" => Ok(PmtuDiscovery::Dont),
        "want" => Ok(PmtuDiscovery::Want),
        _ => Err(fatal(2, format_args!("invalid -M argument: {value}"))),
    }
}

fn timestamp(value: &str) -> Result<IpOption, Ended> {
    match value {
        "tsonly" => Ok(IpOption::Timestamp { addresses: false }),
        "tsandaddr" => Ok(IpOption::Timestamp { addresses: true }),
        "tsprespec" => Err(fatal(2, "-T tsprespec is not modelled")),
        _ => Err(fatal(2, format_args!("invalid timestamp type: {value}"))),
    }
}

/// Hexadecimal digits in pairs; a last single one is a byte of its own.
fn pattern(value: &str) -> Result<Vec<u8>, Ended> {
    if !value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad("patterns must be specified as hex digits", value));
    }
    let pairs = value.as_bytes().chunks(2).take(MAX_PATTERN);
    Ok(pairs
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect())
}

/// Decimal, or hexadecimal after `0x`.
fn type_of_service(value: &str) -> Result<u8, Ended> {
    let number = match value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16),
        None => value.parse(),
    };
    let number = number.map_err(|_| bad("bad TOS value", value))?;
    u8::try_from(number).map_err(|_| {
        fatal(2, format_args!("the decimal value of TOS bits must be in range 0-255: {number}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> (u8, String) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let ended = parse(&words).unwrap_err();
        (ended.status, ended.stderr)
    }

    /// Seen on iputils 20221126.
    #[test]
    fn bad_arguments_are_refused_in_the_real_words() {
        for (line, status, message) in [
            ("-c x 10.0.0.2", 1, "ping: invalid argument: 'x'\n"),
            ("-c 0x1 10.0.0.2", 1, "ping: invalid argument: '0x1'\n"),
            (
                "-c 0 10.0.0.2",
                1,
                "ping: invalid argument: '0': out of range: 1 <= value <= 9223372036854775807\n",
            ),
            (
                "-c 99999999999999999999 10.0.0.2",
                1,
                "ping: invalid argument: '99999999999999999999': Numerical result out of range\n",
            ),
            (
                "-t 300 10.0.0.2",
                1,
                "ping: invalid argument: '300': out of range: 0 <= value <= 255\n",
            ),
            ("-i 99999999 10.0.0.2", 2, "ping: bad timing interval: 99999999\n"),
            (
                "-i inf 1.1.1.1",
                2,
                "ping: bad timing interval: inf: Numerical result out of range\n",
            ),
            ("-W -1 10.0.0.2", 2, "ping: bad linger time: -1\n"),
            ("-p zz 10.0.0.2", 2, "ping: patterns must be specified as hex digits: zz\n"),
            ("-Q x 10.0.0.2", 2, "ping: bad TOS value: x\n"),
            (
                "-Q 0x101 10.0.0.2",
                2,
                "ping: the decimal value of TOS bits must be in range 0-255: 257\n",
            ),
            ("-T foo 10.0.0.2", 2, "ping: invalid timestamp type: foo\n"),
            ("-M foo 10.0.0.2", 2, "ping: invalid -M argument: foo\n"),
            ("-4 -6 10.0.0.2", 2, "ping: only one -4 or -6 option may be specified\n"),
            ("-c 1", 1, "ping: usage error: Destination address required\n"),
            ("256.0.0.1", 2, "ping: 256.0.0.1: Temporary failure in name resolution\n"),
        ] {
            assert_eq!(refused(line), (status, message.to_owned()), "{line}");
        }
    }

    #[test]
    fn an_interval_with_garbage_behind_it_is_taken_with_a_warning() {
        let args = parse(&["-i".into(), "0,2".into(), "10.2".into()]).unwrap();
        assert_eq!(args.interval, Duration::ZERO);
        assert!(args.warnings.starts_with("ping: option argument contains garbage: ,2\n"));
        assert_eq!(args.target.1, Ipv4Addr::new(10, 0, 0, 2));
    }

    #[test]
    fn a_pattern_is_cut_after_sixteen_bytes() {
        assert_eq!(pattern("123").unwrap(), [0x12, 0x03]);
        assert_eq!(pattern(&"ab".repeat(20)).unwrap().len(), 16);
    }
}
