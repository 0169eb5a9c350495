//! VXLAN (RFC 7348, `vxlan_xmit()`, `vxlan_rcv()`).

use std::net::Ipv4Addr;

use crate::bridge::port_of;
use crate::id::{DevId, NetnsId};
use crate::kernel::{Flight, Kernel, Place};
use crate::link::receive::{is_tagged, read_header};
use crate::link::vxlan::{Remote, VXLAN_HEADROOM, Vxlan, VxlanConfig, VxlanDf, device};
use crate::neigh::NudState;
use crate::netns::stack::{self, Decision};
use crate::packet::build::{ChecksumMode, PseudoHeader, UdpParams, push_udp, push_vxlan};
use crate::packet::ethernet::{ETH_HLEN, VLAN_HLEN, Vlan};
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::ipv6::IPV6_HLEN;
use crate::packet::udp::UDP_HLEN;
use crate::packet::vxlan::{VXLAN_FLAG_VNI, VXLAN_HLEN};
use crate::packet::{EtherType, Ethernet, IpProto, Ipv4, MacAddr, PacketType, Vxlan as Header};
use crate::route::exception::ipv4_mtu;
use crate::route::{FlowKey, OutputRoute};
use crate::trace::{DropReason, Event, Observer};
use crate::tunnel::{self, NoWay, Outer, ecn, flow_hash, pmtu, vxlan_proxy};

/// Sends an Ethernet frame to the remote ends of its station. Of several the first is served last.
/// The data starts at the link header.
pub(super) fn transmit<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    o: &mut O,
) -> Decision<Option<Place>> {
    let dev = f.dev;
    // A tag is part of what the tunnel carries.
    f.skb.meta.tag_taken = false;
    let Ok(eth) = Ethernet::parse(f.skb.data()) else { return Err(DropReason::NotSpecified) };
    let (to, ether_type) = (eth.dst(), eth.ether_type());
    if ether_type == EtherType::ARP && device::of(k, dev).is_some_and(|v| v.config.proxy) {
        vxlan_proxy::arp_reduce(k, f, o);
        return Ok(None);
    }
    let Some(station) = station_for(k, dev, to) else {
        k.devs[dev].stats.tx.dropped += 1;
        return Err(DropReason::NoTxTarget);
    };
    let mut n = 1;
    while let Some(remote) = remote_of(k, dev, station, n) {
        n += 1;
        let mut copy = k.clone_flight(f);
        match transmit_one(k, &mut copy, remote) {
            Ok(Some(place)) => {
                copy.place = place;
                if place == Place::DeviceReceive { k.netif_rx(copy) } else { k.spawn(copy) }
            }
            Ok(None) => k.pool.give(copy.skb),
            Err(reason) => {
                stack::emit(k, &copy, o, |_| Event::Dropped { reason });
                k.pool.give(copy.skb);
            }
        }
    }
    let Some(first) = remote_of(k, dev, station, 0) else { return Err(DropReason::VxlanNoRemote) };
    transmit_one(k, f, first)
}

/// The entry that is used for a station: its own, or the one for all unknown stations.
fn station_for(k: &mut Kernel, dev: DevId, to: MacAddr) -> Option<MacAddr> {
    let now = k.now;
    let vxlan = device::of_mut(k, dev)?;
    [to, MacAddr::ZERO].into_iter().find(|addr| {
        let entry = vxlan.fdb.get_mut(*addr);
        entry.is_some_and(|entry| {
            entry.used = now;
            true
        })
    })
}

fn remote_of(k: &Kernel, dev: DevId, station: MacAddr, n: usize) -> Option<Remote> {
    device::of(k, dev)?.fdb.get(station)?.remotes.get(n).copied()
}

