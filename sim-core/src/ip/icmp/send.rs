//! Errors about packets (`__icmp_send()`).

use std::net::Ipv4Addr;

use crate::ip::icmp::counts_as_error;
use crate::ip::icmp::limit::{Limited, global_allow, host_allow};
use crate::ip::icmp::transmit::{Answer, Hashed, find_way, transmit};
use crate::ip::options;
use crate::ip::output::{Mtu, mtu};
use crate::kernel::{Flight, Kernel, SentBy};
use crate::link::inet::Scope;
use crate::packet::build::{IcmpParams, icmp_quote};
use crate::packet::ipv4::{IP_OFFSET, IPV4_HLEN};
use crate::packet::{IcmpType, IpProto, Ipv4, PacketType};
use crate::route::{self, RouteType};
use crate::sysctl::table::Sysctl;
use crate::trace::Observer;

/// The source of an error when this host has no address at all (RFC 7600, `INADDR_DUMMY`).
const DUMMY: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 8);
/// The bits of the type of service that an error takes over from the packet it is about
/// (`IPTOS_TOS_MASK`).
const TOS_MASK: u8 = 0x1e;
/// The precedence of errors (`IPTOS_PREC_INTERNETCONTROL`).
const INTERNET_CONTROL: u8 = 0xc0;

/// Sends an error about the packet in flight, if one may be sent about it. It runs before the packet
/// goes on.
pub fn send<O: Observer>(k: &mut Kernel, f: &Flight, params: IcmpParams, o: &mut O) {
    let Some((src, tos)) = judge(k, f, params.icmp_type) else { return };
    let limited = if k.devs.get(f.dev).is_some_and(|dev| dev.is_loopback()) {
        Some(Limited::No)
    } else {
        global_allow(k, f.netns, params.icmp_type, params.code)
    };
    let Some(limited) = limited else { return };
    // Its own socket is busy while an ICMP message is being sent: what happens to that is not told
    // (`icmp_xmit_lock()`).
    if f.sk == SentBy::Icmp {
        return;
    }
    let Some(options) = options::echo(k, f) else { return };
    let Some(mut answer) = find_way(k, f, src, tos, options, Hashed::Cause) else { return };
    let Answer { way, .. } = answer;
    let loopback = k.devs[way.dst.dev].is_loopback();
    if !host_allow(k, f.netns, way.to, loopback, limited) {
        return;
    }
    let optlen = options.bytes().len();
    let mtu = mtu(k, &way.dst, Mtu::Route);
    let quote = icmp_quote(f.skb.network_header(), mtu, optlen);
    if mtu.min(576) <= IPV4_HLEN * 2 + optlen + 8 {
        return;
    }
    if way.src.is_unspecified() {
        answer.way.src = DUMMY;
    }
    let mut skb = k.pool.take();
    skb.put(quote);
    transmit(k, f, skb, &params, &answer, o);
}

/// Decides whether an error may be sent about the packet, and tells where it comes from and its type
/// of service. No errors are sent about packets to groups, about other fragments than the first, and
/// about errors.
fn judge(k: &Kernel, f: &Flight, icmp_type: IcmpType) -> Option<(Ipv4Addr, u8)> {
    let dst = f.dst?;
    let ip = Ipv4::parse(f.skb.network_header()).ok()?;
    let to_group = matches!(dst.kind, RouteType::Broadcast | RouteType::Multicast);
    if f.skb.meta.pkt_type != PacketType::Host || to_group || ip.frag_word() & IP_OFFSET != 0 {
        return None;
    }
    if !counts_as_error(icmp_type) {
        return Some((source(k, f, &ip), ip.tos()));
    }
    if ip.proto() == IpProto::ICMP {
        let inner = f.skb.network_header().get(ip.header_len()).copied()?;
        if counts_as_error(IcmpType(inner)) {
            return None;
        }
    }
    Some((source(k, f, &ip), ip.tos() & TOS_MASK | INTERNET_CONTROL))
}

/// Where the error comes from: the address that the packet was sent to, if that is this host's; else
/// routing chooses, or `icmp_errors_use_inbound_ifaddr` does.
fn source(k: &Kernel, f: &Flight, ip: &Ipv4<'_>) -> Ipv4Addr {
    if f.dst.is_some_and(|dst| dst.local) {
        return ip.dst();
    }
    let inbound = k.netns[f.netns].sysctl.get(Sysctl::IcmpErrorsUseInboundIfaddr) != 0;
    let dev = f.iif.filter(|dev| inbound && k.devs.get(*dev).is_some());
    dev.and_then(|dev| route::select_source(k, dev, ip.src(), Scope::LINK))
        .unwrap_or(Ipv4Addr::UNSPECIFIED)
}
