//! `TRACE`: from now on, tables tell what they do with the packet (`libxt_TRACE`, `xt_TRACE`, `nft_meta`).

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Opt, Place, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::table::Variant;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::trace::Observer;

/// Nothing is to be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace;

impl Extension for Trace {
    const NAME: &'static str = "TRACE";
    const OPTIONS: &'static [Opt] = &[];
    const HELP: &'static str = include_str!("help/trace.txt");

    fn new(_: AddressFamily) -> Self {
        Self
    }

    fn parse(&mut self, _: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        Ok(())
    }

    fn save(&self, _: Style, _: &mut String) {}

    fn print(&self, _: Style, _: &mut String) {}
}

impl TargetExtension for Trace {
    /// `iptables-nft` writes an expression of `nf_tables` instead, which may stand anywhere.
    fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
        let anywhere = place.variant == Variant::Nft;
        if anywhere || place.table == TableName::Raw { Ok(()) } else { Err(Errno::EINVAL) }
    }

    fn apply<O: Observer>(
        &self,
        _: &mut Kernel,
        f: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        f.skb.meta.nf_trace = true;
        Sentence::Continue
    }
}
