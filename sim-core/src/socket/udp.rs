//! UDP (RFC 768; `net/ipv4/udp.c`).

use std::net::{Ipv4Addr, SocketAddrV4};

use smallvec::SmallVec;

use crate::errno::Errno;
use crate::id::{NetnsId, SocketId};
use crate::kernel::{Flight, Kernel, Place};
use crate::netfilter::conntrack::CtRef;
use crate::netns::mib::UdpMib;
use crate::netns::stack::{self, Decision};
use crate::packet::build::{ChecksumMode, PseudoHeader, UdpParams, push_udp};
use crate::packet::udp::UDP_HLEN;
use crate::packet::{Skb, Udp, truesize};
use crate::route::RouteType;
use crate::socket::deliver::{self, Incoming, Quoted};
use crate::socket::error::report_icmp;
use crate::socket::flow::{self, Target};
use crate::socket::{IcmpError, MessageInfo, Socket, bind, multicast, output, reuseport};
use crate::trace::{DropReason, Event, Observer};
use crate::tunnel;

/// The longest datagram, in bytes.
const UDP_MAX_LEN: usize = 0xffff;

/// Sends a datagram (`udp_sendmsg()`).
///
/// # Errors
/// `EMSGSIZE`, `EINVAL` for port 0, what routing answers, `EACCES` for a broadcast that was not allowed, the
/// pending error, and what refused the packet on its way.
pub(super) fn send<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    data: &[u8],
    to: Option<SocketAddrV4>,
    o: &mut O,
) -> Result<usize, Errno> {
    bind::autobind(k, id)?;
    if data.len() > UDP_MAX_LEN {
        return Err(Errno::EMSGSIZE);
    }
    let is_to_peer = to.is_none();
    let to = destination(&k.sockets[id], to)?;
    if to.port() == 0 {
        return Err(Errno::EINVAL);
    }
    let target = Target { daddr: *to.ip(), dport: to.port() };
    let holds = is_to_peer && !to.ip().is_multicast();
    let find = if holds { flow::route_to_peer } else { flow::route_datagram };
    let routed = find(k, id, target);
    let routed = flow::counted(k, id, routed)?;
    output::check_length(k, id, &routed, data.len() + UDP_HLEN)?;
    k.sockets[id].take_error()?;
    let mut skb = k.skb();
    skb.put(data);
    let pseudo = PseudoHeader::V4 { src: routed.saddr, dst: routed.daddr };
    let ports = UdpParams {
        src_port: k.sockets[id].inet.sport,
        dst_port: to.port(),
        checksum: ChecksumMode::Complete,
    };
    push_udp(&mut skb, &ports, pseudo);
    output::push_header(k, id, &mut skb, &routed);
    let sent = output::send(k, id, skb, routed.dst, Place::LocalOut, o);
    let netns = k.sockets[id].netns;
    let mib = &mut k.netns[netns].mib.udp;
    match sent {
        Ok(()) => mib.inc(UdpMib::OutDatagrams),
        Err(Errno::ENOBUFS) => mib.inc(UdpMib::SndbufErrors),
        Err(_) => {}
    }
    output::unless_ignored(k, id, sent)?;
    Ok(data.len())
}

/// Where a datagram goes: where it is told to, else where the socket is connected to.
pub(super) fn destination(
    socket: &Socket,
    to: Option<SocketAddrV4>,
) -> Result<SocketAddrV4, Errno> {
    let connected = SocketAddrV4::new(socket.inet.daddr, socket.inet.dport);
    to.or_else(|| socket.inet.connected.then_some(connected)).ok_or(Errno::EDESTADDRREQ)
}

