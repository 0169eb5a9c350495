//! What becomes of entries when devices change and when time passes (`arp_netdev_event()`,
//! `arp_ifdown()`).

use std::net::IpAddr;

use crate::family::V4;
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::inet::ConfKey;
use crate::neigh::update::{discard, flush_device};
use crate::neigh::{arp, timer, update};
use crate::netns::notifier::LinkEvent;
use crate::trace::{DropReason, Observer};

/// Follows a change of a device.
pub fn link_event<O: Observer>(k: &mut Kernel, dev: DevId, event: LinkEvent, o: &mut O) {
    match event {
        LinkEvent::Registered => {
            let parms = k.neigh.parms.for_new_device();
            k.netns[k.devs[dev].netns].arp.add_parms(dev, parms);
        }
        LinkEvent::Up => notify(k, dev, o),
        LinkEvent::AddressChanged => {
            flush_device::<V4, O>(k, dev, false, o);
            notify(k, dev, o);
        }
        LinkEvent::Changed | LinkEvent::Flagged if !k.devs[dev].carrier => {
            if k.conf_is_on(dev, ConfKey::ArpEvictNocarrier) {
                flush_device::<V4, O>(k, dev, true, o);
                forget_proxies(k, dev, true, o);
            }
        }
        LinkEvent::Down => ifdown(k, dev, o),
        LinkEvent::Unregistering => {
            ifdown(k, dev, o);
            k.netns[k.devs[dev].netns].arp.remove_parms(dev);
        }
        LinkEvent::Changed | LinkEvent::Flagged | LinkEvent::MtuChanged | LinkEvent::Renamed => {}
    }
}

/// Announces the device's addresses if `arp_notify` wants it.
fn notify<O: Observer>(k: &mut Kernel, dev: DevId, o: &mut O) {
    if k.conf_is_on(dev, ConfKey::ArpNotify) {
        arp::announce(k, dev, o);
    }
}

/// Forgets all neighbours on `dev`: it was switched off, or has lost its last address
/// (`arp_ifdown()`).
fn ifdown<O: Observer>(k: &mut Kernel, dev: DevId, o: &mut O) {
    flush_device::<V4, O>(k, dev, false, o);
    forget_proxies(k, dev, false, o);
}

/// A device without addresses has no neighbours (`fib_disable_ip()`).
pub fn addr_removed<O: Observer>(k: &mut Kernel, dev: DevId, o: &mut O) {
    if k.devs.get(dev).is_some_and(|device| device.inet.addrs.is_empty()) {
        ifdown(k, dev, o);
    }
}

/// The device begins or ceases to use ARP: what it knows is void (`neigh_changeaddr()`).
pub fn arp_switched<O: Observer>(k: &mut Kernel, dev: DevId, o: &mut O) {
    flush_device::<V4, O>(k, dev, false, o);
}

/// Forgets what is answered for on `dev`, and every answer that waits in the namespace.
fn forget_proxies<O: Observer>(k: &mut Kernel, dev: DevId, keep_permanent: bool, o: &mut O) {
    let table = &mut k.netns[k.devs[dev].netns].arp;
    table.drop_proxies(dev, keep_permanent);
    let timer = table.proxy_timer.take();
    let queue = std::mem::take(&mut table.proxy_queue);
    if let Some(timer) = timer {
        k.timers.disarm(timer);
    }
    for (_, flight) in queue {
        discard(k, flight, DropReason::NotSpecified, o);
    }
}

/// The timer of an entry fired.
pub fn expire<O: Observer>(k: &mut Kernel, dev: DevId, addr: IpAddr, o: &mut O) {
    match addr {
        IpAddr::V4(addr) => update::expire::<V4, O>(k, dev, addr, o),
        IpAddr::V6(_) => {}
    }
}

/// The collector's timer fired.
pub fn collect<O: Observer>(k: &mut Kernel, netns: NetnsId, o: &mut O) {
    timer::collect::<V4, O>(k, netns, o);
}
