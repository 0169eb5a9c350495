//! `ttl`: the time to live of the packet (`libipt_ttl`, `xt_hl`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;

/// How the time to live compares to a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Ttl {
    compare: Compare,
    ttl: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Compare {
    Equal,
    Unequal,
    Less,
    Greater,
}

const LESS: usize = 0;
const GREATER: usize = 1;

/// The ways to compare, of which one is taken.
const ALONE: &[&str] = &["ttl-lt", "ttl-gt", "ttl-eq"];

impl Extension for Ttl {
    const NAME: &'static str = "ttl";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("ttl-lt", Kind::U8(0, u8::MAX)).excluding(ALONE),
        Opt::new("ttl-gt", Kind::U8(0, u8::MAX)).excluding(ALONE),
        Opt::new("ttl-eq", Kind::U8(0, u8::MAX)).invertible().excluding(ALONE),
        // `!` stands before it all the same: the first option that is called alike decides.
        Opt::new("ttl", Kind::U8(0, u8::MAX)).invertible().excluding(ALONE).alias_of("ttl-eq"),
    ];
    const HELP: &'static str = include_str!("help/ttl.txt");
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet];

    fn new(_: AddressFamily) -> Self {
        Self { compare: Compare::Equal, ttl: 0 }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.ttl = u8::try_from(given.value.number()).unwrap_or(u8::MAX);
        self.compare = match given.index {
            LESS => Compare::Less,
            GREATER => Compare::Greater,
            _ if given.invert => Compare::Unequal,
            _ => Compare::Equal,
        };
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter(
                "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt",
            ));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        let option = match self.compare {
            Compare::Equal => "--ttl-eq",
            Compare::Unequal => "! --ttl-eq",
            Compare::Less => "--ttl-lt",
            Compare::Greater => "--ttl-gt",
        };
        write!(out, " {option} {}", self.ttl).expect("a string");
    }

    fn print(&self, _: Style, out: &mut String) {
        let sign = match self.compare {
            Compare::Equal => "==",
            Compare::Unequal => "!=",
            Compare::Less => "<",
            Compare::Greater => ">",
        };
        write!(out, " TTL match TTL {sign} {}", self.ttl).expect("a string");
    }
}

impl MatchExtension for Ttl {
    fn matches(&self, _: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let Some(ttl) = f.skb.network_header().get(8) else { return Matched::No };
        let matched = match self.compare {
            Compare::Equal => *ttl == self.ttl,
            Compare::Unequal => *ttl != self.ttl,
            Compare::Less => *ttl < self.ttl,
            Compare::Greater => *ttl > self.ttl,
        };
        matched.into()
    }
}
