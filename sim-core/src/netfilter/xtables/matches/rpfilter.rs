//! `rpfilter`: whether an answer would leave by the device that a packet came by (`libxt_rpfilter`, `ipt_rpfilter`).

use std::net::Ipv4Addr;

use crate::family::{AddressFamily, V4};
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::xtables::extension::{Context, Extension, Given, Kind, Opt, Problem, Style};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::packet::PacketType;
use crate::route::fib::{Linkstate, lookup};
use crate::route::{FlowKey, RouteType};

/// How the way back is looked up, and what is made of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rpfilter {
    /// Whether each option was given, by their order.
    options: [bool; 4],
}

/// The way back may leave by whatever device.
const LOOSE: usize = 0;
/// The packet's mark counts.
const VALIDMARK: usize = 1;
/// The source may be an address of this host.
const ACCEPT_LOCAL: usize = 2;
/// Packets without a way back are meant.
const INVERT: usize = 3;

impl Rpfilter {
    fn write(&self, prefix: &str, out: &mut String) {
        for (opt, _) in Self::OPTIONS.iter().zip(self.options).filter(|(_, given)| *given) {
            out.push(' ');
            out.push_str(prefix);
            out.push_str(opt.name);
        }
    }

    fn has_way_back(&self, k: &Kernel, f: &Flight, seen: &Seen) -> bool {
        let header = f.skb.network_header();
        let addr = |at: usize| {
            let octets = header.get(at..).and_then(<[u8]>::first_chunk::<4>);
            octets.map_or(Ipv4Addr::UNSPECIFIED, |octets| Ipv4Addr::from(*octets))
        };
        let (src, dst) = (addr(12), addr(16));
        let for_all = dst.is_broadcast() || dst.octets()[..3] == [224, 0, 0];
        if src.is_unspecified() && for_all {
            return true;
        }
        // Groups and broadcasts are no sources of an answer.
        let from =
            if dst.is_multicast() || dst.is_broadcast() { Ipv4Addr::UNSPECIFIED } else { dst };
        let back = FlowKey::<V4> {
            src: from,
            mark: if self.options[VALIDMARK] { f.skb.meta.mark } else { 0 },
            tos: header.get(1).copied().unwrap_or(0),
            ..FlowKey::to(src)
        };
        let Ok(found) = lookup::<V4>(k, f.netns, &back, Linkstate::Ignored) else { return false };
        let kind_is_right = match found.alias.kind {
            RouteType::Unicast => true,
            RouteType::Local => self.options[ACCEPT_LOCAL],
            RouteType::Broadcast
            | RouteType::Anycast
            | RouteType::Multicast
            | RouteType::Blackhole
            | RouteType::Unreachable
            | RouteType::Prohibit
            | RouteType::Throw => false,
        };
        kind_is_right
            && (self.options[LOOSE] || seen.iif.is_some_and(|dev| found.alias.info.uses(dev)))
    }
}

impl Extension for Rpfilter {
    const NAME: &'static str = "rpfilter";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("loose", Kind::None),
        Opt::new("validmark", Kind::None),
        Opt::new("accept-local", Kind::None),
        Opt::new("invert", Kind::None),
    ];
    const HELP: &'static str = include_str!("help/rpfilter.txt");

    fn new(_: AddressFamily) -> Self {
        Self::default()
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        if let Some(option) = self.options.get_mut(given.index) {
            *option = true;
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        self.write("--", out);
    }

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(" rpfilter");
        self.write("", out);
    }
}

impl MatchExtension for Rpfilter {
    const TABLES: &'static [TableName] = &[TableName::Mangle, TableName::Raw];
    const HOOKS: &'static [Hook] = &[Hook::PreRouting];

    fn matches(&self, k: &mut Kernel, f: &Flight, seen: &Seen, _: &mut MatchState) -> Matched {
        let own =
            f.skb.meta.pkt_type == PacketType::Loopback || seen.iif == Some(k.netns[f.netns].lo);
        let is_right = own || self.has_way_back(k, f, seen);
        (is_right != self.options[INVERT]).into()
    }
}