/// Hands a datagram to whoever is bound to its port (`udp_rcv()`). The packet's data starts at the UDP
/// header.
///
/// # Errors
/// The datagram is malformed, its checksum is wrong, there is no room for it, or nobody is bound to its
/// port ([`DropReason::NoSocket`]): then the ICMP layer has to say so.
pub fn receive<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<()> {
    let packet = match check(f) {
        Ok(packet) => packet,
        Err(DropReason::UdpCsum) if nobody_looks(k, f) => {
            k.netns[f.netns].mib.udp.inc(UdpMib::IgnoredMulti);
            return Err(DropReason::NotSpecified);
        }
        Err(reason) => {
            let mib = &mut k.netns[f.netns].mib.udp;
            mib.inc(UdpMib::InErrors);
            if reason == DropReason::UdpCsum {
                mib.inc(UdpMib::InCsumErrors);
            }
            return Err(reason);
        }
    };
    if k.netns[f.netns].udp_tunnels.contains_key(&packet.dport) {
        k.netns[f.netns].mib.udp.inc(UdpMib::InDatagrams);
        return tunnel::vxlan::receive(k, f, packet.dport);
    }
    if is_to_group(f) {
        return receive_group(k, f, &packet, o);
    }
    let Some(id) = lookup(k, f.netns, &packet) else {
        k.netns[f.netns].mib.udp.inc(UdpMib::NoPorts);
        // What connection tracking knew of it ends here: the error is looked at like any other packet.
        f.ct = CtRef::None;
        return Err(DropReason::NoSocket);
    };
    let skb = std::mem::replace(&mut f.skb, k.skb());
    enqueue(k, id, f, skb, &packet, o)
}

/// Reads and checks the header, and cuts off what follows the datagram (`__udp4_lib_rcv()`).
fn check(f: &mut Flight) -> Decision<Incoming> {
    let Ok(udp) = Udp::parse(f.skb.data()) else { return Err(DropReason::NotSpecified) };
    let (len, sport, dport) = (udp.length(), udp.src_port(), udp.dst_port());
    if len > f.skb.len() || len < UDP_HLEN {
        return Err(DropReason::PktTooSmall);
    }
    let packet = Incoming::of(f, sport, dport).ok_or(DropReason::PktTooSmall)?;
    f.skb.trim(len);
    match Udp::parse(f.skb.data()) {
        Ok(udp) if udp.checksum_ok(packet.src, packet.dst) => Ok(packet),
        _ => Err(DropReason::UdpCsum),
    }
}

/// Whether a wrong checksum goes unnoticed: long datagrams to a group are only summed up for a socket
/// that takes them.
fn nobody_looks(k: &Kernel, f: &Flight) -> bool {
    /// Datagrams up to this length are summed up at once (`CHECKSUM_BREAK`), in bytes.
    const SUMMED_AT_ONCE: usize = 76;
    let Ok(udp) = Udp::parse(f.skb.data()) else { return false };
    let Some(packet) = Incoming::of(f, udp.src_port(), udp.dst_port()) else { return false };
    let bound = k.netns[f.netns].sockets.udp.at(packet.dport);
    f.skb.len() > SUMMED_AT_ONCE
        && is_to_group(f)
        && !bound.iter().any(|id| takes_group(k, *id, &packet))
}

/// Whether the packet is a broadcast or multicast.
fn is_to_group(f: &Flight) -> bool {
    f.dst.is_some_and(|dst| matches!(dst.kind, RouteType::Broadcast | RouteType::Multicast))
}

/// The socket that fits a packet best (`__udp4_lib_lookup()`): one bound to its address before one bound
/// to all.
#[must_use]
pub fn lookup(k: &Kernel, netns: NetnsId, packet: &Incoming) -> Option<SocketId> {
    let bound = k.netns[netns].sockets.udp.at(packet.dport);
    let best = |addr: Ipv4Addr| {
        let mut best = (0, None);
        for id in bound {
            let socket = &k.sockets[*id];
            let score = if socket.inet.rcv_saddr == addr { score(socket, packet) } else { None };
            if score > Some(best.0) {
                best = (score.unwrap_or(0), Some(*id));
            }
        }
        best.1
    };
    let found = best(packet.dst).or_else(|| best(Ipv4Addr::UNSPECIFIED))?;
    let from = SocketAddrV4::new(packet.src, packet.sport);
    let to = SocketAddrV4::new(packet.dst, packet.dport);
    Some(reuseport::select(k, bound, found, from, to))
}

/// How well a socket fits a packet; `None` if not at all (`compute_score()`).
fn score(socket: &Socket, packet: &Incoming) -> Option<u32> {
    let mut score = 2;
    let (inet, bound_dev) = (&socket.inet, socket.opts.bound_dev);
    if inet.connected {
        if (inet.daddr, inet.dport) != (packet.src, packet.sport) {
            return None;
        }
        score += 8;
    }
    match bound_dev {
        Some(dev) if dev != packet.dev => return None,
        Some(_) => score += 4,
        None => {}
    }
    Some(score)
}

