//! Messages for this host (`icmp_rcv()`).

use crate::id::NetnsId;
use crate::ip::icmp::{NR_ICMP_TYPES, reply};
use crate::kernel::{Flight, Kernel};
use crate::netns::mib::{IcmpMib, MessageDirection};
use crate::netns::stack::{self, Decision};
use crate::packet::checksum::ip_compute_csum;
use crate::packet::icmp::{time_exceeded, unreach};
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::{Icmp, IcmpType, IpProto};
use crate::route::{self, RouteType};
use crate::sysctl::table::Sysctl;
use crate::trace::{DropReason, Event, Observer};

/// What a message is to the rest of the host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Received {
    /// Nothing more.
    Taken,
    /// An answer to an echo request, for the socket that asked.
    EchoReply,
    /// An error about a packet, for the protocol and the socket that sent it. The quoted packet
    /// follows the ICMP header.
    Error {
        /// The protocol of the quoted packet.
        proto: IpProto,
        /// The MTU of fragmentation needed, the pointer of a parameter problem, the router of a
        /// redirect, else 0.
        info: u32,
    },
}

/// Takes a message. The packet's data starts at the ICMP header.
///
/// # Errors
/// The message is dropped.
pub fn receive<O: Observer>(k: &mut Kernel, f: &Flight, o: &mut O) -> Decision<Received> {
    let mib = &mut k.netns[f.netns].mib;
    mib.icmp.inc(IcmpMib::InMsgs);
    match judge(k, f) {
        Ok(icmp_type) => handle(k, f, icmp_type, o),
        Err(reason) => {
            let mib = &mut k.netns[f.netns].mib.icmp;
            if reason == DropReason::IcmpCsum {
                mib.inc(IcmpMib::InCsumErrors);
            }
            mib.inc(IcmpMib::InErrors);
            Err(reason)
        }
    }
}

/// Checks the message: its checksum, its type, and whether it may come to a group.
fn judge(k: &mut Kernel, f: &Flight) -> Decision<IcmpType> {
    if ip_compute_csum(f.skb.data()) != 0 {
        return Err(DropReason::IcmpCsum);
    }
    let Ok(icmp) = Icmp::parse(f.skb.data()) else { return Err(DropReason::NotSpecified) };
    let icmp_type = icmp.icmp_type();
    let ns = &mut k.netns[f.netns];
    ns.mib.icmp_msg(MessageDirection::In, icmp_type);
    if icmp_type.0 > NR_ICMP_TYPES && !is_extended_echo(icmp_type) {
        return Err(DropReason::UnhandledProto);
    }
    let kind = f.dst.map(|dst| dst.kind);
    if !is_extended_echo(icmp_type)
        && matches!(kind, Some(RouteType::Broadcast | RouteType::Multicast))
    {
        let wanted = match icmp_type {
            IcmpType::ECHO | IcmpType::TIMESTAMP => {
                ns.sysctl.get(Sysctl::IcmpEchoIgnoreBroadcasts) == 0
            }
            IcmpType::ADDRESS | IcmpType::ADDRESS_REPLY => true,
            _ => false,
        };
        if !wanted {
            return Err(DropReason::InvalidProto);
        }
    }
    Ok(icmp_type)
}

/// Whether the message is one of RFC 8335, which the checks of the older types do not concern.
fn is_extended_echo(icmp_type: IcmpType) -> bool {
    matches!(icmp_type, IcmpType::EXT_ECHO | IcmpType::EXT_ECHO_REPLY)
}

/// Does what the message asks for (`icmp_pointers[].handler`).
fn handle<O: Observer>(
    k: &mut Kernel,
    f: &Flight,
    icmp_type: IcmpType,
    o: &mut O,
) -> Decision<Received> {
    match icmp_type {
        IcmpType::ECHO => {
            stack::emit(k, f, o, |_| Event::Consumed { by: "icmp echo request" });
            reply::echo(k, f, o);
        }
        IcmpType::TIMESTAMP => {
            let answered = reply::timestamp(k, f, o);
            if let Err(reason) = answered {
                k.netns[f.netns].mib.icmp.inc(IcmpMib::InErrors);
                return Err(reason);
            }
            stack::emit(k, f, o, |_| Event::Consumed { by: "icmp timestamp request" });
        }
        IcmpType::ECHO_REPLY | IcmpType::EXT_ECHO_REPLY => return Ok(Received::EchoReply),
        IcmpType::REDIRECT => return redirect(k, f),
        _ if icmp_type.is_error() => return error(k, f, icmp_type),
        _ => stack::emit(k, f, o, |_| Event::Consumed { by: "icmp" }),
    }
    Ok(Received::Taken)
}

