//! Addresses and the routes that come with them (`net/ipv4/devinet.c`, `net/ipv4/fib_frontend.c`).

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

use crate::id::DevId;
use crate::kernel::rtnl::{self, Change};
use crate::kernel::{Kernel, Timer};
use crate::link::IfAddr;
use crate::link::inet::{ConfKey, Scope};
use crate::route::RouteType;
use crate::route::addr_type::{addr_type, is_zeronet};
use crate::route::event;
use crate::route::fib::change::{self, Existing, RouteKey};
use crate::route::fib::{FibInfo, NextHop, NhFlags, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTPROT_KERNEL};
use crate::time::SimTime;

/// Why an address cannot be added.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The device has it, with this prefix length.
    Assigned,
    /// Another address of its subnet has another scope.
    Scope,
}

/// Puts `addr` on `dev` with all routes that come with it (`__inet_insert_ifa()`).
///
/// # Errors
///
/// If the device has it, or has its subnet with another scope.
pub fn insert(
    k: &mut Kernel,
    dev: DevId,
    mut addr: IfAddr,
    valid_lft_s: Option<u32>,
    preferred_lft_s: Option<u32>,
) -> Result<(), Refusal> {
    if is_zeronet(addr.local) {
        return Ok(());
    }
    let addrs = &mut k.devs[dev].inet.addrs;
    addr.secondary = false;
    let mut after_primaries = 0;
    for (i, other) in addrs.iter().enumerate() {
        if !other.secondary && addr.scope <= other.scope {
            after_primaries = i + 1;
        }
        if other.same_subnet(&addr) {
            if other.local == addr.local {
                return Err(Refusal::Assigned);
            }
            if other.scope != addr.scope {
                return Err(Refusal::Scope);
            }
            addr.secondary = true;
        }
    }
    let at = if addr.secondary { addrs.len() } else { after_primaries };
    addrs.insert(at, addr);
    set_lifetime(k, dev, at, valid_lft_s, preferred_lft_s);
    tell(k, dev, at);
    announce_up(k, dev, at);
    Ok(())
}

/// Announces that the address at `at` is new or different.
pub fn tell(k: &mut Kernel, dev: DevId, at: usize) {
    let addr = k.devs[dev].inet.addrs[at].clone();
    rtnl::addr(k, dev, &addr, Change::New);
}

/// What follows when an address has come up (`fib_inetaddr_event()`).
fn announce_up(k: &mut Kernel, dev: DevId, at: usize) {
    add_routes(k, dev, at);
    event::sync_up(k, dev, NhFlags::DEAD);
}

/// Takes the address at `at` from `dev` with all routes that came with it (`__inet_del_ifa()`).
///
/// Secondaries of its subnet go too, or with `promote_secondaries` the first of them takes its place.
pub fn remove(k: &mut Kernel, dev: DevId, at: usize) {
    let promotes = k.conf_is_on(dev, ConfKey::PromoteSecondaries);
    let old = k.devs[dev].inet.addrs[at].clone();
    let heir = if old.secondary {
        None
    } else if promotes {
        secondary_of(k, dev, &old, at + 1)
    } else {
        while let Some(i) = secondary_of(k, dev, &old, at + 1) {
            let secondary = k.devs[dev].inet.addrs.remove(i);
            announce_down(k, dev, &secondary);
        }
        None
    };
    if heir.is_some() {
        forget_secondaries(k, dev, &old, at + 1);
    }
    k.devs[dev].inet.addrs.remove(at);
    announce_down(k, dev, &old);
    if let Some(heir) = heir {
        promote(k, dev, &old, at, heir - 1);
    }
}

/// Takes the first address from a device that goes: no other one takes its place or goes with it
/// (`inetdev_destroy()`).
pub fn remove_with_device(k: &mut Kernel, dev: DevId) {
    let old = k.devs[dev].inet.addrs.remove(0);
    announce_down(k, dev, &old);
}

/// The first secondary from `from` on that stands behind the primary `prim`.
fn secondary_of(k: &Kernel, dev: DevId, prim: &IfAddr, from: usize) -> Option<usize> {
    let addrs = &k.devs[dev].inet.addrs;
    (from..addrs.len()).find(|&i| addrs[i].secondary && prim.same_subnet(&addrs[i]))
}

