//! Reads the rules of the transcript: words, and options as their kinds say.

use std::net::{IpAddr, Ipv4Addr};

use crate::family::AddressFamily;
use crate::netfilter::xtables::extension::{Context, Given, Kind, Opt, Problem, Value};
use crate::netfilter::xtables::targets::{TARGETS, Target};

/// Why a rule was not read.
pub(super) enum Unread {
    /// The option reader refuses it, whatever the extension.
    Generic,
    /// The extension does.
    Refused(Problem),
}

/// A rule, word by word.
pub(super) struct Line {
    pub(super) table: String,
    pub(super) chain: String,
    pub(super) proto: Option<(u8, bool)>,
    name: String,
    words: Vec<String>,
}

impl Line {
    pub(super) fn new(text: &str) -> Self {
        let mut words = split(text).into_iter();
        let (table, chain) = (words.next().unwrap(), words.next().unwrap());
        let (mut proto, mut invert) = (None, false);
        for word in words.by_ref() {
            match word.as_str() {
                "!" => invert = true,
                "-j" => break,
                "tcp" | "udp" | "icmp" | "sctp" | "udplite" => {
                    let number = match word.as_str() {
                        "icmp" => 1,
                        "tcp" => 6,
                        "udp" => 17,
                        "sctp" => 132,
                        _ => 136,
                    };
                    proto = Some((number, invert));
                }
                _ => invert = false,
            }
        }
        let name = words.next().unwrap();
        Self { table, chain, proto, name, words: words.collect() }
    }

    pub(super) fn target(&self) -> Result<Target, Unread> {
        let entry = TARGETS.iter().find(|entry| entry.name == self.name).unwrap();
        let cx = Context { family: AddressFamily::Inet, proto: self.proto, tool: "iptables" };
        let mut reading = (entry.open)(cx.family);
        let (mut seen, mut words) = (0, self.words.iter());
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or(Unread::Generic)?;
            let mut fitting = entry.options.iter().enumerate();
            let exact = entry.options.iter().enumerate().find(|(_, opt)| opt.name == name);
            let (index, opt) = exact
                .or_else(|| fitting.find(|(_, opt)| opt.name.starts_with(name)))
                .ok_or(Unread::Generic)?;
            let clashes = |other: &&Opt| opt.excludes.contains(&other.name);
            let others = entry.options.iter().enumerate();
            let clash = others.filter(|(n, _)| seen >> n & 1 != 0).any(|(_, o)| clashes(&o));
            if seen >> index & 1 != 0 && !opt.multi || clash {
                return Err(Unread::Generic);
            }
            let word =
                if opt.kind == Kind::None { "" } else { words.next().ok_or(Unread::Generic)? };
            let value = value(opt.kind, word).ok_or(Unread::Generic)?;
            let given = Given { index, name: opt.name, invert: false, value, word, seen };
            seen |= 1 << index;
            reading.parse(&given, &cx).map_err(Unread::Refused)?;
        }
        let missing =
            entry.options.iter().enumerate().any(|(n, o)| o.mandatory && seen >> n & 1 == 0);
        if missing {
            return Err(Unread::Generic);
        }
        reading.finish(seen, &cx).map_err(Unread::Refused)
    }
}

/// Words as a shell splits them.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut open) = (String::new(), None, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '$') if chars.peek() == Some(&'\'') => {}
            (None, '"' | '\'') => (quote, open) = (Some(c), true),
            (Some(end), c) if c == end => quote = None,
            (Some(_), '\\') if chars.peek() == Some(&'n') => {
                chars.next();
                word.push('\n');
            }
            (None, ' ') => {
                if open {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (_, c) => {
                word.push(c);
                open = true;
            }
        }
    }
    if open {
        words.push(word);
    }
    words
}

fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

fn value(kind: Kind, word: &str) -> Option<Value<'_>> {
    let within = |min, max| number(word).filter(|n| (min..=max).contains(n)).map(Value::Number);
    match kind {
        Kind::None => Some(Value::None),
        Kind::Free => Some(Value::Text(word)),
        Kind::Text(min, max) => {
            (usize::from(min)..=usize::from(max)).contains(&word.len()).then_some(Value::Text(word))
        }
        Kind::U8(min, max) => within(min.into(), max.into()),
        Kind::U16(min, max) => within(min.into(), max.into()),
        Kind::U32(min, max) => within(min.into(), max.into()),
        Kind::MarkMask => {
            let (value, mask) = word.split_once('/').unwrap_or((word, "0xffffffff"));
            let small = |word| number(word).and_then(|n| u32::try_from(n).ok());
            Some(Value::MarkMask(small(value)?, small(mask)?))
        }
        Kind::HostMask => {
            let (host, mask) = word.split_once('/').unwrap_or((word, "32"));
            let bits = number(mask)?;
            let mask = u32::MAX.checked_shl(32 - u32::try_from(bits).ok()?).unwrap_or(0);
            let host: Ipv4Addr = host.parse().ok()?;
            Some(Value::HostMask(IpAddr::V4(host), IpAddr::V4(Ipv4Addr::from_bits(mask))))
        }
        Kind::SyslogLevel => {
            let names = ["emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"];
            let level = names.iter().position(|name| *name == word).map(|n| n as u64);
            level.or_else(|| number(word).filter(|n| *n < 8)).map(Value::Number)
        }
        other => panic!("no target takes {other:?}"),
    }
}
