//! The command line of `traceroute`.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::libc::inet_aton;
use crate::link::DevName;
use crate::tools::iputils::Ended;
use crate::tools::traceroute::options::{self, Element};

const USAGE: &str = include_str!("usage.txt");
const VERSION: &str = include_str!("version.txt");
const MAX_HOPS: i64 = 255;
const MAX_PROBES: i64 = 10;
const MAX_PACKET: usize = 65_000;
/// The lengths of the headers in front of a probe's data, in bytes.
const IP_HLEN: usize = 20;
const PROTO_HLEN: usize = 8;
/// The data of a probe, unless a length is given.
const DATA: usize = 32;

/// What probes are made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Method {
    /// UDP, each probe to a port of its own.
    Default,
    /// UDP to one port.
    Udp,
    /// ICMP echo requests.
    Icmp,
}

/// What a command line asks for.
#[derive(Clone, Debug)]
pub(super) struct Args {
    pub(super) host: String,
    pub(super) target: Ipv4Addr,
    pub(super) method: Method,
    pub(super) dont_fragment: bool,
    pub(super) first_hop: u8,
    pub(super) max_hops: u8,
    pub(super) device: Option<DevName>,
    pub(super) simultaneous: usize,
    pub(super) numeric: bool,
    pub(super) port: Option<u16>,
    pub(super) tos: u8,
    pub(super) wait: Wait,
    pub(super) probes: usize,
    pub(super) source: Option<Ipv4Addr>,
    pub(super) send_gap: Duration,
    pub(super) source_port: u16,
    pub(super) mark: Option<u32>,
    /// The bytes of data in a probe.
    pub(super) data_len: usize,
}

/// How long to wait for a probe's answer (`-w`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) max: Duration,
    /// So many times longer than an answer from the same hop took, in thousandths.
    pub(super) here: u32,
    /// So many times longer than an answer from a later hop took, in thousandths.
    pub(super) near: u32,
}

impl Args {
    /// The length of a probe with all its headers.
    pub(super) fn packet_len(&self) -> usize {
        IP_HLEN + PROTO_HLEN + self.data_len
    }
}

pub(super) fn refuse(message: impl std::fmt::Display) -> Ended {
    Ended { stderr: format!("{message}\n"), status: 2, ..Ended::default() }
}

/// The numbers as they were given, before it is known whether they fit together.
#[derive(Debug)]
struct Given {
    first: i64,
    max: i64,
    probes: i64,
}

/// Reads the words after `traceroute`.
pub(super) fn parse(words: &[String]) -> Result<Args, Ended> {
    let mut args = Args::default();
    let mut given = Given { first: 1, max: 30, probes: 3 };
    let mut has_host = false;
    for element in options::elements(words).map_err(refuse)? {
        match element {
            Element::Option { option, argument: None, .. } => {
                args.flag(option.short, option.long)?;
            }
            Element::Option { option, written, argument: Some(value), at } => {
                let dashes =
                    if option.long.is_some_and(|l| written.ends_with(l)) { "" } else { "-" };
                args.value(&mut given, option.short, option.long, value).map_err(|error| {
                    let before = match &error {
                        Wrong::Value => String::new(),
                        Wrong::Host => unknown_host(value),
                        Wrong::Refused(ended) => return ended.clone(),
                    };
                    refuse(format_args!(
                        "{before}Cannot handle `{dashes}{written}' option with arg `{value}' (argc {at})"
                    ))
                })?;
            }
            Element::Operand { text, number: 1, at } => {
                args.target = inet_aton(text).ok_or_else(|| {
                    refuse(format_args!(
                        "{}Cannot handle \"host\" cmdline arg `{text}' on position 1 (argc {at})",
                        unknown_host(text)
                    ))
                })?;
                text.clone_into(&mut args.host);
                has_host = true;
            }
            Element::Operand { text, number: 2, at } => args.packet_length(text, at)?,
            Element::Operand { text, number, at } => {
                return Err(refuse(format_args!(
                    "Extra arg `{text}' (position {number}, argc {at})"
                )));
            }
        }
    }
    if !has_host {
        let status = if words.is_empty() { 0 } else { 2 };
        let text = if words.is_empty() { USAGE } else { NO_HOST };
        return Err(Ended { stderr: text.to_owned(), status, ..Ended::default() });
    }
    args.check(&given)?;
    Ok(args)
}

