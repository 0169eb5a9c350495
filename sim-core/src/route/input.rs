//! The way of a received packet (`ip_route_input_slow()`).

use std::net::{IpAddr, Ipv4Addr};

use crate::errno::Errno;
use crate::family::{Family as _, V4};
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::inet::ConfKey;
use crate::packet::IpProto;
use crate::route::addr_type::{is_local_multicast, is_on_link, is_zeronet};
use crate::route::fib::{FibMatch, Linkstate, Metrics, lookup};
use crate::route::flow::FlowKey;
use crate::route::multipath;
use crate::route::rp_filter::{Neighbourhood, validate_source};
use crate::route::{Dst, RouteType, metrics_of, shown_metrics};
use crate::sysctl::Sysctl;
use crate::time::SimTime;
use crate::trace::DropReason;

/// Where a received packet goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InputRoute {
    /// The way; its type says whether the packet is for this host, and as what.
    pub dst: Dst,
    /// Its sender is to be told of a shorter way (`IPSKB_DOREDIRECT`).
    pub do_redirect: bool,
    /// The table that decided; 0 where none did.
    pub table: u32,
    /// The length of the prefix that decided, in bits.
    pub prefix_len: u8,
    /// The type of service of the route that decided.
    pub tos: u8,
    /// The metrics of the route, with what ICMP has taught. [`Dst::mtu`] is what forwarding uses,
    /// which path MTU discovery changes only where `ip_forward_use_pmtu` says so.
    pub metrics: Metrics,
    /// A redirect changed the router (`RTCF_REDIRECTED`).
    pub redirected: bool,
    /// When what ICMP has taught is forgotten.
    pub expires: Option<SimTime>,
}

/// Why a packet cannot go anywhere: the reason for its drop, and if the sender is to be told so, the
/// error that says how (`ip_error()`).
pub type NoRoute = (DropReason, Option<Errno>);

/// Finds the way of a packet that was received by `flow.iif`.
///
/// # Errors
///
/// For martians the reason alone; where there is no route, or this host does not forward, also the
/// error to answer with.
pub fn input(k: &Kernel, netns: NetnsId, flow: &FlowKey<V4>) -> Result<InputRoute, NoRoute> {
    let Some(dev) = flow.iif else { return Err((DropReason::NotSpecified, None)) };
    if flow.dst.is_multicast() {
        return multicast(k, netns, flow, dev);
    }
    if refuse_martians(k, flow, dev)? {
        return broadcast(k, netns, flow, dev, None);
    }
    let forwarding = k.devs[dev].inet.conf.is_on(ConfKey::Forwarding);
    let mut found = match lookup::<V4>(k, netns, flow, Linkstate::Respected) {
        Ok(found) => found,
        Err(error) => {
            return Err(unreachable(if forwarding { error } else { Errno::EHOSTUNREACH }));
        }
    };
    match found.alias.kind {
        RouteType::Broadcast if k.conf_is_on(dev, ConfKey::BcForwarding) => {}
        RouteType::Broadcast => return broadcast(k, netns, flow, dev, Some(&found)),
        RouteType::Local => {
            validate_source(k, flow, flow.dst, dev, None).map_err(martian)?;
            return Ok(InputRoute::new(Dst::local(k.netns[netns].lo), Some(&found)));
        }
        _ if !forwarding => return Err(unreachable(Errno::EHOSTUNREACH)),
        RouteType::Unicast => {}
        RouteType::Anycast
        | RouteType::Multicast
        | RouteType::Blackhole
        | RouteType::Unreachable
        | RouteType::Prohibit
        | RouteType::Throw => return Err((DropReason::IpInvalidDest, None)),
    }
    multipath::select_received(k, netns, &mut found, flow);
    forward(k, flow, dev, &found)
}

impl InputRoute {
    fn new(dst: Dst, found: Option<&FibMatch<'_, V4>>) -> Self {
        Self {
            dst,
            do_redirect: false,
            table: found.map_or(0, |f| f.table),
            prefix_len: found.map_or(0, |f| V4::prefix_len(&f.net)),
            tos: found.map_or(0, |f| f.alias.tos),
            metrics: Metrics::default(),
            redirected: false,
            expires: None,
        }
    }
}

fn martian(reason: DropReason) -> NoRoute {
    (reason, None)
}

/// The drop reason that `ip_error()` gives for each error.
fn unreachable(error: Errno) -> NoRoute {
    let reason = if error == Errno::EHOSTUNREACH {
        DropReason::IpInAddrErrors
    } else if error == Errno::ENETUNREACH {
        DropReason::IpInNoRoutes
    } else {
        DropReason::NotSpecified
    };
    (reason, Some(error))
}