/// Hands a broadcast or multicast datagram to all sockets that take it (`__udp4_lib_mcast_deliver()`):
/// copies to all but the newest, which gets the packet itself, last.
fn receive_group<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    packet: &Incoming,
    o: &mut O,
) -> Decision<()> {
    let mut takers = SmallVec::<[SocketId; 8]>::new();
    let bound = k.netns[f.netns].sockets.udp.at(packet.dport);
    takers.extend(bound.iter().copied().filter(|id| takes_group(k, *id, packet)));
    let Some((first, others)) = takers.split_first() else {
        k.netns[f.netns].mib.udp.inc(UdpMib::IgnoredMulti);
        return Err(DropReason::NotSpecified);
    };
    for id in others {
        let copy = k.clone_skb(&f.skb);
        // A socket without room loses its copy; the others are not affected.
        let _full = enqueue(k, *id, f, copy, packet, o);
    }
    let skb = std::mem::replace(&mut f.skb, k.skb());
    enqueue(k, *first, f, skb, packet, o)
}

/// Whether a socket takes a group datagram (`__udp_is_mcast_sock()`).
fn takes_group(k: &Kernel, id: SocketId, packet: &Incoming) -> bool {
    let socket = &k.sockets[id];
    let inet = &socket.inet;
    (!inet.connected || (inet.daddr, inet.dport) == (packet.src, packet.sport))
        && (inet.rcv_saddr.is_unspecified() || inet.rcv_saddr == packet.dst)
        && socket.opts.bound_dev.is_none_or(|dev| dev == packet.dev)
        && multicast::hears(socket, packet.dst, packet.src, k.devs[packet.dev].ifindex)
}

/// Puts a datagram into a socket's queue (`udp_queue_rcv_skb()`).
fn enqueue<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    f: &Flight,
    mut skb: Box<Skb>,
    packet: &Incoming,
    o: &mut O,
) -> Decision<()> {
    let len = skb.network_header().len();
    let pulled = skb.pull(UDP_HLEN).is_some();
    debug_assert!(pulled, "the header was checked");
    let info = MessageInfo::Inet(packet.datagram(k.now));
    if !has_room(&k.sockets[id], len) {
        k.sockets[id].drops += 1;
        k.pool.give(skb);
    } else if deliver::queue(k, id, skb, info, len) {
        stack::emit(k, f, o, |_| Event::Delivered { socket: id });
        return Ok(());
    }
    let mib = &mut k.netns[f.netns].mib.udp;
    mib.inc(UdpMib::RcvbufErrors);
    mib.inc(UdpMib::InErrors);
    Err(DropReason::SocketRcvbuff)
}

/// Whether a datagram still fits into the receive buffer (`__udp_enqueue_schedule_skb()`); into an empty
/// one everything does.
fn has_room(socket: &Socket, len: usize) -> bool {
    let used = socket.receive_queue.used();
    used == 0 || used + truesize(len) <= socket.opts.rcvbuf as usize
}

/// Hears of an ICMP error about a datagram of this host (`udp_err()`); false if no socket sent it.
pub fn icmp_error(k: &mut Kernel, netns: NetnsId, error: &IcmpError<'_>) -> bool {
    let Some(quoted) = Quoted::parse(error.quoted) else { return false };
    let Ok(udp) = Udp::parse(quoted.payload) else { return false };
    // The socket is found by the packet that would answer the quoted one.
    let answer = Incoming {
        src: quoted.dst,
        dst: quoted.src,
        sport: udp.dst_port(),
        dport: udp.src_port(),
        ..Incoming::carrier(&error.carrier)
    };
    let Some(id) = lookup(k, netns, &answer) else {
        let payload = quoted.payload.get(UDP_HLEN..).unwrap_or_default();
        return tunnel::vxlan::has_sent(k, netns, udp.dst_port(), payload);
    };
    if let Some(fault) = error.fault(k.sockets[id].opts.pmtu) {
        let destination = SocketAddrV4::new(quoted.dst, udp.dst_port());
        let payload = quoted.payload.get(UDP_HLEN..).unwrap_or_default();
        report_icmp(k, id, fault, error, destination, payload);
    }
    true
}
