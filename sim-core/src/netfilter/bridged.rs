//! Bridged packets at the hooks of IP (`net/bridge/br_netfilter_hooks.c`).
//!
//! A bridge shows the IPv4 packets it carries to the hooks of IP as if they were routed through it: `PREROUTING` when
//! they come in, `FORWARD` and `POSTROUTING` when they leave. So a service that is translated to a station of the
//! same bridge works, although nobody routes. Left out: IPv6 and ARP, and packets in VLAN and PPPoE frames.

use crate::bridge::forward::Uptake;
use crate::bridge::{Bridge, port_of};
use crate::family::V4;
use crate::id::{BridgeId, DevId};
use crate::ip::flow;
use crate::ip::forward::has_df;
use crate::ip::output::cut;
use crate::kernel::flight::IpCb;
use crate::kernel::{Flight, Kernel, Place};
use crate::link::inet::ConfKey;
use crate::neigh::output::cached_address;
use crate::netfilter::conntrack::{CtRef, Status, confirm};
use crate::netfilter::{self, Hook, HookState, Verdict, destination};
use crate::netns::mib::{IpExtMib, IpMib};
use crate::netns::stack::{self, Decision};
use crate::packet::checksum::ip_fast_csum;
use crate::packet::ethernet::ETH_HLEN;
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::{EtherType, MacAddr, PacketType};
use crate::route::{self, Dst, FlowKey, RouteType};
use crate::sysctl::table::Sysctl;
use crate::trace::{DropReason, Observer, Origin};

/// The length of a hardware address, in bytes.
const ETH_ALEN: usize = 6;
/// The part of a link header behind the destination.
const SOURCE_AND_TYPE: usize = ETH_HLEN - ETH_ALEN;

/// What is noted on a packet that a bridge shows to the hooks of IP (`struct nf_bridge_info`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Bridged {
    /// The port it came in by.
    pub physin: Option<DevId>,
    /// The port it leaves by.
    pub physout: Option<DevId>,
    /// The size of the largest fragment it was put together from, in bytes.
    frag_max_size: u16,
    /// Its frame is for another station, which the hooks do not get to know (`pkt_otherhost`).
    for_other: bool,
    /// Its route is a stand-in that only names the bridge (`br_fake_rtable`).
    fake_route: bool,
    /// It has passed `PREROUTING` of its own host already (`sabotage_in_done`).
    passed: bool,
    /// Source and type of its link header, while the next hop's address is found (`neigh_header`).
    header: Option<[u8; SOURCE_AND_TYPE]>,
}

/// Whether the bridge shows this packet to the hooks.
fn applies(k: &Kernel, f: &Flight, bridge: &Bridge) -> bool {
    f.skb.meta.protocol == EtherType::IPV4
        && (bridge.options.nf_call_iptables
            || k.netns[f.netns].sysctl.is_on(Sysctl::BridgeNfCallIptables))
}

/// Runs a hook for a packet whose frame is perhaps for another station, which the hook is not to know.
fn run<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    state: HookState,
    o: &mut O,
) -> Decision<Verdict> {
    if f.skb.meta.pkt_type == PacketType::OtherHost {
        f.skb.meta.pkt_type = PacketType::Host;
        if let Some(bridged) = &mut f.bridged {
            bridged.for_other = true;
        }
    }
    let verdict = netfilter::run(k, f, state, o);
    // What fragments were put together to is for whom the first of them was for.
    if let Some(bridged) = f.bridged.as_mut().filter(|bridged| bridged.for_other) {
        bridged.for_other = false;
        f.skb.meta.pkt_type = PacketType::OtherHost;
    }
    verdict
}

/// A frame has come in by a port (`br_nf_pre_routing()`).
pub fn pre_routing<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    o: &mut O,
) -> Decision<Option<Place>> {
    let Some((bridge, _)) = port_of(k, f.dev) else { return Ok(Some(Place::BridgeInput)) };
    if !applies(k, f, &k.bridges[bridge]) {
        return Ok(Some(Place::BridgeInput));
    }
    validate(k, f)?;
    let (port, dev) = (f.dev, k.bridges[bridge].dev);
    f.bridged = Some(Bridged { physin: Some(port), ..Bridged::default() });
    let before = destination(f);
    f.dev = dev;
    let state = HookState { hook: Hook::PreRouting, iif: Some(dev), oif: None };
    if run(k, f, state, o)? == Verdict::Stolen {
        return Ok(None);
    }
    let frag_max_size = f.cb.frag_max_size;
    f.dev = port;
    if let Some(bridged) = &mut f.bridged {
        bridged.frag_max_size = frag_max_size;
        f.dev = bridged.physin.unwrap_or(port);
    }
    if destination(f) == before {
        f.dst = Some(Dst::on_link(dev, RouteType::Unicast));
        if let Some(bridged) = &mut f.bridged {
            bridged.fake_route = true;
        }
        return Ok(Some(Place::BridgeInput));
    }
    redirected(k, f, bridge)
}

