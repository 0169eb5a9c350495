//! IPv4 in IPv4 (RFC 2003, `ip_tunnel_xmit()`, `ipip_rcv()`).

use std::net::{IpAddr, Ipv4Addr};

use crate::id::{DevId, NetnsId};
use crate::ip::icmp;
use crate::kernel::{Flight, Kernel, Place};
use crate::link::DevKind;
use crate::link::ipip::{IPIP_HEADROOM, Ipip, TunnelErrors};
use crate::netns::stack::Decision;
use crate::packet::build::IcmpParams;
use crate::packet::icmp::{time_exceeded, unreach};
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::{EtherType, IcmpType, IpProto, Ipv4, PacketType};
use crate::route::exception::ipv4_mtu;
use crate::time::HZ;
use crate::trace::{DropReason, Observer};
use crate::tunnel::{self, NoWay, Outer, ecn, pmtu};

/// Puts an IPv4 packet into another one. The data starts at the inner IP header.
pub(super) fn transmit<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    ipip: &Ipip,
    o: &mut O,
) -> Decision<Option<Place>> {
    let dev = f.dev;
    let Some((inner, remote)) = Inner::of(f).zip(remote(f, ipip)) else {
        k.devs[dev].stats.tx.errors += 1;
        return Err(DropReason::NotSpecified);
    };
    let tos = if ipip.tos & 1 != 0 { inner.tos } else { ipip.tos };
    let oif = tunnel::by_index(k, ipip.underlay, ipip.link);
    let key = tunnel::flow(ipip.local, remote, oif, tos, IpProto::IPIP);
    let route = match tunnel::look_up(k, dev, ipip.underlay, &key) {
        Ok(route) => route,
        Err(no_way) => {
            let stats = &mut k.devs[dev].stats;
            stats.tx.errors += 1;
            match no_way {
                NoWay::NoRoute => stats.tx_carrier_errors += 1,
                NoWay::Loop => stats.collisions += 1,
            }
            return Err(DropReason::NotSpecified);
        }
    };
    let df = ipip.pmtudisc || inner.df;
    let room = if df {
        ipv4_mtu(k, &route.dst).saturating_sub(IPIP_HEADROOM)
    } else {
        f.dst.as_ref().map_or_else(|| k.devs[dev].mtu, |dst| ipv4_mtu(k, dst))
    };
    pmtu::learn(k, f, f.skb.data(), room);
    if inner.df && f.skb.len() > room as usize {
        k.devs[dev].stats.tx.errors += 1;
        let params = IcmpParams::error(IcmpType::DEST_UNREACH, unreach::FRAG_NEEDED, room);
        icmp::send(k, f, params, o);
        return Err(DropReason::NotSpecified);
    }
    if takes_error(k, dev) {
        icmp::send(k, f, IcmpParams::error(IcmpType::DEST_UNREACH, unreach::HOST, 0), o);
    }
    // What the way will refuse does not count as sent.
    let stats = &mut k.devs[dev].stats.tx;
    if df && f.skb.len() > room as usize {
        stats.dropped += 1;
    } else {
        stats.count(f.skb.len());
    }
    let outer = Outer {
        underlay: ipip.underlay,
        proto: IpProto::IPIP,
        tos: ecn::encapsulate(tos, inner.tos),
        ttl: if ipip.ttl == 0 { inner.ttl } else { ipip.ttl },
        df,
    };
    Ok(Some(tunnel::send(k, f, &route, outer)))
}

/// What the outer header takes over from the inner one.
#[derive(Clone, Copy, Debug)]
struct Inner {
    tos: u8,
    ttl: u8,
    df: bool,
}

impl Inner {
    fn of(f: &Flight) -> Option<Self> {
        let ip = Ipv4::parse(f.skb.data()).ok()?;
        let v4 = f.skb.meta.protocol == EtherType::IPV4;
        v4.then(|| Self { tos: ip.tos(), ttl: ip.ttl(), df: ip.df() })
    }
}

/// The outer destination: the tunnel's, or else the inner packet's next hop.
fn remote(f: &Flight, ipip: &Ipip) -> Option<Ipv4Addr> {
    if !ipip.remote.is_unspecified() {
        return Some(ipip.remote);
    }
    match f.dst?.gateway {
        Some(IpAddr::V4(gateway)) => Some(gateway),
        Some(IpAddr::V6(_)) => None,
        None => Ipv4::parse(f.skb.data()).ok().map(|ip| ip.dst()),
    }
}

/// Whether a namespace has IPIP tunnels at all: if not, nobody handles the protocol.
#[must_use]
pub fn is_there(k: &Kernel, underlay: NetnsId) -> bool {
    let is_ipip = |dev: &DevId| matches!(k.devs[*dev].kind, DevKind::Ipip(_));
    k.netns[underlay].tunnels.iter().any(is_ipip)
}

