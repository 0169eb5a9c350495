//! Network devices: what every device has, and what each kind adds.
//!
//! A device is the kernel's `struct net_device`. All devices of a world live in one arena, because
//! a device moves between namespaces (`ip link set X netns Y`) and its peers keep pointing at it.

pub mod admin;
pub mod capture;
pub mod carrier;
pub mod filter;
pub mod flags;
pub mod gc;
pub mod group;
pub mod inet;
pub mod ipip;
pub mod kind;
#[cfg(test)]
pub(crate) mod lab;
pub mod macvlan;
pub mod name;
pub mod qdisc;
pub mod receive;
pub mod register;
pub mod speed;
pub mod stats;
#[cfg(test)]
mod tests;
pub mod transmit;
pub mod tun;
pub mod veth;
pub mod vxlan;

use crate::id::{BridgeId, DevId, IfIndex, NetnsId, PortNo};
use crate::packet::MacAddr;
use crate::packet::ethernet::VLAN_HLEN;

pub use filter::AddrFilter;
pub use flags::DevFlags;
pub use inet::{IfAddr, InDevice};
pub use ipip::Ipip;
pub use kind::{DevKind, LinkType};
pub use macvlan::{Macvlan, MacvlanPort};
pub use name::DevName;
pub use qdisc::Qdisc;
pub use stats::LinkStats;
pub use tun::Tun;
pub use veth::Veth;
pub use vxlan::Vxlan;

/// A network device (`struct net_device`).
#[derive(Clone, Debug)]
pub struct NetDevice {
    /// Its id in the world.
    pub id: DevId,
    /// The namespace it is in.
    pub netns: NetnsId,
    /// Its number in that namespace.
    pub ifindex: IfIndex,
    /// Its name, unique in that namespace.
    pub name: DevName,
    /// What kind of device it is, with the state of that kind.
    pub kind: DevKind,
    /// The `IFF_*` flags that are stored; `IFF_RUNNING` and `IFF_LOWER_UP` are derived.
    pub flags: DevFlags,
    /// Whether the lower layer is there (`netif_carrier_ok()`).
    pub carrier: bool,
    /// How often the carrier came or went (`carrier_up_count` and `carrier_down_count`).
    pub carrier_changes: u32,
    /// The RFC 2863 operational state as it was last worked out (`dev->operstate`); what a dump
    /// shows is [`oper_state`](Self::oper_state).
    pub oper: OperState,
    /// The largest network layer packet, in bytes.
    pub mtu: u32,
    /// The hardware address.
    pub addr: MacAddr,
    /// Whether the hardware address was set by hand (`NET_ADDR_SET`).
    pub addr_set: bool,
    /// The hardware broadcast address.
    pub broadcast: MacAddr,
    /// The device it is attached to: a bridge's own device (`IFLA_MASTER`).
    pub master: Option<DevId>,
    /// The transmit queue's length in packets; printed, not modelled.
    pub tx_queue_len: u32,
    /// The group number of `ip link set group`.
    pub group: u32,
    /// Of `IFF_PROMISC` and `IFF_ALLMULTI`, those that the administrator set (`dev->gflags`).
    pub gflags: DevFlags,
    /// How many users want every frame (`IFF_PROMISC` while above zero).
    pub promiscuity: u32,
    /// How many users want every multicast frame (`IFF_ALLMULTI` while above zero).
    pub allmulti: u32,
    /// Further addresses, if there are any.
    pub filter: Option<Box<AddrFilter>>,
    /// The macvlan devices on it, if there are any.
    pub macvlans: Option<Box<MacvlanPort>>,
    /// Who takes received frames before the protocols do (`rx_handler`).
    pub rx_handler: RxHandler,
    /// Whether it was ever up: then its qdisc is `noqueue`, before that `noop`.
    pub was_up: bool,
    /// The queueing discipline that was put at its root in place of these, if one was.
    pub root_qdisc: Option<Box<Qdisc>>,
    /// The text of `ip link set alias`.
    pub alias: Option<Box<str>>,
    /// Its IPv4 addresses and settings (`struct in_device`).
    pub inet: InDevice,
    /// Packet and byte counts.
    pub stats: LinkStats,
}

