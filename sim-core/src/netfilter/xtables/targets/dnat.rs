//! `DNAT`: translates the destination of a flow (`libxt_NAT` revision 2, `xt_nat`).

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::conntrack::Side;
use crate::netfilter::nat::{self, NatRange};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::nat::{Words, read, write};
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::trace::Observer;

/// What the destination is chosen from.
#[derive(Clone, Debug, PartialEq)]
pub struct Dnat(NatRange);

impl Extension for Dnat {
    const NAME: &'static str = "DNAT";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("to-destination", Kind::Free).mandatory(),
        Opt::new("random", Kind::None),
        Opt::new("persistent", Kind::None),
    ];
    const HELP: &'static str = include_str!("help/dnat.txt");

    fn new(_: AddressFamily) -> Self {
        Self(NatRange::default())
    }

    fn parse(&mut self, given: &Given<'_>, cx: &Context<'_>) -> Result<(), Problem> {
        read(&mut self.0, given, cx)
    }

    fn save(&self, _: Style, out: &mut String) {
        write(&self.0, Words { before: " --to-destination ", flag: "--", ports_alone: false }, out);
    }

    fn print(&self, _: Style, out: &mut String) {
        write(&self.0, Words { before: " to:", flag: "", ports_alone: false }, out);
    }
}

impl TargetExtension for Dnat {
    const TABLE: Option<TableName> = Some(TableName::Nat);
    const HOOKS: &'static [Hook] = &[Hook::PreRouting, Hook::Output];

    fn needs_conntrack(&self) -> bool {
        true
    }

    fn apply<O: Observer>(
        &self,
        k: &mut Kernel,
        f: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        nat::setup(k, f, &self.0, Side::Dst)
    }
}