/// Takes an IPIP packet (`ipip_rcv()`). The data starts at the inner IP header, the network header is
/// the outer one. False if no tunnel wants it, which the sender is to be told.
///
/// # Errors
///
/// The tunnel that wants it must not take it.
pub fn receive(k: &mut Kernel, f: &mut Flight) -> Decision<bool> {
    let Ok(outer) = Ipv4::parse(f.skb.network_header()) else {
        return Err(DropReason::NotSpecified);
    };
    let (src, dst, tos) = (outer.src(), outer.dst(), outer.tos());
    if f.skb.len() < IPV4_HLEN {
        return Err(DropReason::NotSpecified);
    }
    let Some(dev) = find(k, f.netns, src, dst) else { return Ok(false) };
    let skb = std::mem::replace(&mut f.skb, k.skb());
    let netns = k.devs[dev].netns;
    let same = netns == f.netns;
    let mut arrived = Flight::new(skb, Place::DeviceReceive, netns, dev, f.flow);
    let meta = &mut arrived.skb.meta;
    if !same {
        meta.mark = 0;
    }
    meta.protocol = EtherType::IPV4;
    meta.pkt_type = PacketType::Host;
    arrived.skb.reset_network_header();
    arrived.skb.reset_mac_header();
    if !ecn::decapsulate(tos, EtherType::IPV4, arrived.skb.data_mut()) {
        let stats = &mut k.devs[dev].stats;
        stats.rx.errors += 1;
        stats.rx_frame_errors += 1;
        k.pool.give(arrived.skb);
        return Err(DropReason::NotSpecified);
    }
    k.devs[dev].stats.rx.count(arrived.skb.len());
    k.netif_rx(arrived);
    Ok(true)
}

/// For how long an error about an outer packet concerns the sender of the next inner one, in jiffies
/// (`IPTUNNEL_ERR_TIMEO`).
const ERR_TIMEO: u64 = 30 * HZ;

/// Hears of an ICMP error about an outer packet (`ipip_err()`); false if no tunnel has sent it. It says too
/// little of the inner packet for its sender to be told at once: the sender of the next one will be.
pub fn icmp_error(
    k: &mut Kernel,
    underlay: NetnsId,
    (icmp_type, code): (IcmpType, u8),
    quoted: &[u8],
) -> bool {
    let Ok(quoted) = Ipv4::parse(quoted) else { return false };
    let Some(dev) = find(k, underlay, quoted.dst(), quoted.src()) else { return false };
    let now = k.now.jiffies();
    let DevKind::Ipip(ipip) = &mut k.devs[dev].kind else { return false };
    let to_be_told = match (icmp_type, code) {
        (IcmpType::DEST_UNREACH, unreach::FRAG_NEEDED | unreach::SOURCE_ROUTE) => false,
        (IcmpType::DEST_UNREACH, _) => true,
        // An inherited time to live is the inner packet's own affair.
        (IcmpType::TIME_EXCEEDED, time_exceeded::TTL) => ipip.ttl != 0,
        _ => false,
    };
    if to_be_told && !ipip.remote.is_unspecified() {
        let recent = now < ipip.errors.last + ERR_TIMEO;
        let count = if recent { ipip.errors.count + 1 } else { 1 };
        ipip.errors = TunnelErrors { count, last: now };
    }
    true
}

/// Whether the sender of the inner packet that is about to leave is to be told of an error.
fn takes_error(k: &mut Kernel, dev: DevId) -> bool {
    let now = k.now.jiffies();
    let DevKind::Ipip(ipip) = &mut k.devs[dev].kind else { return false };
    let errors = &mut ipip.errors;
    let recent = errors.count > 0 && now < errors.last + ERR_TIMEO;
    errors.count = if recent { errors.count - 1 } else { 0 };
    recent
}

/// The tunnel that packets from `src` to `dst` belong to (`ip_tunnel_lookup()`): one with both
/// addresses before one with the remote, one with the local, and one with neither.
fn find(k: &Kernel, underlay: NetnsId, src: Ipv4Addr, dst: Ipv4Addr) -> Option<DevId> {
    let ends = |dev: &DevId| {
        let device = &k.devs[*dev];
        let DevKind::Ipip(ipip) = device.kind else { return None };
        device.is_up().then_some((ipip.remote, ipip.local))
    };
    let any = Ipv4Addr::UNSPECIFIED;
    let wanted = [(src, dst), (src, any), (any, dst), (any, any)];
    let tunnels = &k.netns[underlay].tunnels;
    wanted.into_iter().find_map(|pair| tunnels.iter().copied().find(|dev| ends(dev) == Some(pair)))
}

/// The MTU of a new tunnel: what its way to the remote end leaves (`ip_tunnel_bind_dev()`).
#[must_use]
pub fn default_mtu(k: &mut Kernel, ipip: &Ipip) -> u32 {
    let oif = tunnel::by_index(k, ipip.underlay, ipip.link);
    let key = tunnel::flow(ipip.local, ipip.remote, oif, ipip.tos & !1, IpProto::IPIP);
    let by_route = (!ipip.remote.is_unspecified())
        .then(|| crate::route::output(k, ipip.underlay, &key).ok())
        .flatten()
        .map(|route| route.dst.dev);
    let lower = by_route.or(oif).map_or(1500, |dev| k.devs[dev].mtu.min(0xffff));
    lower.saturating_sub(IPIP_HEADROOM).max(68)
}