/// The packet goes elsewhere now: to a station of the same bridge, or up to the host, which routes it
/// (`br_nf_pre_routing_finish()`).
fn redirected(k: &mut Kernel, f: &mut Flight, bridge: BridgeId) -> Decision<Option<Place>> {
    let dev = k.bridges[bridge].dev;
    let Some(key) = flow::of(&f.skb, dev) else { return Err(DropReason::IpInHdr) };
    match route::input(k, f.netns, &key) {
        Ok(way) if way.dst.dev == dev => {
            f.dst = Some(way.dst);
            return to_station(k, f, dev);
        }
        Ok(way) => {
            f.dst = Some(way.dst);
            f.cb.do_redirect = way.do_redirect;
        }
        // A host that does not forward still carries frames between its ports.
        Err((_, Some(_))) if !k.conf_is_on(dev, ConfKey::Forwarding) => {
            let flow = FlowKey::<V4> { tos: key.tos, ..FlowKey::to(key.dst) };
            return match route::output(k, f.netns, &flow) {
                Ok(way) if way.dst.dev == dev => {
                    f.dst = Some(way.dst);
                    to_station(k, f, dev)
                }
                _ => Err(DropReason::IpInAddrErrors),
            };
        }
        // The host tells the sender, once the packet is there.
        Err((_, Some(_))) => f.dst = None,
        Err((reason, None)) => return Err(reason),
    }
    let addr = k.devs[dev].addr;
    write_destination(f, addr);
    f.skb.meta.pkt_type = PacketType::Host;
    Ok(Some(Place::BridgeInput))
}

/// Gives the frame the address of its new destination, asking for it if need be
/// (`br_nf_pre_routing_finish_bridge()`).
fn to_station(k: &Kernel, f: &mut Flight, dev: DevId) -> Decision<Option<Place>> {
    let port = std::mem::replace(&mut f.dev, dev);
    if let Some(addr) = cached_address(k, f) {
        write_destination(f, addr);
        f.dev = port;
        return Ok(Some(Place::BridgeInput));
    }
    let header = f.skb.mac_header().get(ETH_ALEN..ETH_HLEN);
    let header = header.and_then(|bytes| bytes.try_into().ok());
    if let Some(bridged) = &mut f.bridged {
        bridged.header = header;
    }
    Ok(Some(Place::Neighbour))
}

fn write_destination(f: &mut Flight, addr: MacAddr) {
    if let Some(to) = f.skb.mac_header_mut().get_mut(..ETH_ALEN) {
        to.copy_from_slice(&addr.octets());
    }
}

/// Gives a frame whose next hop's address was found the source back that it had. The kernel does so a moment later,
/// in bytes that captures of the bridge's device share.
pub fn restore_source(f: &mut Flight) {
    let Some(header) = f.bridged.and_then(|bridged| bridged.header) else { return };
    if let Some(bytes) = f.skb.data_mut().get_mut(ETH_ALEN..ETH_HLEN) {
        bytes.copy_from_slice(&header);
    }
}

/// Whether the frame that the bridge's own device sends is one that its next hop's address was found for: then it
/// goes on where it came from (`br_nf_pre_routing_finish_bridge_slow()`).
pub fn resume(f: &mut Flight) -> bool {
    let Some(bridged) = &mut f.bridged else { return false };
    if bridged.header.take().is_none() {
        return false;
    }
    bridged.physout = None;
    let physin = bridged.physin;
    // A bridge's device does not take a datagram in pieces: it was copied into one (`skb_needs_linearize()`).
    f.pieces = None;
    f.skb.reset_mac_header();
    if f.skb.pull(ETH_HLEN).is_none() {
        return false;
    }
    if let Some(port) = physin {
        f.dev = port;
    }
    true
}

/// The frame goes to a port (`br_nf_forward_ip()`).
pub fn forward<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    from: Option<DevId>,
    o: &mut O,
) -> Decision<Verdict> {
    let (Some(bridged), Some(_)) = (f.bridged, from) else { return Ok(Verdict::Accept) };
    if f.skb.meta.protocol != EtherType::IPV4 {
        return Ok(Verdict::Accept);
    }
    let Some((bridge, _)) = port_of(k, f.dev) else { return Err(DropReason::NotSpecified) };
    let dev = k.bridges[bridge].dev;
    validate(k, f)?;
    f.cb.frag_max_size = bridged.frag_max_size;
    f.bridged = Some(Bridged { physout: Some(f.dev), ..bridged });
    run(k, f, HookState { hook: Hook::Forward, iif: Some(dev), oif: Some(dev) }, o)
}

