//! Whether a new route makes sense (`fib_create_info()`, `fib_check_nh()`).

use std::net::{IpAddr, Ipv4Addr};

use smallvec::SmallVec;

use super::{Config, not_modelled, refuse};
use crate::errno::Errno;
use crate::family::V4;
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::inet::Scope;
use crate::netlink::NetlinkError;
use crate::netlink::request::NextHopSpec;
use crate::route::fib::{
    FibInfo, FibMatch, Linkstate, NextHop, NhFlags, RT_TABLE_LOCAL, RT_TABLE_MAIN, lookup,
    table_lookup,
};
use crate::route::multipath;
use crate::route::{FlowKey, RouteType, addr_type, type_in_table};

type Answer<T> = Result<T, NetlinkError>;

/// Works out what the request asks for.
pub(super) fn create_info(k: &Kernel, netns: NetnsId, config: &Config<'_>) -> Answer<FibInfo<V4>> {
    let spec = config.spec;
    if config.key.kind.scope() > config.scope {
        return refuse("Invalid scope");
    }
    let mut info = FibInfo {
        protocol: spec.protocol.unwrap_or(0),
        scope: config.scope,
        priority: spec.metric.unwrap_or(0),
        prefsrc: spec.prefsrc.map(ipv4).transpose()?.filter(|src| !src.is_unspecified()),
        flags: NhFlags::default(),
        metrics: (!config.metrics.is_empty()).then(|| Box::new(config.metrics)),
        hops: SmallVec::new(),
    };
    if config.key.kind.error().is_some() {
        let says = |hop: &NextHopSpec| hop.gateway.is_some() || hop.dev.is_some();
        if spec.next_hops.iter().any(says) {
            return refuse(
                "Gateway, device and multipath can not be specified for this route type",
            );
        }
        return Ok(info);
    }
    if config.scope > Scope::HOST {
        return refuse("Invalid scope");
    }
    info.hops = if config.scope == Scope::HOST {
        SmallVec::from_elem(host_hop(config)?, 1)
    } else {
        checked_hops(k, netns, config)?
    };
    let linkdown = |hop: &NextHop<V4>| hop.flags.contains(NhFlags::LINKDOWN);
    info.flags.set(NhFlags::LINKDOWN, info.hops.iter().all(linkdown));
    if info.prefsrc.is_some_and(|src| !is_valid_prefsrc(k, netns, config, src)) {
        return refuse("Invalid prefsrc address");
    }
    multipath::rebalance(&mut info, |dev| multipath::ignores_linkdown(k, dev));
    Ok(info)
}

fn ipv4(addr: IpAddr) -> Answer<Ipv4Addr> {
    match addr {
        IpAddr::V4(addr) => Ok(addr),
        IpAddr::V6(_) => Err(not_modelled()),
    }
}

fn gateway(hop: &NextHopSpec) -> Answer<Option<Ipv4Addr>> {
    Ok(hop.gateway.map(ipv4).transpose()?.filter(|gw| !gw.is_unspecified()))
}

/// The way of a route that ends in this host.
fn host_hop(config: &Config<'_>) -> Answer<NextHop<V4>> {
    if config.devs.len() > 1 {
        return refuse("Route with host scope can not have multiple nexthops");
    }
    if let Some(hop) = config.spec.next_hops.first()
        && gateway(hop)?.is_some()
    {
        return refuse("Route with host scope can not have a gateway");
    }
    let dev = config.devs.first().copied().flatten().ok_or(Errno::ENODEV)?;
    let mut hop = NextHop { scope: Scope::NOWHERE, ..NextHop::new(Some(dev), None, 1) };
    hop.flags.set(NhFlags::ONLINK, config.spec.next_hops.first().is_some_and(|h| h.onlink));
    Ok(hop)
}

/// The ways of any other route.
fn checked_hops(
    k: &Kernel,
    netns: NetnsId,
    config: &Config<'_>,
) -> Answer<SmallVec<[NextHop<V4>; 1]>> {
    let none = NextHopSpec::default();
    if config.devs.is_empty() {
        let hop = check_hop(k, netns, config, &none, None)?;
        return Ok(SmallVec::from_elem(hop, 1));
    }
    let specs = config.spec.next_hops.iter().zip(&config.devs);
    specs.map(|(spec, dev)| check_hop(k, netns, config, spec, *dev)).collect()
}

