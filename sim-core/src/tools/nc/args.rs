//! The command line of `nc`, with the messages of netcat-openbsd 1.219.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::tools::getopt::{Getopt, Word};
use crate::tools::inet_aton;
use crate::tools::iputils::Ended;

const USAGE: &str = include_str!("usage.txt");
const HELP: &str = include_str!("help.txt");
const OPTIONS: &str = "46bCDdFhI:i:klM:m:NnO:P:p:q:rSs:T:tUuV:vW:w:X:x:Zz";

/// What a command line asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Args {
    pub(super) listen: bool,
    /// `-k`: goes on with others when the first one is served.
    pub(super) keep: bool,
    pub(super) udp: bool,
    pub(super) numeric: bool,
    pub(super) verbose: bool,
    /// `-z`: only asks whether somebody is there.
    pub(super) scan: bool,
    /// `-d`: leaves standard input alone.
    pub(super) no_stdin: bool,
    /// `-N`: tells the peer that there is no more to come.
    pub(super) shut_down: bool,
    pub(super) broadcast: bool,
    /// `-w`: how long nothing may happen.
    pub(super) idle: Option<Duration>,
    /// `-q`: how long to stay when the input has ended.
    pub(super) quit: Option<Duration>,
    pub(super) source: Option<String>,
    pub(super) source_port: Option<String>,
    pub(super) host: Option<String>,
    pub(super) port: String,
}

pub(super) fn fatal(message: impl std::fmt::Display) -> Ended {
    Ended::message("nc", 1, message)
}

fn usage() -> Ended {
    Ended { stderr: USAGE.to_owned(), status: 1, ..Ended::default() }
}

fn unmodelled(what: impl std::fmt::Display) -> Ended {
    fatal(format_args!("{what} is not modelled"))
}

/// Reads the words after `nc`.
pub(super) fn parse(words: &[String]) -> Result<Args, Ended> {
    let mut args = Args::default();
    let mut ipv6 = false;
    let mut operands = Vec::new();
    for word in Getopt::new(OPTIONS, words) {
        match word {
            Err(error) => return Err(fatal(error).with_usage(USAGE)),
            Ok(Word::Operand(operand)) => operands.push(operand.to_owned()),
            Ok(Word::Option('4', _)) => ipv6 = false,
            Ok(Word::Option('6', _)) => ipv6 = true,
            Ok(Word::Option(letter, None)) => args.flag(letter)?,
            Ok(Word::Option(letter, Some(value))) => args.value(letter, value)?,
        }
    }
    args.operands(&operands)?;
    if args.listen && args.scan {
        return Err(fatal("cannot use -z and -l"));
    }
    if args.keep && !args.listen {
        return Err(fatal("must use -l with -k"));
    }
    if ipv6 {
        return Err(unmodelled("-6: IPv6"));
    }
    if !args.udp {
        return Err(unmodelled("TCP"));
    }
    Ok(args)
}

impl Args {
    fn flag(&mut self, letter: char) -> Result<(), Ended> {
        match letter {
            'b' => self.broadcast = true,
            'd' => self.no_stdin = true,
            'h' => return Err(Ended { stderr: HELP.to_owned(), ..Ended::default() }),
            'k' => self.keep = true,
            'l' => self.listen = true,
            'N' => self.shut_down = true,
            'n' => self.numeric = true,
            'u' => self.udp = true,
            'v' => self.verbose = true,
            'z' => self.scan = true,
            other => return Err(unmodelled(format_args!("-{other}"))),
        }
        Ok(())
    }

    fn value(&mut self, letter: char, value: &str) -> Result<(), Ended> {
        match letter {
            'p' => self.source_port = Some(value.to_owned()),
            's' => self.source = Some(value.to_owned()),
            'w' => self.idle = Some(seconds("timeout", value, 0)?),
            'q' => {
                let forever = value.trim_start().starts_with('-');
                self.quit =
                    (!forever).then(|| seconds("quit timer", value, i64::MIN)).transpose()?;
            }
            other => return Err(unmodelled(format_args!("-{other}"))),
        }
        Ok(())
    }

