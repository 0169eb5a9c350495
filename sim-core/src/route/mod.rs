//! Routing: tables, policy rules, lookups, and the choice of source addresses.

use std::net::IpAddr;

use crate::errno::Errno;
use crate::id::DevId;
use crate::kernel::Kernel;
use crate::netns::notifier::LinkEvent;
use crate::trace::Observer;

/// What a route lookup found for a packet (`struct rtable`, `skb_dst()`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Dst {
    /// The device the packet leaves by; the loopback device if it is for this host.
    pub dev: DevId,
    /// The router to hand it to; `None` if the destination itself is on the link.
    pub gateway: Option<IpAddr>,
    /// What kind of route it is.
    pub kind: RouteType,
    /// The MTU that the route fixes, in bytes; `None` if the device's holds.
    pub mtu: Option<u32>,
    /// Why there is no way, for lookups that have to carry their failure along.
    pub error: Option<Errno>,
}

/// A route's type, with the numbers of `rtm_type`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum RouteType {
    /// A gateway or a directly connected station.
    #[default]
    Unicast = 1,
    /// This host.
    Local = 2,
    /// Delivered here as a broadcast, sent as one.
    Broadcast = 3,
    /// Delivered here as a broadcast, sent as a unicast.
    Anycast = 4,
    /// A group.
    Multicast = 5,
    /// Dropped in silence.
    Blackhole = 6,
    /// Refused with host unreachable.
    Unreachable = 7,
    /// Refused with communication administratively prohibited.
    Prohibit = 8,
    /// Not decided by this table.
    Throw = 9,
}

impl RouteType {
    /// The name iproute2 uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unicast => "unicast",
            Self::Local => "local",
            Self::Broadcast => "broadcast",
            Self::Anycast => "anycast",
            Self::Multicast => "multicast",
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
            Self::Throw => "throw",
        }
    }
}

/// Follows a change of a device.
pub fn link_event<O: Observer>(_: &mut Kernel, _: DevId, _: LinkEvent, _: &mut O) {}