/// Removes the routes of all addresses of `prim`'s subnet, which are about to change their source.
fn forget_secondaries(k: &mut Kernel, dev: DevId, prim: &IfAddr, from: usize) {
    for i in from..k.devs[dev].inet.addrs.len() {
        let addr = &k.devs[dev].inet.addrs[i];
        if prim.same_subnet(addr) {
            let addr = addr.clone();
            del_routes(k, dev, &addr, Some(prim));
        }
    }
}

/// Makes the secondary at `heir` the primary of the subnet that `old` left; `at` is where that was.
fn promote(k: &mut Kernel, dev: DevId, old: &IfAddr, at: usize, heir: usize) {
    let addrs = &mut k.devs[dev].inet.addrs;
    let mut addr = addrs.remove(heir);
    addr.secondary = false;
    // Behind the last primary that is at least as wide, seen from where the old one stood.
    let mut behind =
        (at..addrs.len()).filter(|&i| !addrs[i].secondary && old.scope <= addrs[i].scope);
    let to = if heir == at { at } else { behind.next_back().map_or(0, |i| i + 1) };
    addrs.insert(to, addr);
    tell(k, dev, to);
    announce_up(k, dev, to);
    for i in heir + 1..k.devs[dev].inet.addrs.len() {
        if old.same_subnet(&k.devs[dev].inet.addrs[i]) {
            add_routes(k, dev, i);
        }
    }
}

/// What follows when an address has gone (`fib_inetaddr_event()`).
fn announce_down(k: &mut Kernel, dev: DevId, addr: &IfAddr) {
    if let Some(timer) = addr.timer {
        k.timers.disarm(timer);
    }
    rtnl::addr(k, dev, addr, Change::Deleted);
    del_routes(k, dev, addr, None);
    if k.devs[dev].inet.addrs.is_empty() {
        event::disable(k, dev, event::Cause::LastAddress);
    }
}

/// Sets how long the address at `at` is valid and preferred from now on (`set_ifa_lifetime()`).
pub fn set_lifetime(
    k: &mut Kernel,
    dev: DevId,
    at: usize,
    valid_lft_s: Option<u32>,
    preferred_lft_s: Option<u32>,
) {
    let now = k.now;
    let addr = &mut k.devs[dev].inet.addrs[at];
    addr.valid_lft_s = valid_lft_s;
    addr.preferred_lft_s = preferred_lft_s;
    addr.deprecated = preferred_lft_s == Some(0);
    addr.since = now;
    arm_lifetime(k, dev, at);
}

/// Arms the timer for what happens next to the address at `at`. Nothing happens to permanent ones.
fn arm_lifetime(k: &mut Kernel, dev: DevId, at: usize) {
    let addr = &mut k.devs[dev].inet.addrs[at];
    if let Some(old) = addr.timer.take() {
        k.timers.disarm(old);
    }
    let Some(valid) = addr.valid_lft_s else { return };
    let seconds = addr.preferred_lft_s.filter(|_| !addr.deprecated).unwrap_or(valid);
    let end = addr.since + Duration::from_secs(seconds.into());
    addr.timer = Some(k.timers.arm(end, Timer::AddrLifetime(dev)));
}

/// Removes the addresses of `dev` whose time is over, and marks those that are no longer preferred
/// (`check_lifetime()`).
pub fn check_lifetime(k: &mut Kernel, dev: DevId) {
    if k.devs.get(dev).is_none() {
        return;
    }
    let now = k.now;
    let over = |since: SimTime, lft: Option<u32>| {
        lft.is_some_and(|s| since + Duration::from_secs(s.into()) <= now)
    };
    while let Some(at) = k.devs[dev].inet.addrs.iter().position(|a| over(a.since, a.valid_lft_s)) {
        remove(k, dev, at);
    }
    for at in 0..k.devs[dev].inet.addrs.len() {
        let addr = &mut k.devs[dev].inet.addrs[at];
        if addr.valid_lft_s.is_some() && !addr.deprecated && over(addr.since, addr.preferred_lft_s)
        {
            addr.deprecated = true;
            arm_lifetime(k, dev, at);
            tell(k, dev, at);
        }
    }
}

/// Changes the metric of the subnet's route (`fib_modify_prefix_metric()`).
pub fn set_metric(k: &mut Kernel, dev: DevId, at: usize, metric: u32) {
    let addr = &mut k.devs[dev].inet.addrs[at];
    let old = std::mem::replace(&mut addr.metric, metric);
    let addr = addr.clone();
    let has_route = !addr.secondary && !addr.no_prefix_route && speaks_for_subnet(&addr);
    if old == metric || !has_route || !k.devs[dev].is_up() {
        return;
    }
    let mut routes = AddrRoutes { k, dev, src: addr.local };
    let kind = routes.subnet_kind();
    routes.add(kind, addr.subnet(), metric);
    routes.del(kind, addr.subnet(), old);
}

