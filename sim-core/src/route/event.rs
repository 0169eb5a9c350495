//! What becomes of addresses and routes when devices change (`inetdev_event()`,
//! `fib_netdev_event()`).

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::family::V4;
use crate::id::DevId;
use crate::kernel::Kernel;
use crate::link::inet::{ConfKey, Ipv4Conf, Scope};
use crate::link::name::MAX_NAME_LEN;
use crate::link::{DevName, IfAddr};
use crate::netns::notifier::LinkEvent;
use crate::route::fib::{FibInfo, NhFlags, RT_TABLE_MAIN};
use crate::route::ifaddr;
use crate::route::multipath;
use crate::trace::Observer;

/// Follows a change of a device.
pub fn link_event<O: Observer>(k: &mut Kernel, dev: DevId, event: LinkEvent, _: &mut O) {
    match event {
        LinkEvent::Registered => register(k, dev),
        LinkEvent::Up => up(k, dev),
        LinkEvent::Down => disable(k, dev, Cause::Down),
        LinkEvent::Changed | LinkEvent::Flagged => carrier_changed(k, dev),
        LinkEvent::Unregistering => unregister(k, dev),
        LinkEvent::Renamed => {
            rename_labels(k, dev);
            (0..k.devs[dev].inet.addrs.len()).for_each(|at| ifaddr::tell(k, dev, at));
        }
        LinkEvent::MtuChanged => limit_mtu(k, dev),
        LinkEvent::AddressChanged => {}
    }
}

/// Gives the device its settings (`inetdev_init()`).
fn register(k: &mut Kernel, dev: DevId) {
    let netns = k.devs[dev].netns;
    let conf = if k.devs[dev].is_loopback() {
        Ipv4Conf::loopback()
    } else {
        k.netns[netns].conf_default.clone()
    };
    k.devs[dev].inet.conf = conf;
    k.netns[netns].ipv4.devs.push(dev);
    k.netns[netns].sysctl.add_dev(dev);
}

/// A device that goes takes its addresses and routes with it (`inetdev_destroy()`).
fn unregister(k: &mut Kernel, dev: DevId) {
    while !k.devs[dev].inet.addrs.is_empty() {
        ifaddr::remove_with_device(k, dev);
    }
    disable(k, dev, Cause::Unregister);
    let netns = k.devs[dev].netns;
    k.netns[netns].ipv4.devs.retain(|d| *d != dev);
    k.netns[netns].sysctl.remove_dev(dev);
}

/// The routes of its addresses come back; the loopback device gets its address if it has none.
fn up(k: &mut Kernel, dev: DevId) {
    if k.devs[dev].is_loopback() && k.devs[dev].inet.addrs.is_empty() {
        let addr = loopback_addr(k, dev);
        k.devs[dev].inet.conf.set_all();
        // An empty device has nothing that could refuse it.
        let _fits = ifaddr::insert(k, dev, addr, None, None);
    }
    for at in 0..k.devs[dev].inet.addrs.len() {
        ifaddr::add_routes(k, dev, at);
    }
    sync_up(k, dev, NhFlags::DEAD);
}

fn loopback_addr(k: &Kernel, dev: DevId) -> IfAddr {
    /// The address was made by the kernel (`IFAPROT_KERNEL_LO`).
    const IFAPROT_KERNEL_LO: u8 = 1;
    IfAddr {
        scope: Scope::HOST,
        proto: IFAPROT_KERNEL_LO,
        ..IfAddr::new(Ipv4Addr::LOCALHOST, 8, k.devs[dev].name)
    }
}

/// Ways by a device without carrier are marked, and unmarked when it returns.
fn carrier_changed(k: &mut Kernel, dev: DevId) {
    if k.devs[dev].is_up() && k.devs[dev].carrier {
        sync_up(k, dev, NhFlags::LINKDOWN);
    } else {
        sync_down(k, dev, Cause::NoCarrier);
    }
}

/// Nothing that was learned about ways by the device may exceed its MTU (`fib_sync_mtu()`).
fn limit_mtu(k: &mut Kernel, dev: DevId) {
    let mtu = k.devs[dev].mtu;
    let ns = &mut k.netns[k.devs[dev].netns];
    let hops: Vec<u32> = ns
        .ipv4
        .fib
        .tries_mut()
        .flat_map(|trie| trie.aliases_mut())
        .flat_map(|alias| alias.info.hops.iter())
        .filter(|hop| hop.dev == Some(dev))
        .map(|hop| hop.id)
        .collect();
    ns.ipv4.exceptions.limit_mtu(&hops, mtu);
}