/// Refuses addresses that no packet on a wire may have; `true` if the packet is a broadcast by its
/// addresses alone.
fn refuse_martians(k: &Kernel, flow: &FlowKey<V4>, dev: DevId) -> Result<bool, NoRoute> {
    if flow.src.is_multicast() || flow.src.is_broadcast() {
        return Err(martian(DropReason::IpInvalidSource));
    }
    if flow.dst.is_broadcast() || (is_zeronet(flow.src) && is_zeronet(flow.dst)) {
        return Ok(true);
    }
    if is_zeronet(flow.src) {
        return Err(martian(DropReason::IpInvalidSource));
    }
    if is_zeronet(flow.dst) {
        return Err(martian(DropReason::IpInvalidDest));
    }
    let loopback = flow.src.is_loopback() || flow.dst.is_loopback();
    if loopback && !k.conf_is_on(dev, ConfKey::RouteLocalnet) {
        return Err(martian(DropReason::IpLocalNet));
    }
    Ok(false)
}

/// A broadcast for this host.
fn broadcast(
    k: &Kernel,
    netns: NetnsId,
    flow: &FlowKey<V4>,
    dev: DevId,
    found: Option<&FibMatch<'_, V4>>,
) -> Result<InputRoute, NoRoute> {
    if !is_zeronet(flow.src) {
        validate_source(k, flow, Ipv4Addr::UNSPECIFIED, dev, None).map_err(martian)?;
    }
    let dst = Dst { local: true, ..Dst::on_link(k.netns[netns].lo, RouteType::Broadcast) };
    Ok(InputRoute::new(dst, found))
}

/// A multicast, for this host if it is in the group (`ip_route_input_mc()`).
fn multicast(
    k: &Kernel,
    netns: NetnsId,
    flow: &FlowKey<V4>,
    dev: DevId,
) -> Result<InputRoute, NoRoute> {
    if !k.devs[dev].inet.is_member(flow.dst, flow.src, flow.proto) {
        return Err((DropReason::NotSpecified, None));
    }
    if flow.src.is_multicast() || flow.src.is_broadcast() {
        return Err(martian(DropReason::IpInvalidSource));
    }
    if flow.src.is_loopback() && !k.conf_is_on(dev, ConfKey::RouteLocalnet) {
        return Err(martian(DropReason::IpLocalNet));
    }
    if !is_zeronet(flow.src) {
        validate_source(k, flow, Ipv4Addr::UNSPECIFIED, dev, None).map_err(martian)?;
    } else if !is_local_multicast(flow.dst) && flow.proto != IpProto::IGMP.0 {
        return Err(martian(DropReason::IpInvalidSource));
    }
    let dst = Dst { local: true, ..Dst::on_link(k.netns[netns].lo, RouteType::Multicast) };
    Ok(InputRoute::new(dst, None))
}

/// A packet to pass on (`__mkroute_input()`).
fn forward(
    k: &Kernel,
    flow: &FlowKey<V4>,
    dev: DevId,
    found: &FibMatch<'_, V4>,
) -> Result<InputRoute, NoRoute> {
    let hop = found.next_hop();
    let Some(out) = hop.dev else { return Err((DropReason::NotSpecified, None)) };
    let near = validate_source(k, flow, flow.dst, dev, Some(out)).map_err(martian)?;
    let gateway = hop.gateway.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let do_redirect = near == Neighbourhood::OnLink
        && out == dev
        && k.conf_is_on(out, ConfKey::SendRedirects)
        && (k.conf_is_on(out, ConfKey::SharedMedia) || is_on_link(k, out, flow.src, gateway));
    let ns = &k.netns[k.devs[dev].netns];
    let learned = ns.ipv4.exceptions.find(found, flow.dst, k.now);
    let mut route = InputRoute::new(Dst::on_link(out, found.alias.kind), Some(found));
    let metrics = metrics_of(&found.alias.info);
    let gateway = hop.router().map(IpAddr::V4);
    let way = Dst { gateway, forwards: true, ..route.dst }.with_metrics(metrics);
    let taught = way.with_exception(learned);
    let uses_pmtu = taught.mtu_locked || ns.sysctl.is_on(Sysctl::IpForwardUsePmtu);
    route.dst = if uses_pmtu { taught } else { Dst { mtu: way.mtu, ..taught } };
    Ok(InputRoute {
        do_redirect,
        metrics: shown_metrics(metrics, learned),
        redirected: learned.is_some_and(|e| e.gateway.is_some()),
        expires: learned.map(|e| e.expires),
        ..route
    })
}
