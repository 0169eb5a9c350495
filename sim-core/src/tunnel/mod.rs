//! Tunnels: devices that put packets into packets of this host.
//!
//! The outer packet is one that the host itself makes in the tunnel's underlay namespace: it starts
//! at [`Place::LocalOut`] and meets the hooks and routes there.

mod ecn;
mod flow_hash;
pub mod ipip;
mod pmtu;
pub mod vxlan;
mod vxlan_proxy;

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::id::{DevId, NetnsId};
use crate::ip::ident;
use crate::kernel::flight::IpCb;
use crate::kernel::{Flight, Kernel, Place, SentBy};
use crate::link::DevKind;
use crate::netns::stack::Decision;
use crate::packet::build::{Ipv4Params, push_ipv4};
use crate::packet::{IpProto, PacketType};
use crate::route::{self, FlowKey, OutputRoute};
use crate::sysctl::Sysctl;
use crate::trace::{DropReason, Observer};

/// How deep tunnels of one host may nest (`XMIT_RECURSION_LIMIT`).
const MAX_DEPTH: u8 = 8;

/// Puts the packet into another one and sends that.
pub fn transmit<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Option<Place>> {
    if f.cb.tunnel_depth >= MAX_DEPTH {
        return Err(DropReason::NotSpecified);
    }
    // Only what captures see of it is outgoing.
    f.skb.meta.pkt_type = PacketType::Host;
    match k.devs[f.dev].kind {
        DevKind::Vxlan(_) => vxlan::transmit(k, f, o),
        DevKind::Ipip(ipip) => ipip::transmit(k, f, &ipip, o),
        DevKind::Loopback
        | DevKind::Veth(_)
        | DevKind::Bridge(_)
        | DevKind::Macvlan(_)
        | DevKind::Dummy
        | DevKind::Tun(_) => Err(DropReason::NotSpecified),
    }
}

/// What the outer header of a tunnel's packet says beside its addresses.
#[derive(Clone, Copy, Debug)]
struct Outer {
    underlay: NetnsId,
    proto: IpProto,
    tos: u8,
    ttl: u8,
    df: bool,
}

/// Why a tunnel finds no way for its outer packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum NoWay {
    /// There is no route (`ENETUNREACH`).
    NoRoute,
    /// The route leads into the tunnel itself (`ELOOP`).
    Loop,
}

/// Finds the way of a tunnel's outer packets (`udp_tunnel_dst_lookup()`).
fn look_up(
    k: &mut Kernel,
    dev: DevId,
    underlay: NetnsId,
    flow: &FlowKey<V4>,
) -> Result<OutputRoute, NoWay> {
    let route = route::output(k, underlay, flow).map_err(|_| NoWay::NoRoute)?;
    if route.dst.dev == dev { Err(NoWay::Loop) } else { Ok(route) }
}

/// Pushes the outer IPv4 header and sends the flight on its way (`iptunnel_xmit()`).
fn send(k: &mut Kernel, f: &mut Flight, route: &OutputRoute, outer: Outer) -> Place {
    let id = ident::select(k, outer.underlay, route.src, route.to, outer.proto);
    push_ipv4(
        &mut f.skb,
        &Ipv4Params {
            ttl: outer.ttl,
            tos: outer.tos,
            id,
            df: outer.df && !route.dst.mtu_locked,
            ..Ipv4Params::new(route.src, route.to, outer.proto)
        },
    );
    scrub(f, outer.underlay);
    f.dev = route.dst.dev;
    f.dst = Some(route.dst);
    f.sk = SentBy::Nobody;
    f.cb = IpCb { tunnel_depth: f.cb.tunnel_depth + 1, ..IpCb::default() };
    Place::LocalOut
}

/// Forgets what does not leave a namespace, and what belonged to the inner packet alone
/// (`skb_scrub_packet()`).
fn scrub(f: &mut Flight, netns: NetnsId) {
    f.reset_ct();
    if f.netns != netns {
        f.skb.meta.mark = 0;
        f.netns = netns;
    }
    f.skb.meta.pkt_type = PacketType::Host;
    f.skb.meta.hash = 0;
    f.iif = None;
    f.dst = None;
}

/// The time to live of a packet along a route (`ip4_dst_hoplimit()`).
fn hoplimit(k: &Kernel, route: &OutputRoute, underlay: NetnsId) -> u8 {
    let default = k.netns[underlay].sysctl.get(Sysctl::IpDefaultTtl);
    route.dst.hoplimit.unwrap_or_else(|| u8::try_from(default).unwrap_or(u8::MAX))
}

/// The device of the underlay with this number, if a certain one is wanted and there is one.
fn by_index(k: &Kernel, underlay: NetnsId, index: crate::id::IfIndex) -> Option<DevId> {
    k.dev_by_index(underlay, index).filter(|_| index.0 != 0)
}

/// A flow of a tunnel's outer packets.
fn flow(src: Ipv4Addr, dst: Ipv4Addr, oif: Option<DevId>, tos: u8, proto: IpProto) -> FlowKey<V4> {
    FlowKey { tos, proto: proto.0, ..FlowKey::between(src, dst).by(oif) }
}

#[cfg(test)]
mod tests;
