//! IPIP tunnels (`net/ipv4/ipip.c`, RFC 2003): their settings. What they do to packets is in
//! [`tunnel::ipip`](crate::tunnel::ipip).
//!
//! The kernel makes a device `tunl0` in every namespace when its module is loaded; here there is none.

use std::net::Ipv4Addr;

use crate::id::{IfIndex, NetnsId};

/// The bytes that an IPIP tunnel puts in front of a packet.
pub const IPIP_HEADROOM: u32 = 20;

/// What a tunnel says that it carries (`iph.protocol`). Of what is modelled, both carry IPv4 alone.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TunnelProto {
    /// Anything that can be in IPv4.
    Any,
    /// IPv4.
    Ipip,
}

/// An IPIP tunnel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ipip {
    /// The namespace that the outer packets are in: the one it was made in (`tunnel->net`).
    pub underlay: NetnsId,
    /// What it says that it carries.
    pub proto: TunnelProto,
    /// The outer source; unspecified lets the route choose.
    pub local: Ipv4Addr,
    /// The outer destination; unspecified takes the inner packet's next hop.
    pub remote: Ipv4Addr,
    /// The device of the underlay that carries the outer packets, by number; 0 is any.
    pub link: IfIndex,
    /// The outer TTL; 0 inherits the inner one.
    pub ttl: u8,
    /// The outer TOS; 1 inherits the inner one.
    pub tos: u8,
    /// Whether outer packets must not be fragmented, whatever the inner ones say.
    pub pmtudisc: bool,
    /// Whether it was made by ioctl; such a one has limits to its MTU (`ip_tunnel_create()`).
    pub by_ioctl: bool,
    /// The outer source with which it was made (`perm_addr`).
    pub registered: Ipv4Addr,
    /// What senders of inner packets have still to be told.
    pub errors: TunnelErrors,
}

/// ICMP errors about outer packets, of which senders of inner ones have still to be told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TunnelErrors {
    /// How many came (`err_count`).
    pub count: u32,
    /// The jiffy in which the last one did (`err_time`).
    pub last: u64,
}