const NO_HOST: &str = "Specify \"host\" missing argument.\n";

fn unknown_host(name: &str) -> String {
    format!("{name}: Temporary failure in name resolution\n")
}

/// Why an option's argument is not taken.
enum Wrong {
    Value,
    Host,
    Refused(Ended),
}

impl Default for Args {
    fn default() -> Self {
        Self {
            host: String::new(),
            target: Ipv4Addr::UNSPECIFIED,
            method: Method::Default,
            dont_fragment: false,
            first_hop: 1,
            max_hops: 30,
            device: None,
            simultaneous: 16,
            numeric: false,
            port: None,
            tos: 0,
            wait: Wait { max: Duration::from_secs(5), here: 3000, near: 10_000 },
            probes: 3,
            source: None,
            send_gap: Duration::ZERO,
            source_port: 0,
            mark: None,
            data_len: DATA,
        }
    }
}

impl Args {
    fn flag(&mut self, short: Option<char>, long: Option<&str>) -> Result<(), Ended> {
        match (short, long) {
            (Some('4' | 'd'), _) => {}
            (Some('F'), _) => self.dont_fragment = true,
            (Some('I'), _) => self.method = Method::Icmp,
            (Some('U'), _) => self.method = Method::Udp,
            (Some('n'), _) => self.numeric = true,
            (Some('V'), _) => {
                return Err(Ended { stderr: VERSION.to_owned(), ..Ended::default() });
            }
            (None, Some("help")) => {
                return Err(Ended { stderr: USAGE.to_owned(), ..Ended::default() });
            }
            (Some(letter), _) => return Err(unmodelled(&format!("-{letter}"))),
            (None, name) => return Err(unmodelled(&format!("--{}", name.unwrap_or_default()))),
        }
        Ok(())
    }

    fn value(
        &mut self,
        given: &mut Given,
        short: Option<char>,
        long: Option<&str>,
        value: &str,
    ) -> Result<(), Wrong> {
        let number = || value.parse::<i64>().map_err(|_| Wrong::Value);
        match (short, long) {
            (Some('f'), _) => given.first = number()?,
            (Some('m'), _) => given.max = number()?,
            (Some('q'), _) => given.probes = number()?,
            (Some('i'), _) => self.device = Some(value.parse().map_err(|_| Wrong::Value)?),
            (Some('N'), _) => self.simultaneous = usize::try_from(number()?.max(1)).unwrap_or(1),
            // Ports and the TOS are cut to their width, as the tool does.
            (Some('p'), _) => self.port = Some((number()? & 0xffff).try_into().unwrap_or(0)),
            (Some('t'), _) => self.tos = (number()? & 0xff).try_into().unwrap_or(0),
            (Some('w'), _) => self.wait = wait(value)?,
            (Some('s'), _) => self.source = Some(inet_aton(value).ok_or(Wrong::Host)?),
            (Some('z'), _) => self.send_gap = gap(value)?,
            (None, Some("sport")) => {
                self.source_port = (number()? & 0xffff).try_into().unwrap_or(0);
                self.simultaneous = 1;
            }
            (None, Some("fwmark")) => {
                self.mark = Some((number()? & 0xffff_ffff).try_into().unwrap_or(0));
            }
            (Some(letter), _) => return Err(Wrong::Refused(unmodelled(&format!("-{letter}")))),
            (None, name) => {
                return Err(Wrong::Refused(unmodelled(&format!("--{}", name.unwrap_or_default()))));
            }
        }
        Ok(())
    }

    fn packet_length(&mut self, text: &str, at: usize) -> Result<(), Ended> {
        let len: usize = text.parse().map_err(|_| {
            refuse(format_args!(
                "Cannot handle \"packetlen\" cmdline arg `{text}' on position 2 (argc {at})"
            ))
        })?;
        if len > MAX_PACKET {
            return Err(refuse(format_args!("too big packetlen {len} specified")));
        }
        self.data_len = len.saturating_sub(IP_HLEN + PROTO_HLEN);
        Ok(())
    }

