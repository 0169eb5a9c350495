//! `TTL`: changes the time to live (`libipt_TTL`, `xt_HL`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::packet::rewrite::set_ttl;
use crate::trace::Observer;

/// What becomes of the time to live.
#[derive(Clone, Debug, PartialEq)]
pub struct Ttl {
    change: Change,
    by: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Set,
    /// It never becomes less than 0.
    Decrement,
    /// It never becomes more than 255.
    Increment,
}

// In the order of their numbers.
const ALONE: &[&str] = &["ttl-set", "ttl-inc", "ttl-dec"];

const SET: usize = 0;
const DECREMENT: usize = 1;

impl Extension for Ttl {
    const NAME: &'static str = "TTL";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("ttl-set", Kind::U8(0, u8::MAX)).excluding(ALONE),
        Opt::new("ttl-dec", Kind::U8(1, u8::MAX)).excluding(ALONE),
        Opt::new("ttl-inc", Kind::U8(1, u8::MAX)).excluding(ALONE),
    ];
    const HELP: &'static str = include_str!("help/ttl.txt");
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet];

    fn new(_: AddressFamily) -> Self {
        Self { change: Change::Set, by: 0 }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.by = u8::try_from(given.value.number()).unwrap_or(u8::MAX);
        self.change = match given.index {
            SET => Change::Set,
            DECREMENT => Change::Decrement,
            _ => Change::Increment,
        };
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter("TTL: You must specify an action"));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        let option = match self.change {
            Change::Set => "set",
            Change::Decrement => "dec",
            Change::Increment => "inc",
        };
        write!(out, " --ttl-{option} {}", self.by).expect("a string takes everything");
    }

    fn print(&self, _: Style, out: &mut String) {
        let words = match self.change {
            Change::Set => "set to",
            Change::Decrement => "decrement by",
            Change::Increment => "increment by",
        };
        write!(out, " TTL {words} {}", self.by).expect("a string takes everything");
    }
}

impl TargetExtension for Ttl {
    const TABLE: Option<TableName> = Some(TableName::Mangle);

    fn apply<O: Observer>(
        &self,
        _: &mut Kernel,
        f: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        let Some(ttl) = f.skb.network_header().get(8).copied() else { return Sentence::Continue };
        let changed = match self.change {
            Change::Set => self.by,
            Change::Decrement => ttl.saturating_sub(self.by),
            Change::Increment => ttl.saturating_add(self.by),
        };
        if changed != ttl {
            set_ttl(f.skb.network_header_mut(), changed);
        }
        Sentence::Continue
    }
}
