//! Local addresses and ports (`__inet_bind()` and the protocols' `get_port()`).

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::errno::Errno;
use crate::id::{NetnsId, SocketId};
use crate::kernel::Kernel;
use crate::route::RouteType;
use crate::socket::tcp::TcpState;
use crate::socket::{PortTable, Protocol, Socket, flow};
use crate::sysctl::Sysctl;

/// Gives an IP socket its local address and port (`bind(2)`).
///
/// # Errors
/// `EADDRNOTAVAIL` for an address that is not the host's, `EADDRINUSE` for a port that another socket has,
/// `EINVAL` for a socket that is bound or connected already.
pub fn bind(k: &mut Kernel, id: SocketId, addr: SocketAddrV4) -> Result<(), Errno> {
    let socket = k.sockets.get(id).ok_or(Errno::EBADF)?;
    let netns = socket.netns;
    let kind = flow::addr_type(k, netns, *addr.ip());
    if !may_bind(k, netns, *addr.ip(), kind) {
        return Err(Errno::EADDRNOTAVAIL);
    }
    let is_raw = matches!(socket.protocol, Protocol::Raw(_));
    if socket.inet.connected || !is_closed(socket) || (!is_raw && socket.inet.sport != 0) {
        return Err(Errno::EINVAL);
    }
    let group = matches!(kind, RouteType::Multicast | RouteType::Broadcast);
    if group && matches!(socket.protocol, Protocol::Ping) {
        return Err(Errno::EADDRNOTAVAIL);
    }
    let before = socket.inet;
    let inet = &mut k.sockets[id].inet;
    inet.rcv_saddr = *addr.ip();
    inet.saddr = if group { Ipv4Addr::UNSPECIFIED } else { *addr.ip() };
    if !is_raw && take_port(k, id, addr.port()).is_err() {
        k.sockets[id].inet = before;
        return Err(Errno::EADDRINUSE);
    }
    let inet = &mut k.sockets[id].inet;
    inet.addr_locked |= !inet.rcv_saddr.is_unspecified();
    inet.port_locked |= addr.port() != 0;
    Ok(())
}

/// Whether the address may be bound to (`inet_addr_valid_or_nonlocal()`).
fn may_bind(k: &Kernel, netns: NetnsId, addr: Ipv4Addr, kind: RouteType) -> bool {
    addr.is_unspecified()
        || k.netns[netns].sysctl.is_on(Sysctl::IpNonlocalBind)
        || matches!(kind, RouteType::Local | RouteType::Multicast | RouteType::Broadcast)
}

fn is_closed(socket: &Socket) -> bool {
    match &socket.protocol {
        Protocol::Tcp(tcp) => tcp.state == TcpState::Close,
        Protocol::TcpTimeWait(_) => false,
        Protocol::Udp | Protocol::Ping | Protocol::Raw(_) | Protocol::Packet(_) => true,
    }
}

/// Binds a socket that is about to send to a port of the kernel's choice (`inet_autobind()`).
///
/// # Errors
/// `EAGAIN` when all ports are taken.
pub fn autobind(k: &mut Kernel, id: SocketId) -> Result<(), Errno> {
    if k.sockets[id].inet.sport != 0 {
        return Ok(());
    }
    take_port(k, id, 0).map_err(|_| Errno::EAGAIN)
}

/// Enters the socket into its protocol's table at `port`, or at a free one if that is 0
/// (`sk->sk_prot->get_port()`).
fn take_port(k: &mut Kernel, id: SocketId, port: u16) -> Result<(), Errno> {
    let port = match (&k.sockets[id].protocol, port) {
        (Protocol::Ping, 0) => next_ping_id(k, id),
        (Protocol::Tcp(_), 0) => free_tcp_port(k, id),
        (_, 0) => free_udp_port(k, id),
        (_, port) => Some(port).filter(|p| !conflicts(k, id, *p)),
    };
    let port = port.ok_or(Errno::EADDRINUSE)?;
    let netns = k.sockets[id].netns;
    k.sockets[id].inet.sport = port;
    if let Some(table) = table_mut(k, netns, id) {
        table.insert(port, id);
    }
    Ok(())
}

/// Takes the socket out of its protocol's table.
pub(super) fn release_port(k: &mut Kernel, id: SocketId) {
    let (netns, port) = (k.sockets[id].netns, k.sockets[id].inet.sport);
    if port == 0 {
        return;
    }
    if let Some(table) = table_mut(k, netns, id) {
        table.remove(port, id);
    }
    k.sockets[id].inet.sport = 0;
}

