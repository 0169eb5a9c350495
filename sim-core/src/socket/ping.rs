//! Ping sockets: ICMP echo without the right to raw sockets (`net/ipv4/ping.c`).

use std::net::SocketAddrV4;

use crate::errno::Errno;
use crate::id::{NetnsId, SocketId};
use crate::kernel::{Flight, Kernel, Place};
use crate::netns::stack::{self, Decision};
use crate::packet::build::{IcmpParams, push_icmp};
use crate::packet::icmp::ICMP_HLEN;
use crate::packet::{Icmp, IcmpType};
use crate::socket::deliver::{self, Incoming, Quoted};
use crate::socket::error::report_icmp;
use crate::socket::flow::{self, Target};
use crate::socket::{IcmpError, MessageInfo, bind, output, raw, udp};
use crate::trace::{DropReason, Event, Observer};

/// The longest message, in bytes.
const MAX_LEN: usize = 0xffff;

/// Sends an echo request (`ping_v4_sendmsg()`). `data` starts with an ICMP header, of which the checksum
/// and the identifier are the kernel's: the identifier is the socket's.
///
/// # Errors
/// `EINVAL` for anything but an echo request, and what sending a datagram answers.
pub(super) fn send<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    data: &[u8],
    to: Option<SocketAddrV4>,
    o: &mut O,
) -> Result<usize, Errno> {
    bind::autobind(k, id)?;
    if data.len() > MAX_LEN {
        return Err(Errno::EMSGSIZE);
    }
    let icmp = Icmp::parse(data).map_err(|_| Errno::EINVAL)?;
    if icmp.icmp_type() != IcmpType::ECHO || icmp.code() != 0 {
        return Err(Errno::EINVAL);
    }
    let to = udp::destination(&k.sockets[id], to)?;
    let routed = flow::route_datagram(k, id, Target { daddr: *to.ip(), dport: 0 });
    let routed = flow::counted(k, id, routed)?;
    output::check_length(k, id, &routed, data.len())?;
    k.sockets[id].take_error()?;
    let mut skb = k.skb();
    skb.put(icmp.payload());
    push_icmp(&mut skb, &IcmpParams::echo(k.sockets[id].inet.sport, icmp.sequence()));
    output::push_header(k, id, &mut skb, &routed);
    raw::count_icmp_out(k, id, &skb);
    let sent = output::send(k, id, skb, routed.dst, Place::LocalOut, o);
    output::unless_ignored(k, id, sent)?;
    Ok(data.len())
}

/// Hands an echo reply to the socket that asked (`ping_rcv()`). The packet's data starts at the ICMP
/// header.
///
/// # Errors
/// Nobody asked.
pub fn receive<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<()> {
    let Ok(icmp) = Icmp::parse(f.skb.data()) else { return Err(DropReason::NotSpecified) };
    let packet = Incoming::of(f, 0, icmp.id()).ok_or(DropReason::NotSpecified)?;
    let id = lookup(k, f.netns, &packet).ok_or(DropReason::NoSocket)?;
    let copy = k.clone_skb(&f.skb);
    let len = f.skb.network_header().len();
    if !deliver::queue(k, id, copy, MessageInfo::Inet(packet.datagram(k.now)), len) {
        return Err(DropReason::SocketRcvbuff);
    }
    stack::emit(k, f, o, |_| Event::Delivered { socket: id });
    Ok(())
}

/// The socket with the identifier (`ping_lookup()`).
fn lookup(k: &Kernel, netns: NetnsId, packet: &Incoming) -> Option<SocketId> {
    k.netns[netns].sockets.ping.at(packet.dport).iter().copied().find(|id| {
        let socket = &k.sockets[*id];
        (socket.inet.rcv_saddr.is_unspecified() || socket.inet.rcv_saddr == packet.dst)
            && socket.opts.bound_dev.is_none_or(|dev| dev == packet.dev)
    })
}

/// Hears of an ICMP error about an echo request of this host (`ping_err()`); false if no ping socket
/// sent it.
pub fn icmp_error(k: &mut Kernel, netns: NetnsId, error: &IcmpError<'_>) -> bool {
    let Some(quoted) = Quoted::parse(error.quoted) else { return false };
    let Ok(icmp) = Icmp::parse(quoted.payload) else { return false };
    if icmp.icmp_type() != IcmpType::ECHO || icmp.code() != 0 {
        return false;
    }
    let answer = Incoming { dport: icmp.id(), ..Incoming::carrier(&error.carrier) };
    let Some(id) = lookup(k, netns, &answer) else { return false };
    // Unlike other datagram sockets, ping sockets want to hear of these two.
    let told = match error.icmp_type {
        IcmpType::SOURCE_QUENCH | IcmpType::REDIRECT => {
            Some(super::IcmpFault { errno: Errno::EREMOTEIO, hard: false })
        }
        _ => error.fault(k.sockets[id].opts.pmtu),
    };
    if let Some(fault) = told {
        let destination = SocketAddrV4::new(quoted.dst, 0);
        report_icmp(k, id, fault, error, destination, quoted.payload);
    }
    true
}

const _: () = assert!(ICMP_HLEN == 8, "an echo header is eight bytes long");
