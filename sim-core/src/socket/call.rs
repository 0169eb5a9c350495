//! The system calls on sockets, for all protocols.
//!
//! They never block: what would wait answers `EAGAIN`, or `EINPROGRESS` for a connection under way, and the
//! owner of the socket is called when something changed.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::errno::Errno;
use crate::id::{NetnsId, SocketId};
use crate::kernel::Kernel;
use crate::link;
use crate::netns::mib::UdpMib;
use crate::packet::IpProto;
use crate::socket::error::ErrorQueue;
use crate::socket::flow::{self, Target};
use crate::socket::{
    Datagram, ExtendedError, InetSock, LinkInfo, Message, MessageInfo, PacketSock, PmtuDiscovery,
    Protocol, RawSock, ReceiveQueue, SockOptions, Socket, SocketType, TcpSock,
};
use crate::socket::{bind, multicast, packet, ping, raw, tcp, udp};
use crate::sysctl::Sysctl;
use crate::trace::Observer;

/// The directions that `shutdown(2)` has closed, or is to close.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Shutdown {
    /// Nothing more is read (`RCV_SHUTDOWN`).
    pub read: bool,
    /// Nothing more is written (`SEND_SHUTDOWN`).
    pub write: bool,
}

impl Shutdown {
    /// `SHUT_RD`.
    pub const READ: Self = Self { read: true, write: false };
    /// `SHUT_WR`.
    pub const WRITE: Self = Self { read: false, write: true };
    /// `SHUT_RDWR`.
    pub const BOTH: Self = Self { read: true, write: true };

    /// Closes the directions of `how` too.
    pub fn add(&mut self, how: Self) {
        self.read |= how.read;
        self.write |= how.write;
    }
}

/// What `poll(2)` says of a socket.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Readiness {
    /// Reading, or accepting, would not wait (`POLLIN`).
    pub readable: bool,
    /// Writing would not wait (`POLLOUT`).
    pub writable: bool,
    /// An error is pending, or something is in the error queue (`POLLERR`).
    pub error: bool,
    /// The peer sends nothing more (`POLLRDHUP`).
    pub peer_closed: bool,
    /// Both directions are closed (`POLLHUP`).
    pub hung_up: bool,
}

/// Opens a socket (`socket(2)`).
///
/// # Errors
/// `EACCES` for a ping socket where `ping_group_range` does not hold root's group.
pub fn open(k: &mut Kernel, netns: NetnsId, kind: SocketType) -> Result<SocketId, Errno> {
    let sysctl = &k.netns[netns].sysctl;
    if kind == SocketType::Ping && !sysctl.root_may_ping() {
        return Err(Errno::EACCES);
    }
    let mut opts = SockOptions::default();
    if sysctl.is_on(Sysctl::IpNoPmtuDisc) {
        opts.pmtu = PmtuDiscovery::Dont;
    }
    let mut inet = InetSock::default();
    let protocol = match kind {
        SocketType::Tcp => Protocol::Tcp(Box::new(TcpSock::new(sysctl, &mut opts))),
        SocketType::Udp => Protocol::Udp,
        SocketType::Ping => Protocol::Ping,
        SocketType::Raw(protocol) => {
            opts.hdr_incl = protocol == IpProto::RAW;
            inet.sport = u16::from(protocol.0);
            Protocol::Raw(RawSock { protocol, icmp_filter: 0 })
        }
        SocketType::PacketRaw(protocol) => Protocol::Packet(PacketSock::new(protocol, false)),
        SocketType::PacketDgram(protocol) => Protocol::Packet(PacketSock::new(protocol, true)),
    };
    let id = k.sockets.insert(Socket {
        netns,
        owner: None,
        opts,
        inet,
        memberships: Vec::new(),
        error: None,
        error_queue: ErrorQueue::default(),
        receive_queue: ReceiveQueue::default(),
        drops: 0,
        confirm_neigh: false,
        held: None,
        shutdown: Shutdown::default(),
        protocol,
    });
    let tables = &mut k.netns[netns].sockets;
    match kind {
        SocketType::Raw(_) => tables.raw.insert(0, id),
        SocketType::PacketRaw(_) | SocketType::PacketDgram(_) => tables.packet.insert(0, id),
        SocketType::Tcp | SocketType::Udp | SocketType::Ping => {}
    }
    Ok(id)
}

