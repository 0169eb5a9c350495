//! The command line of `tracepath`, with the messages of iputils 20221126.

use std::net::{IpAddr, Ipv4Addr};

use crate::libc::inet_aton;
use crate::tools::getopt::{Getopt, Word};
use crate::tools::iputils::{Ended, integer};

const USAGE: &str = include_str!("usage.txt");
const VERSION: &str = include_str!("version.txt");
/// The exit status after the help text.
const USAGE_STATUS: u8 = 255;
/// The length of the headers of a probe, in bytes.
pub(super) const OVERHEAD: usize = 28;
/// The longest probe, in bytes with its headers: what is tried first.
const LONGEST: u32 = 65_535;
/// The port of the first probe.
const FIRST_PORT: u16 = 44_444;

/// What a command line asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Args {
    pub(super) target: Ipv4Addr,
    /// `-b`: names and addresses.
    pub(super) both: bool,
    pub(super) numeric: bool,
    /// The length of a probe with its headers, in bytes.
    pub(super) length: u32,
    pub(super) max_hops: u8,
    pub(super) first_port: u16,
}

fn fatal(status: u8, message: impl std::fmt::Display) -> Ended {
    Ended::message("tracepath", status, message)
}

fn usage() -> Ended {
    Ended { stderr: USAGE.to_owned(), status: USAGE_STATUS, ..Ended::default() }
}

/// Reads the words after `tracepath`.
pub(super) fn parse(words: &[String]) -> Result<Args, Ended> {
    let mut args = Args {
        target: Ipv4Addr::UNSPECIFIED,
        both: false,
        numeric: false,
        length: 0,
        max_hops: 30,
        first_port: 0,
    };
    let mut family = None;
    let mut operands = Vec::new();
    for word in Getopt::new("46nbh?l:m:p:V", words) {
        match word {
            Err(error) => {
                let message = fatal(USAGE_STATUS, error);
                return Err(message.with_usage(USAGE));
            }
            Ok(Word::Operand(operand)) => operands.push(operand),
            Ok(Word::Option(letter @ ('4' | '6'), _)) => {
                if family.is_some_and(|other| other != letter) {
                    return Err(fatal(2, "Only one -4 or -6 option may be specified"));
                }
                family = Some(letter);
            }
            Ok(Word::Option(letter, value)) => args.option(letter, value.unwrap_or_default())?,
        }
    }
    let [target] = operands[..] else { return Err(usage()) };
    args.destination(target, family)?;
    Ok(args)
}

impl Args {
    fn option(&mut self, letter: char, value: &str) -> Result<(), Ended> {
        match letter {
            'n' => self.numeric = true,
            'b' => self.both = true,
            'l' => self.length = integer("tracepath", value, 0..=i64::from(i32::MAX))?,
            'm' => self.max_hops = integer("tracepath", value, 0..=255)?,
            'p' => self.first_port = port(value)?,
            'V' => return Err(Ended::output(VERSION)),
            _ => return Err(usage()),
        }
        Ok(())
    }

    /// The destination, which may have a port behind a slash; it counts if `-p` does not name one.
    fn destination(&mut self, text: &str, family: Option<char>) -> Result<(), Ended> {
        let mut host = text;
        if self.first_port == 0 {
            if let Some((before, after)) = text.split_once('/') {
                host = before;
                self.first_port = port(after)?;
            }
            if self.first_port == 0 {
                self.first_port = FIRST_PORT;
            }
        }
        self.target = resolve(host, family)?;
        if self.length == 0 {
            self.length = LONGEST;
        }
        if self.length as usize <= OVERHEAD {
            let range = format!("{OVERHEAD} < value <= {}", i32::MAX);
            return Err(fatal(1, format_args!("pktlen must be within: {range}")));
        }
        Ok(())
    }
}

fn port(text: &str) -> Result<u16, Ended> {
    integer("tracepath", text, 0..=i64::from(u16::MAX))
}

/// There is no resolver that could know a name.
fn resolve(host: &str, family: Option<char>) -> Result<Ipv4Addr, Ended> {
    let wrong = |why: &str| fatal(1, format_args!("{host}: {why}"));
    match (inet_aton(host), host.parse::<IpAddr>(), family) {
        (Some(addr), _, None | Some('4')) => Ok(addr),
        (Some(_), _, Some(_)) | (None, Ok(IpAddr::V6(_)), Some('4')) => {
            Err(wrong("Address family for hostname not supported"))
        }
        (None, Ok(IpAddr::V6(_)), _) => Err(wrong("IPv6 is not modelled")),
        // Nobody is asked for what cannot be a name.
        (None, ..) if host.contains('/') => Err(wrong("Name or service not known")),
        (None, ..) => Err(wrong("Temporary failure in name resolution")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Args, Ended> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    /// Seen on iputils 20221126.
    #[test]
    fn bad_arguments_are_refused_in_the_real_words() {
        for (line, status, message) in [
            ("-l 28 10.0.4.2", 1, "pktlen must be within: 28 < value <= 2147483647"),
            ("-l x 10.0.1.1", 1, "invalid argument: 'x'"),
            ("-l -1 10.0.1.1", 1, "invalid argument: '-1': out of range: 0 <= value <= 2147483647"),
            ("-m 256 10.0.1.1", 1, "invalid argument: '256': out of range: 0 <= value <= 255"),
            ("-p 70000 10.1", 1, "invalid argument: '70000': out of range: 0 <= value <= 65535"),
            ("10.0.4.2/x", 1, "invalid argument: 'x'"),
            ("10.0.4.2/", 1, "invalid argument: ''"),
            ("-46 10.0.4.2", 2, "Only one -4 or -6 option may be specified"),
            ("-6 10.0.4.2", 1, "10.0.4.2: Address family for hostname not supported"),
            ("nohost", 1, "nohost: Temporary failure in name resolution"),
        ] {
            let ended = parse_line(line).unwrap_err();
            let message = format!("tracepath: {message}\n");
            assert_eq!((ended.status, ended.stderr), (status, message), "{line}");
        }
        for line in ["", "10.0.1.1 10.0.1.2", "-h"] {
            assert_eq!(parse_line(line).unwrap_err(), usage(), "{line}");
        }
    }

    #[test]
    fn a_port_may_stand_behind_the_destination() {
        for (line, port) in
            [("10.1", 44_444), ("10.1/44", 44), ("-p 0 10.1/0", 44_444), ("-p 7 10.1", 7)]
        {
            assert_eq!(parse_line(line).unwrap().first_port, port, "{line}");
        }
        // Where the port is known, the slash belongs to the name.
        let ended = parse_line("-p 7 10.0.1.1/9").unwrap_err();
        assert_eq!(ended.stderr, "tracepath: 10.0.1.1/9: Name or service not known\n");
    }
}
