//! `SNAT`: translates the source of a flow (`libxt_NAT`, `xt_nat`).

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::conntrack::Side;
use crate::netfilter::nat::{self, NatRange};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::nat::{Words, forget_base, read, write};
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::trace::Observer;

/// What the source is chosen from.
#[derive(Clone, Debug, PartialEq)]
pub struct Snat(NatRange);

impl Extension for Snat {
    const NAME: &'static str = "SNAT";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("to-source", Kind::Free).mandatory(),
        Opt::new("random", Kind::None),
        Opt::new("random-fully", Kind::None),
        Opt::new("persistent", Kind::None),
    ];
    const HELP: &'static str = include_str!("help/snat.txt");

    fn new(_: AddressFamily) -> Self {
        Self(NatRange::default())
    }

    fn parse(&mut self, given: &Given<'_>, cx: &Context<'_>) -> Result<(), Problem> {
        read(&mut self.0, given, cx)
    }

    fn check(&mut self, _: u64, _: &Context<'_>) -> Result<(), Problem> {
        forget_base(&mut self.0);
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        write(&self.0, Words { before: " --to-source ", flag: "--", ports_alone: false }, out);
    }

    fn print(&self, _: Style, out: &mut String) {
        write(&self.0, Words { before: " to:", flag: "", ports_alone: false }, out);
    }
}

impl TargetExtension for Snat {
    const TABLE: Option<TableName> = Some(TableName::Nat);
    const HOOKS: &'static [Hook] = &[Hook::PostRouting, Hook::Input];

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
        nat::setup(k, f, &self.0, Side::Src)
    }
}
