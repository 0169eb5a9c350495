//! ARP packets of this host: questions, answers, announcements.

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::id::{DevId, FlowId, NetnsId};
use crate::kernel::{Flight, Kernel, Place, Timer};
use crate::link::inet::{ConfKey, Scope};
use crate::link::{DevFlags, NetDevice};
use crate::neigh::arp::Message;
use crate::neigh::params::NeighVar;
use crate::neigh::protocol::{Protocol, Question};
use crate::neigh::state::NudState;
use crate::neigh::table::NeighTable;
use crate::netns::{Netns, stack};
use crate::packet::build::{ArpParams, push_ethernet, put_arp};
use crate::packet::{EtherType, Ipv4, MacAddr};
use crate::route::{self, RouteType};
use crate::trace::{Observer, Origin};

impl Protocol for V4 {
    fn table(netns: &Netns) -> &NeighTable<Self> {
        &netns.arp
    }

    fn table_mut(netns: &mut Netns) -> &mut NeighTable<Self> {
        &mut netns.arp
    }

    fn key(dev: &NetDevice, addr: Ipv4Addr) -> Ipv4Addr {
        let single = DevFlags::LOOPBACK.0 | DevFlags::POINTOPOINT.0;
        if dev.flags.0 & single != 0 { Ipv4Addr::UNSPECIFIED } else { addr }
    }

    /// `arp_constructor()`.
    fn construct(k: &Kernel, dev: DevId, addr: Ipv4Addr) -> Option<(NudState, MacAddr)> {
        let device = &k.devs[dev];
        let has = |flags: DevFlags| device.flags.0 & flags.0 != 0;
        if device.hard_header_len() == 0 {
            return Some((NudState::Noarp, MacAddr::ZERO));
        }
        let kind = route::addr_type(k, device.netns, addr);
        let lladdr = if kind == RouteType::Multicast {
            group_address(addr)
        } else if has(DevFlags::NOARP | DevFlags::LOOPBACK) {
            device.addr
        } else if kind == RouteType::Broadcast || has(DevFlags::POINTOPOINT) {
            device.broadcast
        } else {
            return None;
        };
        Some((NudState::Noarp, lladdr))
    }

    fn source(packet: &[u8]) -> Option<Ipv4Addr> {
        Ipv4::parse(packet).ok().map(|ip| ip.src())
    }

    /// `arp_solicit()`: first the known address is asked, then everybody.
    fn solicit<O: Observer>(k: &mut Kernel, q: &Question<Self>, o: &mut O) {
        let parms = k.netns[k.devs[q.dev].netns].arp.parms(q.dev);
        let group_round = q.probes - parms.get(NeighVar::UcastProbes);
        if group_round >= 0 && group_round < parms.get(NeighVar::AppProbes) {
            // Left to a daemon, of which there is none.
            return;
        }
        let to = if group_round < 0 { Some(q.lladdr) } else { None };
        let sip = asking_address(k, q);
        let params = ArpParams::request(k.devs[q.dev].addr, sip, q.target);
        let origin = match q.waiting {
            Some((_, flow)) => Origin::Reply { to: flow, what: "arp request" },
            None => Origin::Timer { what: "arp probe" },
        };
        send(k, q.dev, to, &params, origin, o);
    }

    fn timer(dev: DevId, addr: Ipv4Addr) -> Timer {
        Timer::Neigh { dev, addr: addr.into() }
    }

    fn gc_timer(netns: NetnsId) -> Timer {
        Timer::NeighGc(netns)
    }
}

/// The Ethernet group of an IPv4 group: its lower 23 bits (RFC 1112 section 6.4, `ip_eth_mc_map()`).
fn group_address(group: Ipv4Addr) -> MacAddr {
    let [_, b, c, d] = group.octets();
    MacAddr([0x01, 0x00, 0x5e, b & 0x7f, c, d])
}

/// The address to ask from, as `arp_announce` wants it.
///
/// | value | the source of the waiting packet is used if it is an address of this host |
/// |---|---|
/// | 0 | whatever its subnet |
/// | 1 | and in the target's subnet |
/// | 2 | never |
///
/// Else the address is chosen as for any packet to the target.
fn asking_address(k: &Kernel, q: &Question<V4>) -> Ipv4Addr {
    let netns = k.devs[q.dev].netns;
    let of_packet = q
        .waiting
        .map(|(src, _)| src)
        .filter(|src| route::addr_type(k, netns, *src) == RouteType::Local);
    let announced = match k.conf(q.dev, ConfKey::ArpAnnounce) {
        1 => of_packet.filter(|src| route::addr_type::is_on_link(k, q.dev, q.target, *src)),
        2 => None,
        _ => of_packet,
    };
    announced
        .or_else(|| route::select_source(k, q.dev, q.target, Scope::LINK))
        .unwrap_or(Ipv4Addr::UNSPECIFIED)
}

/// Answers that the address asked for is here.
pub(super) fn reply<O: Observer>(k: &mut Kernel, f: &Flight, m: &Message, o: &mut O) {
    let params = ArpParams::reply(k.devs[f.dev].addr, m.tip, m.sha, m.sip);
    let origin = Origin::Reply { to: f.flow, what: "arp reply" };
    send(k, f.dev, Some(m.sha), &params, origin, o);
}

/// Tells everybody on the link of the device's addresses (`inetdev_send_gratuitous_arp()`).
pub(in crate::neigh) fn announce<O: Observer>(k: &mut Kernel, dev: DevId, o: &mut O) {
    for at in 0..k.devs[dev].inet.addrs.len() {
        let device = &k.devs[dev];
        let addr = device.inet.addrs[at].local;
        let params = ArpParams::request(device.addr, addr, addr);
        send(k, dev, None, &params, Origin::Reply { to: FlowId::default(), what: "arp notify" }, o);
    }
}

/// Sends an ARP packet to `to`, or to everybody (`arp_send()`).
fn send<O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    to: Option<MacAddr>,
    params: &ArpParams,
    origin: Origin,
    o: &mut O,
) {
    let device = &k.devs[dev];
    if device.flags.contains(DevFlags::NOARP) {
        return;
    }
    let (netns, addr, broadcast) = (device.netns, device.addr, device.broadcast);
    let mut skb = k.skb();
    put_arp(&mut skb, params);
    push_ethernet(&mut skb, to.unwrap_or(broadcast), addr, EtherType::ARP);
    let flow = k.new_flow();
    stack::start(k, Flight::new(skb, Place::Transmit, netns, dev, flow), origin, o);
}
