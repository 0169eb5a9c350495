//! The way out: the route of what a socket sends.

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::family::V4;
use crate::id::{NetnsId, SocketId};
use crate::kernel::Kernel;
use crate::link::DevFlags;
use crate::netns::mib::IpMib;
use crate::route::memo::SentWay;
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

impl From<SentWay> for Routed {
    fn from(found: SentWay) -> Self {
        Self { dst: found.dst, saddr: found.src, daddr: found.to }
    }
}

/// How a socket that is or will be connected asks for its way: [`route_held`] or [`route_asked_twice`].
pub(super) type Ask = fn(&mut Kernel, SocketId, &FlowKey<V4>) -> Result<Routed, Errno>;

/// Where a socket wants to send to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The destination.
    pub daddr: Ipv4Addr,
    /// The destination's port, 0 if the protocol has none.
    pub dport: u16,
}

/// Finds the route of a datagram of `id` (`ip_route_output_flow()` as `udp_sendmsg()` calls it).
///
/// # Errors
/// What the routing tables answer: `ENETUNREACH`, `EHOSTUNREACH`, `EACCES`, `EINVAL`; `EACCES` for
/// broadcasts without `SO_BROADCAST`.
pub fn route_datagram(k: &mut Kernel, id: SocketId, to: Target) -> Result<Routed, Errno> {
    let socket = &k.sockets[id];
    let (netns, key) = (socket.netns, datagram_key(socket, to));
    let routed = route(k, netns, &key)?;
    checked(&k.sockets[id], to, routed)
}

/// Finds the way of a datagram to the peer that `id` is connected to: the one that the socket has, unless routes
/// have changed.
///
/// # Errors
/// As [`route_datagram`].
pub fn route_to_peer(k: &mut Kernel, id: SocketId, to: Target) -> Result<Routed, Errno> {
    let key = datagram_key(&k.sockets[id], to);
    let routed = route_held(k, id, &key)?;
    checked(&k.sockets[id], to, routed)
}

/// Finds the way to a peer that the datagram socket `id` is about to be connected to.
///
/// # Errors
/// As [`route_datagram`].
pub fn route_connect(k: &mut Kernel, id: SocketId, to: Target) -> Result<Routed, Errno> {
    let key = datagram_key(&k.sockets[id], to);
    let routed = route_asked_twice(k, id, &key)?;
    checked(&k.sockets[id], to, routed)
}

/// The key of the lookup for a datagram. For group addresses the socket's multicast options count.
fn datagram_key(socket: &Socket, to: Target) -> FlowKey<V4> {
    let daddr = first_hop(socket).unwrap_or(to.daddr);
    let mut key = flow_key(socket, Target { daddr, ..to });
    if to.daddr.is_multicast() {
        key.oif = key.oif.or(socket.opts.mc_dev);
        if key.src.is_unspecified() {
            key.src = socket.opts.mc_addr;
        }
    }
    key
}

/// The first station that a socket's source route names.
pub(super) fn first_hop(socket: &Socket) -> Option<Ipv4Addr> {
    socket.opts.ip_options.as_ref().and_then(|options| options.parsed.faddr)
}

/// Refuses broadcasts that the socket was not allowed.
fn checked(socket: &Socket, to: Target, routed: Routed) -> Result<Routed, Errno> {
    if routed.dst.kind == RouteType::Broadcast && !socket.opts.broadcast {
        return Err(Errno::EACCES);
    }
    Ok(Routed {
        daddr: if first_hop(socket).is_some() { to.daddr } else { routed.daddr },
        ..routed
    })
}

/// Counts it when there was no route, as all but raw sockets do.
///
/// # Errors
/// What was found out.
pub fn counted(
    k: &mut Kernel,
    id: SocketId,
    routed: Result<Routed, Errno>,
) -> Result<Routed, Errno> {
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

/// A way that a socket holds, and what it had asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldWay {
    key: FlowKey<V4>,
    routed: Routed,
    /// When it was found.
    generation: u64,
}

/// Finds the way of what a connected socket sends: the one it has, unless routes have changed (`sk_dst_check()`).
///
/// # Errors
/// What the routing tables answer.
pub fn route_held(k: &mut Kernel, id: SocketId, key: &FlowKey<V4>) -> Result<Routed, Errno> {
    let socket = &k.sockets[id];
    let generation = k.netns[socket.netns].ipv4.fib.generation();
    let held = socket.held.filter(|held| held.generation == generation && held.key == *key);
    if let Some(held) = held {
        return Ok(held.routed);
    }
    let found = route::memo::sent(k, socket.netns, key)?;
    let routed = Routed::from(found);
    // What every lookup finds need not be held.
    let held = found.is_fleeting.then_some(HeldWay { key: *key, routed, generation });
    k.sockets[id].held = held;
    Ok(routed)
}

/// [`route_held`] for a socket that is about to be connected: what the first answer settles of the addresses counts in a
/// second question (`ip_route_connect()`).
///
/// # Errors
/// What the routing tables answer.
pub fn route_asked_twice(k: &mut Kernel, id: SocketId, key: &FlowKey<V4>) -> Result<Routed, Errno> {
    let routed = route_held(k, id, key)?;
    if !key.src.is_unspecified() && !key.dst.is_unspecified() {
        return Ok(routed);
    }
    route_held(k, id, &FlowKey { src: routed.saddr, dst: routed.daddr, ..*key })
}

/// Looks a route up and tells the addresses it settles.
///
/// # Errors
/// What the routing tables answer.
pub fn route(k: &mut Kernel, netns: NetnsId, key: &FlowKey<V4>) -> Result<Routed, Errno> {
    route::memo::sent(k, netns, key).map(Routed::from)
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
