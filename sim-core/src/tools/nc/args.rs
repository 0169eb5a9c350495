//! The command line of `nc`, with the messages of netcat-openbsd 1.219.

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::libc::inet_aton;
use crate::libc::services::{self, Transport};
use crate::tools::getopt::{Getopt, Word};
use crate::tools::iputils::Ended;
use crate::tools::nc::tos;

const USAGE: &str = include_str!("usage.txt");
const HELP: &str = include_str!("help.txt");
const OPTIONS: &str = "46bCDdFhI:i:klM:m:NnO:P:p:q:rSs:T:tUuV:vW:w:X:x:Zz";
/// The largest buffer that `-I` and `-O` take, in bytes.
const MAX_BUFFER: i64 = 65536 << 14;

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
    /// `-C`: ends lines with CR and LF.
    pub(super) crlf: bool,
    /// `-r`: tries the ports in no order.
    pub(super) shuffle: bool,
    /// `-i`: how long to wait after each line.
    pub(super) interval: Option<Duration>,
    /// `-w`: how long nothing may happen.
    pub(super) idle: Option<Duration>,
    /// `-q`: how long to stay when the input has ended.
    pub(super) quit: Option<Duration>,
    /// `-W`: how often something is received.
    pub(super) receive_limit: Option<u32>,
    /// `-T`.
    pub(super) tos: Option<u8>,
    /// `-M`.
    pub(super) ttl: Option<u8>,
    /// `-I` in bytes.
    pub(super) rcvbuf: Option<u32>,
    /// `-O` in bytes.
    pub(super) sndbuf: Option<u32>,
    pub(super) source: Option<String>,
    pub(super) source_port: Option<String>,
    pub(super) host: Option<String>,
    /// The ports as they were written: one to listen at, else any number of them.
    ports: Vec<String>,
}

pub(super) fn fatal(message: impl Display) -> Ended {
    Ended::message("nc", 1, message)
}

fn usage() -> Ended {
    Ended { stderr: USAGE.to_owned(), status: 1, ..Ended::default() }
}

fn unmodelled(what: impl Display) -> Ended {
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
    args.operands(operands)?;
    if args.listen && args.scan {
        return Err(fatal("cannot use -z and -l"));
    }
    if args.keep && !args.listen {
        return Err(fatal("must use -l with -k"));
    }
    if ipv6 {
        return Err(unmodelled("-6: IPv6"));
    }
    Ok(args)
}

impl Args {
    fn flag(&mut self, letter: char) -> Result<(), Ended> {
        match letter {
            'b' => self.broadcast = true,
            'C' => self.crlf = true,
            // `SO_DEBUG` changes nothing that anybody can see.
            'D' => {}
            'd' => self.no_stdin = true,
            'h' => return Err(Ended { stderr: HELP.to_owned(), ..Ended::default() }),
            'k' => self.keep = true,
            'l' => self.listen = true,
            'N' => self.shut_down = true,
            'n' => self.numeric = true,
            'r' => self.shuffle = true,
            'u' => self.udp = true,
            'v' => self.verbose = true,
            'z' => self.scan = true,
            other => return Err(unmodelled(format_args!("-{other}"))),
        }
        Ok(())
    }

    fn value(&mut self, letter: char, value: &str) -> Result<(), Ended> {
        const INT: RangeInclusive<i64> = i32::MIN as i64..=i32::MAX as i64;
        let named = |what: &'static str| move |why| fatal(format_args!("{what} {why}: {value}"));
        let buffer = |what| number(value, 1..=MAX_BUFFER).map_err(named(what));
        match letter {
            'I' => self.rcvbuf = Some(buffer("TCP receive window")?),
            'i' => {
                let seconds = number(value, 0..=i64::from(u32::MAX)).map_err(named("interval"))?;
                self.interval = (seconds > 0).then(|| Duration::from_secs(seconds));
            }
            'M' => {
                let ttl = number(value, 0..=255);
                self.ttl = Some(ttl.map_err(|why| fatal(format_args!("ttl is {why}")))?);
            }
            'O' => self.sndbuf = Some(buffer("TCP send window")?),
            'p' => self.source_port = Some(value.to_owned()),
            'q' => {
                let seconds: i64 = number(value, INT).map_err(named("quit timer"))?;
                self.quit = u64::try_from(seconds).ok().map(Duration::from_secs);
                self.shut_down |= self.quit.is_some();
            }
            's' => self.source = Some(value.to_owned()),
            'T' => {
                let illegal = || fatal(format_args!("illegal tos value {value}"));
                self.tos = Some(tos::parse(value).ok_or_else(illegal)?);
            }
            'V' => return Err(fatal("no alternate routing table support available")),
            'W' => {
                let limit = number(value, 1..=*INT.end()).map_err(named("receive limit"))?;
                self.receive_limit = Some(limit);
            }
            'w' => {
                let seconds = number(value, 0..=INT.end() / 1000).map_err(named("timeout"))?;
                self.idle = Some(Duration::from_secs(seconds));
            }
            other => return Err(unmodelled(format_args!("-{other}"))),
        }
        Ok(())
    }

