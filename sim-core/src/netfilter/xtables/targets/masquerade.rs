//! `MASQUERADE`: gives a flow an address of the device that it leaves by (`libxt_NAT`, `nf_nat_masquerade`).

use std::net::{IpAddr, Ipv4Addr};

use crate::family::AddressFamily;
use crate::id::DevId;
use crate::kernel::{Flight, Kernel};
use crate::link::inet::Scope;
use crate::netfilter::Hook;
use crate::netfilter::conntrack::{CtRef, Dir, Side};
use crate::netfilter::nat::{self, NatRange};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::nat::{Words, forget_base, read, write};
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::packet::Ipv4;
use crate::route;
use crate::trace::{DropReason, Observer};

/// What the source port is chosen from.
#[derive(Clone, Debug, PartialEq)]
pub struct Masquerade(pub(super) NatRange);

impl Extension for Masquerade {
    const NAME: &'static str = "MASQUERADE";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("to-ports", Kind::Free),
        Opt::new("random", Kind::None),
        Opt::new("random-fully", Kind::None),
    ];
    const HELP: &'static str = include_str!("help/masquerade.txt");

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
        write(&self.0, Words { before: " --to-ports ", flag: "--", ports_alone: true }, out);
    }

    fn print(&self, _: Style, out: &mut String) {
        write(&self.0, Words { before: " masq ports: ", flag: "", ports_alone: true }, out);
    }
}

/// Whose address a packet that leaves by `dev` gets: the one this host would send from to the next hop
/// (`inet_select_addr()`). What the route prefers (`src`) does not count.
pub(super) fn address(k: &Kernel, f: &Flight, dev: DevId) -> Option<Ipv4Addr> {
    let next_hop = match f.dst.and_then(|dst| dst.gateway) {
        Some(IpAddr::V4(router)) => router,
        Some(IpAddr::V6(_)) | None => Ipv4::parse(f.skb.network_header()).ok()?.dst(),
    };
    route::select_source(k, dev, next_hop, Scope::UNIVERSE)
}

impl TargetExtension for Masquerade {
    const TABLE: Option<TableName> = Some(TableName::Nat);
    const HOOKS: &'static [Hook] = &[Hook::PostRouting];

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
        let CtRef::Tracked(id, _) = f.ct else { return Sentence::Accept };
        let Some(dev) = seen.oif else { return Sentence::Accept };
        let conns = &k.netns[f.netns].nf.conntrack.conns;
        let source = conns.get(id).map(|conn| conn.tuple(Dir::Original).src.addr);
        // Who has no address yet asks for one, and has to be known by the answer.
        if source.is_none_or(|source| source.is_unspecified()) {
            return Sentence::Accept;
        }
        let Some(addr) = address(k, f, dev) else {
            return Sentence::Drop(DropReason::NetfilterDrop);
        };
        if let Some(conn) = k.netns[f.netns].nf.conntrack.conns.get_mut(id) {
            conn.masquerade = Some(dev);
        }
        let addr = IpAddr::V4(addr);
        nat::setup(k, f, &NatRange { addrs: Some((addr, addr)), ..self.0 }, Side::Src)
    }
}
