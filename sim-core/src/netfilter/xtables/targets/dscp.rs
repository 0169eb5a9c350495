//! `DSCP`: sets the code point of the differentiated service (`libxt_DSCP`, `xt_DSCP`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::dsfield;
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::trace::Observer;

/// The code point.
#[derive(Clone, Debug, PartialEq)]
pub struct Dscp(u8);

const CODE: usize = 0;

/// The bits of the type of service that tell of congestion, and stay.
const CONGESTION: u8 = 3;

impl Extension for Dscp {
    const NAME: &'static str = "DSCP";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("set-dscp", Kind::U8(0, 63)).excluding(&["set-dscp-class"]),
        Opt::new("set-dscp-class", Kind::Text(0, 0)).excluding(&["set-dscp"]),
    ];
    const HELP: &'static str = include_str!("help/dscp.txt");

    fn new(_: AddressFamily) -> Self {
        Self(0)
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.0 = match given.index {
            CODE => u8::try_from(given.value.number()).unwrap_or(u8::MAX),
            _ => dsfield::read_class(given.word)?,
        };
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter("DSCP target: Parameter --set-dscp is required"));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        write!(out, " --set-dscp 0x{:02x}", self.0).expect("a string takes everything");
    }

    fn print(&self, _: Style, out: &mut String) {
        write!(out, " DSCP set 0x{:02x}", self.0).expect("a string takes everything");
    }
}

impl TargetExtension for Dscp {
    const TABLE: Option<TableName> = Some(TableName::Mangle);

    fn apply<O: Observer>(
        &self,
        _: &mut Kernel,
        f: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        dsfield::change(f, self.0 << 2, !CONGESTION)
    }
}