/// The frame is about to leave by a port (`br_nf_post_routing()`).
pub fn post_routing<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Verdict> {
    let Some(bridged) = f.bridged.filter(|bridged| bridged.physout.is_some()) else {
        return Ok(Verdict::Accept);
    };
    if f.skb.meta.protocol != EtherType::IPV4 {
        return Ok(Verdict::Accept);
    }
    let Some((bridge, _)) = port_of(k, f.dev) else { return Err(DropReason::NotSpecified) };
    let dev = k.bridges[bridge].dev;
    let state = HookState { hook: Hook::PostRouting, iif: None, oif: Some(dev) };
    if run(k, f, state, o)? == Verdict::Stolen {
        return Ok(Verdict::Stolen);
    }
    f.bridged = None;
    let largest = usize::from(bridged.frag_max_size);
    let mtu = k.devs[f.dev].mtu as usize;
    let room = if largest == 0 { mtu } else { mtu.min(largest) };
    if f.skb.network_header().len() <= room {
        return Ok(Verdict::Accept);
    }
    fragment(k, f, largest, room, o)
}

/// Cuts a packet that was put together for the hooks, or that grew (`br_nf_dev_queue_xmit()`, `br_nf_ip_fragment()`).
fn fragment<O: Observer>(
    k: &mut Kernel,
    f: &Flight,
    largest: usize,
    room: usize,
    o: &mut O,
) -> Decision<Verdict> {
    let mib = &mut k.netns[f.netns].mib.ip;
    if has_df(&f.skb) && !f.cb.ignore_df || largest > room {
        mib.inc(IpMib::FragFails);
        return Err(DropReason::NotSpecified);
    }
    let header: Option<[u8; ETH_HLEN]> = f.skb.mac_header().first_chunk().copied();
    let Some(header) = header else { return Err(DropReason::NotSpecified) };
    for mut piece in cut(k, f, room)? {
        k.netns[f.netns].mib.ip.inc(IpMib::FragCreates);
        piece.push(ETH_HLEN).copy_from_slice(&header);
        piece.reset_mac_header();
        piece.pull(ETH_HLEN).ok_or(DropReason::NotSpecified)?;
        let mut flight = f.with_skb(piece);
        flight.place = Place::BridgeTransmit;
        stack::start(k, flight, Origin::Copy { of: f.flow }, o);
    }
    k.netns[f.netns].mib.ip.inc(IpMib::FragOks);
    Ok(Verdict::Stolen)
}

/// The frame goes up to the bridge's own host (`br_nf_local_in()`). The copy of a flooded frame confirms the connection
/// here. What a promiscuous bridge takes loses it (since 6.9), whatever becomes of the copies: the host translates no such
/// packet, and its rules find it `INVALID`, even one that was not to be tracked.
pub fn local_in(k: &mut Kernel, f: &mut Flight, uptake: Uptake) -> Decision<()> {
    if f.bridged.is_some_and(|bridged| bridged.fake_route) {
        f.dst = None;
    }
    match uptake {
        Uptake::Meant => confirm_flooded(k, f),
        Uptake::Promisc => {
            f.ct = CtRef::None;
            Ok(())
        }
    }
}

/// Confirms the new connection of a frame that is not for the host alone, unless a copy of it has done so.
fn confirm_flooded(k: &mut Kernel, f: &mut Flight) -> Decision<()> {
    let CtRef::Tracked(id, _) = f.ct else { return Ok(()) };
    let conns = &k.netns[f.netns].nf.conntrack.conns;
    let is_new = conns.get(id).is_some_and(|conn| !conn.status.has(Status::CONFIRMED));
    if is_new && f.skb.meta.pkt_type != PacketType::Host {
        confirm::confirm_quietly(k, f)?;
    }
    Ok(())
}

/// Whether the packet has passed `PREROUTING` as a frame of a bridge, so that its host skips it once
/// (`ip_sabotage_in()`).
pub fn has_passed(f: &mut Flight) -> bool {
    match &mut f.bridged {
        Some(bridged) if !bridged.passed => {
            bridged.passed = true;
            true
        }
        _ => false,
    }
}

/// Checks the IPv4 header as the IP layer does, and cuts off what lies behind the packet (`br_validate_ipv4()`).
fn validate(k: &mut Kernel, f: &mut Flight) -> Decision<()> {
    let mib = &mut k.netns[f.netns].mib;
    f.skb.reset_network_header();
    let data = f.skb.data();
    let header_len = usize::from(data.first().copied().unwrap_or(0) & 0x0f) * 4;
    let is_ipv4 = data.len() >= IPV4_HLEN && data[0] >> 4 == 4 && header_len >= IPV4_HLEN;
    let header = data.get(..header_len).filter(|_| is_ipv4);
    let sound = header.is_some_and(|header| ip_fast_csum(header) == 0);
    if header.is_some() && !sound {
        mib.ip_ext.inc(IpExtMib::InCsumErrors);
    }
    let total = usize::from(match data.get(2..4) {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => 0,
    });
    if sound && data.len() < total {
        mib.ip_ext.inc(IpExtMib::InTruncatedPkts);
        return Err(DropReason::IpInHdr);
    }
    if !sound || total < header_len {
        mib.ip.inc(IpMib::InHdrErrors);
        return Err(DropReason::IpInHdr);
    }
    f.skb.trim(total);
    f.skb.set_transport_header(header_len);
    let IpCb { ignore_df, tunnel_depth, .. } = f.cb;
    f.cb = IpCb { ignore_df, tunnel_depth, ..IpCb::default() };
    Ok(())
}