    /// Where to: a host and a port, or to listen only a port, which `-p` may name too.
    fn operands(&mut self, operands: &[String]) -> Result<(), Ended> {
        match (operands, &self.source_port) {
            ([], Some(port)) if self.listen => {
                self.port.clone_from(port);
                self.host.clone_from(&self.source);
            }
            ([], _) if self.listen => return Err(fatal("missing port number")),
            ([], _) => return Err(usage()),
            (_, Some(_)) if self.listen => return Err(usage()),
            ([port], None) if self.listen => self.port.clone_from(port),
            ([_], _) => return Err(fatal("missing port number")),
            ([host, port, ..], _) => {
                self.host = Some(host.clone());
                self.port.clone_from(port);
            }
        }
        Ok(())
    }

    /// The ports to try, in order.
    pub(super) fn ports(&self) -> Result<RangeInclusive<u16>, Ended> {
        match self.port.split_once('-') {
            Some((first, last)) if !self.listen && !first.is_empty() => {
                let (first, last) = (port(first)?, port(last)?);
                Ok(first.min(last)..=first.max(last))
            }
            _ => port(&self.port).map(|port| port..=port),
        }
    }

    /// The address of `name`; there is no resolver that could know one by another name.
    pub(super) fn resolve(&self, name: &str, place: &str) -> Result<Ipv4Addr, Ended> {
        let why = if self.numeric {
            "Name or service not known"
        } else {
            "Temporary failure in name resolution"
        };
        inet_aton(name).ok_or_else(|| fatal(format_args!("getaddrinfo{place}: {why}")))
    }
}

fn seconds(what: &str, value: &str, least: i64) -> Result<Duration, Ended> {
    let number: i64 = value.parse().map_err(|_| fatal(format_args!("{what} invalid: {value}")))?;
    if number < least {
        return Err(fatal(format_args!("{what} too small: {value}")));
    }
    match u32::try_from(number) {
        Ok(number) if number <= i32::MAX as u32 / 1000 => {
            Ok(Duration::from_secs(u64::from(number)))
        }
        _ => Err(fatal(format_args!("{what} too large: {value}"))),
    }
}

/// A port by number; services have no names here.
fn port(text: &str) -> Result<u16, Ended> {
    let wrong = |why: &str| fatal(format_args!("port number {why}: {text}"));
    match text.parse::<i64>() {
        Err(_) => Err(wrong("invalid")),
        Ok(..=0) => Err(wrong("too small")),
        Ok(number) => u16::try_from(number).map_err(|_| wrong("too large")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(line: &str) -> Ended {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words).and_then(|args| args.ports().map(|_| args)).unwrap_err()
    }

    /// Seen on netcat-openbsd 1.219.
    #[test]
    fn bad_arguments_are_refused_in_the_real_words() {
        for (line, message) in [
            ("-u 10.0.4.2", "missing port number"),
            ("-l", "missing port number"),
            ("-z -l 80", "cannot use -z and -l"),
            ("-k 10.0.4.2 80", "must use -l with -k"),
            ("-w x 10.0.4.2 80", "timeout invalid: x"),
            ("-w -1 -v 10.0.4.2 80", "timeout too small: -1"),
            ("-q x 10.0.4.2 80", "quit timer invalid: x"),
            ("-u 10.0.4.2 nosuch", "port number invalid: nosuch"),
            ("-u 10.0.4.2 0", "port number too small: 0"),
            ("-u 10.0.4.2 65536", "port number too large: 65536"),
            ("-u 10.0.4.2 80-", "port number invalid: "),
        ] {
            let ended = refusal(line);
            let message = format!("nc: {message}\n");
            assert_eq!((ended.status, ended.stderr), (1, message), "{line}");
        }
        for line in ["", "-l -p 80 81", "-l -s 10.0.1.1 -p 80 10.0.1.1 80"] {
            assert_eq!(refusal(line), usage(), "{line}");
        }
    }
}