/// An error about a packet that this host is said to have sent (`icmp_unreach()`).
fn error(k: &mut Kernel, f: &Flight, icmp_type: IcmpType) -> Decision<Received> {
    let Ok(icmp) = Icmp::parse(f.skb.data()) else { return Err(DropReason::NotSpecified) };
    let quoted = icmp.payload();
    let reason = match quoted.first() {
        Some(first) if quoted.len() >= IPV4_HLEN && first & 0x0f >= 5 => None,
        Some(_) if quoted.len() >= IPV4_HLEN => Some(DropReason::IpInHdr),
        _ => Some(DropReason::NotSpecified),
    };
    if let Some(reason) = reason {
        k.netns[f.netns].mib.icmp.inc(IcmpMib::InErrors);
        return Err(reason);
    }
    let info = match (icmp_type, icmp.code()) {
        (IcmpType::DEST_UNREACH, code) if code & 15 == unreach::FRAG_NEEDED => {
            match frag_needed_info(k, f.netns, quoted, icmp.mtu()) {
                Some(info) => info,
                None => return Ok(Received::Taken),
            }
        }
        (IcmpType::PARAMETER_PROBLEM, _) => u32::from(icmp.pointer()),
        (IcmpType::TIME_EXCEEDED, time_exceeded::REASSEMBLY) => return Ok(Received::Taken),
        _ => 0,
    };
    let unknown_code =
        icmp_type == IcmpType::DEST_UNREACH && icmp.code() > unreach::PRECEDENCE_CUTOFF;
    if unknown_code || is_bogus(k, f, quoted) {
        return Ok(Received::Taken);
    }
    deliver(k, f.netns, quoted, info)
}

/// What `ip_no_pmtu_disc` makes of the MTU in a message: 0 takes it, 1 lets the route's least MTU
/// take its place, 2 ignores the message, 3 takes it only about protocols that can tell a forged one.
fn frag_needed_info(k: &Kernel, netns: NetnsId, quoted: &[u8], mtu: u16) -> Option<u32> {
    let checkable = quoted.get(9).is_some_and(|proto| {
        matches!(IpProto(*proto), IpProto::TCP | IpProto::DCCP | IpProto::SCTP)
    });
    match k.netns[netns].sysctl.get(Sysctl::IpNoPmtuDisc) {
        2 => None,
        3 if !checkable => None,
        1 => Some(0),
        _ => Some(u32::from(mtu)),
    }
}

/// Whether somebody complains about a broadcast, and this host does not want to hear of it.
fn is_bogus(k: &Kernel, f: &Flight, quoted: &[u8]) -> bool {
    if k.netns[f.netns].sysctl.get(Sysctl::IcmpIgnoreBogusErrorResponses) != 0 {
        return false;
    }
    let daddr = quoted.get(16..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
    route::addr_type(k, f.netns, daddr.into()) == RouteType::Broadcast
}

/// A router knows a shorter way (`icmp_redirect()`).
fn redirect(k: &mut Kernel, f: &Flight) -> Decision<Received> {
    let Ok(icmp) = Icmp::parse(f.skb.data()) else { return Err(DropReason::NotSpecified) };
    let quoted = icmp.payload();
    if quoted.len() < IPV4_HLEN {
        k.netns[f.netns].mib.icmp.inc(IcmpMib::InErrors);
        return Err(DropReason::PktTooSmall);
    }
    deliver(k, f.netns, quoted, icmp.gateway().to_bits())
}

/// Names the protocol that has to hear of the error; the quote has to hold its first 8 bytes
/// (`icmp_socket_deliver()`).
fn deliver(k: &mut Kernel, netns: NetnsId, quoted: &[u8], info: u32) -> Decision<Received> {
    let header_len = quoted.first().map_or(0, |first| usize::from(first & 0x0f) * 4);
    let proto = quoted.get(9).copied().map(IpProto);
    match proto {
        Some(proto) if quoted.len() >= header_len + 8 && proto != IpProto::RAW => {
            Ok(Received::Error { proto, info })
        }
        _ => {
            k.netns[netns].mib.icmp.inc(IcmpMib::InErrors);
            Ok(Received::Taken)
        }
    }
}
