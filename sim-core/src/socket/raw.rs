//! Raw sockets (`raw(7)`, `net/ipv4/raw.c`).

use std::net::{Ipv4Addr, SocketAddrV4};

use smallvec::SmallVec;

use crate::errno::Errno;
use crate::id::{NetnsId, SocketId};
use crate::ip::ident;
use crate::kernel::{Flight, Kernel, Place};
use crate::netfilter::Hook;
use crate::netns::mib::{IcmpMib, MessageDirection};
use crate::netns::stack;
use crate::packet::checksum::ip_compute_csum;
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::{EtherType, IcmpType, IpProto, Ipv4, Skb};
use crate::socket::deliver::{self, Incoming, Quoted};
use crate::socket::error::{report_icmp, report_local};
use crate::socket::flow::{self, Routed, Target};
use crate::socket::{IcmpError, IcmpFault, MessageInfo, PmtuDiscovery, Protocol, Socket};
use crate::socket::{multicast, output, udp};
use crate::trace::{Event, Observer};

/// The longest packet, in bytes.
const MAX_LEN: usize = 0xffff;

/// What a raw socket adds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RawSock {
    /// The protocol it receives; [`IpProto::RAW`] receives nothing.
    pub protocol: IpProto,
    /// A bit for each ICMP type that it does not want (`ICMP_FILTER`).
    pub icmp_filter: u32,
}

/// Sends a packet (`raw_sendmsg()`): the payload of an IP packet or, with `IP_HDRINCL`, all of it.
///
/// # Errors
/// `EMSGSIZE`, `EINVAL` for a header that is no IPv4 header, and what sending a datagram answers.
pub(super) fn send<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    data: &[u8],
    to: Option<SocketAddrV4>,
    o: &mut O,
) -> Result<usize, Errno> {
    if data.len() > MAX_LEN {
        return Err(Errno::EMSGSIZE);
    }
    let to = udp::destination(&k.sockets[id], to)?;
    let routed = flow::route_datagram(k, id, Target { daddr: *to.ip(), dport: 0 })?;
    if k.sockets[id].opts.hdr_incl {
        return send_with_header(k, id, data, &routed, o);
    }
    output::check_length(k, id, &routed, data.len())?;
    k.sockets[id].take_error()?;
    let mut skb = k.skb();
    skb.put(data);
    skb.reset_transport_header();
    output::push_header(k, id, &mut skb, &routed);
    count_icmp_out(k, id, &skb);
    let sent = output::send(k, id, skb, routed.dst, Place::LocalOut, o);
    output::unless_ignored(k, id, sent)?;
    Ok(data.len())
}

/// Sends a packet whose header the program made (`raw_send_hdrinc()`): source and identification are
/// filled in where they are 0, length and checksum always.
fn send_with_header<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    data: &[u8],
    routed: &Routed,
    o: &mut O,
) -> Result<usize, Errno> {
    let mtu = k.devs.get(routed.dst.dev).map_or(0, |d| d.mtu);
    if data.len() > mtu as usize {
        let dport = k.sockets[id].inet.dport;
        report_local(k, id, Errno::EMSGSIZE, (routed.daddr, dport), mtu);
        return Err(Errno::EMSGSIZE);
    }
    if data.len() < IPV4_HLEN {
        return Err(Errno::EINVAL);
    }
    k.sockets[id].take_error()?;
    let header_len = usize::from(data[0] & 0x0f) * 4;
    if header_len > data.len() {
        return Err(Errno::EINVAL);
    }
    let mut skb = k.skb();
    skb.put(data);
    skb.reset_network_header();
    skb.set_transport_header(header_len);
    skb.meta.protocol = EtherType::IPV4;
    skb.meta.mark = k.sockets[id].opts.mark;
    if header_len >= IPV4_HLEN {
        complete_header(k, id, &mut skb, header_len, routed);
        count_icmp_out(k, id, &skb);
    }
    let sent = output::send(k, id, skb, routed.dst, Place::Hook(Hook::Output), o);
    output::unless_ignored(k, id, sent)?;
    Ok(data.len())
}

fn complete_header(
    k: &mut Kernel,
    id: SocketId,
    skb: &mut Skb,
    header_len: usize,
    routed: &Routed,
) {
    let netns = k.sockets[id].netns;
    let total_len = u16::try_from(skb.len()).unwrap_or(u16::MAX);
    let Some(header) = skb.network_header_mut().get_mut(..header_len) else { return };
    header[2..4].copy_from_slice(&total_len.to_be_bytes());
    if header[12..16] == [0; 4] {
        header[12..16].copy_from_slice(&routed.saddr.octets());
    }
    // What nobody may cut needs no identification.
    if header[4..6] == [0, 0]
        && header[6] & 0x40 == 0
        && let Some(&[s0, s1, s2, s3, d0, d1, d2, d3]) = header[12..].first_chunk()
    {
        let (src, dst) = (Ipv4Addr::new(s0, s1, s2, s3), Ipv4Addr::new(d0, d1, d2, d3));
        let chosen = ident::select(k, netns, src, dst, IpProto(header[9]));
        header[4..6].copy_from_slice(&chosen.to_be_bytes());
    }
    header[10..12].fill(0);
    let check = ip_compute_csum(header);
    header[10..12].copy_from_slice(&check.to_be_bytes());
}