/// Adds the routes of the address at `at` (`fib_add_ifaddr()`).
pub(super) fn add_routes(k: &mut Kernel, dev: DevId, at: usize) {
    let addr = k.devs[dev].inet.addrs[at].clone();
    let prim = if addr.secondary {
        let addrs = &k.devs[dev].inet.addrs;
        let Some(prim) = addrs.iter().find(|a| !a.secondary && a.same_subnet(&addr)) else {
            return;
        };
        prim.local
    } else {
        addr.local
    };
    let mut routes = AddrRoutes { k, dev, src: prim };
    routes.add(RouteType::Local, host(addr.local), 0);
    if !routes.k.devs[dev].is_up() {
        return;
    }
    if let Some(broadcast) = addr.broadcast.filter(|b| !b.is_broadcast()) {
        routes.add(RouteType::Broadcast, host(broadcast), 0);
    }
    if !addr.secondary && speaks_for_subnet(&addr) {
        if !addr.no_prefix_route {
            let kind = routes.subnet_kind();
            routes.add(kind, addr.subnet(), addr.metric);
        }
        if addr.prefix_len < 31 {
            routes.add(RouteType::Broadcast, host(addr.subnet_broadcast()), 0);
        }
    }
}

/// Whether the address stands for more than itself.
fn speaks_for_subnet(addr: &IfAddr) -> bool {
    let base = addr.subnet().network();
    !is_zeronet(base) && (base != addr.local || addr.prefix_len < 32)
}

fn host(addr: Ipv4Addr) -> Ipv4Net {
    Ipv4Net::from(addr)
}

/// Which routes are still needed by other addresses.
#[derive(Clone, Copy, Debug, Default)]
struct Needed {
    local: bool,
    /// The broadcast address that was set.
    broadcast: bool,
    /// The subnet's all-ones address.
    ones: bool,
    /// The subnet's all-zeros address.
    zeros: bool,
}

/// Removes the routes of `addr` that no other address needs (`fib_del_ifaddr()`). `old` is the primary
/// that is being replaced, if this is a promotion: then `addr` is still on the device.
fn del_routes(k: &mut Kernel, dev: DevId, addr: &IfAddr, old: Option<&IfAddr>) {
    let addrs = k.devs[dev].inet.addrs.clone();
    let by_subnet = |a: &IfAddr| addrs.iter().find(|p| !p.secondary && p.same_subnet(a));
    let prim = if addr.secondary {
        let Some(prim) = by_subnet(addr) else { return };
        prim
    } else {
        addr
    };
    let needed = still_needed(&addrs, addr, prim, old);
    let mut routes = AddrRoutes { k, dev, src: prim.local };
    let subnet = !addr.secondary && speaks_for_subnet(addr);
    if subnet && !addr.no_prefix_route {
        let kind = routes.subnet_kind();
        routes.del(kind, addr.subnet(), 0);
    }
    if let Some(broadcast) = addr.broadcast.filter(|_| !needed.broadcast) {
        routes.del(RouteType::Broadcast, host(broadcast), 0);
    }
    if subnet && addr.prefix_len < 31 {
        if !needed.ones {
            routes.del(RouteType::Broadcast, host(addr.subnet_broadcast()), 0);
        }
        if !needed.zeros {
            routes.del(RouteType::Broadcast, host(addr.subnet().network()), 0);
        }
    }
    if !needed.local {
        routes.del(RouteType::Local, host(addr.local), 0);
        let stays = old.is_some();
        if !stays && addr_type(k, k.devs[dev].netns, addr.local) != RouteType::Local {
            event::forget_prefsrc(k, dev, addr.local);
        }
    }
}

