//! Telling a sender that its packet is refused (`net/ipv4/netfilter/nf_reject_ipv4.c`).

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::id::DevId;
use crate::ip::icmp;
use crate::kernel::{Flight, Kernel, Place};
use crate::netfilter::Hook;
use crate::netfilter::conntrack::CtRef;
use crate::netfilter::conntrack::proto::{ProtoCx, tcp};
use crate::netfilter::xtables::packet::Seen;
use crate::netns::stack;
use crate::packet::build::{
    ChecksumMode, IcmpParams, Ipv4Params, PseudoHeader, TcpOptionBytes, TcpParams, push_ethernet,
    push_ipv4, push_tcp,
};
use crate::packet::checksum::{csum_fold, csum_partial, csum_tcpudp_magic};
use crate::packet::udp::UDP_HLEN;
use crate::packet::{EtherType, Ethernet, IcmpType, IpProto, Ipv4, Skb, TcpFlags};
use crate::route::{self, Dst, FlowKey, RouteType};
use crate::sysctl::Sysctl;
use crate::trace::{Observer, Origin};

/// Answers with an ICMP error (`nf_send_unreach()`), unless the packet is damaged or another fragment than the
/// first.
pub fn send_unreach<O: Observer>(k: &mut Kernel, f: &Flight, code: u8, o: &mut O) {
    let Ok(ip) = Ipv4::parse(f.skb.network_header()) else { return };
    if ip.frag_offset() == 0 && (!is_summed(&ip) || is_intact(&ip)) {
        icmp::send(k, f, IcmpParams::error(IcmpType::DEST_UNREACH, code, 0), o);
    }
}

/// Whether the packet's data are believed to sum up to 0, as they do with the usual checksum
/// (`nf_reject_verify_csum()`). Linux believes it of protocols that it does not know, too.
fn is_summed(ip: &Ipv4<'_>) -> bool {
    match ip.proto() {
        IpProto::UDP => {
            let header = ip.payload().get(..UDP_HLEN);
            header.is_none_or(|header| header[6..] != [0, 0])
        }
        IpProto::GRE | IpProto::AH | IpProto::ESP | IpProto::SCTP | IpProto::UDPLITE => false,
        _ => true,
    }
}

/// Whether the checksum of the packet's data is right (`nf_ip_checksum()`).
fn is_intact(ip: &Ipv4<'_>) -> bool {
    match ip.proto() {
        proto @ (IpProto::TCP | IpProto::UDP) => {
            csum_tcpudp_magic(ip.src(), ip.dst(), proto, ip.payload()) == 0
        }
        // The header is summed up too: on its own it makes a sum of zeros right.
        _ => csum_fold(csum_partial(ip.payload(), csum_partial(ip.header(), 0))) == 0,
    }
}

/// Answers a TCP segment with a reset (`nf_send_reset()`), unless it is one itself, damaged, or to a group.
/// Its connection is taken to be over.
pub fn send_reset<O: Observer>(k: &mut Kernel, f: &Flight, seen: &Seen, o: &mut O) {
    let Some(dst) = f.dst else { return };
    if matches!(dst.kind, RouteType::Broadcast | RouteType::Multicast) {
        return;
    }
    let Ok(ip) = Ipv4::parse(f.skb.network_header()) else { return };
    let Some((params, src, to)) = reset(&ip) else { return };
    let mut skb = k.skb();
    push_tcp(&mut skb, &params, PseudoHeader::V4 { src, dst: to });
    // The way of the refused packet says how far its answer may go.
    let default_ttl = k.netns[f.netns].sysctl.get(Sysctl::IpDefaultTtl);
    let ttl = dst.hoplimit.unwrap_or_else(|| u8::try_from(default_ttl).unwrap_or(u8::MAX));
    push_ipv4(&mut skb, &Ipv4Params { ttl, df: true, ..Ipv4Params::new(src, to, IpProto::TCP) });
    let reflects = k.netns[f.netns].sysctl.is_on(Sysctl::FwmarkReflect);
    skb.meta.mark = if reflects { f.skb.meta.mark } else { 0 };
    let Some(way) = way_back(k, f, dst.dev, (src, to), &params, skb.meta.mark) else { return };
    let flow = k.new_flow();
    let mut answer = Flight::new(skb, Place::LocalOut, f.netns, way.dev, flow);
    answer.dst = Some(way);
    answer.ct = f.ct.for_answer();
    close(k, f, seen.hook);
    if let Some(port) = seen.physin.filter(|port| k.devs.get(*port).is_some()) {
        if !address_like(&mut answer.skb, &f.skb) {
            return;
        }
        (answer.place, answer.dev) = (Place::Transmit, port);
    }
    stack::start(k, answer, Origin::Reply { to: f.flow, what: "tcp reset" }, o);
}

