//! `dscp`: the code point of the packet's differentiated service (`libxt_dscp`, `xt_dscp`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::dsfield;
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;

/// A code point.
#[derive(Clone, Debug, PartialEq)]
pub struct Dscp {
    code: u8,
    invert: bool,
}

const CODE: usize = 0;

impl Extension for Dscp {
    const NAME: &'static str = "dscp";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("dscp", Kind::U8(0, 63)).invertible().excluding(&["dscp-class"]),
        Opt::new("dscp-class", Kind::Text(0, 0)).invertible().excluding(&["dscp"]),
    ];
    const HELP: &'static str = include_str!("help/dscp.txt");

    fn new(_: AddressFamily) -> Self {
        Self { code: 0, invert: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.code = match given.index {
            CODE => u8::try_from(given.value.number()).unwrap_or(u8::MAX),
            _ => dsfield::read_class(given.word)?,
        };
        self.invert |= given.invert;
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter("DSCP match: Parameter --dscp is required"));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        let not = if self.invert { " !" } else { "" };
        write!(out, "{not} --dscp 0x{:02x}", self.code).expect("a string");
    }

    fn print(&self, _: Style, out: &mut String) {
        let not = if self.invert { "!" } else { "" };
        write!(out, " DSCP match {not}0x{:02x}", self.code).expect("a string");
    }
}

impl MatchExtension for Dscp {
    fn matches(&self, _: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let Some(tos) = f.skb.network_header().get(1) else { return Matched::No };
        ((tos >> 2 == self.code) != self.invert).into()
    }
}
