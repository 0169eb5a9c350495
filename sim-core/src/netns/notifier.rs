//! Who is told when a device changes (`netdev_chain`), in the kernel's order.

use crate::id::DevId;
use crate::kernel::Kernel;
use crate::link::carrier;
use crate::trace::Observer;
use crate::{bridge, ip, neigh, route, socket};

/// What happened to a device (`NETDEV_*`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkEvent {
    /// It was made or came into its namespace (`NETDEV_REGISTER`).
    Registered,
    /// It was switched on (`NETDEV_UP`).
    Up,
    /// It was switched off (`NETDEV_DOWN`).
    Down,
    /// Its carrier or operational state changed (`NETDEV_CHANGE`).
    Changed,
    /// Its hardware address changed (`NETDEV_CHANGEADDR`).
    AddressChanged,
    /// Its MTU changed (`NETDEV_CHANGEMTU`).
    MtuChanged,
    /// It was renamed (`NETDEV_CHANGENAME`).
    Renamed,
    /// It is about to go, from the world or to another namespace (`NETDEV_UNREGISTER`).
    Unregistering,
}

/// Tells every layer that keeps something about devices.
pub fn link_event<O: Observer>(k: &mut Kernel, dev: DevId, event: LinkEvent, o: &mut O) {
    announce(k, dev, event);
    bridge::link_event(k, dev, event, o);
    neigh::link_event(k, dev, event, o);
    ip::igmp::link_event(k, dev, event, o);
    route::link_event(k, dev, event, o);
    socket::packet::link_event(k, dev, event);
}

/// Gives the namespace that a device reaches into a number, which the announcement of the device
/// carries (`rtmsg_ifinfo()`).
fn announce(k: &mut Kernel, dev: DevId, event: LinkEvent) {
    let netns = k.devs[dev].netns;
    if event != LinkEvent::Unregistering
        && let Some(other) = carrier::link_netns(k, dev)
        && other != netns
    {
        k.nsid(netns, other);
    }
}