/// Counts an ICMP message that a socket sends (`icmp_out_count()`). The network header is set.
pub(super) fn count_icmp_out(k: &mut Kernel, id: SocketId, skb: &Skb) {
    let Ok(ip) = Ipv4::parse(skb.network_header()) else { return };
    if ip.proto() != IpProto::ICMP {
        return;
    }
    let netns = k.sockets[id].netns;
    let mib = &mut k.netns[netns].mib;
    mib.icmp.inc(IcmpMib::OutMsgs);
    if let Some(icmp_type) = ip.payload().first() {
        mib.icmp_msg(MessageDirection::Out, IcmpType(*icmp_type));
    }
}

/// Gives a copy of a received packet to every raw socket of its protocol (`raw_local_deliver()`), and
/// tells whether there is one: then nobody says that the protocol is unreachable. The packet's data
/// starts behind the IP header.
pub fn deliver<O: Observer>(k: &mut Kernel, f: &Flight, proto: IpProto, o: &mut O) -> bool {
    if k.netns[f.netns].sockets.raw.is_empty() {
        return false;
    }
    let Some(packet) = Incoming::of(f, 0, 0) else { return false };
    let takers = matching(k, f.netns, proto, &packet);
    let icmp_type = f.skb.data().first().copied().unwrap_or(u8::MAX);
    for id in &takers {
        if proto == IpProto::ICMP && is_filtered(&k.sockets[*id], icmp_type) {
            continue;
        }
        let mut copy = k.clone_skb(&f.skb);
        copy.data_to_network_header();
        let len = copy.len();
        if deliver::queue(k, *id, copy, MessageInfo::Inet(packet.datagram(k.now)), len) {
            stack::emit(k, f, o, |_| Event::Delivered { socket: *id });
        }
    }
    !takers.is_empty()
}

/// The raw sockets that take a packet (`raw_v4_match()`).
fn matching(
    k: &Kernel,
    netns: NetnsId,
    proto: IpProto,
    packet: &Incoming,
) -> SmallVec<[SocketId; 8]> {
    let takes = |id: &SocketId| {
        let socket = &k.sockets[*id];
        let inet = &socket.inet;
        socket.ip_proto() == proto
            && (inet.daddr.is_unspecified() || inet.daddr == packet.src)
            && (inet.rcv_saddr.is_unspecified() || inet.rcv_saddr == packet.dst)
            && socket.opts.bound_dev.is_none_or(|dev| dev == packet.dev)
            && multicast::hears(socket, packet.dst, packet.src, k.devs[packet.dev].ifindex)
    };
    k.netns[netns].sockets.raw.iter().copied().filter(takes).collect()
}

/// Whether the socket's `ICMP_FILTER` refuses a type (`icmp_filter()`).
fn is_filtered(socket: &Socket, icmp_type: u8) -> bool {
    let Protocol::Raw(raw) = &socket.protocol else { return false };
    icmp_type < 32 && raw.icmp_filter >> icmp_type & 1 != 0
}

/// Tells raw sockets about an ICMP error (`raw_icmp_error()`): every one that could have sent the quoted
/// packet and is connected or collects errors. True if there is any that could have sent it.
pub fn icmp_error(k: &mut Kernel, netns: NetnsId, error: &IcmpError<'_>) -> bool {
    if k.netns[netns].sockets.raw.is_empty() {
        return false;
    }
    let Some(quoted) = Quoted::parse(error.quoted) else { return false };
    let answer = Incoming { src: quoted.dst, dst: quoted.src, ..Incoming::carrier(&error.carrier) };
    let senders = matching(k, netns, quoted.proto, &answer);
    for &id in &senders {
        let socket = &k.sockets[id];
        let Some(mut fault) = error.fault(PmtuDiscovery::Want) else { continue };
        if fault.errno == Errno::EMSGSIZE {
            fault = IcmpFault { hard: socket.opts.pmtu != PmtuDiscovery::Dont, ..fault };
        }
        let payload = if socket.opts.hdr_incl { error.quoted } else { quoted.payload };
        report_icmp(k, id, fault, error, SocketAddrV4::new(quoted.dst, 0), payload);
    }
    !senders.is_empty()
}
