//! The kinds of devices, and what the kind of a device decides.

use crate::id::BridgeId;
use crate::link::ipip::IPIP_HEADROOM;
use crate::link::{DevFlags, Ipip, Macvlan, NetDevice, Tun, Veth, Vxlan};
use crate::packet::ethernet::ETH_HLEN;

/// The smallest MTU of most devices, in bytes (`ETH_MIN_MTU`).
pub const ETH_MIN_MTU: u32 = 68;
/// The largest MTU of most devices, in bytes (`ETH_MAX_MTU`, `IP_MAX_MTU`).
pub const ETH_MAX_MTU: u32 = 65535;

/// The kind of a device, with the state of that kind.
#[derive(Clone, Debug)]
pub enum DevKind {
    /// `lo`.
    Loopback,
    /// One end of a wire; the other end may be in another namespace.
    Veth(Veth),
    /// A bridge's own device; the bridge itself is in the world's bridge arena.
    Bridge(BridgeId),
    /// A VXLAN tunnel: Ethernet frames in UDP.
    Vxlan(Box<Vxlan>),
    /// A tunnel of IPv4 packets in IPv4 packets.
    Ipip(Ipip),
    /// A further address on another device.
    Macvlan(Macvlan),
    /// A device that swallows what it is given.
    Dummy,
    /// A device whose wire is a program.
    Tun(Tun),
}

/// What is in front of a device's packets, with the numbers of `ARPHRD_*`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u16)]
pub enum LinkType {
    /// An Ethernet header.
    Ether = 1,
    /// Nothing; the packets go into IPv4 packets.
    Ipip = 768,
    /// An Ethernet header that never leaves the host.
    Loopback = 772,
    /// Nothing.
    None = 65534,
}

impl LinkType {
    /// The name that `ip link` prints after `link/`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ether => "ether",
            Self::Ipip => "ipip",
            Self::Loopback => "loopback",
            Self::None => "none",
        }
    }
}

impl DevKind {
    /// The name of the kind (`IFLA_INFO_KIND`); the loopback device has none.
    #[must_use]
    pub const fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Loopback => return None,
            Self::Veth(_) => "veth",
            Self::Bridge(_) => "bridge",
            Self::Vxlan(_) => "vxlan",
            Self::Ipip(_) => "ipip",
            Self::Macvlan(_) => "macvlan",
            Self::Dummy => "dummy",
            Self::Tun(_) => "tun",
        })
    }

    /// What is in front of its packets.
    #[must_use]
    pub const fn link_type(&self) -> LinkType {
        match self {
            Self::Loopback => LinkType::Loopback,
            Self::Ipip(_) => LinkType::Ipip,
            Self::Tun(tun) if !tun.tap => LinkType::None,
            Self::Veth(_)
            | Self::Bridge(_)
            | Self::Vxlan(_)
            | Self::Macvlan(_)
            | Self::Dummy
            | Self::Tun(_) => LinkType::Ether,
        }
    }

    /// The flags that a new device has.
    #[must_use]
    pub fn flags(&self) -> DevFlags {
        match self {
            Self::Loopback => DevFlags::LOOPBACK,
            Self::Ipip(_) => DevFlags::NOARP,
            Self::Dummy => DevFlags::BROADCAST | DevFlags::NOARP,
            Self::Tun(tun) if !tun.tap => {
                DevFlags::POINTOPOINT | DevFlags::MULTICAST | DevFlags::NOARP
            }
            Self::Veth(_) | Self::Bridge(_) | Self::Vxlan(_) | Self::Macvlan(_) | Self::Tun(_) => {
                DevFlags::BROADCAST | DevFlags::MULTICAST
            }
        }
    }

    /// The smallest and the largest MTU that can be set, in bytes; a largest of 0 is no limit
    /// (`min_mtu`, `max_mtu`).
    #[must_use]
    pub const fn mtu_limits(&self) -> (u32, u32) {
        match self {
            Self::Ipip(Ipip { by_ioctl: true, .. }) => (ETH_MIN_MTU, ETH_MAX_MTU - IPIP_HEADROOM),
            Self::Loopback | Self::Dummy | Self::Ipip(_) => (0, 0),
            Self::Veth(_) | Self::Bridge(_) | Self::Vxlan(_) => (ETH_MIN_MTU, ETH_MAX_MTU),
            Self::Macvlan(macvlan) => (ETH_MIN_MTU, macvlan.max_mtu),
            Self::Tun(Tun { tap: true }) => (ETH_MIN_MTU, 65521),
            Self::Tun(Tun { tap: false }) => (ETH_MIN_MTU, ETH_MAX_MTU),
        }
    }
}

impl NetDevice {
    /// What is in front of its packets (`dev->type`).
    #[must_use]
    pub const fn link_type(&self) -> LinkType {
        self.kind.link_type()
    }

    /// Whether its frames start with an Ethernet header; those of tunnels are bare IP packets.
    #[must_use]
    pub const fn has_ethernet_header(&self) -> bool {
        matches!(self.link_type(), LinkType::Ether | LinkType::Loopback)
    }

    /// The length of the link header in bytes (`hard_header_len`).
    #[must_use]
    pub const fn hard_header_len(&self) -> usize {
        if self.has_ethernet_header() { ETH_HLEN } else { 0 }
    }

    /// The name of the queueing discipline (`IFLA_QDISC`).
    #[must_use]
    pub const fn qdisc(&self) -> &'static str {
        match self.kind {
            _ if self.root_qdisc.is_some() => "netem",
            _ if !self.was_up => "noop",
            DevKind::Tun(_) => "pfifo_fast",
            DevKind::Loopback
            | DevKind::Veth(_)
            | DevKind::Bridge(_)
            | DevKind::Vxlan(_)
            | DevKind::Ipip(_)
            | DevKind::Macvlan(_)
            | DevKind::Dummy => "noqueue",
        }
    }

    /// The smallest and the largest MTU that can be set, in bytes; a largest of 0 is no limit.
    #[must_use]
    pub const fn mtu_limits(&self) -> (u32, u32) {
        self.kind.mtu_limits()
    }
}