/// Looks through the other addresses of the device for those whose routes are the same.
fn still_needed(addrs: &[IfAddr], addr: &IfAddr, prim: &IfAddr, old: Option<&IfAddr>) -> Needed {
    let mut needed = Needed::default();
    let mut same_source = false;
    let mut owner: Option<&IfAddr> = None;
    for other in addrs {
        let itself = old.is_some() && other.local == addr.local && other.same_subnet(addr);
        if itself || old.is_some_and(|old| other.same_subnet(old)) {
            continue;
        }
        if !other.secondary {
            // Routes carry their primary's address as source; with another one they are others.
            if other.local != prim.local {
                continue;
            }
            owner = Some(other);
            same_source |= !other.same_subnet(prim);
        } else if other.same_subnet(prim) {
            owner = Some(prim);
        } else {
            if !same_source {
                continue;
            }
            if !owner.is_some_and(|p| p.same_subnet(other)) {
                owner = addrs.iter().find(|p| !p.secondary && p.same_subnet(other));
            }
            if owner.is_none_or(|p| p.local != prim.local) {
                continue;
            }
        }
        let (ones, zeros) = (addr.subnet_broadcast(), addr.subnet().network());
        needed.local |= other.local == addr.local;
        needed.broadcast |= other.broadcast == addr.broadcast;
        needed.ones |= other.broadcast == Some(ones);
        needed.zeros |= other.broadcast == Some(zeros);
        if !other.secondary && other.prefix_len < 31 && !is_zeronet(other.subnet().network()) {
            let own = [other.subnet_broadcast(), other.subnet().network()];
            needed.broadcast |= addr.broadcast.is_some_and(|b| own.contains(&b));
            needed.ones |= own.contains(&ones);
            needed.zeros |= own.contains(&zeros);
        }
    }
    needed
}

/// Adds and removes the routes of one address (`fib_magic()`).
struct AddrRoutes<'k> {
    k: &'k mut Kernel,
    dev: DevId,
    /// The preferred source: the primary address.
    src: Ipv4Addr,
}

impl AddrRoutes<'_> {
    /// The type of the subnet's route: all of the loopback device's subnet is this host.
    fn subnet_kind(&self) -> RouteType {
        if self.k.devs[self.dev].is_loopback() { RouteType::Local } else { RouteType::Unicast }
    }

    fn key(kind: RouteType, net: Ipv4Net) -> RouteKey<crate::family::V4> {
        let table = if kind == RouteType::Unicast { RT_TABLE_MAIN } else { RT_TABLE_LOCAL };
        RouteKey { net, table, tos: 0, kind }
    }

    fn scope(kind: RouteType) -> Scope {
        if kind == RouteType::Local { Scope::HOST } else { Scope::LINK }
    }

    fn add(&mut self, kind: RouteType, net: Ipv4Net, priority: u32) {
        let dev = &self.k.devs[self.dev];
        // No route may prefer a source that cannot be one (`fib_valid_prefsrc()`).
        let own = kind == RouteType::Local && net == host(self.src);
        if !own && addr_type(self.k, dev.netns, self.src) != RouteType::Local {
            return;
        }
        let mut hop = NextHop::new(Some(self.dev), None, 1);
        if kind == RouteType::Local {
            hop.scope = Scope::NOWHERE;
        } else {
            hop.scope = Scope::HOST;
            hop.flags.set(NhFlags::LINKDOWN, !dev.carrier);
        }
        let mut flags = NhFlags::default();
        flags.set(NhFlags::LINKDOWN, hop.flags.contains(NhFlags::LINKDOWN));
        let info = FibInfo {
            protocol: RTPROT_KERNEL,
            scope: Self::scope(kind),
            priority,
            prefsrc: Some(self.src),
            flags,
            metrics: None,
            hops: smallvec::smallvec![hop],
        };
        let netns = dev.netns;
        let fib = &mut self.k.netns[netns].ipv4.fib;
        // One that is there already serves as well.
        if let Ok(Some(new)) = change::insert(fib, &Self::key(kind, net), info, Existing::Append) {
            rtnl::route(self.k, netns, net, &new, Change::New);
        }
    }

    fn del(&mut self, kind: RouteType, net: Ipv4Net, priority: u32) {
        let (dev, src) = (self.dev, self.src);
        let netns = self.k.devs[dev].netns;
        let fib = &mut self.k.netns[netns].ipv4.fib;
        let gone = change::remove_first(fib, &Self::key(kind, net), |alias| {
            alias.kind == kind
                && (priority == 0 || alias.info.priority == priority)
                && alias.info.scope == Self::scope(kind)
                && alias.info.prefsrc == Some(src)
                && alias.info.protocol == RTPROT_KERNEL
                && alias.info.hops.first().is_some_and(|hop| hop.dev == Some(dev))
        });
        if let Some(gone) = gone {
            rtnl::route(self.k, netns, net, &gone, Change::Deleted);
        }
    }
}