/// Closes the connection of a segment (`nf_ct_set_closing()`).
fn close(k: &mut Kernel, f: &Flight, hook: Hook) {
    let CtRef::Tracked(id, _) = f.ct else { return };
    let now = k.now;
    let ns = &mut k.netns[f.netns];
    if let Some(conn) = ns.nf.conntrack.conns.get_mut(id) {
        tcp::set_closing(conn, &ProtoCx { now, sysctl: &ns.sysctl, hook });
    }
}

/// The reset that answers a segment, and its two addresses (`nf_reject_ip_tcphdr_get()`,
/// `nf_reject_ip_tcphdr_put()`).
fn reset(ip: &Ipv4<'_>) -> Option<(TcpParams, Ipv4Addr, Ipv4Addr)> {
    if ip.frag_offset() != 0 || ip.proto() != IpProto::TCP {
        return None;
    }
    let header = ip.payload().first_chunk::<20>()?;
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let long = |at: usize| u32::from(word(at)) << 16 | u32::from(word(at + 2));
    let flags = TcpFlags(header[13]);
    if flags.rst() || !is_intact(ip) {
        return None;
    }
    // The header's length is taken as it is, right or wrong.
    let header_len = u32::from(header[12] >> 4) * 4;
    let len = u32::try_from(ip.payload().len()).unwrap_or(u32::MAX);
    let behind = u32::from(flags.syn()) + u32::from(flags.fin());
    let (seq, ack, kind) = if flags.ack() {
        (long(8), 0, TcpFlags::RST)
    } else {
        let data = len.wrapping_sub(header_len);
        let ack = long(4).wrapping_add(behind).wrapping_add(data);
        (0, ack, TcpFlags::RST.with(TcpFlags::ACK))
    };
    let params = TcpParams {
        src_port: word(2),
        dst_port: word(0),
        seq,
        ack,
        flags: kind,
        window: 0,
        urgent_pointer: 0,
        options: TcpOptionBytes::EMPTY,
        checksum: ChecksumMode::Complete,
    };
    Some((params, ip.dst(), ip.src()))
}

/// Finds the way of the answer, whose source need not be an address of this host (`ip_route_me_harder()`).
/// `dev` is where the refused packet was going.
fn way_back(
    k: &mut Kernel,
    f: &Flight,
    dev: DevId,
    (src, to): (Ipv4Addr, Ipv4Addr),
    params: &TcpParams,
    mark: u32,
) -> Option<Dst> {
    let kind = route::addr_type_on(k, dev, src);
    let any_src = matches!(kind, RouteType::Local | RouteType::Unicast);
    let src = if any_src { src } else { Ipv4Addr::UNSPECIFIED };
    let mut flow = FlowKey::<V4> { mark, any_src, ..FlowKey::between(src, to) };
    // Without rules that ask for them, nobody looks into the packet for its ports.
    if k.netns[f.netns].ipv4.fib.rules.read_transport() {
        flow.proto = IpProto::TCP.0;
        (flow.sport, flow.dport) = (params.src_port, params.dst_port);
    }
    route::output(k, f.netns, &flow).ok().map(|way| way.dst)
}

/// Addresses the answer to a bridged packet as if the station it was for had sent it; whether that packet has
/// a link header.
fn address_like(answer: &mut Skb, refused: &Skb) -> bool {
    let Ok(eth) = Ethernet::parse(refused.mac_header()) else { return false };
    push_ethernet(answer, eth.src(), eth.dst(), EtherType::IPV4);
    true
}
