//! ARP (RFC 826), as `arp_rcv()` and `arp_process()` of `net/ipv4/arp.c` handle it.

mod policy;
mod proxy;
mod send;

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::id::DevId;
use crate::kernel::{Flight, Kernel};
use crate::link::DevFlags;
use crate::link::inet::ConfKey;
use crate::neigh::entry::Update;
use crate::neigh::params::NeighVar;
use crate::neigh::protocol::Protocol as _;
use crate::neigh::state::NudState;
use crate::neigh::update::{create, jiffies, update};
use crate::netns::stack::{self, Decision};
use crate::packet::arp::{ARP_LEN, ARPHRD_ETHER};
use crate::packet::{Arp, ArpOp, MacAddr, PacketType};
use crate::route::{self, FlowKey, RouteType};
use crate::trace::{DropReason, Event, Observer};

pub use proxy::answer_for_others;
pub(super) use send::announce;

/// The hardware type of 802.2 networks, which Ethernet devices take too (`ARPHRD_IEEE802`).
const ARPHRD_IEEE802: u16 = 6;

/// What an ARP packet says.
#[derive(Clone, Copy, Debug)]
struct Message {
    op: ArpOp,
    sha: MacAddr,
    sip: Ipv4Addr,
    tha: MacAddr,
    tip: Ipv4Addr,
}

/// Whether a request for an address of another host may be answered now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// It has just come in, and may have to wait.
    First,
    /// It has waited (`LOCALLY_ENQUEUED`).
    Waited,
}

/// Takes an ARP packet.
pub fn receive<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<()> {
    let noarp = k.devs[f.dev].flags.contains(DevFlags::NOARP);
    if noarp || matches!(f.skb.meta.pkt_type, PacketType::OtherHost | PacketType::Loopback) {
        return Err(DropReason::OtherHost);
    }
    process(k, f, Turn::First, o)
}

/// Answers, and learns who asks or answers (`arp_process()`).
pub(super) fn process<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    turn: Turn,
    o: &mut O,
) -> Decision<()> {
    let message = check(k, f)?;
    if message.sip.is_unspecified() {
        answer_probe(k, f, &message, o);
    } else if message.op != ArpOp::REQUEST || !answer(k, f, &message, turn, o) {
        learn(k, f, &message, o);
    }
    let by = if message.op == ArpOp::REQUEST { "arp request" } else { "arp reply" };
    stack::emit(k, f, o, |_| Event::Consumed { by });
    Ok(())
}

/// Reads the packet; what is malformed or impossible is dropped.
fn check(k: &Kernel, f: &Flight) -> Decision<Message> {
    if f.skb.data().len() < ARP_LEN {
        return Err(DropReason::PktTooSmall);
    }
    let Ok(arp) = Arp::parse(f.skb.data()) else { return Err(DropReason::NotSpecified) };
    let known = matches!(arp.op(), ArpOp::REQUEST | ArpOp::REPLY)
        && matches!(arp.hardware_type(), ARPHRD_ETHER | ARPHRD_IEEE802);
    let tip = arp.tip();
    let localnet = || k.conf_is_on(f.dev, ConfKey::RouteLocalnet);
    let unwanted = || arp.sip() == tip && k.conf_is_on(f.dev, ConfKey::DropGratuitousArp);
    if !known || tip.is_multicast() || (tip.is_loopback() && !localnet()) || unwanted() {
        return Err(DropReason::NotSpecified);
    }
    Ok(Message { op: arp.op(), sha: arp.sha(), sip: arp.sip(), tha: arp.tha(), tip })
}

/// Answers a host that asks whether somebody has the address it wants to take (RFC 5227).
fn answer_probe<O: Observer>(k: &mut Kernel, f: &Flight, m: &Message, o: &mut O) {
    if m.op == ArpOp::REQUEST
        && route::addr_type(k, f.netns, m.tip) == RouteType::Local
        && !policy::ignores(k, f.dev, m.sip, m.tip)
    {
        send::reply(k, f, m, o);
    }
}