/// Closes a socket (`close(2)`). A TCP connection goes on without its program until it has ended.
pub fn close<O: Observer>(k: &mut Kernel, id: SocketId, o: &mut O) {
    let Some(socket) = k.sockets.get_mut(id) else { return };
    socket.owner = None;
    if matches!(socket.protocol, Protocol::Tcp(_)) {
        tcp::close(k, id, o);
        return;
    }
    if let Protocol::Packet(packet) = &mut socket.protocol {
        for dev in std::mem::take(&mut packet.promiscuous) {
            link::filter::set_promiscuity(k, dev, false);
        }
    }
    multicast::drop_socket(k, id, o);
    remove(k, id);
    k.run_pending(o);
}

/// Takes away the sockets of a namespace that is about to go.
pub fn remove_all(k: &mut Kernel, netns: NetnsId) {
    let sockets: Vec<SocketId> =
        k.sockets.iter().filter(|(_, s)| s.netns == netns).map(|(id, _)| id).collect();
    for id in sockets {
        remove(k, id);
    }
}

/// Takes a socket out of all tables and out of the world.
pub(super) fn remove(k: &mut Kernel, id: SocketId) {
    bind::release_port(k, id);
    let Some(mut socket) = k.sockets.remove(id) else { return };
    socket.receive_queue.purge(&mut k.pool);
    let tables = &mut k.netns[socket.netns].sockets;
    match socket.protocol {
        Protocol::Raw(_) => tables.raw.retain(|other| *other != id),
        Protocol::Packet(_) => tables.packet.retain(|other| *other != id),
        Protocol::Tcp(_) | Protocol::TcpTimeWait(_) | Protocol::Udp | Protocol::Ping => {}
    }
}

/// Connects a socket (`connect(2)`): a datagram socket at once, a TCP socket begins to.
///
/// # Errors
/// What routing answers; `EACCES` for a broadcast address without `SO_BROADCAST`; for TCP `EINPROGRESS`
/// while under way, `EALREADY`, `EISCONN`, `EADDRNOTAVAIL`, or how the attempt ended.
pub fn connect<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    to: SocketAddrV4,
    o: &mut O,
) -> Result<(), Errno> {
    match k.sockets.get(id).ok_or(Errno::EBADF)?.protocol {
        Protocol::Tcp(_) => tcp::connect(k, id, to, o),
        Protocol::Packet(_) | Protocol::TcpTimeWait(_) => Err(Errno::EOPNOTSUPP),
        Protocol::Udp | Protocol::Ping | Protocol::Raw(_) => connect_datagram(k, id, to),
    }
}

/// Fixes the peer of a datagram socket, and with it the source address (`__ip4_datagram_connect()`).
fn connect_datagram(k: &mut Kernel, id: SocketId, to: SocketAddrV4) -> Result<(), Errno> {
    bind::autobind(k, id)?;
    let routed = flow::route_connect(k, id, Target { daddr: *to.ip(), dport: to.port() });
    let routed = flow::counted(k, id, routed)?;
    let ip_id = k.rng.stream("ip.id").next_u16();
    let inet = &mut k.sockets[id].inet;
    if inet.saddr.is_unspecified() {
        inet.saddr = routed.saddr;
    }
    if inet.rcv_saddr.is_unspecified() {
        inet.rcv_saddr = routed.saddr;
    }
    inet.daddr = routed.daddr;
    inet.dport = to.port();
    inet.connected = true;
    inet.id = ip_id;
    Ok(())
}

