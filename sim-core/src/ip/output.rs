//! Sending (`net/ipv4/ip_output.c`).

use smallvec::SmallVec;

use crate::errno::Errno;
use crate::ip::forward::has_df;
use crate::ip::icmp;
use crate::kernel::{Flight, Kernel, Place};
use crate::netfilter::Hook;
use crate::netns::mib::{IpExtMib, IpMib};
use crate::netns::stack::{self, Decision};
use crate::packet::build::IcmpParams;
use crate::packet::checksum::ip_fast_csum;
use crate::packet::fragment::{FragmentParams, ip_do_fragment};
use crate::packet::icmp::unreach;
use crate::packet::segment::segment_len;
use crate::packet::{EtherType, IcmpType, PacketType, Skb};
use crate::route::exception::ipv4_mtu;
use crate::route::{Dst, RouteType};
use crate::socket::PmtuDiscovery;
use crate::trace::{DropReason, Observer, Origin};

/// The longest packet, in bytes (`IP_MAX_MTU`).
const IP_MAX_MTU: usize = 0xffff;

/// In how many pieces a packet leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pieces {
    /// As it is.
    One,
    /// As fragments, which have been spawned.
    Spawned,
}

/// What counts for the length of a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mtu {
    /// The route, and what is known of the path.
    Route,
    /// The device alone: its sender probes the path (`IP_PMTUDISC_PROBE`).
    Device,
}

/// The longest packet that a route takes, in bytes (`ip_skb_dst_mtu()`). What is known of the path
/// counts as the route says: for forwarded packets only if `ip_forward_use_pmtu` is on.
#[must_use]
pub fn mtu(k: &Kernel, dst: &Dst, whose: Mtu) -> usize {
    match whose {
        Mtu::Device => k.devs.get(dst.dev).map_or(0, |dev| dev.mtu as usize).min(IP_MAX_MTU),
        Mtu::Route => ipv4_mtu(k, dst) as usize,
    }
}

/// Sets length and checksum (`__ip_local_out()`).
pub fn local_out(k: &mut Kernel, f: &mut Flight) {
    k.netns[f.netns].mib.ip.inc(IpMib::OutRequests);
    let len = u16::try_from(f.skb.len()).unwrap_or(0);
    let header = f.skb.network_header_mut();
    let header_len = header.first().map_or(0, |first| usize::from(first & 0x0f) * 4);
    if let Some(header) = header.get_mut(..header_len)
        && header.len() >= 12
    {
        header[2..4].copy_from_slice(&len.to_be_bytes());
        header[10..12].fill(0);
        let check = ip_fast_csum(header);
        header[10..12].copy_from_slice(&check.to_be_bytes());
    }
    f.skb.meta.protocol = EtherType::IPV4;
}

/// Moves the packet to its device; this host takes copies of what goes to groups it is in itself
/// (`ip_output()`, `ip_mc_output()`).
pub fn output(k: &mut Kernel, f: &mut Flight) -> Decision<()> {
    let Some(dst) = f.dst else { return Err(DropReason::IpOutNoRoutes) };
    if k.devs.get(dst.dev).is_none() {
        return Err(DropReason::NotSpecified);
    }
    f.dev = dst.dev;
    f.skb.meta.protocol = EtherType::IPV4;
    let groups = matches!(dst.kind, RouteType::Multicast | RouteType::Broadcast);
    if !groups || !dst.local || k.devs[dst.dev].is_loopback() {
        return Ok(());
    }
    let multicast = dst.kind == RouteType::Multicast;
    if !multicast || wants_loop(k, f) {
        let mut copy = k.clone_flight(f);
        copy.place = Place::Hook(Hook::PostRouting);
        copy.cb.loop_back = true;
        k.spawn(copy);
    }
    let ttl = f.skb.network_header().get(8).copied();
    // With a TTL of 0 a group is only on this host.
    if multicast && ttl == Some(0) { Err(DropReason::NotSpecified) } else { Ok(()) }
}

/// Whether the sender's own host hears a multicast (`sk_mc_loop()`, `IP_MULTICAST_LOOP`).
fn wants_loop(k: &Kernel, f: &Flight) -> bool {
    f.sk.program().and_then(|id| k.sockets.get(id)).is_none_or(|socket| socket.opts.mc_loop)
}