/// Whether one way can be gone (`fib_check_nh()`).
fn check_hop(
    k: &Kernel,
    netns: NetnsId,
    config: &Config<'_>,
    spec: &NextHopSpec,
    dev: Option<DevId>,
) -> Answer<NextHop<V4>> {
    let gateway = gateway(spec)?;
    let mut hop = NextHop::new(dev, gateway, spec.weight);
    hop.flags.set(NhFlags::ONLINK, spec.onlink);
    match gateway {
        None => check_direct(k, &mut hop)?,
        Some(gw) if spec.onlink => check_onlink(k, config, &mut hop, gw)?,
        Some(gw) => check_gateway(k, netns, config, &mut hop, gw)?,
    }
    let carrier = hop.dev.is_none_or(|dev| k.devs[dev].carrier);
    hop.flags.set(NhFlags::LINKDOWN, !carrier);
    Ok(hop)
}

/// A way without a router (`fib_check_nh_nongw()`).
fn check_direct(k: &Kernel, hop: &mut NextHop<V4>) -> Answer<()> {
    if hop.flags.contains(NhFlags::ONLINK) {
        return refuse("Invalid flags for nexthop - PERVASIVE and ONLINK can not be set");
    }
    let dev = hop.dev.ok_or(Errno::ENODEV)?;
    if !k.devs[dev].is_up() {
        let text = "Device for nexthop is not up";
        return Err(NetlinkError::with_message(Errno::ENETDOWN, text));
    }
    hop.scope = Scope::HOST;
    Ok(())
}

/// A router that is on the link by decree.
fn check_onlink(
    k: &Kernel,
    config: &Config<'_>,
    hop: &mut NextHop<V4>,
    gateway: Ipv4Addr,
) -> Answer<()> {
    if config.scope >= Scope::LINK {
        return refuse("Nexthop has invalid scope");
    }
    let Some(dev) = hop.dev else {
        let text = "Nexthop device required for onlink";
        return Err(NetlinkError::with_message(Errno::ENODEV, text));
    };
    if !k.devs[dev].is_up() {
        return Err(NetlinkError::with_message(Errno::ENETDOWN, "Nexthop device is not up"));
    }
    if addr_type(k, k.devs[dev].netns, gateway) != RouteType::Unicast {
        return refuse("Nexthop has invalid gateway");
    }
    hop.scope = Scope::LINK;
    Ok(())
}

/// A router that has to be reached by a nearer route (`fib_check_nh_v4_gw()`).
fn check_gateway(
    k: &Kernel,
    netns: NetnsId,
    config: &Config<'_>,
    hop: &mut NextHop<V4>,
    gateway: Ipv4Addr,
) -> Answer<()> {
    let nearer = Scope(config.scope.0 + 1).max(Scope::LINK);
    let flow = FlowKey { oif: hop.dev, scope: nearer, ..FlowKey::to(gateway) };
    let invalid = |errno| NetlinkError::with_message(errno, "Nexthop has invalid gateway");
    let found = find_gateway(k, netns, config.key.table, &flow).map_err(invalid)?;
    if !matches!(found.alias.kind, RouteType::Unicast | RouteType::Local) {
        return Err(invalid(Errno::EINVAL));
    }
    hop.scope = found.alias.info.scope;
    hop.dev = found.next_hop().dev;
    match hop.dev {
        Some(dev) if k.devs[dev].is_up() => Ok(()),
        Some(_) => Err(Errno::ENETDOWN.into()),
        None => refuse("No egress device for nexthop"),
    }
}

/// Looks in the route's own table first.
fn find_gateway<'k>(
    k: &'k Kernel,
    netns: NetnsId,
    table: u32,
    flow: &FlowKey<V4>,
) -> Result<FibMatch<'k, V4>, Errno> {
    if table != RT_TABLE_MAIN
        && let Ok(found) = table_lookup(k, netns, table, flow, Linkstate::Ignored)
    {
        return Ok(found);
    }
    lookup::<V4>(k, netns, flow, Linkstate::Ignored)
}

/// Whether packets may be sent from `src` (`fib_valid_prefsrc()`): it is this host's, or it is what the
/// route makes this host's.
fn is_valid_prefsrc(k: &Kernel, netns: NetnsId, config: &Config<'_>, src: Ipv4Addr) -> bool {
    let dst = config.key.net.network();
    if config.key.kind == RouteType::Local && !dst.is_unspecified() && src == dst {
        return true;
    }
    let table = config.key.table;
    addr_type(k, netns, src) == RouteType::Local
        || (table != RT_TABLE_MAIN
            && table != RT_TABLE_LOCAL
            && type_in_table(k, netns, None, src, table) == RouteType::Local)
}
