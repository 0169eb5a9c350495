//! Bridges (`net/bridge/`): ports, the forwarding database, flooding.
//!
//! Left out: VLAN filtering, the spanning tree protocol, IGMP version 3 and MLD, switchdev.

pub mod events;
pub mod fdb;
pub mod forward;
pub mod gc;
pub mod input;
pub mod local;
pub mod multicast;
pub mod port;
pub mod state;
mod suppress;

use crate::id::{BridgeId, DevId, PortNo};
use crate::kernel::Kernel;
use crate::link::gc::GcClock;
use crate::link::{DevKind, RxHandler};
use crate::packet::MacAddr;

pub use events::link_event;
pub use fdb::{Fdb, FdbEntry};
pub use multicast::Mcast;
pub use port::{Port, PortState, Ports};

/// A bridge (`struct net_bridge`).
#[derive(Clone, Debug)]
pub struct Bridge {
    /// The bridge's own device.
    pub dev: DevId,
    /// Its ports.
    pub ports: Ports,
    /// Which station is behind which port.
    pub fdb: Fdb,
    /// What can be set.
    pub options: BridgeOptions,
    /// What is known about groups.
    pub mcast: Mcast,
    /// The address part of the bridge's id: its own address once it has one from a port or by hand
    /// (`bridge_id.addr`).
    pub id_addr: MacAddr,
    /// Whether a port has `neigh_suppress` or `proxy_arp`.
    pub suppresses: bool,
    /// When stations are forgotten.
    pub gc: GcClock,
    /// Whether the MTU was set by hand (`BROPT_MTU_SET_BY_USER`).
    pub mtu_set: bool,
}

/// What can be set on a bridge; times are in hundredths of a second (`USER_HZ`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BridgeOptions {
    /// How long a port listens and learns before it forwards, with STP.
    pub forward_delay: u32,
    /// The time between two hello messages, with STP.
    pub hello_time: u32,
    /// The oldest hello message that counts, with STP.
    pub max_age: u32,
    /// How long a learned station is remembered; 0 learns nothing.
    pub ageing_time: u32,
    /// The upper 16 bits of the bridge's id.
    pub priority: u16,
    /// Which link-local groups, `01:80:c2:00:00:0X`, are forwarded: bit X.
    pub group_fwd_mask: u16,
    /// Whether group memberships are watched.
    pub mcast_snooping: bool,
    /// Whether bridged IPv4 packets pass iptables, whatever the sysctl says.
    pub nf_call_iptables: bool,
    /// Whether bridged IPv6 packets pass ip6tables, whatever the sysctl says.
    pub nf_call_ip6tables: bool,
    /// Whether bridged ARP packets pass arptables, whatever the sysctl says.
    pub nf_call_arptables: bool,
}

impl Default for BridgeOptions {
    fn default() -> Self {
        Self {
            forward_delay: 1500,
            hello_time: 200,
            max_age: 2000,
            ageing_time: 30000,
            priority: 0x8000,
            group_fwd_mask: 0,
            mcast_snooping: true,
            nf_call_iptables: false,
            nf_call_ip6tables: false,
            nf_call_arptables: false,
        }
    }
}

impl Bridge {
    /// A bridge without ports behind the device `dev`.
    #[must_use]
    pub fn new(dev: DevId) -> Self {
        Self {
            dev,
            ports: Ports::default(),
            fdb: Fdb::default(),
            options: BridgeOptions::default(),
            mcast: Mcast::default(),
            id_addr: MacAddr::ZERO,
            suppresses: false,
            gc: GcClock::default(),
            mtu_set: false,
        }
    }
}

/// The bridge and port that a device is (`br_port_get_rcu()`).
#[must_use]
pub fn port_of(k: &Kernel, dev: DevId) -> Option<(BridgeId, PortNo)> {
    if let RxHandler::Bridge { bridge, port } = k.devs[dev].rx_handler {
        Some((bridge, port))
    } else {
        None
    }
}

/// Whether the device is that of a bridge which watches who is in which group.
#[must_use]
pub fn snoops(k: &Kernel, dev: DevId) -> bool {
    bridge_of(k, dev).is_some_and(|bridge| k.bridges[bridge].options.mcast_snooping)
}

/// The bridge behind a device.
#[must_use]
pub fn bridge_of(k: &Kernel, dev: DevId) -> Option<BridgeId> {
    if let DevKind::Bridge(bridge) = k.devs[dev].kind { Some(bridge) } else { None }
}

#[cfg(test)]
mod tests;
