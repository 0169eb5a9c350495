//! VXLAN devices (`drivers/net/vxlan/vxlan_core.c`, RFC 7348): their settings and their forwarding
//! database. What they do to packets is in [`tunnel::vxlan`](crate::tunnel::vxlan).
//!
//! Left out: IPv6 underlays, multicast groups, external control, GPE, GBP, remote checksum offload,
//! nexthop groups, VNI filters.

pub mod device;
pub mod fdb;

use std::net::Ipv4Addr;

use crate::id::{IfIndex, NetnsId};
use crate::link::gc::GcClock;

pub use fdb::{Remote, VxlanEntry, VxlanFdb};

/// The bytes that a VXLAN tunnel over IPv4 puts around a packet, its Ethernet header included
/// (`vxlan_headroom()`).
pub const VXLAN_HEADROOM: u32 = 20 + 8 + 8 + 14;

/// A VXLAN device.
#[derive(Clone, Debug)]
pub struct Vxlan {
    /// The namespace that the outer packets are in: the one it was made in (`vxlan->net`).
    pub underlay: NetnsId,
    /// What can be set.
    pub config: VxlanConfig,
    /// Which station is behind which remote end.
    pub fdb: VxlanFdb,
    /// When stations are forgotten.
    pub gc: GcClock,
}

/// What can be set on a VXLAN device (`struct vxlan_config`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, as in the kernel")]
pub struct VxlanConfig {
    /// The network identifier, 24 bits.
    pub vni: u32,
    /// The remote end for unknown stations; unspecified is none.
    pub remote: Ipv4Addr,
    /// The outer source; unspecified lets the route choose.
    pub local: Ipv4Addr,
    /// The device of the underlay that carries the outer packets, by number; 0 is any.
    pub link: IfIndex,
    /// The outer TTL; 0 takes the route's.
    pub ttl: u8,
    /// The outer TOS; 1 inherits the inner one.
    pub tos: u8,
    /// The outer DF bit.
    pub df: VxlanDf,
    /// Whether stations are learned.
    pub learning: bool,
    /// How long a learned station is kept, in seconds; 0 is for ever.
    pub ageing_s: u32,
    /// The most stations in the database; 0 is no limit.
    pub limit: u32,
    /// The range of outer source ports; both 0 for the namespace's local ports.
    pub src_ports: (u16, u16),
    /// The outer destination port.
    pub dst_port: u16,
    /// Whether outer UDP checksums are sent.
    pub udp_csum: bool,
    /// Whether ARP for known neighbours is answered here.
    pub proxy: bool,
    /// Route short circuit; not modelled, always off.
    pub rsc: bool,
    /// Whether unknown stations are reported by netlink, which nobody hears here.
    pub l2miss: bool,
    /// Whether unknown neighbours are reported by netlink, which nobody hears here.
    pub l3miss: bool,
}

impl Default for VxlanConfig {
    fn default() -> Self {
        Self {
            vni: 0,
            remote: Ipv4Addr::UNSPECIFIED,
            local: Ipv4Addr::UNSPECIFIED,
            link: IfIndex(0),
            ttl: 0,
            tos: 0,
            df: VxlanDf::Unset,
            learning: true,
            ageing_s: 300,
            limit: 0,
            src_ports: (0, 0),
            dst_port: crate::packet::vxlan::VXLAN_PORT_LINUX,
            udp_csum: true,
            proxy: false,
            rsc: false,
            l2miss: false,
            l3miss: false,
        }
    }
}

/// The outer DF bit, with the numbers of `VXLAN_DF_*`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum VxlanDf {
    /// Never set.
    Unset = 0,
    /// Always set.
    Set = 1,
    /// As in the inner packet.
    Inherit = 2,
}

impl VxlanDf {
    /// The setting with the number `number`.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Unset,
            1 => Self::Set,
            2 => Self::Inherit,
            _ => return None,
        })
    }
}
