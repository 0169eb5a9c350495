//! `TTL` and `HL`: change the time to live, which IPv6 calls hop limit (`libipt_TTL`, `libip6t_HL`, `xt_HL`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::packet::rewrite::set_ttl;
use crate::trace::Observer;

/// What becomes of the number of hops that are left.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Change {
    way: Way,
    by: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Set,
    /// It never becomes less than 0.
    Decrement,
    /// It never becomes more than 255.
    Increment,
}

const SET: usize = 0;
const DECREMENT: usize = 1;

/// The options by their names: to set, to decrement and to increment, which stand alone.
const fn options(names: [&'static str; 3], alone: &'static [&'static str]) -> [Opt; 3] {
    let [set, decrement, increment] = names;
    [
        Opt::new(set, Kind::U8(0, u8::MAX)).excluding(alone),
        Opt::new(decrement, Kind::U8(1, u8::MAX)).excluding(alone),
        Opt::new(increment, Kind::U8(1, u8::MAX)).excluding(alone),
    ]
}

impl Change {
    const NOTHING: Self = Self { way: Way::Set, by: 0 };

    fn read(given: &Given<'_>) -> Self {
        let way = match given.index {
            SET => Way::Set,
            DECREMENT => Way::Decrement,
            _ => Way::Increment,
        };
        Self { way, by: u8::try_from(given.value.number()).unwrap_or(u8::MAX) }
    }

    fn save(self, prefix: &str, out: &mut String) {
        let option = match self.way {
            Way::Set => "set",
            Way::Decrement => "dec",
            Way::Increment => "inc",
        };
        write!(out, " --{prefix}-{option} {}", self.by).expect("a string takes everything");
    }

    fn print(self, name: &str, out: &mut String) {
        let words = match self.way {
            Way::Set => "set to",
            Way::Decrement => "decrement by",
            Way::Increment => "increment by",
        };
        write!(out, " {name} {words} {}", self.by).expect("a string takes everything");
    }

    fn of(self, hops: u8) -> u8 {
        match self.way {
            Way::Set => self.by,
            Way::Decrement => hops.saturating_sub(self.by),
            Way::Increment => hops.saturating_add(self.by),
        }
    }
}

/// The change of a packet: of IPv6, if `SIX`, else of IPv4.
#[derive(Clone, Debug, PartialEq)]
pub struct Hops<const SIX: bool>(Change);

/// The change of an IPv4 packet.
pub type Ttl = Hops<false>;

/// The change of an IPv6 packet.
pub type Hl = Hops<true>;

impl<const SIX: bool> Hops<SIX> {
    /// What the names of its options start with.
    const PREFIX: &'static str = if SIX { "hl" } else { "ttl" };
}

impl<const SIX: bool> Extension for Hops<SIX> {
    const NAME: &'static str = if SIX { "HL" } else { "TTL" };
    // What excludes an option is looked at in the order of the numbers that the extension gives its options.
    const OPTIONS: &'static [Opt] = if SIX {
        &options(["hl-set", "hl-dec", "hl-inc"], &["hl-set", "hl-inc", "hl-dec"])
    } else {
        &options(["ttl-set", "ttl-dec", "ttl-inc"], &["ttl-set", "ttl-inc", "ttl-dec"])
    };
    const HELP: &'static str =
        if SIX { include_str!("help/hl.txt") } else { include_str!("help/ttl.txt") };
    const FAMILIES: &'static [AddressFamily] =
        if SIX { &[AddressFamily::Inet6] } else { &[AddressFamily::Inet] };

    fn new(_: AddressFamily) -> Self {
        Self(Change::NOTHING)
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.0 = Change::read(given);
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::Parameter(format!("{}: You must specify an action", Self::NAME)));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        self.0.save(Self::PREFIX, out);
    }

    fn print(&self, _: Style, out: &mut String) {
        self.0.print(Self::NAME, out);
    }
}

impl<const SIX: bool> TargetExtension for Hops<SIX> {
    const TABLE: Option<TableName> = Some(TableName::Mangle);

    /// Only IPv4 packets meet rules.
    fn apply<O: Observer>(
        &self,
        _: &mut Kernel,
        f: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        let Some(ttl) = f.skb.network_header().get(8).copied() else { return Sentence::Continue };
        let changed = self.0.of(ttl);
        if changed != ttl {
            set_ttl(f.skb.network_header_mut(), changed);
        }
        Sentence::Continue
    }
}
