//! `NETMAP`: translates the network part of an address, and leaves the host's (`libipt_NETMAP`, `xt_NETMAP`).

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

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
use crate::packet::Ipv4;
use crate::trace::Observer;

/// The network that takes the place of the packet's.
#[derive(Clone, Debug, PartialEq)]
pub struct Netmap {
    /// Its address, the host's part cleared.
    net: u32,
    mask: u32,
}

impl Extension for Netmap {
    const NAME: &'static str = "NETMAP";
    const OPTIONS: &'static [Opt] = &[Opt::new("to", Kind::HostMask).mandatory()];
    const HELP: &'static str = include_str!("help/netmap.txt");
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet];

    fn new(_: AddressFamily) -> Self {
        Self { net: 0, mask: u32::MAX }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let Value::HostMask(IpAddr::V4(addr), IpAddr::V4(mask)) = given.value else {
            return Err(Problem::NotModelled("NETMAP for IPv6".to_owned()));
        };
        self.mask = mask.to_bits();
        self.net = addr.to_bits() & self.mask;
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
        let Self { net, mask } = *self;
        let net = Ipv4Addr::from_bits(net);
        let ones = mask.leading_ones();
        if ones == mask.count_ones() {
            write!(f, "{net}/{ones}")
        } else {
            write!(f, "{net}/{}", Ipv4Addr::from_bits(mask))
        }
    }
}

impl Netmap {
    /// What becomes of an address.
    pub(super) fn map(&self, addr: Ipv4Addr) -> Ipv4Addr {
        Ipv4Addr::from_bits(addr.to_bits() & !self.mask | self.net)
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
        let range = NatRange::of_addr(self.map(addr).into());
        nat::setup(k, f, &range, side)
    }
}
