//! Network devices: what every device has, and what each kind adds.
//!
//! A device is the kernel's `struct net_device`. All devices of a world live in one arena, because
//! a device moves between namespaces (`ip link set X netns Y`) and its peers keep pointing at it.

pub mod capture;
pub mod flags;
pub mod inet;
pub mod name;
pub mod receive;
pub mod stats;
pub mod transmit;

use crate::id::{BridgeId, DevId, IfIndex, NetnsId};
use crate::packet::MacAddr;

pub use flags::DevFlags;
pub use inet::InDevice;
pub use name::DevName;
pub use stats::LinkStats;

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
    /// The RFC 2863 operational state.
    pub oper: OperState,
    /// The largest network layer packet, in bytes.
    pub mtu: u32,
    /// The hardware address.
    pub addr: MacAddr,
    /// The hardware broadcast address.
    pub broadcast: MacAddr,
    /// The transmit queue's length in packets; printed, not modelled.
    pub tx_queue_len: u32,
    /// The group number of `ip link set group`.
    pub group: u32,
    /// How many users want every frame (`IFF_PROMISC` while above zero).
    pub promiscuity: u32,
    /// How many users want every multicast frame.
    pub allmulti: u32,
    /// Who takes received frames before the protocols do (`rx_handler`).
    pub rx_handler: RxHandler,
    /// Whether it was ever up: then its qdisc is `noqueue`, before that `noop`.
    pub was_up: bool,
    /// The text of `ip link set alias`.
    pub alias: Option<Box<str>>,
    /// Its IPv4 addresses and settings (`struct in_device`).
    pub inet: InDevice,
    /// Packet and byte counts.
    pub stats: LinkStats,
}

impl NetDevice {
    /// A namespace's loopback device, as yet down (`loopback_net_init()`).
    #[must_use]
    pub fn loopback(id: DevId, netns: NetnsId) -> Self {
        Self {
            id,
            netns,
            ifindex: IfIndex(1),
            name: "lo".parse().expect("a valid name"),
            kind: DevKind::Loopback,
            flags: DevFlags::LOOPBACK,
            carrier: true,
            oper: OperState::Down,
            mtu: 65536,
            addr: MacAddr::ZERO,
            broadcast: MacAddr::ZERO,
            tx_queue_len: 1000,
            group: 0,
            promiscuity: 0,
            allmulti: 0,
            rx_handler: RxHandler::None,
            was_up: false,
            alias: None,
            inet: InDevice::default(),
            stats: LinkStats::default(),
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

    /// Whether its frames start with an Ethernet header; those of tunnels are bare IP packets.
    #[must_use]
    pub fn has_ethernet_header(&self) -> bool {
        match self.kind {
            DevKind::Loopback | DevKind::Veth(_) | DevKind::Bridge(_) => true,
        }
    }

    /// Whether it is the loopback device.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.flags.contains(DevFlags::LOOPBACK)
    }
}

/// The kinds of devices.
#[derive(Clone, Debug)]
pub enum DevKind {
    /// `lo`.
    Loopback,
    /// One end of a wire; the other end may be in another namespace.
    Veth(Veth),
    /// A bridge's own device; the bridge itself is in the world's bridge arena.
    Bridge(BridgeId),
}

/// One end of a veth pair.
#[derive(Clone, Copy, Debug)]
pub struct Veth {
    /// The other end.
    pub peer: DevId,
}

/// Who takes the frames that a device receives, before the protocols see them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RxHandler {
    /// Nobody: the frame goes to its protocol.
    #[default]
    None,
    /// The bridge that the device is a port of (`br_handle_frame()`).
    Bridge(BridgeId),
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