impl NetDevice {
    /// A new device, down, that nobody knows yet (`alloc_netdev()`).
    #[must_use]
    pub fn new(id: DevId, netns: NetnsId, kind: DevKind, addr: MacAddr) -> Self {
        Self {
            id,
            netns,
            ifindex: IfIndex(0),
            name: DevName::default(),
            flags: kind.flags(),
            kind,
            carrier: true,
            carrier_changes: 0,
            oper: OperState::Unknown,
            mtu: 1500,
            addr,
            addr_set: false,
            broadcast: MacAddr::BROADCAST,
            master: None,
            tx_queue_len: 1000,
            group: 0,
            gflags: DevFlags::default(),
            promiscuity: 0,
            allmulti: 0,
            filter: None,
            macvlans: None,
            rx_handler: RxHandler::None,
            was_up: false,
            root_qdisc: None,
            alias: None,
            inet: InDevice::default(),
            stats: LinkStats::default(),
        }
    }

    /// A namespace's loopback device, as yet down (`loopback_net_init()`).
    #[must_use]
    pub fn loopback(id: DevId, netns: NetnsId) -> Self {
        Self {
            ifindex: IfIndex(1),
            name: "lo".parse().expect("a valid name"),
            mtu: 65536,
            broadcast: MacAddr::ZERO,
            inet: InDevice { conf: inet::Ipv4Conf::loopback(), ..InDevice::default() },
            ..Self::new(id, netns, DevKind::Loopback, MacAddr::ZERO)
        }
    }

    /// Whether the administrator switched it on (`IFF_UP`).
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.flags.contains(DevFlags::UP)
    }

    /// Whether it can pass packets now (`netif_running()` and `netif_oper_up()`).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.is_up() && matches!(self.oper, OperState::Up | OperState::Unknown)
    }

    /// The operational state as a dump shows it (`IFLA_OPERSTATE`).
    #[must_use]
    pub fn oper_state(&self) -> OperState {
        if self.is_up() { self.oper } else { OperState::Down }
    }

    /// The flags as a dump shows them (`dev_get_flags()`): those that follow from the device's
    /// state, and of `IFF_PROMISC` and `IFF_ALLMULTI` what the administrator set.
    #[must_use]
    pub fn shown_flags(&self) -> DevFlags {
        let by_hand = DevFlags::PROMISC | DevFlags::ALLMULTI;
        let mut flags = (self.flags & !by_hand) | (self.gflags & by_hand);
        flags.set(DevFlags::RUNNING, self.is_running());
        flags.set(DevFlags::LOWER_UP, self.is_up() && self.carrier);
        flags
    }

    /// Whether a frame of `len` bytes, link header included, may be handed to it
    /// (`is_skb_forwardable()`): there is room for one 802.1Q tag beside the MTU.
    #[must_use]
    pub fn is_forwardable(&self, len: usize) -> bool {
        self.is_up() && len <= self.mtu as usize + self.hard_header_len() + VLAN_HLEN
    }

    /// Whether it is the loopback device.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.flags.contains(DevFlags::LOOPBACK)
    }
}

/// Who takes the frames that a device receives, before the protocols see them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RxHandler {
    /// Nobody: the frame goes to its protocol.
    #[default]
    None,
    /// The bridge that the device is a port of (`br_handle_frame()`).
    Bridge {
        /// The bridge.
        bridge: BridgeId,
        /// The device's port of it.
        port: PortNo,
    },
    /// The macvlan devices on it (`macvlan_handle_frame()`).
    Macvlan,
}

/// The RFC 2863 state that `ip link` prints as `state`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OperState {
    /// The driver does not tell; such devices are taken as up.
    Unknown,
    /// Switched off, or no carrier.
    Down,
    /// The device it stands on is down, for example a veth's peer.
    LowerLayerDown,
    /// Ready.
    Up,
}