/// Sends the frame to one remote end (`vxlan_xmit_one()`).
fn transmit_one(k: &mut Kernel, f: &mut Flight, remote: Remote) -> Decision<Option<Place>> {
    let dev = f.dev;
    let Some(Vxlan { underlay, config, .. }) = device::of(k, dev) else {
        return Err(DropReason::NotSpecified);
    };
    let (underlay, config) = (*underlay, *config);
    if !has_network_header(f.skb.data()) {
        k.devs[dev].stats.tx.dropped += 1;
        return Err(DropReason::PktTooSmall);
    }
    if remote.ip.is_unspecified() {
        k.devs[dev].stats.tx.dropped += 1;
        return Err(DropReason::VxlanNoRemote);
    }
    let inner = Inner::of(f);
    let tos = if config.tos == 1 { inner.dsfield } else { config.tos };
    let ports = Ports {
        src: source_port(k, f, &config),
        dst: if remote.port == 0 { config.dst_port } else { remote.port },
    };
    // Only the remote end given with the device is bound to the device's link; learnt and added ones
    // take any way.
    let oif = tunnel::by_index(k, underlay, remote.link);
    let key = FlowKey {
        sport: ports.src,
        dport: ports.dst,
        ..tunnel::flow(config.local, remote.ip, oif, tos, IpProto::UDP)
    };
    let route = match tunnel::look_up(k, dev, underlay, &key) {
        Ok(route) => route,
        Err(no_way) => return Err(no_route(k, dev, no_way)),
    };
    let vni = remote.vni.unwrap_or(config.vni);
    if route.dst.local {
        return bypass(k, f, underlay, ports.dst, vni).map(Some);
    }
    let len = f.skb.len().saturating_sub(ETH_HLEN);
    let room = ipv4_mtu(k, &route.dst).saturating_sub(VXLAN_HEADROOM);
    if len > room as usize {
        pmtu::learn(k, f, f.skb.data().get(ETH_HLEN..).unwrap_or_default(), room);
        if port_of(k, dev).is_some() && pmtu::answer(&mut f.skb, room) {
            return Ok(Some(hand_over(k, f, dev)));
        }
    }
    let df = match config.df {
        VxlanDf::Unset => false,
        VxlanDf::Set => true,
        VxlanDf::Inherit => inner.df,
    };
    // What the way will refuse does not count as sent, nor does what carries nothing
    // (`iptunnel_xmit_stats()`).
    let stats = &mut k.devs[dev].stats.tx;
    if df && len > room as usize || inner.len == 0 {
        stats.dropped += 1;
    } else {
        stats.count(inner.len);
    }
    push_vxlan(&mut f.skb, vni);
    ports.push(f, &config, &route);
    let outer = Outer {
        underlay,
        proto: IpProto::UDP,
        tos: ecn::encapsulate(tos, inner.dsfield),
        ttl: if config.ttl == 0 { tunnel::hoplimit(k, &route, underlay) } else { config.ttl },
        df,
    };
    Ok(Some(tunnel::send(k, f, &route, outer)))
}

/// What a frame carries behind its tags (`skb_protocol()`).
fn network_layer<'f>(eth: &Ethernet<'f>) -> (EtherType, &'f [u8]) {
    let (mut ether_type, mut payload) = (eth.ether_type(), eth.payload());
    while is_tagged(ether_type)
        && let Ok(tag) = Vlan::parse(payload)
    {
        ether_type = tag.ether_type();
        payload = payload.get(VLAN_HLEN..).unwrap_or_default();
    }
    (ether_type, payload)
}

/// Whether a frame that says that it carries IP is as long as the shortest IP header
/// (`skb_vlan_inet_prepare()`).
fn has_network_header(frame: &[u8]) -> bool {
    let Ok(eth) = Ethernet::parse(frame) else { return false };
    let (ether_type, payload) = network_layer(&eth);
    let least = match ether_type {
        EtherType::IPV4 => IPV4_HLEN,
        EtherType::IPV6 => IPV6_HLEN,
        _ => 0,
    };
    payload.len() >= least
}