    fn check(&mut self, given: &Given) -> Result<(), Ended> {
        if given.first < 1 || given.first > given.max {
            return Err(refuse("first hop out of range"));
        }
        if given.max > MAX_HOPS {
            return Err(refuse(format_args!("max hops cannot be more than {MAX_HOPS}")));
        }
        if given.probes < 1 || given.probes > MAX_PROBES {
            return Err(refuse(format_args!("no more than {MAX_PROBES} probes per hop")));
        }
        self.first_hop = u8::try_from(given.first).unwrap_or(1);
        self.max_hops = u8::try_from(given.max).unwrap_or(u8::MAX);
        self.probes = usize::try_from(given.probes).unwrap_or(1);
        Ok(())
    }
}

fn unmodelled(option: &str) -> Ended {
    refuse(format_args!("traceroute: {option} is not modelled"))
}

/// `MAX[,HERE,NEAR]` in seconds and factors; with a single number the factors do not count.
fn wait(text: &str) -> Result<Wait, Wrong> {
    let numbers: Vec<i64> =
        text.split(',').map(thousandths).collect::<Option<_>>().ok_or(Wrong::Value)?;
    let at = |place: usize| numbers.get(place).copied().unwrap_or(0);
    if numbers.len() > 3 || numbers.iter().any(|n| *n < 0) {
        let whole = |n: i64| if n % 1000 == 0 { (n / 1000).to_string() } else { text.to_owned() };
        let shown = [at(0), at(1), at(2)].map(whole).join(",");
        return Err(Wrong::Refused(refuse(format_args!("bad wait specifications `{shown}' used"))));
    }
    Ok(Wait {
        max: Duration::from_millis(at(0).unsigned_abs()),
        here: u32::try_from(at(1)).unwrap_or(u32::MAX),
        near: u32::try_from(at(2)).unwrap_or(u32::MAX),
    })
}

/// A decimal number in thousandths.
fn thousandths(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
    let fraction: i64 = padded.parse().ok()?;
    whole.checked_mul(1000)?.checked_add(fraction)?.checked_mul(sign)
}

/// Seconds, or milliseconds if more than ten.
fn gap(text: &str) -> Result<Duration, Wrong> {
    let value = thousandths(text).and_then(|n| u64::try_from(n).ok()).ok_or(Wrong::Value)?;
    Ok(if value > 10_000 { Duration::from_micros(value) } else { Duration::from_millis(value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on traceroute 2.1.2.
    #[test]
    fn bad_arguments_are_refused_in_the_real_words() {
        for (line, message) in [
            ("-m x 1.1.1.1", "Cannot handle `-m' option with arg `x' (argc 2)\n"),
            ("-w x 1.1.1.1", "Cannot handle `-w' option with arg `x' (argc 2)\n"),
            ("-w -1 -n 1.1.1.1", "bad wait specifications `-1,0,0' used\n"),
            (
                "-s x -n 1.1.1.1",
                "x: Temporary failure in name resolution\n\
                 Cannot handle `-s' option with arg `x' (argc 2)\n",
            ),
            (
                "nosuch",
                "nosuch: Temporary failure in name resolution\n\
                 Cannot handle \"host\" cmdline arg `nosuch' on position 1 (argc 1)\n",
            ),
            ("1.1.1.1 x", "Cannot handle \"packetlen\" cmdline arg `x' on position 2 (argc 2)\n"),
            ("1.1.1.1 60 70", "Extra arg `70' (position 3, argc 3)\n"),
            ("1.1.1.1 70000", "too big packetlen 70000 specified\n"),
            ("-m 0 1.1.1.1", "first hop out of range\n"),
            ("-m 300 1.1.1.1", "max hops cannot be more than 255\n"),
            ("-q 0 1.1.1.1", "no more than 10 probes per hop\n"),
            ("-f 31 1.1.1.1", "first hop out of range\n"),
        ] {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let ended = parse(&words).unwrap_err();
            assert_eq!((ended.status, ended.stderr.as_str()), (2, message), "{line}");
        }
    }

    #[test]
    fn a_packet_has_at_least_its_headers() {
        let args = parse(&["10.0.3.2".into(), "20".into()]).unwrap();
        assert_eq!(args.packet_len(), 28);
    }
}
