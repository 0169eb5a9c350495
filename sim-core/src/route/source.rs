//! Whose address to send from (`net/ipv4/devinet.c`, `net/ipv4/fib_semantics.c`).

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::inet::{ConfKey, Scope};
use crate::route::RouteType;
use crate::route::addr_type::is_zeronet;
use crate::route::fib::{FibInfo, FibMatch, Linkstate, lookup};
use crate::route::flow::FlowKey;

/// Chooses an address to send from by `dev` to `dst` (unspecified if not known), valid at least in
/// `scope` (`inet_select_addr()`): the first primary one whose subnet holds `dst`, else the first
/// primary one, else the first of any device of the namespace.
#[must_use]
pub fn select_source(k: &Kernel, dev: DevId, dst: Ipv4Addr, scope: Scope) -> Option<Ipv4Addr> {
    let narrowest =
        if k.conf_is_on(dev, ConfKey::RouteLocalnet) { Scope::LINK } else { Scope::HOST };
    let device = &k.devs[dev];
    let mut fitting = device
        .inet
        .addrs
        .iter()
        .filter(|addr| !addr.secondary && addr.scope.min(narrowest) <= scope)
        .peekable();
    let first = fitting.peek().map(|addr| addr.local);
    let near = fitting.find(|addr| is_zeronet(dst) || addr.matches(dst)).map(|addr| addr.local);
    near.or(first).or_else(|| any_source(k, device.netns, scope))
}

/// The first address of the namespace, device by device, that is valid beyond its link
/// (`in_dev_select_addr()`).
fn any_source(k: &Kernel, netns: NetnsId, scope: Scope) -> Option<Ipv4Addr> {
    k.netns[netns]
        .ipv4
        .devs
        .iter()
        .flat_map(|&dev| &k.devs[dev].inet.addrs)
        .find(|addr| !addr.secondary && addr.scope != Scope::LINK && addr.scope <= scope)
        .map(|addr| addr.local)
}

/// The source that a route prefers, or the one its way suggests (`fib_result_prefsrc()`).
#[must_use]
pub fn source_of_route(k: &Kernel, found: &FibMatch<'_, V4>) -> Option<Ipv4Addr> {
    found.alias.info.prefsrc.or_else(|| source_of_hop(k, &found.alias.info, found.hop))
}

/// The source that one way of a route suggests (`fib_info_update_nhc_saddr()`).
pub(super) fn source_of_hop(k: &Kernel, info: &FibInfo<V4>, hop: usize) -> Option<Ipv4Addr> {
    let hop = &info.hops[hop];
    select_source(k, hop.dev?, hop.gateway.unwrap_or(Ipv4Addr::UNSPECIFIED), info.scope)
}

/// The address that this host answers a received packet from (`fib_compute_spec_dst()`): the one it
/// was sent to, or for a broadcast or multicast the one this host would send to its source from.
///
/// `flow` is the packet's flow, `kind` the type of the route it took in.
#[must_use]
pub fn compute_spec_dst(k: &Kernel, flow: &FlowKey<V4>, kind: RouteType) -> Option<Ipv4Addr> {
    if kind == RouteType::Local {
        return Some(flow.dst);
    }
    let dev = flow.iif?;
    if is_zeronet(flow.src) {
        return select_source(k, dev, flow.src, Scope::LINK);
    }
    let mark = if k.conf_is_on(dev, ConfKey::SrcValidMark) { flow.mark } else { 0 };
    let back = FlowKey { mark, tos: flow.tos, ..FlowKey::to(flow.src) };
    match lookup::<V4>(k, k.devs[dev].netns, &back, Linkstate::Respected) {
        Ok(found) => source_of_route(k, &found),
        Err(_) => select_source(k, dev, flow.src, Scope::UNIVERSE),
    }
}
