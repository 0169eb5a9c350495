//! `TCPMSS`: lowers the segment size that a SYN announces (`libxt_TCPMSS`, `xt_TCPMSS`).

use std::fmt::Write as _;

use crate::errno::Errno;
use crate::family::{AddressFamily, V4};
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::matches::Match;
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::table::Variant;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState, u32_of};
use crate::packet::rewrite::{insert_tcp_mss, set_tcp_mss, tcp_mss};
use crate::packet::tcp::{TCP_HLEN, TCP_HLEN_MAX};
use crate::packet::{IpProto, Ipv4};
use crate::route::exception::ipv4_mtu;
use crate::route::{self, FlowKey};
use crate::trace::{DropReason, Observer};

/// The headers that the path MTU has to hold beside the data, in bytes.
const HEADERS: u16 = 20 + 20;
/// The segment size of those who announce none (RFC 1122, section 4.2.2.6), which is not raised either.
const DEFAULT_MSS: u16 = 536;

/// What the segment size may be at most, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    /// This.
    Fixed(u16),
    /// What fits the way to the receiver and the one back to the sender.
    PathMtu,
}

/// The options, where segments of more than `max` bytes fit no packet.
const fn options(max: u16) -> [Opt; 2] {
    [Opt::new("set-mss", Kind::U16(0, max)), Opt::new("clamp-mss-to-pmtu", Kind::None)]
}

impl Limit {
    /// What one option says.
    fn read(given: &Given<'_>) -> Self {
        match given.name {
            "set-mss" => Self::Fixed(u16::try_from(u32_of(given)).unwrap_or(u16::MAX)),
            _ => Self::PathMtu,
        }
    }

    /// Refuses a rule without options.
    fn check(seen: u64) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter("TCPMSS target: At least one parameter is required"));
        }
        Ok(())
    }

    /// Writes the option that sets it.
    fn save(self, out: &mut String) {
        match self {
            Self::Fixed(mss) => write!(out, " --set-mss {mss}").expect("a string takes all"),
            Self::PathMtu => out.push_str(" --clamp-mss-to-pmtu"),
        }
    }

    /// Writes what `-L` shows.
    fn print(self, out: &mut String) {
        match self {
            Self::Fixed(mss) => write!(out, " TCPMSS set {mss}").expect("a string takes all"),
            Self::PathMtu => out.push_str(" TCPMSS clamp to PMTU"),
        }
    }

    /// Judges where it is loaded.
    fn admit(self, place: &Place<'_>) -> Result<(), Errno> {
        const ROUTED: &[Hook] = &[Hook::Forward, Hook::Output, Hook::PostRouting];
        let is_routed = place.hooks.iter().all(|hook| ROUTED.contains(hook));
        // `nft_compat` does not know the other conditions of a rule.
        let for_syn = place.variant == Variant::Nft
            || place.matches.iter().any(|m| matches!(m, Match::Tcp(tcp) if tcp.asks_for_syn()));
        let known = self != Self::PathMtu || is_routed;
        if known && for_syn { Ok(()) } else { Err(Errno::EINVAL) }
    }
}

/// The limit for packets of IPv6, if `SIX`, else of IPv4.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentSize<const SIX: bool>(Limit);

/// The limit for packets of IPv4.
pub type Tcpmss = SegmentSize<false>;

/// The limit for packets of IPv6.
pub type Tcpmss6 = SegmentSize<true>;

impl<const SIX: bool> SegmentSize<SIX> {
    /// The header of IP, in bytes, which no segment may push out of a packet.
    const IP_HEADER: u16 = if SIX { 40 } else { 20 };
}

impl<const SIX: bool> Extension for SegmentSize<SIX> {
    const NAME: &'static str = "TCPMSS";
    const OPTIONS: &'static [Opt] = &options(u16::MAX - Self::IP_HEADER);
    const HELP: &'static str =
        if SIX { include_str!("help/tcpmss6.txt") } else { include_str!("help/tcpmss.txt") };
    const FAMILIES: &'static [AddressFamily] =
        if SIX { &[AddressFamily::Inet6] } else { &[AddressFamily::Inet] };

    fn new(_: AddressFamily) -> Self {
        Self(Limit::Fixed(0))
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.0 = Limit::read(given);
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        Limit::check(seen)
    }

    fn save(&self, _: Style, out: &mut String) {
        self.0.save(out);
    }

    fn print(&self, _: Style, out: &mut String) {
        self.0.print(out);
    }
}

impl<const SIX: bool> SegmentSize<SIX> {
    /// The largest segment size for this packet; `None` if not even headers fit.
    fn limit(&self, k: &mut Kernel, f: &Flight, ip: &Ipv4<'_>) -> Option<u16> {
        match self.0 {
            Limit::Fixed(mss) => Some(mss),
            Limit::PathMtu => {
                let there = ipv4_mtu(k, &f.dst?);
                let back = route::output(k, f.netns, &FlowKey::<V4>::to(ip.src()));
                let back = back.map_or(u32::MAX, |way| ipv4_mtu(k, &way.dst));
                let mtu = u16::try_from(there.min(back)).unwrap_or(u16::MAX);
                mtu.checked_sub(HEADERS).filter(|mss| *mss > 0)
            }
        }
    }
}

impl<const SIX: bool> TargetExtension for SegmentSize<SIX> {
    const PROTO: Option<IpProto> = Some(IpProto::TCP);

    fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
        self.0.admit(place)
    }

    /// Only IPv4 packets meet rules.
    fn apply<O: Observer>(
        &self,
        k: &mut Kernel,
        f: &mut Flight,
        seen: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        const MALFORMED: Sentence = Sentence::Drop(DropReason::NetfilterDrop);
        if seen.frag_off != 0 {
            return Sentence::Continue;
        }
        let Ok(ip) = Ipv4::parse(f.skb.network_header()) else { return MALFORMED };
        let segment = ip.payload();
        let header_len = segment.get(12).map_or(0, |word| usize::from(word >> 4) * 4);
        if !(TCP_HLEN..=segment.len()).contains(&header_len) {
            return MALFORMED;
        }
        let Some(limit) = self.limit(k, f, &ip) else { return MALFORMED };
        match tcp_mss(f.skb.network_header()) {
            Some(announced) if announced > limit => {
                set_tcp_mss(f.skb.network_header_mut(), limit);
            }
            Some(_) => {}
            // Data would have to move, and the packet might become too long.
            None if segment.len() == header_len && header_len < TCP_HLEN_MAX => {
                insert_tcp_mss(&mut f.skb, limit.min(DEFAULT_MSS));
            }
            None => {}
        }
        Sentence::Continue
    }
}
