//! Addresses (`RTM_NEWADDR`).

use std::net::IpAddr;

use crate::id::{DevId, IfIndex, NetnsId};
use crate::kernel::Kernel;
use crate::link::DevName;
use crate::link::inet::{IfAddr, Scope};

/// Another address of the same subnet came first (`IFA_F_SECONDARY`).
pub const IFA_F_SECONDARY: u32 = 0x01;
/// The preferred lifetime is over (`IFA_F_DEPRECATED`).
pub const IFA_F_DEPRECATED: u32 = 0x20;
/// It is valid forever (`IFA_F_PERMANENT`).
pub const IFA_F_PERMANENT: u32 = 0x80;
/// It brought no route to its subnet (`IFA_F_NOPREFIXROUTE`).
pub const IFA_F_NOPREFIXROUTE: u32 = 0x200;

/// The host is in the group that it is (`IFA_F_MCAUTOJOIN`).
pub const IFA_F_MCAUTOJOIN: u32 = 0x400;

/// An address of a device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddrMsg {
    /// The device (`ifa_index`).
    pub index: IfIndex,
    /// The address itself (`IFA_LOCAL`).
    pub local: IpAddr,
    /// The other end, else the same as `local` (`IFA_ADDRESS`).
    pub address: IpAddr,
    /// The prefix length (`ifa_prefixlen`).
    pub prefix_len: u8,
    /// The metric of its route (`IFA_RT_PRIORITY`).
    pub metric: Option<u32>,
    /// The broadcast address (`IFA_BROADCAST`).
    pub broadcast: Option<IpAddr>,
    /// How far it is valid (`ifa_scope`).
    pub scope: Scope,
    /// `IFA_F_*` bits (`IFA_FLAGS`).
    pub flags: u32,
    /// Its label (`IFA_LABEL`).
    pub label: DevName,
    /// The seconds it is still valid; `None` is forever (`ifa_valid`).
    pub valid_s: Option<u32>,
    /// The seconds it is still preferred; `None` is forever (`ifa_prefered`).
    pub preferred_s: Option<u32>,
}

impl AddrMsg {
    /// What is told of `addr` on `dev` (`inet_fill_ifaddr()`).
    #[must_use]
    pub fn of(k: &Kernel, dev: DevId, addr: &IfAddr) -> Self {
        let age = k.now.since(addr.since).as_secs();
        let age = u32::try_from(age).unwrap_or(u32::MAX);
        let left = |lft: u32| lft.saturating_sub(age);
        // A permanent address's preferred lifetime is not told.
        let preferred = addr.preferred_lft_s.filter(|_| addr.valid_lft_s.is_some());
        let bit = |on, bit| if on { bit } else { 0 };
        Self {
            index: k.devs[dev].ifindex,
            local: addr.local.into(),
            address: addr.peer.into(),
            prefix_len: addr.prefix_len,
            metric: Some(addr.metric).filter(|metric| *metric != 0),
            broadcast: addr.broadcast.map(IpAddr::from),
            scope: addr.scope,
            flags: bit(addr.secondary, IFA_F_SECONDARY)
                | bit(addr.deprecated, IFA_F_DEPRECATED)
                | bit(addr.valid_lft_s.is_none(), IFA_F_PERMANENT)
                | bit(addr.no_prefix_route, IFA_F_NOPREFIXROUTE)
                | bit(addr.autojoin, IFA_F_MCAUTOJOIN),
            label: addr.label,
            valid_s: addr.valid_lft_s.map(left),
            preferred_s: preferred.map(left),
        }
    }
}

/// All addresses of a namespace in the order of a dump (`inet_dump_ifaddr()`).
#[must_use]
pub fn dump(k: &Kernel, netns: NetnsId) -> Vec<AddrMsg> {
    let links = k.netns[netns].links.values();
    links.flat_map(|dev| k.devs[*dev].inet.addrs.iter().map(|a| AddrMsg::of(k, *dev, a))).collect()
}
