//! The way of a received packet (`ip_route_input_slow()`).

use std::net::{IpAddr, Ipv4Addr};

use crate::errno::Errno;
use crate::family::V4;
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::inet::ConfKey;
use crate::packet::IpProto;
use crate::route::addr_type::{is_local_multicast, is_on_link, is_zeronet};
use crate::route::fib::{FibMatch, Linkstate, lookup};
use crate::route::flow::FlowKey;
use crate::route::rp_filter::{Neighbourhood, validate_source};
use crate::route::{Dst, RouteType, metrics_of};
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
        return broadcast(k, netns, flow, dev);
    }
    let forwarding = k.devs[dev].inet.conf.is_on(ConfKey::Forwarding);
    let found = match lookup::<V4>(k, netns, flow, Linkstate::Respected) {
        Ok(found) => found,
        Err(error) => {
            return Err(unreachable(if forwarding { error } else { Errno::EHOSTUNREACH }));
        }
    };
    match found.alias.kind {
        RouteType::Broadcast if k.conf_is_on(dev, ConfKey::BcForwarding) => {}
        RouteType::Broadcast => return broadcast(k, netns, flow, dev),
        RouteType::Local => {
            validate_source(k, flow, flow.dst, dev, None).map_err(martian)?;
            let dst = Dst::local(k.netns[netns].lo).with_metrics(metrics_of(&found.alias.info));
            return Ok(InputRoute::new(dst, &found));
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
    forward(k, flow, dev, &found)
}

impl InputRoute {
    fn new(dst: Dst, found: &FibMatch<'_, V4>) -> Self {
        use crate::family::Family as _;
        Self {
            dst,
            do_redirect: false,
            table: found.alias.table,
            prefix_len: V4::prefix_len(&found.net),
        }
    }

    fn without_table(dst: Dst) -> Self {
        Self { dst, do_redirect: false, table: 0, prefix_len: 0 }
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
) -> Result<InputRoute, NoRoute> {
    if !is_zeronet(flow.src) {
        validate_source(k, flow, Ipv4Addr::UNSPECIFIED, dev, None).map_err(martian)?;
    }
    let dst = Dst { local: true, ..Dst::on_link(k.netns[netns].lo, RouteType::Broadcast) };
    Ok(InputRoute::without_table(dst))
}

/// A multicast, for this host if it is in the group (`ip_route_input_mc()`).
fn multicast(
    k: &Kernel,
    netns: NetnsId,
    flow: &FlowKey<V4>,
    dev: DevId,
) -> Result<InputRoute, NoRoute> {
    if !is_member(k, dev, flow.dst) {
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
    Ok(InputRoute::without_table(dst))
}

/// Whether this host listens to `group` on `dev` (`ip_check_mc_rcu()`).
#[must_use]
pub fn is_member(k: &Kernel, dev: DevId, group: Ipv4Addr) -> bool {
    const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
    let dev = &k.devs[dev];
    (group == ALL_HOSTS && dev.is_up()) || dev.inet.groups.iter().any(|(g, _)| *g == group)
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
        && (k.conf_is_on(out, ConfKey::SharedMedia) || is_on_link(k, out, flow.src, gateway));
    let dst = Dst { gateway: hop.gateway.map(IpAddr::V4), ..Dst::on_link(out, found.alias.kind) };
    let dst = dst.with_metrics(metrics_of(&found.alias.info));
    Ok(InputRoute { do_redirect, ..InputRoute::new(dst, found) })
}
