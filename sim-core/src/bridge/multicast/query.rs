//! Queries of other routers, and the bridge's own.

use std::net::Ipv4Addr;

use crate::bridge::PortState;
use crate::bridge::multicast::{
    GroupAddr, McastTimer, OwnQuery, RouterMode, arm, disarm, group, router,
};
use crate::id::{BridgeId, IfIndex, PortNo};
use crate::kernel::{Flight, Kernel, Place};
use crate::link::filter::group_mac;
use crate::link::inet::Scope;
use crate::netns::stack;
use crate::packet::build::{Ipv4Params, push_ethernet, push_ipv4};
use crate::packet::checksum::ip_compute_csum;
use crate::packet::ethernet::ETH_HLEN;
use crate::packet::{EtherType, IpProto, PacketType};
use crate::route::select_source;
use crate::time::HZ;
use crate::trace::{Observer, Origin};

/// The group of all hosts on a link, whom general queries are for.
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// The option that has routers look at the packet (RFC 2113).
const ROUTER_ALERT: [u8; 4] = [0x94, 4, 0, 0];
/// Response times are counted in tenths of a second (`IGMP_TIMER_SCALE`).
const TIMER_SCALE: u64 = 10;

/// Another router asks for all groups (`br_ip4_multicast_query_received()`); hosts may take `within` jiffies
/// to answer.
pub(super) fn heard(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    from: Ipv4Addr,
    within: u64,
) {
    if !select(k, bridge, port, from) {
        return;
    }
    let mcast = &k.bridges[bridge].mcast;
    let lasts = mcast.options.querier_interval;
    if !mcast.other_querier.is_set() {
        arm(k, bridge, McastTimer::QueryAnswered, within);
    }
    arm(k, bridge, McastTimer::OtherQuerier, lasts);
    router::mark(k, bridge, port);
}

/// Of several routers the one with the lowest address asks (`br_multicast_select_querier()`).
fn select(k: &mut Kernel, bridge: BridgeId, port: Option<PortNo>, from: Ipv4Addr) -> bool {
    let br = &k.bridges[bridge];
    let index = port.and_then(|no| br.ports.get(no)).map(|port| k.devs[port.dev].ifindex);
    let mcast = &br.mcast;
    let (known, _) = mcast.querier;
    let idle = !mcast.own_query.alarm.is_set() && !mcast.other_querier.is_set();
    let chosen = known.is_unspecified() || from <= known || idle;
    if chosen {
        k.bridges[bridge].mcast.querier = (from, index.unwrap_or(IfIndex(0)));
    }
    chosen
}

/// The bridge's device goes up (`br_multicast_open()`).
pub(in crate::bridge) fn open(k: &mut Kernel, bridge: BridgeId) {
    k.bridges[bridge].mcast.own_query.startup_sent = 0;
    if k.bridges[bridge].options.mcast_snooping {
        arm(k, bridge, McastTimer::OwnQuery, 0);
    }
}

/// The bridge's device goes down (`br_multicast_stop()`).
pub(in crate::bridge) fn stop(k: &mut Kernel, bridge: BridgeId) {
    for timer in [
        McastTimer::Router,
        McastTimer::OtherQuerier,
        McastTimer::QueryAnswered,
        McastTimer::OwnQuery,
    ] {
        disarm(k, bridge, timer);
    }
}

/// A port comes into service (`__br_multicast_enable_port_ctx()`).
pub(in crate::bridge) fn enable_port(k: &mut Kernel, bridge: BridgeId, no: PortNo) {
    let br = &mut k.bridges[bridge];
    if !br.options.mcast_snooping || !k.devs[br.dev].is_up() {
        return;
    }
    let Some(port) = br.ports.get_mut(no) else { return };
    port.mcast.own_query.startup_sent = 0;
    port.mcast.is_router |= port.mcast.router == RouterMode::Permanent;
    arm(k, bridge, McastTimer::PortQuery(no), 0);
}

