//! Who is told when a device changes (`netdev_chain`), in the kernel's order.

use crate::id::DevId;
use crate::kernel::Kernel;
use crate::kernel::rtnl::{self, Change};
use crate::netfilter::nat;
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
    /// Flags were set or cleared that say how it is used, such as `NOARP` (`NETDEV_CHANGE` of
    /// `__dev_notify_flags()`, which has announced it).
    Flagged,
    /// Its hardware address changed (`NETDEV_CHANGEADDR`).
    AddressChanged,
    /// Its MTU changed (`NETDEV_CHANGEMTU`).
    MtuChanged,
    /// It was renamed (`NETDEV_CHANGENAME`).
    Renamed,
    /// It is about to go, from the world or to another namespace (`NETDEV_UNREGISTER`).
    Unregistering,
}

/// Tells every layer that keeps something about devices, and whoever listens (`rtnetlink_event()` and
/// the callers of `rtmsg_ifinfo()`).
pub fn link_event<O: Observer>(k: &mut Kernel, dev: DevId, event: LinkEvent, o: &mut O) {
    match event {
        LinkEvent::Up
        | LinkEvent::Down
        | LinkEvent::AddressChanged
        | LinkEvent::MtuChanged
        | LinkEvent::Renamed => rtnl::link(k, dev),
        LinkEvent::Registered
        | LinkEvent::Changed
        | LinkEvent::Flagged
        | LinkEvent::Unregistering => {}
    }
    if event == LinkEvent::Unregistering {
        neigh::link_event(k, dev, event, o);
        ip::igmp::link_event(k, dev, event, o);
        route::link_event(k, dev, event, o);
        rtnl::netconf_of_device(k, dev, Change::Deleted);
        bridge::link_event(k, dev, event, o);
    } else {
        bridge::link_event(k, dev, event, o);
        neigh::link_event(k, dev, event, o);
        ip::igmp::link_event(k, dev, event, o);
        route::link_event(k, dev, event, o);
    }
    if event == LinkEvent::Down {
        nat::masquerade::device_down(k, dev);
    }
    socket::packet::link_event(k, dev, event);
    match event {
        LinkEvent::Registered => rtnl::netconf_of_device(k, dev, Change::New),
        LinkEvent::Renamed => {
            rtnl::netconf_of_device(k, dev, Change::Deleted);
            rtnl::netconf_of_device(k, dev, Change::New);
        }
        LinkEvent::Changed => rtnl::link(k, dev),
        LinkEvent::Up
        | LinkEvent::Down
        | LinkEvent::Flagged
        | LinkEvent::AddressChanged
        | LinkEvent::MtuChanged
        | LinkEvent::Unregistering => {}
    }
}