/// What an outer header takes over from the inner packet.
#[derive(Clone, Copy, Debug)]
struct Inner {
    dsfield: u8,
    df: bool,
    /// Its length, in bytes.
    len: usize,
}

impl Inner {
    /// Reads the frame of a flight whose data starts at the link header.
    fn of(f: &Flight) -> Self {
        let Ok(eth) = Ethernet::parse(f.skb.data()) else {
            return Self { dsfield: 0, df: false, len: 0 };
        };
        let df = match eth.ether_type() {
            EtherType::IPV4 => Ipv4::parse(eth.payload()).is_ok_and(|ip| ip.df()),
            EtherType::IPV6 => true,
            _ => false,
        };
        let (ether_type, packet) = network_layer(&eth);
        Self { dsfield: ecn::dsfield(ether_type, packet), df, len: packet.len() }
    }
}

/// The outer ports.
#[derive(Clone, Copy, Debug)]
struct Ports {
    src: u16,
    dst: u16,
}

impl Ports {
    /// Pushes the UDP header.
    fn push(self, f: &mut Flight, config: &VxlanConfig, route: &OutputRoute) {
        let checksum = if config.udp_csum { ChecksumMode::Complete } else { ChecksumMode::None };
        let params = UdpParams { src_port: self.src, dst_port: self.dst, checksum };
        push_udp(&mut f.skb, &params, PseudoHeader::V4 { src: route.src, dst: route.to });
    }
}

/// The outer source port: a function of the inner flow, in the device's range or in that of the local
/// ports of the device's namespace.
fn source_port(k: &Kernel, f: &Flight, config: &VxlanConfig) -> u16 {
    let (min, max) = config.src_ports;
    let range = if min < max { (min, max) } else { k.netns[f.netns].sysctl.local_ports() };
    flow_hash::src_port(flow_hash::of_frame(f.skb.data()), range)
}

/// Counts a packet that has no way.
fn no_route(k: &mut Kernel, dev: DevId, no_way: NoWay) -> DropReason {
    let stats = &mut k.devs[dev].stats;
    stats.tx.errors += 1;
    match no_way {
        NoWay::NoRoute => stats.tx_carrier_errors += 1,
        NoWay::Loop => stats.collisions += 1,
    }
    DropReason::IpOutNoRoutes
}

/// Hands the frame to a VXLAN device of the same host, without a detour through UDP
/// (`vxlan_encap_bypass()`).
fn bypass(
    k: &mut Kernel,
    f: &mut Flight,
    underlay: NetnsId,
    port: u16,
    vni: u32,
) -> Decision<Place> {
    let dev = f.dev;
    let Some(to) = device::find(k, underlay, port, vni) else {
        k.devs[dev].stats.tx.errors += 1;
        return Err(DropReason::VxlanVniNotFound);
    };
    let source = Ethernet::parse(f.skb.data()).map_or(MacAddr::ZERO, |eth| eth.src());
    // What learning refuses is dropped only on its way in from the network.
    let _learned = snoop(k, to, Ipv4Addr::LOCALHOST, source);
    Ok(hand_over(k, f, to))
}

/// Lets the device `to` receive a frame whose data starts at the link header.
fn hand_over(k: &mut Kernel, f: &mut Flight, to: DevId) -> Place {
    let len = f.skb.len();
    k.devs[f.dev].stats.tx.count(len);
    k.devs[to].stats.rx.count(len);
    let netns = k.devs[to].netns;
    f.cross(netns, to);
    read_header(&k.devs[to], f);
    f.skb.meta.pkt_type = PacketType::Host;
    Place::DeviceReceive
}