/// Answers a request if it is for an address of this host or one that it answers for; `false` if it
/// is nothing to this host.
fn answer<O: Observer>(k: &mut Kernel, f: &mut Flight, m: &Message, turn: Turn, o: &mut O) -> bool {
    let mark = f.skb.meta.mark;
    let flow = FlowKey { iif: Some(f.dev), mark, ..FlowKey::between(m.sip, m.tip) };
    let Ok(way) = route::input(k, f.netns, &flow) else { return false };
    if way.dst.kind == RouteType::Local {
        let silent = policy::ignores(k, f.dev, m.sip, m.tip)
            || (k.conf_is_on(f.dev, ConfKey::ArpFilter) && policy::filters(k, f.dev, m.sip, m.tip));
        if !silent && learn_asker(k, f.dev, m, o) {
            send::reply(k, f, m, o);
        }
        return true;
    }
    let forwards = k.devs[f.dev].inet.conf.is_on(ConfKey::Forwarding);
    if !forwards || !policy::proxies(k, f.dev, &way.dst, m.sip, m.tip) {
        return false;
    }
    learn_asker(k, f.dev, m, o);
    let at_once = turn == Turn::Waited
        || f.skb.meta.pkt_type == PacketType::Host
        || k.netns[f.netns].arp.parms(f.dev).get(NeighVar::ProxyDelay) == 0;
    if at_once {
        send::reply(k, f, m, o);
    } else {
        proxy::answer_later(k, f);
    }
    true
}

/// Notes who asked: their address is known now, if not proven (`neigh_event_ns()`). `false` if there
/// was no room for the entry.
fn learn_asker<O: Observer>(k: &mut Kernel, dev: DevId, m: &Message, o: &mut O) -> bool {
    let Ok(key) = create::<V4, O>(k, dev, m.sip, false, o) else { return false };
    let seen =
        Update { state: NudState::Stale, lladdr: Some(m.sha), override_addr: true, admin: false };
    // A fixed entry stays as it is, and its owner is answered all the same.
    let _refused = update::<V4, O>(k, dev, key, &seen, o);
    true
}

/// Updates the entry of the sender, if there is one or `arp_accept` wants one.
fn learn<O: Observer>(k: &mut Kernel, f: &Flight, m: &Message, o: &mut O) {
    let dev = f.dev;
    let key = V4::key(&k.devs[dev], m.sip);
    let known = k.netns[f.netns].arp.get(dev, key).is_some();
    let accepts = policy::accepts(k, dev, m.sip);
    if !known && !accepts {
        return;
    }
    let gratuitous = is_gratuitous(k, f, m);
    if !known {
        let unicast_reply =
            || m.op == ArpOp::REPLY && route::addr_type(k, f.netns, m.sip) == RouteType::Unicast;
        if !gratuitous && !unicast_reply() {
            return;
        }
        if create::<V4, O>(k, dev, m.sip, false, o).is_err() {
            return;
        }
    }
    let locktime = k.netns[f.netns].arp.parms(dev).get(NeighVar::Locktime);
    let Some(neigh) = k.netns[f.netns].arp.get(dev, key) else { return };
    let unlocked = jiffies(k) > neigh.updated + locktime;
    let answered = m.op == ArpOp::REPLY && f.skb.meta.pkt_type == PacketType::Host;
    let seen = Update {
        state: if answered { NudState::Reachable } else { NudState::Stale },
        lladdr: Some(m.sha),
        override_addr: unlocked || gratuitous,
        admin: false,
    };
    // A fixed entry stays as it is.
    let _refused = update::<V4, O>(k, dev, key, &seen, o);
}

/// Whether a host announces its own address (`arp_is_garp()`).
fn is_gratuitous(k: &Kernel, f: &Flight, m: &Message) -> bool {
    m.sip == m.tip
        && (m.op != ArpOp::REPLY || m.tha == m.sha)
        && route::addr_type(k, f.netns, m.sip) == RouteType::Unicast
}