    /// Where to: a host and ports, or to listen only a port, which `-p` may name too.
    fn operands(&mut self, mut operands: Vec<String>) -> Result<(), Ended> {
        let own_place = self.source_port.is_some() || self.source.is_some();
        match operands.len() {
            0 if self.listen => {
                self.host.clone_from(&self.source);
                self.ports.extend(self.source_port.clone());
            }
            1 if own_place => return Err(usage()),
            1 if self.listen => self.ports = operands,
            1 => {}
            2.. if self.listen && (own_place || operands.len() > 2) => return Err(usage()),
            2.. => {
                self.host = Some(operands.remove(0));
                self.ports = operands;
            }
            _ => return Err(usage()),
        }
        if self.ports.is_empty() { Err(fatal("missing port number")) } else { Ok(()) }
    }

    /// The protocol that carries the data.
    pub(super) const fn transport(&self) -> Transport {
        if self.udp { Transport::Udp } else { Transport::Tcp }
    }

    /// The ports to try, in order (`build_ports()`).
    pub(super) fn ports(&self) -> Result<Vec<u16>, Ended> {
        let mut ports = Vec::new();
        for word in &self.ports {
            let is_number = word.starts_with(|c: char| c.is_ascii_digit());
            match (services::port(word, self.transport()), word.split_once('-')) {
                (Some(port), _) => ports.push(port),
                (None, Some((first, last))) if is_number => {
                    let (last, first) = (port(last)?, port(first)?);
                    ports.extend(first.min(last)..=first.max(last));
                }
                (None, _) => ports.push(port(word)?),
            }
        }
        Ok(ports)
    }

    /// The port to listen at; 0 leaves it to the kernel.
    pub(super) fn listening_port(&self) -> Result<u16, Ended> {
        self.ports.first().map_or(Ok(0), |word| self.service(word))
    }

    /// The port of a service, by name or number (`getaddrinfo(3)`).
    pub(super) fn service(&self, word: &str) -> Result<u16, Ended> {
        if let Ok(number) = word.parse::<u64>() {
            return Ok(u16::try_from(number & 0xffff).unwrap_or(0));
        }
        services::port(word, self.transport())
            .ok_or_else(|| fatal("getaddrinfo: Servname not supported for ai_socktype"))
    }

    /// The address of `name`; there is no resolver that could know one by another name than `localhost`.
    pub(super) fn resolve(&self, name: &str, place: &str) -> Result<Ipv4Addr, Ended> {
        if name == "localhost" && !self.numeric {
            return Ok(Ipv4Addr::LOCALHOST);
        }
        let why = if self.numeric {
            "Name or service not known"
        } else {
            "Temporary failure in name resolution"
        };
        inet_aton(name).ok_or_else(|| fatal(format_args!("getaddrinfo{place}: {why}")))
    }
}

/// A number within `range`, or what is wrong with it (`strtonum(3)`).
fn number<T: TryFrom<i64>>(value: &str, range: RangeInclusive<i64>) -> Result<T, &'static str> {
    let number: i64 = value.trim_start().parse().map_err(|_| "invalid")?;
    if number < *range.start() {
        return Err("too small");
    }
    if number > *range.end() {
        return Err("too large");
    }
    T::try_from(number).map_err(|_| "too large")
}

/// A port by number.
fn port(text: &str) -> Result<u16, Ended> {
    number(text, 1..=65535).map_err(|why| fatal(format_args!("port number {why}: {text}")))
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
            ("-T 300 10.0.4.2 80", "illegal tos value 300"),
            ("-M 300 10.0.4.2 80", "ttl is too large"),
            ("-I 0 10.0.4.2 80", "TCP receive window too small: 0"),
            ("-O x 10.0.4.2 80", "TCP send window invalid: x"),
            ("-W 0 10.0.4.2 80", "receive limit too small: 0"),
            ("-i x 10.0.4.2 80", "interval invalid: x"),
            ("-V 1 10.0.4.2 80", "no alternate routing table support available"),
        ] {
            let ended = refusal(line);
            let message = format!("nc: {message}\n");
            assert_eq!((ended.status, ended.stderr), (1, message), "{line}");
        }
        for line in [
            "",
            "-l -p 80 81",
            "-l -s 10.0.1.1 80",
            "-l -s 10.0.1.1 -p 80 10.0.1.1 80",
            "-l 10.0.1.1 80 81",
            "-p 5 10.0.0.1",
            "-s 10.0.0.1 80",
        ] {
            assert_eq!(refusal(line), usage(), "{line}");
        }
    }

    #[test]
    fn ports_are_names_numbers_and_ranges() {
        let words = ["10.0.0.1", "80", "http", "9-7"].map(str::to_owned);
        assert_eq!(parse(&words).unwrap().ports(), Ok(vec![80, 80, 7, 8, 9]));
        let words = ["-u", "10.0.0.1", "http"].map(str::to_owned);
        assert_eq!(parse(&words).unwrap().ports(), Err(fatal("port number invalid: http")));
    }

    #[test]
    fn a_listener_takes_a_port_as_the_resolver_does() {
        let port = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
            parse(&words).unwrap().listening_port()
        };
        assert_eq!(port(&["-l", "70000"]), Ok(4464));
        assert_eq!(port(&["-l", "-p", "http"]), Ok(80));
        let unknown = fatal("getaddrinfo: Servname not supported for ai_socktype");
        assert_eq!(port(&["-l", "foo"]), Err(unknown));
    }
}