/// The bridge begins to listen while its device is up (`br_multicast_toggle()`).
pub fn switch_on(k: &mut Kernel, bridge: BridgeId) {
    open(k, bridge);
    let ports: Vec<PortNo> = k.bridges[bridge].ports.iter().map(|port| port.no).collect();
    for no in ports {
        enable_port(k, bridge, no);
    }
}

/// The bridge listens no more: what it has heard by its ports is forgotten, what was set by hand and what
/// its host has reported stays (`br_multicast_toggle()`).
pub fn switch_off(k: &mut Kernel, bridge: BridgeId) {
    let ports: Vec<PortNo> = k.bridges[bridge].ports.iter().map(|port| port.no).collect();
    for no in ports {
        router::disable_port(k, bridge, no);
    }
}

/// The bridge asks anew: it is to, or nobody else does any more (`br_multicast_start_querier()`).
pub fn restart(k: &mut Kernel, bridge: BridgeId) {
    if !k.bridges[bridge].options.mcast_snooping {
        return;
    }
    open(k, bridge);
    let stopped = |state| matches!(state, PortState::Disabled | PortState::Blocking);
    let ports = k.bridges[bridge].ports.iter().filter(|port| !stopped(port.state));
    let ports: Vec<PortNo> = ports.map(|port| port.no).collect();
    for no in ports {
        if let Some(port) = k.bridges[bridge].ports.get_mut(no) {
            port.mcast.own_query.startup_sent = 0;
        }
        arm(k, bridge, McastTimer::PortQuery(no), 0);
    }
}

/// Says whether the bridge asks (`br_multicast_set_querier()`).
pub fn set_querier(k: &mut Kernel, bridge: BridgeId, on: bool) {
    let mcast = &mut k.bridges[bridge].mcast;
    if std::mem::replace(&mut mcast.options.querier, on) == on || !on {
        return;
    }
    let within = mcast.options.query_response_interval;
    if !mcast.other_querier.is_set() {
        arm(k, bridge, McastTimer::QueryAnswered, within);
    }
    restart(k, bridge);
}

/// The bridge's next query is due (`br_multicast_query_expired()`).
pub(super) fn own_due<O: Observer>(k: &mut Kernel, bridge: BridgeId, o: &mut O) {
    count_startup(k, bridge, |k| Some(&mut k.bridges[bridge].mcast.own_query));
    general(k, bridge, None, o);
}

/// The next query behind a port is due (`br_multicast_port_query_expired()`).
pub(super) fn port_due<O: Observer>(k: &mut Kernel, bridge: BridgeId, no: PortNo, o: &mut O) {
    let state = k.bridges[bridge].ports.get(no).map(|port| port.state);
    if matches!(state, None | Some(PortState::Disabled | PortState::Blocking)) {
        return;
    }
    count_startup(k, bridge, |k| Some(&mut k.bridges[bridge].ports.get_mut(no)?.mcast.own_query));
    general(k, bridge, Some(no), o);
}

fn count_startup(
    k: &mut Kernel,
    bridge: BridgeId,
    query: impl Fn(&mut Kernel) -> Option<&mut OwnQuery>,
) {
    let most = k.bridges[bridge].mcast.options.startup_query_count;
    if let Some(query) = query(k)
        && query.startup_sent < most
    {
        query.startup_sent += 1;
    }
}

/// Asks for all groups, if the bridge is to and nobody else does (`br_multicast_send_query()`).
fn general<O: Observer>(k: &mut Kernel, bridge: BridgeId, port: Option<PortNo>, o: &mut O) {
    let br = &mut k.bridges[bridge];
    let options = br.mcast.options;
    if !br.options.mcast_snooping || !options.querier || br.mcast.other_querier.is_set() {
        return;
    }
    if !group::is_in_use(k, bridge, port) {
        return;
    }
    let br = &mut k.bridges[bridge];
    let (timer, sent) = match port {
        Some(no) => {
            let port = br.ports.get(no);
            (McastTimer::PortQuery(no), port.map_or(0, |p| p.mcast.own_query.startup_sent))
        }
        None => {
            if br.mcast.querier.1 != IfIndex(0) {
                br.mcast.querier = (Ipv4Addr::UNSPECIFIED, IfIndex(0));
            }
            (McastTimer::OwnQuery, br.mcast.own_query.startup_sent)
        }
    };
    send(k, bridge, port, None, o);
    let fast = sent < options.startup_query_count;
    let after = if fast { options.startup_query_interval } else { options.query_interval };
    arm(k, bridge, timer, after);
}

