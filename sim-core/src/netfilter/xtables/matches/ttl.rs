//! `ttl` and `hl`: the time to live of the packet, which IPv6 calls hop limit (`libipt_ttl`, `libip6t_hl`, `xt_hl`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;

/// How the time to live compares to a number.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Asked {
    compare: Compare,
    limit: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Compare {
    Equal,
    Unequal,
    Less,
    Greater,
}

/// The time to live of a packet of IPv4.
#[derive(Clone, Debug, PartialEq)]
pub struct Ttl(Asked);

/// The hop limit of a packet of IPv6.
#[derive(Clone, Debug, PartialEq)]
pub struct Hl(Asked);

const LESS: usize = 0;
const GREATER: usize = 1;

impl Asked {
    const NOTHING: Self = Self { compare: Compare::Equal, limit: 0 };

    fn read(given: &Given<'_>) -> Self {
        let compare = match given.index {
            LESS => Compare::Less,
            GREATER => Compare::Greater,
            _ if given.invert => Compare::Unequal,
            _ => Compare::Equal,
        };
        Self { compare, limit: u8::try_from(given.value.number()).unwrap_or(u8::MAX) }
    }

    fn save(self, option: &str, out: &mut String) {
        let (not, compare) = match self.compare {
            Compare::Equal => ("", "eq"),
            Compare::Unequal => (" !", "eq"),
            Compare::Less => ("", "lt"),
            Compare::Greater => ("", "gt"),
        };
        write!(out, "{not} --{option}-{compare} {}", self.limit).expect("a string");
    }

    fn print(self, label: &str, out: &mut String) {
        let sign = match self.compare {
            Compare::Equal => "==",
            Compare::Unequal => "!=",
            Compare::Less => "<",
            Compare::Greater => ">",
        };
        write!(out, " {label} match {label} {sign} {}", self.limit).expect("a string");
    }

    /// Compares with the byte at `at` of the network header.
    fn matches(self, f: &Flight, at: usize) -> Matched {
        let Some(ttl) = f.skb.network_header().get(at) else { return Matched::No };
        let matched = match self.compare {
            Compare::Equal => *ttl == self.limit,
            Compare::Unequal => *ttl != self.limit,
            Compare::Less => *ttl < self.limit,
            Compare::Greater => *ttl > self.limit,
        };
        matched.into()
    }
}

/// The options of one of both, which begin alike. `!` may stand before the short one all the same: the first option
/// of what both are decides.
const fn options<const N: usize>(
    names: [&'static str; N],
    alone: &'static [&'static str],
) -> [Opt; N] {
    let mut options = [Opt::new("", Kind::U8(0, u8::MAX)).excluding(alone); N];
    let mut at = 0;
    while at < N {
        options[at].name = names[at];
        options[at].invert = at > GREATER;
        if at > GREATER + 1 {
            options[at].alias_of = Some(names[GREATER + 1]);
        }
        at += 1;
    }
    options
}

impl Extension for Ttl {
    const NAME: &'static str = "ttl";
    const OPTIONS: &'static [Opt] =
        &options(["ttl-lt", "ttl-gt", "ttl-eq", "ttl"], &["ttl-eq", "ttl-lt", "ttl-gt"]);
    const HELP: &'static str = include_str!("help/ttl.txt");
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet];

    fn new(_: AddressFamily) -> Self {
        Self(Asked::NOTHING)
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.0 = Asked::read(given);
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
        self.0.save("ttl", out);
    }

    fn print(&self, _: Style, out: &mut String) {
        self.0.print("TTL", out);
    }
}

impl MatchExtension for Ttl {
    fn matches(&self, _: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        self.0.matches(f, 8)
    }
}

impl Extension for Hl {
    const NAME: &'static str = "hl";
    const OPTIONS: &'static [Opt] =
        &options(["hl-lt", "hl-gt", "hl-eq", "hl"], &["hl-eq", "hl-lt", "hl-gt"]);
    const HELP: &'static str = include_str!("help/hl.txt");
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet6];

    fn new(_: AddressFamily) -> Self {
        Self(Asked::NOTHING)
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.0 = Asked::read(given);
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter(
                "HL match: You must specify one of `--hl-eq', `--hl-lt', `--hl-gt'",
            ));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        self.0.save("hl", out);
    }

    fn print(&self, _: Style, out: &mut String) {
        self.0.print("HL", out);
    }
}

impl MatchExtension for Hl {
    fn matches(&self, _: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        self.0.matches(f, 7)
    }
}
