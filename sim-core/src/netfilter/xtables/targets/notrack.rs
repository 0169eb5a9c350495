//! `NOTRACK`: keeps the packet from connection tracking; another name of `CT --notrack` (`libxt_CT` revision 2).

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::conntrack::CtRef;
use crate::netfilter::xtables::extension::{Context, Extension, Given, Opt, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::ct::assign;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::trace::Observer;

/// Nothing is to be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Notrack;

impl Extension for Notrack {
    const NAME: &'static str = "NOTRACK";
    const OPTIONS: &'static [Opt] = &[];
    const HELP: &'static str = include_str!("help/notrack.txt");

    fn new(_: AddressFamily) -> Self {
        Self
    }

    fn parse(&mut self, _: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        Ok(())
    }

    fn save(&self, _: Style, _: &mut String) {}

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(" NOTRACK");
    }
}

impl TargetExtension for Notrack {
    const TABLE: Option<TableName> = Some(TableName::Raw);
    const LISTED: &'static str = "CT";

    fn apply<O: Observer>(
        &self,
        _: &mut Kernel,
        f: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        assign(f, CtRef::Untracked)
    }
}
