//! `NETMAP`: translates the network part of an address, and leaves the host's (`libipt_NETMAP`,
//! `libip6t_NETMAP`, `xt_NETMAP`).

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::conntrack::Side;
use crate::netfilter::nat::{self, NatRange};
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Problem, Style, Value,
};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::netfilter::xtables::value::{mask_len, mask_of, masked};
use crate::packet::Ipv4;
use crate::trace::Observer;

/// The network that takes the place of the packet's.
#[derive(Clone, Debug, PartialEq)]
pub struct Netmap {
    /// Its address, the host's part cleared.
    net: IpAddr,
    mask: IpAddr,
}

impl Extension for Netmap {
    const NAME: &'static str = "NETMAP";
    const OPTIONS: &'static [Opt] = &[Opt::new("to", Kind::HostMask).mandatory()];
    const HELP: &'static str = include_str!("help/netmap.txt");

    fn new(family: AddressFamily) -> Self {
        Self { net: mask_of(0, family), mask: mask_of(u8::MAX, family) }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        if let Value::HostMask(addr, mask) = given.value {
            *self = Self { net: masked(addr, mask), mask };
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        write!(out, " --to {self}").expect("a string takes everything");
    }

    fn print(&self, _: Style, out: &mut String) {
        write!(out, " to:{self}").expect("a string takes everything");
    }
}

/// The network with its length, or with its mask if that has holes.
impl std::fmt::Display for Netmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { net, mask } = self;
        match mask_len(*mask) {
            Some(len) => write!(f, "{net}/{len}"),
            None => write!(f, "{net}/{mask}"),
        }
    }
}

impl Netmap {
    /// What becomes of an address.
    pub(super) fn map(&self, addr: IpAddr) -> IpAddr {
        match (addr, self.net, self.mask) {
            (IpAddr::V4(addr), IpAddr::V4(net), IpAddr::V4(mask)) => (addr & !mask | net).into(),
            (IpAddr::V6(addr), IpAddr::V6(net), IpAddr::V6(mask)) => (addr & !mask | net).into(),
            // No packet of one family meets a rule of the other.
            _ => addr,
        }
    }
}

impl TargetExtension for Netmap {
    const TABLE: Option<TableName> = Some(TableName::Nat);
    const HOOKS: &'static [Hook] =
        &[Hook::PreRouting, Hook::PostRouting, Hook::Output, Hook::Input];

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
        let Ok(ip) = Ipv4::parse(f.skb.network_header()) else { return Sentence::Accept };
        let side = nat::side_of(seen.hook);
        let addr = match side {
            Side::Src => ip.src(),
            Side::Dst => ip.dst(),
        };
        let range = NatRange::of_addr(self.map(addr.into()));
        nat::setup(k, f, &range, side)
    }
}