fn table_mut(k: &mut Kernel, netns: NetnsId, id: SocketId) -> Option<&mut PortTable> {
    let tables = &mut k.netns[netns].sockets;
    match k.sockets[id].protocol {
        Protocol::Udp => Some(&mut tables.udp),
        Protocol::Ping => Some(&mut tables.ping),
        Protocol::Tcp(_) | Protocol::TcpTimeWait(_) => Some(&mut tables.tcp_bound),
        Protocol::Raw(_) | Protocol::Packet(_) => None,
    }
}

/// Whether another socket's claim to `port` excludes this one's (`udp_lib_lport_inuse()`,
/// `inet_csk_bind_conflict()`, `ping_get_port()`).
pub(super) fn conflicts(k: &Kernel, id: SocketId, port: u16) -> bool {
    let socket = &k.sockets[id];
    let tables = &k.netns[socket.netns].sockets;
    let table = match socket.protocol {
        Protocol::Udp => &tables.udp,
        Protocol::Ping => &tables.ping,
        Protocol::Tcp(_) | Protocol::TcpTimeWait(_) => &tables.tcp_bound,
        Protocol::Raw(_) | Protocol::Packet(_) => return false,
    };
    let udp = matches!(socket.protocol, Protocol::Udp);
    if udp && k.netns[socket.netns].udp_tunnels.contains_key(&port) {
        return true;
    }
    table.at(port).iter().filter(|other| **other != id).any(|other| {
        let other = &k.sockets[*other];
        addresses_overlap(socket, other) && !may_share(socket, other)
    })
}

/// Whether a packet could be for both sockets.
fn addresses_overlap(a: &Socket, b: &Socket) -> bool {
    let any = |s: &Socket| s.inet.rcv_saddr.is_unspecified();
    let devices = (a.opts.bound_dev, b.opts.bound_dev);
    let same_device = !matches!(devices, (Some(a), Some(b)) if a != b);
    same_device && (any(a) || any(b) || a.inet.rcv_saddr == b.inet.rcv_saddr)
}

/// Whether the sockets may share a port: `SO_REUSEADDR` lets them, with TCP unless the older one listens,
/// and so does `SO_REUSEPORT`.
fn may_share(new: &Socket, old: &Socket) -> bool {
    let listens = matches!(&old.protocol, Protocol::Tcp(tcp) if tcp.state == TcpState::Listen);
    let reuse_addr = new.opts.reuse_addr && old.opts.reuse_addr;
    let reuse_port = new.opts.reuse_port && old.opts.reuse_port;
    reuse_port || (reuse_addr && !listens)
}

/// The identifier of the next ping socket: one more than the last one's (`ping_port_rover`).
fn next_ping_id(k: &mut Kernel, id: SocketId) -> Option<u16> {
    let last = k.ping_port_rover;
    let next = (1..=u16::MAX)
        .map(|step| last.wrapping_add(step))
        .find(|port| *port != 0 && !conflicts(k, id, *port))?;
    k.ping_port_rover = next;
    Some(next)
}

/// A free port of the ephemeral range, from a random one upwards (`udp_lib_get_port()`).
fn free_udp_port(k: &mut Kernel, id: SocketId) -> Option<u16> {
    let (low, high) = k.netns[k.sockets[id].netns].sysctl.local_ports();
    let count = u32::from(high.checked_sub(low)?) + 1;
    let first = k.rng.stream("udp.port").below(count);
    (0..count).find_map(|step| port_in_range(k, id, low, (first + step) % count))
}

/// A free port for `bind(2)` to port 0: odd distances from the range's first port before even ones, which
/// are left to `connect(2)`; with `SO_REUSEADDR` the lower half first (`inet_csk_find_open_port()`).
fn free_tcp_port(k: &mut Kernel, id: SocketId) -> Option<u16> {
    let (low, high) = k.netns[k.sockets[id].netns].sysctl.local_ports();
    let half = low + (high.checked_sub(low)? >> 2 << 1);
    if k.sockets[id].opts.reuse_addr && half > low {
        let lower = scan_tcp_ports(k, id, low, half);
        return lower.or_else(|| scan_tcp_ports(k, id, half, high));
    }
    scan_tcp_ports(k, id, low, high)
}

fn scan_tcp_ports(k: &mut Kernel, id: SocketId, low: u16, high: u16) -> Option<u16> {
    let count = u32::from(high - low) + 1;
    if count == 1 {
        return port_in_range(k, id, low, 0);
    }
    let count = count & !1;
    let first = k.rng.stream("tcp.port").below(count) | 1;
    let odd = (0..count).step_by(2).map(|step| (first + step) % count);
    let even = (0..count).step_by(2).map(|step| (first - 1 + step) % count);
    odd.chain(even).find_map(|offset| port_in_range(k, id, low, offset))
}

fn port_in_range(k: &Kernel, id: SocketId, low: u16, offset: u32) -> Option<u16> {
    let port = u16::try_from(u32::from(low) + offset).ok()?;
    (!conflicts(k, id, port)).then_some(port)
}
