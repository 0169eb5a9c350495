//! `REDIRECT`: sends a flow to this host itself (`libxt_NAT`, `nf_nat_redirect`).

use std::net::{IpAddr, Ipv4Addr};

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::conntrack::Side;
use crate::netfilter::nat::{self, NatRange};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::nat::{Words, read, refuse_base, write};
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::trace::{DropReason, Observer};

/// What the destination port is chosen from.
#[derive(Clone, Debug, PartialEq)]
pub struct Redirect(NatRange);

impl Extension for Redirect {
    const NAME: &'static str = "REDIRECT";
    const OPTIONS: &'static [Opt] =
        &[Opt::new("to-ports", Kind::Free), Opt::new("random", Kind::None)];
    const HELP: &'static str = include_str!("help/redirect.txt");

    fn new(_: AddressFamily) -> Self {
        Self(NatRange::default())
    }

    fn parse(&mut self, given: &Given<'_>, cx: &Context<'_>) -> Result<(), Problem> {
        read(&mut self.0, given, cx)
    }

    fn check(&mut self, _: u64, _: &Context<'_>) -> Result<(), Problem> {
        refuse_base(&self.0)
    }

    fn save(&self, _: Style, out: &mut String) {
        write(&self.0, Words { before: " --to-ports ", flag: "--", ports_alone: true }, out);
    }

    fn print(&self, _: Style, out: &mut String) {
        write(&self.0, Words { before: " redir ports ", flag: "", ports_alone: true }, out);
    }
}

/// The address of this host that a packet goes to: of the loopback device if it was made here, else the first one
/// of the device that it came in by.
pub(super) fn address(k: &Kernel, seen: &Seen) -> Option<Ipv4Addr> {
    if seen.hook == Hook::Output {
        return Some(Ipv4Addr::LOCALHOST);
    }
    let first = k.devs.get(seen.iif?)?.inet.addrs.first()?;
    Some(first.local)
}

impl TargetExtension for Redirect {
    const TABLE: Option<TableName> = Some(TableName::Nat);
    const HOOKS: &'static [Hook] = &[Hook::PreRouting, Hook::Output];

    fn needs_conntrack(&self) -> bool {
        true
    }

    fn apply<O: Observer>(
        &self,
        k: &mut Kernel,
        f: &mut Flight,
        seen: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        let Some(addr) = address(k, seen) else {
            return Sentence::Drop(DropReason::NetfilterDrop);
        };
        let addr = IpAddr::V4(addr);
        nat::setup(k, f, &NatRange { addrs: Some((addr, addr)), ..self.0 }, Side::Dst)
    }
}
