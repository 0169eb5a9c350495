//! `length`: the length of the packet (`libxt_length`, `xt_length`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;

/// From one length in bytes to the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Length {
    min: u16,
    max: u16,
    invert: bool,
}

impl Length {
    fn range(&self) -> String {
        let Self { min, max, .. } = self;
        if min == max { min.to_string() } else { format!("{min}:{max}") }
    }
}

impl Extension for Length {
    const NAME: &'static str = "length";
    const OPTIONS: &'static [Opt] = &[Opt::new("length", Kind::U16Range).mandatory().invertible()];
    const HELP: &'static str = include_str!("help/length.txt");

    fn new(_: AddressFamily) -> Self {
        Self { min: 0, max: 0, invert: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let cut = |n: u64| u16::try_from(n).unwrap_or(u16::MAX);
        let (min, max) = given.value.range();
        *self = Self { min: cut(min), max: cut(max), invert: given.invert };
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        let not = if self.invert { " !" } else { "" };
        write!(out, "{not} --length {}", self.range()).expect("a string");
    }

    fn print(&self, _: Style, out: &mut String) {
        let not = if self.invert { "!" } else { "" };
        write!(out, " length {not}{}", self.range()).expect("a string");
    }
}

impl MatchExtension for Length {
    fn matches(&self, _: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let len = f.skb.network_header().len();
        let in_range = (usize::from(self.min)..=usize::from(self.max)).contains(&len);
        (in_range != self.invert).into()
    }
}
