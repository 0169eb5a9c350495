//! ARP that a bridge answers itself (`net/bridge/br_arp_nd_proxy.c`).
//!
//! A port with `neigh_suppress` is not asked for neighbours that the bridge's own device knows; one
//! with `proxy_arp` is asked for nothing. IPv6 neighbour discovery is not suppressed.

use std::net::Ipv4Addr;

use crate::bridge::Port;
use crate::id::{BridgeId, PortNo};
use crate::kernel::{Flight, Kernel, Place};
use crate::link::DevFlags;
use crate::netns::stack;
use crate::packet::build::{ArpParams, push_ethernet, put_arp};
use crate::packet::{Arp, ArpOp, EtherType, Ethernet, MacAddr};
use crate::trace::{Observer, Origin};

/// What the bridge has made of an ARP packet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Suppressed(bool);

impl Suppressed {
    /// Whether a port is left out when the packet is flooded.
    pub(super) const fn spares(self, port: &Port) -> bool {
        port.flags.proxy_arp || self.0 && port.flags.neigh_suppress
    }
}

/// A question that the bridge may answer.
struct Question {
    op: ArpOp,
    sha: MacAddr,
    sip: Ipv4Addr,
    tip: Ipv4Addr,
    unicast: bool,
}

impl Question {
    fn of(f: &Flight) -> Option<Self> {
        let eth = Ethernet::parse(f.skb.mac_header()).ok()?;
        let arp = Arp::parse(f.skb.data()).ok()?;
        let (op, tip) = (arp.op(), arp.tip());
        if tip.is_loopback() || tip.is_multicast() {
            return None;
        }
        let unicast = !eth.dst().is_multicast();
        Some(Self { op, sha: arp.sha(), sip: arp.sip(), tip, unicast })
    }
}

/// Answers an ARP packet that came in by a port, or that the host sends if there is none
/// (`br_do_proxy_suppress_arp()`). The data starts behind the link header.
pub(super) fn arp<O: Observer>(
    k: &mut Kernel,
    f: &Flight,
    bridge: BridgeId,
    port: Option<PortNo>,
    o: &mut O,
) -> Suppressed {
    let br = &k.bridges[bridge];
    if !br.suppresses || !matches!(f.skb.meta.protocol, EtherType::ARP | EtherType::RARP) {
        return Suppressed(false);
    }
    let host = &k.devs[br.dev];
    let Some(q) = Question::of(f).filter(|_| !host.flags.contains(DevFlags::NOARP)) else {
        return Suppressed(false);
    };
    let from = port.and_then(|no| br.ports.get(no));
    let any = br.ports.iter().any(|p| p.flags.neigh_suppress);
    if any {
        if from.is_some_and(|p| p.flags.neigh_suppress) || q.unicast && q.op == ArpOp::REQUEST {
            return Suppressed(false);
        }
        let reverse = matches!(q.op, ArpOp::RREQUEST | ArpOp::RREPLY);
        if !reverse && (q.sip.octets()[0] == 0 || q.sip == q.tip) {
            return Suppressed(true);
        }
    }
    if q.op != ArpOp::REQUEST {
        return Suppressed(false);
    }
    if any && host.inet.addrs.iter().any(|a| a.local == q.tip) {
        return Suppressed(true);
    }
    let known = k.netns[host.netns].arp.get(br.dev, q.tip).filter(|n| n.state.is_valid());
    let Some(station) = known.map(|n| n.lladdr) else { return Suppressed(false) };
    let Some(entry) = br.fdb.get(station) else { return Suppressed(false) };
    let behind = entry.port.and_then(|no| br.ports.get(no));
    let answers =
        from.is_some_and(|p| p.flags.proxy_arp) || behind.is_some_and(|p| p.flags.neigh_suppress);
    if answers {
        answer(k, f, &q, station, port.is_some(), o);
    }
    Suppressed(answers || any)
}

/// Answers in the name of the station, out of the port or up to the host (`br_arp_send()`).
fn answer<O: Observer>(
    k: &mut Kernel,
    f: &Flight,
    q: &Question,
    station: MacAddr,
    by_port: bool,
    o: &mut O,
) {
    let mut skb = k.skb();
    put_arp(&mut skb, &ArpParams::reply(station, q.tip, q.sha, q.sip));
    push_ethernet(&mut skb, q.sha, station, EtherType::ARP);
    let flow = k.new_flow();
    let origin = Origin::Reply { to: f.flow, what: "arp reply" };
    let mut reply = Flight::new(skb, Place::Transmit, f.netns, f.dev, flow);
    if by_port {
        stack::start(k, reply, origin, o);
    } else {
        crate::link::receive::read_header(&k.devs[f.dev], &mut reply);
        reply.place = Place::DeviceReceive;
        k.netif_rx(reply);
    }
}