/// Dissolves the connection of a datagram socket (`connect(2)` to `AF_UNSPEC`, `__udp_disconnect()`).
///
/// # Errors
/// `EOPNOTSUPP` for other sockets.
pub fn disconnect(k: &mut Kernel, id: SocketId) -> Result<(), Errno> {
    let socket = k.sockets.get_mut(id).ok_or(Errno::EBADF)?;
    if !matches!(socket.protocol, Protocol::Udp | Protocol::Ping | Protocol::Raw(_)) {
        return Err(Errno::EOPNOTSUPP);
    }
    let inet = &mut socket.inet;
    (inet.daddr, inet.dport, inet.connected) = (Ipv4Addr::UNSPECIFIED, 0, false);
    if !inet.addr_locked {
        (inet.saddr, inet.rcv_saddr) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED);
    }
    let is_raw = matches!(socket.protocol, Protocol::Raw(_));
    if !socket.inet.port_locked && !is_raw {
        bind::release_port(k, id);
    }
    Ok(())
}

/// Sends a message (`sendto(2)`), to where the socket is connected to if `to` is not given. With TCP
/// this takes as many bytes as the send buffer has room for.
///
/// # Errors
/// See the protocol; `EPIPE` after the socket was shut down for writing.
pub fn send_to<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    data: &[u8],
    to: Option<SocketAddrV4>,
    o: &mut O,
) -> Result<usize, Errno> {
    let socket = k.sockets.get(id).ok_or(Errno::EBADF)?;
    if socket.shutdown.write && !matches!(socket.protocol, Protocol::Tcp(_)) {
        return Err(Errno::EPIPE);
    }
    match socket.protocol {
        Protocol::Tcp(_) => tcp::send(k, id, data, o),
        Protocol::TcpTimeWait(_) => Err(Errno::EBADF),
        Protocol::Udp => udp::send(k, id, data, to, o),
        Protocol::Ping => ping::send(k, id, data, to, o),
        Protocol::Raw(_) => raw::send(k, id, data, to, o),
        Protocol::Packet(_) => packet::send(k, id, data, None, o),
    }
}

/// Takes the oldest datagram into `buf`, which it replaces (`recvfrom(2)`).
///
/// # Errors
/// The pending error, else `EAGAIN` when there is none, `EOPNOTSUPP` for sockets of another kind.
pub fn recv_from(k: &mut Kernel, id: SocketId, buf: &mut Vec<u8>) -> Result<Datagram, Errno> {
    let message = take_message(k, id)?;
    let MessageInfo::Inet(info) = message.info else {
        k.pool.give(message.skb);
        return Err(Errno::EOPNOTSUPP);
    };
    take_bytes(k, message, buf);
    let socket = &k.sockets[id];
    if matches!(socket.protocol, Protocol::Udp) {
        let netns = socket.netns;
        k.netns[netns].mib.udp.inc(UdpMib::InDatagrams);
    }
    Ok(info)
}

/// Tells of the oldest datagram and leaves it there (`recvfrom(2)` with `MSG_PEEK`).
///
/// # Errors
/// As [`recv_from`].
pub fn peek_from(k: &mut Kernel, id: SocketId) -> Result<Datagram, Errno> {
    let socket = k.sockets.get_mut(id).ok_or(Errno::EBADF)?;
    socket.take_error()?;
    match socket.receive_queue.front().map(|message| message.info) {
        Some(MessageInfo::Inet(info)) => Ok(info),
        Some(MessageInfo::Link(_)) => Err(Errno::EOPNOTSUPP),
        None => Err(Errno::EAGAIN),
    }
}

/// Takes the oldest frame of a packet socket into `buf`, which it replaces (`recvfrom(2)`).
///
/// # Errors
/// As [`recv_from`].
pub fn recv_packet(k: &mut Kernel, id: SocketId, buf: &mut Vec<u8>) -> Result<LinkInfo, Errno> {
    let message = take_message(k, id)?;
    let MessageInfo::Link(info) = message.info else {
        k.pool.give(message.skb);
        return Err(Errno::EOPNOTSUPP);
    };
    take_bytes(k, message, buf);
    Ok(info)
}

/// The oldest message, unless an error comes first (`__skb_recv_datagram()`).
fn take_message(k: &mut Kernel, id: SocketId) -> Result<Message, Errno> {
    let socket = k.sockets.get_mut(id).ok_or(Errno::EBADF)?;
    if matches!(socket.protocol, Protocol::Tcp(_) | Protocol::TcpTimeWait(_)) {
        return Err(Errno::EOPNOTSUPP);
    }
    socket.take_error()?;
    socket.receive_queue.pop().ok_or(Errno::EAGAIN)
}

