//! The way out: the route of what a socket sends.

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::family::V4;
use crate::id::{NetnsId, SocketId};
use crate::kernel::Kernel;
use crate::link::DevFlags;
use crate::netns::mib::IpMib;
use crate::route::{self, Dst, FlowKey, RouteType};
use crate::socket::{Protocol, Socket};

/// A route with the addresses that go with it.
#[derive(Clone, Copy, Debug)]
pub struct Routed {
    /// The route.
    pub dst: Dst,
    /// The source address to use.
    pub saddr: Ipv4Addr,
    /// The destination; differs from the one asked for when that was unspecified.
    pub daddr: Ipv4Addr,
}

/// Where a socket wants to send to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The destination.
    pub daddr: Ipv4Addr,
    /// The destination's port, 0 if the protocol has none.
    pub dport: u16,
}

/// Finds the route of a datagram of `id` (`ip_route_output_flow()` as `udp_sendmsg()` calls it). For group
/// addresses the socket's multicast options count.
///
/// # Errors
/// What the routing tables answer: `ENETUNREACH`, `EHOSTUNREACH`, `EACCES`, `EINVAL`; `EACCES` for
/// broadcasts without `SO_BROADCAST`.
pub fn route_datagram(k: &mut Kernel, id: SocketId, to: Target) -> Result<Routed, Errno> {
    let socket = &k.sockets[id];
    let first_hop = socket.opts.ip_options.as_ref().and_then(|o| o.parsed.faddr);
    let mut key = flow_key(socket, Target { daddr: first_hop.unwrap_or(to.daddr), ..to });
    if to.daddr.is_multicast() {
        key.oif = key.oif.or(socket.opts.mc_dev);
        if key.src.is_unspecified() {
            key.src = socket.opts.mc_addr;
        }
    }
    let (netns, broadcast) = (socket.netns, socket.opts.broadcast);
    let routed = route(k, netns, &key)?;
    if routed.dst.kind == RouteType::Broadcast && !broadcast {
        return Err(Errno::EACCES);
    }
    Ok(Routed { daddr: if first_hop.is_some() { to.daddr } else { routed.daddr }, ..routed })
}

/// [`route_datagram`] for those who count it when there is no route: all but raw sockets.
///
/// # Errors
/// As [`route_datagram`].
pub fn route_counted(k: &mut Kernel, id: SocketId, to: Target) -> Result<Routed, Errno> {
    let routed = route_datagram(k, id, to);
    if matches!(routed, Err(Errno::ENETUNREACH)) {
        let netns = k.sockets[id].netns;
        k.netns[netns].mib.ip.inc(IpMib::OutNoRoutes);
    }
    routed
}

/// The key of a route lookup for a socket (`flowi4_init_output()`).
#[must_use]
pub fn flow_key(socket: &Socket, to: Target) -> FlowKey<V4> {
    FlowKey {
        src: socket.inet.saddr,
        oif: socket.opts.bound_dev,
        mark: socket.opts.mark,
        tos: socket.opts.tos,
        proto: socket.ip_proto().0,
        sport: if matches!(socket.protocol, Protocol::Raw(_)) { 0 } else { socket.inet.sport },
        dport: to.dport,
        any_src: socket.opts.hdr_incl,
        ..FlowKey::to(to.daddr)
    }
}

/// Looks a route up and tells the addresses it settles.
///
/// # Errors
/// What the routing tables answer.
pub fn route(k: &mut Kernel, netns: NetnsId, key: &FlowKey<V4>) -> Result<Routed, Errno> {
    let found = route::memo::sent(k, netns, key)?;
    Ok(Routed { dst: found.dst, saddr: found.src, daddr: found.to })
}

/// The largest packet that the route takes, in bytes (`dst_mtu()`).
#[must_use]
pub fn mtu(k: &Kernel, dst: &Dst) -> usize {
    let device = k.devs.get(dst.dev).map_or(0, |d| d.mtu);
    dst.mtu.unwrap_or(device) as usize
}

/// The type of an address in a namespace's local table (`inet_addr_type()`).
#[must_use]
pub fn addr_type(k: &Kernel, netns: NetnsId, addr: Ipv4Addr) -> RouteType {
    route::addr_type(k, netns, addr)
}

/// Whether a route stays in this host.
#[must_use]
pub fn is_local(k: &Kernel, dst: &Dst) -> bool {
    dst.kind == RouteType::Local
        || k.devs.get(dst.dev).is_some_and(|d| d.flags.contains(DevFlags::LOOPBACK))
}
