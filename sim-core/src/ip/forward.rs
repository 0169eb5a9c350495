//! Forwarding (`net/ipv4/ip_forward.c`).

use std::net::{IpAddr, Ipv4Addr};

use crate::ip::input::jiffies;
use crate::ip::output::{Mtu, mtu};
use crate::ip::{icmp, options};
use crate::kernel::{Flight, Kernel};
use crate::link::inet::ConfKey;
use crate::netns::mib::IpMib;
use crate::netns::stack::{self, Decision};
use crate::packet::build::IcmpParams;
use crate::packet::icmp::{redirect, time_exceeded, unreach};
use crate::packet::ipv4::{IPV4_HLEN, Ipv4};
use crate::packet::rewrite::ip_decrease_ttl;
use crate::packet::{IcmpType, PacketType, Skb};
use crate::route::Dst;
use crate::sysctl::table::Sysctl;
use crate::trace::{DropReason, Event, Observer};

/// Checks TTL and size, takes one off the TTL, and tells the sender of a shorter way
/// (`ip_forward()`).
pub fn forward<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<()> {
    if f.skb.meta.pkt_type != PacketType::Host {
        return Err(DropReason::NotSpecified);
    }
    let Some(dst) = f.dst else { return Err(DropReason::NotSpecified) };
    let Ok(ip) = Ipv4::parse(f.skb.network_header()) else { return Err(DropReason::IpInHdr) };
    let (ttl, df) = (ip.ttl(), ip.df());
    let mib = &mut k.netns[f.netns].mib.ip;
    if ttl <= 1 {
        mib.inc(IpMib::InHdrErrors);
        let late = IcmpParams::error(IcmpType::TIME_EXCEEDED, time_exceeded::TTL, 0);
        icmp::send(k, f, late, o);
        return Err(DropReason::IpInHdr);
    }
    if f.cb.opt.is_strictroute && dst.gateway.is_some() {
        let failed = IcmpParams::error(IcmpType::DEST_UNREACH, unreach::SOURCE_ROUTE, 0);
        icmp::send(k, f, failed, o);
        return Err(DropReason::NotSpecified);
    }
    mib.inc(IpMib::ForwDatagrams);
    f.cb.forwarded = true;
    let mtu = mtu(k, &dst, Mtu::Route);
    if exceeds_mtu(f, df, mtu) {
        k.netns[f.netns].mib.ip.inc(IpMib::FragFails);
        let info = u32::try_from(mtu).unwrap_or(u32::MAX);
        let needed = IcmpParams::error(IcmpType::DEST_UNREACH, unreach::FRAG_NEEDED, info);
        icmp::send(k, f, needed, o);
        return Err(DropReason::PktTooBig);
    }
    decrease_ttl(k, f, o);
    if f.cb.do_redirect && f.cb.opt.srr.is_none() {
        send_redirect(k, f, dst, o);
    }
    if k.netns[f.netns].sysctl.get(Sysctl::IpForwardUpdatePriority) != 0 {
        f.skb.meta.priority = tos_priority(f.skb.network_header().get(1).copied().unwrap_or(0));
    }
    Ok(())
}

/// Whether the packet is too long for the next link and must not be cut (`ip_exceeds_mtu()`).
fn exceeds_mtu(f: &Flight, df: bool, mtu: usize) -> bool {
    if f.skb.len() <= mtu || !df {
        return false;
    }
    // A reassembled packet is judged by its largest piece.
    usize::from(f.cb.frag_max_size) > mtu || !f.cb.ignore_df
}

fn decrease_ttl<O: Observer>(k: &Kernel, f: &mut Flight, o: &mut O) {
    let mut before = [0; IPV4_HLEN];
    if O::ENABLED
        && let Some(header) = f.skb.network_header().first_chunk::<IPV4_HLEN>()
    {
        before = *header;
    }
    ip_decrease_ttl(f.skb.network_header_mut());
    stack::emit(k, f, o, |f| Event::Rewritten {
        what: "ttl",
        before: &before,
        after: f.skb.network_header().get(..IPV4_HLEN).unwrap_or_default(),
    });
}

/// Tells the sender that the next hop is on its own link (`ip_rt_send_redirect()`). It is told less
/// and less often.
fn send_redirect<O: Observer>(k: &mut Kernel, f: &Flight, dst: Dst, o: &mut O) {
    if !k.conf_is_on(dst.dev, ConfKey::SendRedirects) {
        return;
    }
    let Ok(ip) = Ipv4::parse(f.skb.network_header()) else { return };
    let (sender, next_hop) = (ip.src(), next_hop(&dst, ip.dst()));
    let now = jiffies(k);
    if k.netns[f.netns].ip.peers.get(now, sender).may_redirect(now) {
        let params = IcmpParams::error(IcmpType::REDIRECT, redirect::HOST, next_hop.to_bits());
        icmp::send(k, f, params, o);
        k.netns[f.netns].ip.peers.get(now, sender).redirected(now);
    }
}

/// The router of a route, or the destination itself (`rt_nexthop()`).
pub(super) fn next_hop(dst: &Dst, daddr: Ipv4Addr) -> Ipv4Addr {
    match dst.gateway {
        Some(IpAddr::V4(gateway)) => gateway,
        Some(IpAddr::V6(_)) | None => daddr,
    }
}

/// The queueing priority that a type of service stands for (`ip_tos2prio`).
fn tos_priority(tos: u8) -> u32 {
    const BEST_EFFORT: u32 = 0;
    const BULK: u32 = 2;
    const INTERACTIVE_BULK: u32 = 4;
    const INTERACTIVE: u32 = 6;
    match (tos & 0x1e) >> 1 {
        0..=3 => BEST_EFFORT,
        4..=7 => BULK,
        8..=11 => INTERACTIVE,
        _ => INTERACTIVE_BULK,
    }
}

/// Fills in options (`ip_forward_finish()`).
pub fn finish(k: &Kernel, f: &mut Flight) {
    if f.cb.opt.optlen != 0 {
        options::forward(k, f);
    }
}

/// Whether the packet at the network header carries the don't-fragment flag.
pub(crate) fn has_df(skb: &Skb) -> bool {
    skb.network_header().get(6).is_some_and(|flags| flags & 0x40 != 0)
}