/// Asks behind a port, or the host itself without one, for a group or for all
/// (`__br_multicast_send_query()`).
pub(super) fn send<O: Observer>(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    group: Option<Ipv4Addr>,
    o: &mut O,
) {
    let br = &k.bridges[bridge];
    let (host, options) = (br.dev, br.mcast.options);
    let within = match group {
        Some(_) => options.last_member_interval,
        None => options.query_response_interval,
    };
    let mut message = [0; 8];
    message[0] = 0x11;
    message[1] = (within / (HZ / TIMER_SCALE)).to_le_bytes()[0];
    message[4..].copy_from_slice(&group.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
    let check = ip_compute_csum(&message);
    message[2..4].copy_from_slice(&check.to_be_bytes());
    let chosen = select_source(k, host, Ipv4Addr::UNSPECIFIED, Scope::LINK);
    let src = chosen.filter(|_| options.query_use_ifaddr).unwrap_or(Ipv4Addr::UNSPECIFIED);
    let mut skb = k.skb();
    skb.put(&message);
    skb.reset_transport_header();
    push_ipv4(
        &mut skb,
        &Ipv4Params {
            ttl: 1,
            tos: 0xc0,
            df: true,
            options: &ROUTER_ALERT,
            ..Ipv4Params::new(src, ALL_HOSTS, IpProto::IGMP)
        },
    );
    let own = k.devs[host].addr;
    push_ethernet(&mut skb, group_mac(ALL_HOSTS), own, EtherType::IPV4);
    skb.reset_mac_header();
    if skb.pull(ETH_HLEN).is_none() {
        return;
    }
    let (flow, netns) = (k.new_flow(), k.devs[host].netns);
    let origin = Origin::Timer { what: "igmp query" };
    let to = port.and_then(|no| k.bridges[bridge].ports.get(no)).map(|port| port.dev);
    let Some(dev) = to else {
        // The host hears the question as if it had come by the bridge's device.
        k.bridges[bridge].mcast.querier.0 = src;
        skb.meta.pkt_type = PacketType::Host;
        let flight = Flight::new(skb, Place::DeviceReceive, netns, host, flow);
        stack::emit(k, &flight, o, |_| crate::trace::Event::Started { origin });
        k.netif_rx(flight);
        return;
    };
    stack::start(k, Flight::new(skb, Place::BridgeTransmit, netns, dev, flow), origin, o);
}

/// Reads a query that passes the bridge (`br_ip4_multicast_query()`).
pub(super) fn received(
    k: &mut Kernel,
    bridge: BridgeId,
    port: Option<PortNo>,
    from: Ipv4Addr,
    message: &[u8],
) {
    if !group::is_in_use(k, bridge, port) {
        return;
    }
    let mut group = Ipv4Addr::new(message[4], message[5], message[6], message[7]);
    let mut within = u64::from(message[1]) * (HZ / TIMER_SCALE);
    if message.len() == 8 {
        if within == 0 {
            within = 10 * HZ;
            group = Ipv4Addr::UNSPECIFIED;
        }
    } else if message.len() >= 12 {
        if message[10..12] != [0, 0] {
            return;
        }
        within = if message[1] == 0 { 1 } else { decode(message[1]) * (HZ / TIMER_SCALE) };
    } else {
        return;
    }
    if group.is_unspecified() {
        heard(k, bridge, port, from, within);
    } else {
        let often = u64::from(k.bridges[bridge].mcast.options.last_member_count);
        group::asked(k, bridge, GroupAddr::V4(group), within * often);
    }
}

/// A number that above 127 is a mantissa with an exponent (RFC 3376 section 4.1.1).
fn decode(code: u8) -> u64 {
    if code < 0x80 {
        return u64::from(code);
    }
    u64::from(code & 0x0f | 0x10) << ((code >> 4 & 0x07) + 3)
}