/// Takes a UDP datagram to a port that VXLAN devices share (`vxlan_rcv()`). The data starts at the UDP
/// header, whose checksum is right; the network header is the outer one.
///
/// # Errors
///
/// The packet is no VXLAN, nobody has its network identifier, or it must not be taken.
pub fn receive(k: &mut Kernel, f: &mut Flight, port: u16) -> Decision<()> {
    let Ok(outer) = Ipv4::parse(f.skb.network_header()) else {
        return Err(DropReason::NotSpecified);
    };
    let (remote, outer_tos) = (outer.src(), outer.tos());
    f.skb.pull(UDP_HLEN).ok_or(DropReason::PktTooSmall)?;
    let Ok(header) = Header::parse(f.skb.data()) else { return Err(DropReason::PktTooSmall) };
    if !header.has_vni() {
        return Err(DropReason::VxlanInvalidHdr);
    }
    let plain = header.flags_word() == u32::from(VXLAN_FLAG_VNI) << 24 && header.reserved() == 0;
    let Some(dev) = device::find(k, f.netns, port, header.vni()) else {
        return Err(DropReason::VxlanVniNotFound);
    };
    let framing = |k: &mut Kernel, reason| {
        k.devs[dev].stats.rx.errors += 1;
        k.devs[dev].stats.rx_frame_errors += 1;
        Err(reason)
    };
    if !plain {
        return framing(k, DropReason::VxlanInvalidHdr);
    }
    f.skb.pull(VXLAN_HLEN).ok_or(DropReason::PktTooSmall)?;
    let Ok(eth) = Ethernet::parse(f.skb.data()) else { return Err(DropReason::Nomem) };
    let source = eth.src();
    if source == k.devs[dev].addr {
        return Err(DropReason::LocalMac);
    }
    snoop(k, dev, remote, source)?;
    let skb = std::mem::replace(&mut f.skb, k.skb());
    let netns = k.devs[dev].netns;
    let same = netns == f.netns;
    let mut arrived = Flight::new(skb, Place::DeviceReceive, netns, dev, f.flow);
    if !same {
        arrived.skb.meta.mark = 0;
    }
    read_header(&k.devs[dev], &mut arrived);
    let protocol = arrived.skb.meta.protocol;
    if !ecn::decapsulate(outer_tos, protocol, arrived.skb.data_mut()) {
        k.pool.give(arrived.skb);
        return framing(k, DropReason::IpTunnelEcn);
    }
    k.devs[dev].stats.rx.count(arrived.skb.len());
    k.netif_rx(arrived);
    Ok(())
}

/// Whether a VXLAN device has sent the UDP payload `quoted`, which an ICMP error is about
/// (`vxlan_err_lookup()`).
#[must_use]
pub fn has_sent(k: &Kernel, underlay: NetnsId, port: u16, quoted: &[u8]) -> bool {
    Header::parse(quoted).is_ok_and(|header| {
        header.has_vni() && device::find(k, underlay, port, header.vni()).is_some()
    })
}

/// Learns that a station is behind a remote end (`vxlan_snoop()`).
fn snoop(k: &mut Kernel, dev: DevId, remote: Ipv4Addr, source: MacAddr) -> Decision<()> {
    let (now, up) = (k.now, k.devs[dev].is_up());
    let Some(vxlan) = device::of_mut(k, dev) else { return Ok(()) };
    if !vxlan.config.learning {
        return Ok(());
    }
    if !source.is_valid() {
        return Err(DropReason::MacInvalidSource);
    }
    let full = vxlan.config.limit != 0 && vxlan.fdb.len() >= vxlan.config.limit as usize;
    let Some(entry) = vxlan.fdb.get_mut(source) else {
        if up && !full {
            vxlan.fdb.create(source, Remote::new(remote), NudState::Reachable, now);
            device::arm(k, dev);
        }
        return Ok(());
    };
    entry.updated = now;
    let Some(known) = entry.remotes.first_mut() else { return Ok(()) };
    if known.ip == remote && known.link.0 == 0 {
        return Ok(());
    }
    // What was set by hand does not move; frames that say otherwise are not believed.
    if !device::ages(entry.state) {
        return Err(DropReason::VxlanEntryExists);
    }
    known.ip = remote;
    Ok(())
}