/// Labels follow their device's name (`inetdev_changename()`): the first address is called like the
/// device, the others keep what stood behind a colon, or are numbered. A name that leaves no room for
/// that is cut.
fn rename_labels(k: &mut Kernel, dev: DevId) {
    let name = k.devs[dev].name;
    for (i, addr) in k.devs[dev].inet.addrs.iter_mut().enumerate() {
        let old = addr.label;
        addr.label = name;
        if i > 0 {
            let colon = old.as_str().find(':');
            let suffix =
                colon.map_or_else(|| format!(":{}", i + 1), |at| old.as_str()[at..].to_owned());
            let room = MAX_NAME_LEN - suffix.len().min(MAX_NAME_LEN);
            let kept: String = name.as_str().chars().take(room).collect();
            addr.label = DevName::label(&format!("{kept}{suffix}")).unwrap_or(name);
        }
    }
}

/// Why a device's ways are in doubt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cause {
    /// It was switched off: only ways to this host's own addresses stay.
    Down,
    /// It lost its carrier: all ways stay, marked.
    NoCarrier,
    /// It lost its last address: no way stays.
    LastAddress,
    /// It goes: no route by it stays, not even one with other ways.
    Unregister,
}

/// Marks the ways of `dev` and removes the routes that have none left (`fib_disable_ip()`).
pub(super) fn disable(k: &mut Kernel, dev: DevId, cause: Cause) {
    sync_down(k, dev, cause);
    let netns = k.devs[dev].netns;
    for trie in k.netns[netns].ipv4.fib.tries_mut() {
        trie.remove_if(|_, alias| alias.info.flags.contains(NhFlags::DEAD));
    }
}

/// Marks the ways by `dev` (`fib_sync_down_dev()`).
fn sync_down(k: &mut Kernel, dev: DevId, cause: Cause) {
    change_routes_by(k, dev, |info| {
        mark_down(info, dev, cause);
        true
    });
}

/// Changes the routes that leave by `dev`; those for which `change` says that it did something share
/// their flows anew.
fn change_routes_by(k: &mut Kernel, dev: DevId, change: impl Fn(&mut FibInfo<V4>) -> bool) {
    let Kernel { devs, netns, .. } = k;
    let ns = &mut netns[devs[dev].netns];
    let all = ns.conf_all.is_on(ConfKey::IgnoreRoutesWithLinkdown);
    let ignores = |dev: DevId| all || devs[dev].inet.conf.is_on(ConfKey::IgnoreRoutesWithLinkdown);
    for trie in ns.ipv4.fib.tries_mut() {
        for alias in trie.aliases_mut().filter(|alias| alias.info.uses(dev)) {
            let info = Arc::make_mut(&mut alias.info);
            if change(info) {
                multipath::rebalance(info, ignores);
            }
        }
    }
}

fn mark_down(info: &mut FibInfo<V4>, dev: DevId, cause: Cause) {
    let keeps_own = matches!(cause, Cause::Down | Cause::NoCarrier);
    let kills = cause != Cause::NoCarrier;
    let mut dead = 0;
    for hop in &mut info.hops {
        if hop.flags.contains(NhFlags::DEAD) {
            dead += 1;
        } else if hop.dev == Some(dev) && !(keeps_own && hop.scope == Scope::NOWHERE) {
            hop.flags.set(NhFlags::LINKDOWN, true);
            hop.flags.set(NhFlags::DEAD, kills);
            dead += 1;
        }
    }
    if dead == info.hops.len() || cause == Cause::Unregister {
        info.flags.set(NhFlags::LINKDOWN, true);
        info.flags.set(NhFlags::DEAD, kills);
    }
}

/// Revives the ways by `dev` that carry `mark` (`fib_sync_up()`).
pub(super) fn sync_up(k: &mut Kernel, dev: DevId, mark: NhFlags) {
    let device = &k.devs[dev];
    if !device.is_up() {
        return;
    }
    let mut marks = mark;
    marks.set(NhFlags::LINKDOWN, mark == NhFlags::LINKDOWN || device.carrier);
    change_routes_by(k, dev, |info| {
        let marked =
            info.hops.iter_mut().filter(|hop| hop.dev == Some(dev) && hop.flags.contains(marks));
        let mut any = false;
        for hop in marked {
            hop.flags.set(marks, false);
            any = true;
        }
        if any {
            info.flags.set(marks, false);
        }
        any
    });
}

/// Removes the routes that prefer a source which has gone (`fib_sync_down_addr()`).
pub(super) fn forget_prefsrc(k: &mut Kernel, dev: DevId, addr: Ipv4Addr) {
    let netns = k.devs[dev].netns;
    for trie in k.netns[netns].ipv4.fib.tries_mut() {
        // Routes of other tables keep it, and keep sending from it.
        trie.remove_if(|_, alias| alias.table == RT_TABLE_MAIN && alias.info.prefsrc == Some(addr));
    }
}
