//! What kind of address something is, seen from one namespace (`net/ipv4/fib_frontend.c`).

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::inet::IfAddr;
use crate::route::RouteType;
use crate::route::fib::{Linkstate, RT_TABLE_LOCAL, table_lookup};
use crate::route::flow::FlowKey;

/// Whether `addr` is 0.0.0.0/8, "this network" (`ipv4_is_zeronet()` looks at the whole address: only
/// 0.0.0.0 itself).
pub(super) fn is_zeronet(addr: Ipv4Addr) -> bool {
    addr.is_unspecified()
}

/// Whether `addr` is in 224.0.0.0/24, which routers never pass on.
pub(crate) fn is_local_multicast(addr: Ipv4Addr) -> bool {
    addr.octets()[..3] == [224, 0, 0]
}

/// What `addr` is in `netns` (`inet_addr_type()`).
#[must_use]
pub fn addr_type(k: &Kernel, netns: NetnsId, addr: Ipv4Addr) -> RouteType {
    type_in_table(k, netns, None, addr, RT_TABLE_LOCAL)
}

/// What `addr` is on `dev`: another device's address is a unicast one there
/// (`inet_addr_type_dev_table()` with a device).
#[must_use]
pub fn addr_type_on(k: &Kernel, dev: DevId, addr: Ipv4Addr) -> RouteType {
    type_in_table(k, k.devs[dev].netns, Some(dev), addr, RT_TABLE_LOCAL)
}

/// What `addr` is according to `table` (`__inet_dev_addr_type()`).
pub(crate) fn type_in_table(
    k: &Kernel,
    netns: NetnsId,
    dev: Option<DevId>,
    addr: Ipv4Addr,
    table: u32,
) -> RouteType {
    if is_zeronet(addr) || addr.is_broadcast() {
        return RouteType::Broadcast;
    }
    if addr.is_multicast() {
        return RouteType::Multicast;
    }
    if k.netns[netns].ipv4.fib.trie(table).is_none() {
        return RouteType::Broadcast;
    }
    match table_lookup::<V4>(k, netns, table, &FlowKey::to(addr), Linkstate::Respected) {
        Ok(found) if dev.is_none_or(|dev| found.alias.info.hops[0].dev == Some(dev)) => {
            found.alias.kind
        }
        _ => RouteType::Unicast,
    }
}

/// The device that has `addr`, or to which the local table gives it (`__ip_dev_find()`).
#[must_use]
pub fn dev_of_addr(k: &Kernel, netns: NetnsId, addr: Ipv4Addr) -> Option<DevId> {
    let owner = find_addr(k, netns, addr).map(|(dev, _)| dev);
    owner.or_else(|| {
        let flow = FlowKey::to(addr);
        let found =
            table_lookup::<V4>(k, netns, RT_TABLE_LOCAL, &flow, Linkstate::Respected).ok()?;
        (found.alias.kind == RouteType::Local).then(|| found.next_hop().dev)?
    })
}

/// The address entry for `addr` (`inet_lookup_ifaddr_rcu()`).
#[must_use]
pub fn find_addr(k: &Kernel, netns: NetnsId, addr: Ipv4Addr) -> Option<(DevId, &IfAddr)> {
    k.netns[netns].ipv4.devs.iter().find_map(|&dev| {
        let found = k.devs[dev].inet.addrs.iter().find(|a| a.local == addr)?;
        Some((dev, found))
    })
}

/// Whether `dev` has an address in whose subnet both lie (`inet_addr_onlink()`); an unspecified
/// `b` always does.
#[must_use]
pub fn is_on_link(k: &Kernel, dev: DevId, a: Ipv4Addr, b: Ipv4Addr) -> bool {
    let both = |addr: &IfAddr| addr.matches(a) && (is_zeronet(b) || addr.matches(b));
    k.devs[dev].inet.addrs.iter().filter(|addr| !addr.secondary).any(both)
}
