//! What becomes of addresses and routes when devices change (`inetdev_event()`,
//! `fib_netdev_event()`).

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::family::V4;
use crate::id::DevId;
use crate::kernel::Kernel;
use crate::link::IfAddr;
use crate::link::inet::{Ipv4Conf, Scope};
use crate::netns::notifier::LinkEvent;
use crate::route::fib::{FibInfo, NhFlags};
use crate::route::ifaddr;
use crate::trace::Observer;

/// Follows a change of a device.
pub fn link_event<O: Observer>(k: &mut Kernel, dev: DevId, event: LinkEvent, _: &mut O) {
    match event {
        LinkEvent::Registered => register(k, dev),
        LinkEvent::Up => up(k, dev),
        LinkEvent::Down => disable(k, dev, Cause::Down),
        LinkEvent::Changed => carrier_changed(k, dev),
        LinkEvent::Unregistering => unregister(k, dev),
        LinkEvent::Renamed => rename_labels(k, dev),
        LinkEvent::AddressChanged | LinkEvent::MtuChanged => {}
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
        ifaddr::remove(k, dev, 0);
    }
    k.devs[dev].inet.groups.clear();
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

/// Labels follow their device's name (`inetdev_changename()`): the part behind a colon stays.
fn rename_labels(k: &mut Kernel, dev: DevId) {
    let name = k.devs[dev].name;
    for addr in &mut k.devs[dev].inet.addrs {
        let suffix = addr.label.as_str().find(':').map(|at| addr.label.as_str()[at..].to_owned());
        let label = suffix.and_then(|s| format!("{name}{s}").parse().ok());
        addr.label = label.unwrap_or(name);
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
    let netns = k.devs[dev].netns;
    for trie in k.netns[netns].ipv4.fib.tries_mut() {
        for alias in trie.aliases_mut().filter(|alias| alias.info.uses(dev)) {
            mark_down(Arc::make_mut(&mut alias.info), dev, cause);
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
    let netns = device.netns;
    for trie in k.netns[netns].ipv4.fib.tries_mut() {
        for alias in trie.aliases_mut().filter(|alias| alias.info.uses(dev)) {
            let marked = |f: NhFlags| f.contains(marks);
            if alias.info.hops.iter().any(|h| h.dev == Some(dev) && marked(h.flags)) {
                mark_up(Arc::make_mut(&mut alias.info), dev, marks);
            }
        }
    }
}

fn mark_up(info: &mut FibInfo<V4>, dev: DevId, marks: NhFlags) {
    for hop in info.hops.iter_mut().filter(|hop| hop.dev == Some(dev)) {
        hop.flags.set(marks, false);
    }
    info.flags.set(marks, false);
}

/// Removes the routes that prefer a source which has gone (`fib_sync_down_addr()`).
pub(super) fn forget_prefsrc(k: &mut Kernel, dev: DevId, addr: Ipv4Addr) {
    let netns = k.devs[dev].netns;
    for trie in k.netns[netns].ipv4.fib.tries_mut() {
        trie.remove_if(|_, alias| alias.info.prefsrc == Some(addr));
    }
}