/// Receives a copy of an own packet for a group (`ip_mc_finish_output()`, `dev_loopback_xmit()`). It
/// never had a link header.
pub fn loop_back(k: &mut Kernel, f: &mut Flight) {
    let skb = std::mem::replace(&mut f.skb, k.skb());
    let mut copy = f.with_skb(skb);
    copy.cb.loop_back = false;
    copy.skb.data_to_network_header();
    copy.skb.reset_mac_header();
    copy.skb.meta.pkt_type = PacketType::Loopback;
    copy.place = Place::DeviceReceive;
    k.netif_rx(copy);
}

/// Cuts the packet to size (`ip_finish_output()`).
pub fn finish<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Pieces> {
    let Some(dst) = f.dst else { return Err(DropReason::IpOutNoRoutes) };
    let mtu = mtu(k, &dst, whose(k, f));
    if segment_len(&f.skb) <= mtu && f.cb.frag_max_size == 0 {
        count_out(k, f, dst.kind, f.skb.len());
        return Ok(Pieces::One);
    }
    let largest = usize::from(f.cb.frag_max_size);
    if has_df(&f.skb) && (!f.cb.ignore_df || largest > mtu) {
        k.netns[f.netns].mib.ip.inc(IpMib::FragFails);
        let info = u32::try_from(mtu).unwrap_or(u32::MAX);
        let needed = IcmpParams::error(IcmpType::DEST_UNREACH, unreach::FRAG_NEEDED, info);
        icmp::send(k, f, needed, o);
        k.refuse_send(f, Errno::EMSGSIZE);
        return Err(DropReason::NotSpecified);
    }
    let room = if largest == 0 { mtu } else { mtu.min(largest) };
    fragment(k, f, dst.kind, room, o)?;
    Ok(Pieces::Spawned)
}

/// Which MTU counts for the packet.
fn whose(k: &Kernel, f: &Flight) -> Mtu {
    let socket = f.sk.program().and_then(|id| k.sockets.get(id));
    let probes = socket.is_some_and(|socket| socket.opts.pmtu == PmtuDiscovery::Probe);
    if probes { Mtu::Device } else { Mtu::Route }
}

/// Counts a packet that is handed to the link layer (`ip_finish_output2()`).
fn count_out(k: &mut Kernel, f: &Flight, kind: RouteType, len: usize) {
    let mib = &mut k.netns[f.netns].mib;
    if kind == RouteType::Multicast {
        mib.ip_bytes(IpExtMib::OutMcastPkts, IpExtMib::OutMcastOctets, len);
    } else if kind == RouteType::Broadcast {
        mib.ip_bytes(IpExtMib::OutBcastPkts, IpExtMib::OutBcastOctets, len);
    }
    mib.ip.inc(IpMib::OutTransmits);
    mib.ip_ext.add(IpExtMib::OutOctets, len as u64);
}

/// Cuts the packet into pieces of at most `room` bytes, as it came where that fits.
pub(crate) fn cut(k: &mut Kernel, f: &Flight, room: usize) -> Decision<SmallVec<[Box<Skb>; 8]>> {
    let mut pieces = SmallVec::new();
    let geometry = f.pieces.as_deref().unwrap_or_default();
    let params = FragmentParams { mtu: room, keep_df: f.cb.frag_df, geometry };
    let cut = ip_do_fragment(&f.skb, &params, || k.pool.take(), |piece| pieces.push(piece));
    if cut.is_err() {
        k.netns[f.netns].mib.ip.inc(IpMib::FragFails);
        return Err(DropReason::NotSpecified);
    }
    Ok(pieces)
}

/// Sends the packet in pieces of at most `room` bytes (`ip_do_fragment()`).
fn fragment<O: Observer>(
    k: &mut Kernel,
    f: &Flight,
    kind: RouteType,
    room: usize,
    o: &mut O,
) -> Decision<()> {
    for piece in cut(k, f, room)? {
        count_out(k, f, kind, piece.network_header().len());
        k.netns[f.netns].mib.ip.inc(IpMib::FragCreates);
        let mut flight = f.with_skb(piece);
        flight.place = Place::Neighbour;
        flight.cb.frag_max_size = 0;
        flight.caller = f.caller;
        stack::start(k, flight, Origin::Copy { of: f.flow }, o);
    }
    k.netns[f.netns].mib.ip.inc(IpMib::FragOks);
    Ok(())
}
