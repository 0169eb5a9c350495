//! Types and codes of ICMP as `icmp` and `icmp6` ask for them (`libxt_icmp.h`).

use std::fmt::Write as _;

use crate::kernel::Flight;
use crate::netfilter::xtables::extension::Problem;
use crate::netfilter::xtables::matches::{Matched, transport_header};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::value;

/// The type that stands for all types; of IPv4 only.
pub(super) const ANY: u8 = 0xff;

/// The length of an ICMP header, in bytes.
const HEADER_LEN: usize = 8;

/// A type with a range of codes, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Types {
    pub(super) icmp_type: u8,
    first_code: u8,
    last_code: u8,
}

/// One type with all of its codes.
pub(super) const fn all(icmp_type: u8) -> Types {
    Types { icmp_type, first_code: 0, last_code: 0xff }
}

/// One type with one code.
pub(super) const fn one(icmp_type: u8, code: u8) -> Types {
    Types { icmp_type, first_code: code, last_code: code }
}

/// The names, in the order in which they are looked up; the first of several names of the same is written.
pub(super) type Names = [(&'static str, Types)];

impl Types {
    /// Reads a name, which may be cut short if only one begins so, or `TYPE[/CODE[:CODE]]`. `protocol` is what
    /// complaints call it.
    pub(super) fn read(word: &str, names: &Names, protocol: &str) -> Result<Self, Problem> {
        let begins = |name: &str| {
            name.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
        };
        let mut found = names.iter().filter(|(name, _)| begins(name));
        match (found.next(), found.next()) {
            (None, _) => Self::read_numbers(word, protocol),
            (Some((_, types)), None) => Ok(*types),
            (Some((name, _)), Some((other, _))) => Err(Problem::Parameter(format!(
                "Ambiguous {protocol} type `{word}': `{name}' or `{other}'?"
            ))),
        }
    }

    fn read_numbers(word: &str, protocol: &str) -> Result<Self, Problem> {
        let unknown = |what| Problem::Parameter(format!("Unknown {protocol} {what} `{word}'"));
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
            return Err(Problem::Parameter(format!("{protocol} type range not supported")));
        }
        Ok(Self { icmp_type: first, first_code, last_code })
    }

    fn has_all_codes(self) -> bool {
        (self.first_code, self.last_code) == (0, 0xff)
    }

    /// Writes the value of the option that makes it again; of a range only the first code.
    pub(super) fn save(self, out: &mut String) {
        let Self { icmp_type, first_code, .. } = self;
        let written = if self.has_all_codes() {
            write!(out, " {icmp_type}")
        } else {
            write!(out, " {icmp_type}/{first_code}")
        };
        written.expect("a string");
    }

    /// Writes it in the words of `-L`; without names if there are none.
    pub(super) fn print(self, invert: bool, names: &Names, out: &mut String) {
        if let Some((name, _)) = names.iter().find(|(_, types)| *types == self) {
            let not = if invert { "!" } else { "" };
            write!(out, " {not}{name}").expect("a string");
            return;
        }
        // Without a blank in front, unless it is inverted.
        let Self { icmp_type, first_code, last_code } = self;
        let not = if invert { " !" } else { "" };
        write!(out, "{not}type {icmp_type}").expect("a string");
        if first_code == last_code {
            write!(out, " code {first_code}").expect("a string");
        } else if !self.has_all_codes() {
            write!(out, " codes {first_code}-{last_code}").expect("a string");
        }
    }

    /// Compares with the header of a packet; `any` is the type that stands for all.
    pub(super) fn matches(self, f: &Flight, seen: &Seen, any: Option<u8>, invert: bool) -> Matched {
        if seen.frag_off != 0 {
            return Matched::No;
        }
        let Some([icmp_type, code, ..]) = transport_header::<HEADER_LEN>(f, seen) else {
            return Matched::Malformed;
        };
        let Self { icmp_type: wanted, first_code, last_code } = self;
        let is_wanted = any == Some(wanted)
            || (wanted == *icmp_type && (first_code..=last_code).contains(code));
        (is_wanted != invert).into()
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