fn take_bytes(k: &mut Kernel, message: Message, buf: &mut Vec<u8>) {
    buf.clear();
    buf.extend_from_slice(message.skb.data());
    k.pool.give(message.skb);
}

/// Takes the oldest entry of the error queue (`recvmsg(2)` with `MSG_ERRQUEUE`).
///
/// # Errors
/// `EAGAIN` when there is none.
pub fn recv_error(k: &mut Kernel, id: SocketId) -> Result<ExtendedError, Errno> {
    let socket = k.sockets.get_mut(id).ok_or(Errno::EBADF)?;
    let (error, sk_err) = socket.error_queue.pop().ok_or(Errno::EAGAIN)?;
    if let Some(sk_err) = sk_err {
        socket.error = sk_err;
    }
    Ok(error)
}

/// Takes the pending error (`getsockopt(2)` of `SO_ERROR`).
pub fn take_error(k: &mut Kernel, id: SocketId) -> Option<Errno> {
    k.sockets.get_mut(id)?.error.take()
}

/// Closes directions (`shutdown(2)`).
///
/// # Errors
/// `ENOTCONN` for a socket that is not connected.
pub fn shutdown<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    how: Shutdown,
    o: &mut O,
) -> Result<(), Errno> {
    let socket = k.sockets.get_mut(id).ok_or(Errno::EBADF)?;
    if matches!(socket.protocol, Protocol::Tcp(_)) {
        return tcp::shutdown(k, id, how, o);
    }
    socket.shutdown.add(how);
    let connected = socket.inet.connected;
    k.wake(id);
    if connected { Ok(()) } else { Err(Errno::ENOTCONN) }
}

/// The local address (`getsockname(2)`).
///
/// # Errors
/// `EOPNOTSUPP` for packet sockets.
pub fn local_addr(k: &Kernel, id: SocketId) -> Result<SocketAddrV4, Errno> {
    let socket = k.sockets.get(id).ok_or(Errno::EBADF)?;
    if matches!(socket.protocol, Protocol::Packet(_)) {
        return Err(Errno::EOPNOTSUPP);
    }
    let inet = &socket.inet;
    let addr = if inet.rcv_saddr.is_unspecified() { inet.saddr } else { inet.rcv_saddr };
    Ok(SocketAddrV4::new(addr, inet.sport))
}

/// The peer's address (`getpeername(2)`).
///
/// # Errors
/// `ENOTCONN` for a socket that is not connected.
pub fn peer_addr(k: &Kernel, id: SocketId) -> Result<SocketAddrV4, Errno> {
    let socket = k.sockets.get(id).ok_or(Errno::EBADF)?;
    let connected = match &socket.protocol {
        Protocol::Tcp(tcp) => tcp.state.has_peer(),
        Protocol::TcpTimeWait(_)
        | Protocol::Udp
        | Protocol::Ping
        | Protocol::Raw(_)
        | Protocol::Packet(_) => socket.inet.connected,
    };
    if !connected || socket.inet.dport == 0 {
        return Err(Errno::ENOTCONN);
    }
    Ok(SocketAddrV4::new(socket.inet.daddr, socket.inet.dport))
}

/// What `poll(2)` says of a socket; of one that is gone, that it has hung up. Of a connection that has
/// no room for more, the owner is called when there is.
pub fn poll(k: &mut Kernel, id: SocketId) -> Readiness {
    let Some(socket) = k.sockets.get_mut(id) else {
        return Readiness { hung_up: true, ..Readiness::default() };
    };
    if let Protocol::Tcp(tcp) = &socket.protocol {
        let ready = tcp.poll(socket);
        if let Protocol::Tcp(tcp) = &mut socket.protocol {
            tcp.tx.wants_space |= !ready.writable;
        }
        return ready;
    }
    Readiness {
        readable: !socket.receive_queue.is_empty()
            || socket.shutdown.read
            || socket.error.is_some(),
        writable: true,
        error: socket.error.is_some() || !socket.error_queue.is_empty(),
        peer_closed: socket.shutdown.read,
        hung_up: socket.shutdown == Shutdown::BOTH,
    }
}
