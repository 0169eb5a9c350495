//! `icmp`: type and code of ICMP (`libipt_icmp`, `xt_tcpudp`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched, transport_header};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::value;
use crate::packet::IpProto;

/// The type that stands for all types.
const ANY: u8 = 0xff;

/// The length of an ICMP header, in bytes.
const HEADER_LEN: usize = 8;

/// A type with a range of codes, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Types {
    icmp_type: u8,
    first_code: u8,
    last_code: u8,
}

/// One type with all of its codes.
const fn all(icmp_type: u8) -> Types {
    Types { icmp_type, first_code: 0, last_code: 0xff }
}

/// One type with one code.
const fn one(icmp_type: u8, code: u8) -> Types {
    Types { icmp_type, first_code: code, last_code: code }
}

/// The names, in the order in which they are looked up; the first of several names of the same is written.
const NAMES: &[(&str, Types)] = &[
    ("any", all(ANY)),
    ("echo-reply", all(0)),
    ("pong", all(0)),
    ("destination-unreachable", all(3)),
    ("network-unreachable", one(3, 0)),
    ("host-unreachable", one(3, 1)),
    ("protocol-unreachable", one(3, 2)),
    ("port-unreachable", one(3, 3)),
    ("fragmentation-needed", one(3, 4)),
    ("source-route-failed", one(3, 5)),
    ("network-unknown", one(3, 6)),
    ("host-unknown", one(3, 7)),
    ("network-prohibited", one(3, 9)),
    ("host-prohibited", one(3, 10)),
    ("TOS-network-unreachable", one(3, 11)),
    ("TOS-host-unreachable", one(3, 12)),
    ("communication-prohibited", one(3, 13)),
    ("host-precedence-violation", one(3, 14)),
    ("precedence-cutoff", one(3, 15)),
    ("source-quench", all(4)),
    ("redirect", all(5)),
    ("network-redirect", one(5, 0)),
    ("host-redirect", one(5, 1)),
    ("TOS-network-redirect", one(5, 2)),
    ("TOS-host-redirect", one(5, 3)),
    ("echo-request", all(8)),
    ("ping", all(8)),
    ("router-advertisement", all(9)),
    ("router-solicitation", all(10)),
    ("time-exceeded", all(11)),
    ("ttl-exceeded", all(11)),
    ("ttl-zero-during-transit", one(11, 0)),
    ("ttl-zero-during-reassembly", one(11, 1)),
    ("parameter-problem", all(12)),
    ("ip-header-bad", one(12, 0)),
    ("required-option-missing", one(12, 1)),
    ("timestamp-request", all(13)),
    ("timestamp-reply", all(14)),
    ("address-mask-request", all(17)),
    ("address-mask-reply", all(18)),
];

/// What is asked of an ICMP header.
#[derive(Clone, Debug, PartialEq)]
pub struct Icmp {
    types: Types,
    invert: bool,
}

impl Types {
    /// Reads a name, which may be cut short if only one begins so, or `TYPE[/CODE[:CODE]]`.
    fn read(word: &str) -> Result<Self, Problem> {
        let begins = |name: &str| {
            name.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
        };
        let mut found = NAMES.iter().filter(|(name, _)| begins(name));
        match (found.next(), found.next()) {
            (None, _) => Self::read_numbers(word),
            (Some((_, types)), None) => Ok(*types),
            (Some((name, _)), Some((other, _))) => Err(Problem::Parameter(format!(
                "Ambiguous ICMP type `{word}': `{name}' or `{other}'?"
            ))),
        }
    }

    fn read_numbers(word: &str) -> Result<Self, Problem> {
        let unknown = |what| Problem::Parameter(format!("Unknown ICMP {what} `{word}'"));
        let ((first, last), rest) = leading_range(word).ok_or_else(|| unknown("type"))?;
        let codes = match rest.strip_prefix('/') {
            Some(codes) => Some(leading_range(codes).ok_or_else(|| unknown("code"))?),
            None => None,
        };
        let ((first_code, last_code), rest) = codes.unwrap_or(((0, 0xff), rest));
        if let Some(c) = rest.chars().next() {
            return Err(Problem::Parameter(format!("unknown character {c}")));
        }
        if first != last {
            return Err(Problem::parameter("ICMP type range not supported"));
        }
        Ok(Self { icmp_type: first, first_code, last_code })
    }

    fn has_all_codes(self) -> bool {
        (self.first_code, self.last_code) == (0, 0xff)
    }
}

/// The numbers `N` or `N:M` that `text` begins with, and what follows.
fn leading_range(text: &str) -> Option<((u8, u8), &str)> {
    let number = |text| {
        let (value, rest) = value::leading_number(text)?;
        Some((u8::try_from(value).ok()?, rest))
    };
    let (first, rest) = number(text)?;
    match rest.strip_prefix(':') {
        Some(last) => number(last).map(|(last, rest)| ((first, last), rest)),
        None => Some(((first, first), rest)),
    }
}

impl Extension for Icmp {
    const NAME: &'static str = "icmp";
    const OPTIONS: &'static [Opt] =
        &[Opt::new("icmp-type", Kind::Text(0, 0)).mandatory().invertible()];
    const HELP: &'static str = include_str!("help/icmp.txt");
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet];

    fn new(_: AddressFamily) -> Self {
        Self { types: all(ANY), invert: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.types = Types::read(given.word)?;
        self.invert = given.invert;
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        out.push_str(if self.invert { " ! --icmp-type" } else { " --icmp-type" });
        let Types { icmp_type, first_code, .. } = self.types;
        let written = if icmp_type == ANY {
            write!(out, " any")
        } else if self.types.has_all_codes() {
            write!(out, " {icmp_type}")
        } else {
            write!(out, " {icmp_type}/{first_code}")
        };
        written.expect("a string");
    }

    fn print(&self, style: Style, out: &mut String) {
        out.push_str(" icmp");
        let name = NAMES.iter().find(|(_, types)| *types == self.types);
        if let Some((name, _)) = name.filter(|_| !style.numeric) {
            let not = if self.invert { "!" } else { "" };
            write!(out, " {not}{name}").expect("a string");
            return;
        }
        // Without a blank in front, unless it is inverted.
        let Types { icmp_type, first_code, last_code } = self.types;
        let not = if self.invert { " !" } else { "" };
        write!(out, "{not}type {icmp_type}").expect("a string");
        if first_code == last_code {
            write!(out, " code {first_code}").expect("a string");
        } else if !self.types.has_all_codes() {
            write!(out, " codes {first_code}-{last_code}").expect("a string");
        }
    }
}

impl MatchExtension for Icmp {
    const PROTO: Option<IpProto> = Some(IpProto::ICMP);

    fn matches(&self, _: &mut Kernel, f: &Flight, seen: &Seen, _: &mut MatchState) -> Matched {
        if seen.frag_off != 0 {
            return Matched::No;
        }
        let Some([icmp_type, code, ..]) = transport_header::<HEADER_LEN>(f, seen) else {
            return Matched::Malformed;
        };
        let Types { icmp_type: wanted, first_code, last_code } = self.types;
        let is_wanted =
            wanted == ANY || (wanted == *icmp_type && (first_code..=last_code).contains(code));
        (is_wanted != self.invert).into()
    }
}
