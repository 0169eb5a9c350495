//! Carrier and operational state (`net/core/link_watch.c`, RFC 2863).
//!
//! A driver that gains or loses its carrier only leaves a note; the state is worked out and
//! announced when [`run`] is called, which here is at the end of the request that caused it. The
//! kernel does it in a work item, up to a second later.

use crate::id::{DevId, IfIndex, NetnsId};
use crate::kernel::Kernel;
use crate::link::{DevKind, OperState, macvlan, qdisc};
use crate::netns::notifier::{LinkEvent, link_event};
use crate::trace::Observer;

/// Notes that the device has or lacks carrier (`netif_carrier_on()`, `netif_carrier_off()`).
pub fn set(k: &mut Kernel, dev: DevId, on: bool) {
    let Some(device) = k.devs.get_mut(dev) else { return };
    if device.carrier != on {
        device.carrier = on;
        device.carrier_changes += 1;
        fire(k, dev);
    }
}

/// Notes that the device's state has to be looked at (`linkwatch_fire_event()`).
pub fn fire(k: &mut Kernel, dev: DevId) {
    if !k.linkwatch.contains(&dev) {
        k.linkwatch.push(dev);
    }
}

/// Works out the state of all noted devices and announces it (`linkwatch_run_queue()`).
pub fn run<O: Observer>(k: &mut Kernel, o: &mut O) {
    while !k.linkwatch.is_empty() {
        let dev = k.linkwatch.remove(0);
        if k.devs.get(dev).is_none() {
            continue;
        }
        update(k, dev);
        if !k.devs[dev].carrier {
            qdisc::reset(k, dev, o);
        }
        if k.devs[dev].is_up() {
            link_event(k, dev, LinkEvent::Changed, o);
            macvlan::lower_changed(k, dev);
        }
    }
}

/// Works out the operational state (`rfc2863_policy()`).
pub fn update(k: &mut Kernel, dev: DevId) {
    let state = default_state(k, dev);
    k.devs[dev].oper = state;
}

/// The state that follows from the carrier (`default_operstate()`).
fn default_state(k: &Kernel, dev: DevId) -> OperState {
    let device = &k.devs[dev];
    if device.carrier {
        return OperState::Up;
    }
    // The kernel looks the number of the lower device up in the upper one's namespace, whichever
    // namespace the lower one is in.
    let lower = iflink(k, dev);
    if lower == device.ifindex {
        return OperState::Down;
    }
    match k.netns[device.netns].links.get(&lower) {
        Some(other) if !k.devs[*other].carrier => OperState::LowerLayerDown,
        _ => OperState::Down,
    }
}

/// The number of the device that this one stands on, its own if there is none, 0 for tunnels that
/// stand on any and for ends of wires without a peer (`dev_get_iflink()`).
#[must_use]
pub fn iflink(k: &Kernel, dev: DevId) -> IfIndex {
    match &k.devs[dev].kind {
        DevKind::Veth(veth) if veth.peer == dev => IfIndex(0),
        DevKind::Veth(veth) => k.devs[veth.peer].ifindex,
        DevKind::Macvlan(macvlan) => k.devs[macvlan.lower].ifindex,
        DevKind::Ipip(ipip) => ipip.link,
        DevKind::Loopback
        | DevKind::Bridge(_)
        | DevKind::Vxlan(_)
        | DevKind::Dummy
        | DevKind::Tun(_) => k.devs[dev].ifindex,
    }
}

/// The namespace in which [`iflink`] counts, for kinds that reach into another one
/// (`get_link_net()`).
#[must_use]
pub fn link_netns(k: &Kernel, dev: DevId) -> Option<NetnsId> {
    match &k.devs[dev].kind {
        DevKind::Veth(veth) => Some(k.devs[veth.peer].netns),
        DevKind::Macvlan(macvlan) => Some(k.devs[macvlan.lower].netns),
        DevKind::Vxlan(vxlan) => Some(vxlan.underlay),
        DevKind::Ipip(ipip) => Some(ipip.underlay),
        DevKind::Loopback | DevKind::Bridge(_) | DevKind::Dummy | DevKind::Tun(_) => None,
    }
}
