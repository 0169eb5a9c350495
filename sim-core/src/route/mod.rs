//! Routing: tables, policy rules, lookups, and the choice of source addresses.
//!
//! ```text
//!   fib/         tables, routes, rules: longest prefix, then the first route that fits
//!   flow         what a lookup is asked
//!   input        a received packet's way (`ip_route_input_slow()`)
//!   output       a packet of this host (`ip_route_output_key()`)
//!   rp_filter    is the source credible (`fib_validate_source()`)
//!   source       whose address to send from (`inet_select_addr()`)
//!   addr_type    local, broadcast, unicast, ... (`inet_addr_type()`)
//!   multipath    which of several ways
//!   default      which of several default routes
//!   memo         what lookups answered lately
//!   exception    what ICMP has taught about a way
//!   ifaddr       addresses and the routes that come with them
//!   event        what becomes of routes when devices change
//! ```

pub mod addr_type;
mod default;
pub mod event;
pub mod exception;
pub mod fib;
pub mod flow;
pub mod get;
pub mod ifaddr;
pub mod input;
pub mod memo;
pub mod multipath;
pub mod output;
pub mod rp_filter;
pub(crate) mod siphash;
pub mod source;

use std::net::IpAddr;

use crate::errno::Errno;
use crate::family::V4;
use crate::id::DevId;
use crate::link::inet::Scope;
use crate::route::fib::{Fib, FibInfo, Metrics};

pub(crate) use addr_type::type_in_table;
pub use addr_type::{addr_type, addr_type_on};
pub use event::link_event;
pub use exception::{Exception, Exceptions};
pub use flow::FlowKey;
pub use input::{InputRoute, input};
use memo::{Memo, ReceivedWay, SentWay};
pub use output::{OutputRoute, output};
pub use source::{compute_spec_dst, select_source};

/// What a namespace keeps for IPv4 routing (`struct netns_ipv4`).
#[derive(Clone, Debug, Default)]
pub struct NetnsIpv4 {
    /// The tables and rules.
    pub fib: Fib<V4>,
    /// The devices in the order in which they came into the namespace, the loopback device first
    /// (`dev_base_head`). It decides whose address is taken where the route's device has none.
    pub devs: Vec<DevId>,
    /// What ICMP has taught about ways.
    pub exceptions: Exceptions,
    /// The ways of received packets that were found lately.
    pub(crate) received: Memo<ReceivedWay>,
    /// The ways of packets of this host that were found lately.
    pub(crate) sent: Memo<SentWay>,
}

/// What a route lookup found for a packet (`struct rtable`, `skb_dst()`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Dst {
    /// The device the packet leaves by; the loopback device if it is for this host.
    pub dev: DevId,
    /// The router to hand it to; `None` if the destination itself is on the link.
    pub gateway: Option<IpAddr>,
    /// What kind of route it is.
    pub kind: RouteType,
    /// This host takes the packet, or a copy of it (`RTCF_LOCAL`).
    pub local: bool,
    /// It was found for a received packet, to be passed on (`dst->input` is `ip_forward()`). A packet of
    /// this host that comes in again with its own route is not.
    pub forwards: bool,
    /// The MTU that the route or path MTU discovery fixes, in bytes; `None` if the device's holds.
    pub mtu: Option<u32>,
    /// Path MTU discovery may not change the MTU, and packets may be fragmented to it.
    pub mtu_locked: bool,
    /// The time to live of packets made here; `None` if `ip_default_ttl` holds.
    pub hoplimit: Option<u8>,
    /// Why there is no way, for lookups that have to carry their failure along.
    pub error: Option<Errno>,
}

impl Dst {
    /// The way to `dev`, directly.
    #[must_use]
    pub fn on_link(dev: DevId, kind: RouteType) -> Self {
        Self {
            dev,
            gateway: None,
            kind,
            local: kind == RouteType::Local,
            forwards: false,
            mtu: None,
            mtu_locked: false,
            hoplimit: None,
            error: None,
        }
    }

    /// The packet is for this host.
    #[must_use]
    pub fn local(lo: DevId) -> Self {
        Self::on_link(lo, RouteType::Local)
    }

    /// There is no way, for this reason; `dev` is the loopback device.
    #[must_use]
    pub fn unreachable(lo: DevId, error: Errno) -> Self {
        Self { error: Some(error), ..Self::on_link(lo, RouteType::Unreachable) }
    }

    /// The same way with what the route's metrics say.
    #[must_use]
    fn with_metrics(self, metrics: Option<&Metrics>) -> Self {
        let Some(metrics) = metrics else { return self };
        let hoplimit = metrics.hoplimit.and_then(|h| u8::try_from(h).ok());
        Self { mtu: metrics.mtu, mtu_locked: metrics.mtu_locked, hoplimit, ..self }
    }

    /// The same way with what ICMP has taught about it (`fill_route_from_fnhe()`).
    #[must_use]
    fn with_exception(self, exception: Option<&Exception>) -> Self {
        let Some(learned) = exception else { return self };
        Self {
            gateway: learned.gateway.map(IpAddr::V4).or(self.gateway),
            mtu: learned.pmtu.or(self.mtu),
            mtu_locked: learned.mtu_locked || self.mtu_locked,
            ..self
        }
    }
}

/// The metrics of a route with what ICMP has taught about its way.
fn shown_metrics(metrics: Option<&Metrics>, learned: Option<&Exception>) -> Metrics {
    let mut shown = metrics.copied().unwrap_or_default();
    if let Some(learned) = learned {
        shown.mtu = learned.pmtu.or(shown.mtu);
        shown.mtu_locked |= learned.mtu_locked;
    }
    shown
}

/// The metrics of a route.
fn metrics_of(info: &FibInfo<V4>) -> Option<&Metrics> {
    info.metrics.as_deref()
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
    /// The error that a route of this type stands for (`fib_props`).
    #[must_use]
    pub const fn error(self) -> Option<Errno> {
        match self {
            Self::Unicast | Self::Local | Self::Broadcast | Self::Anycast | Self::Multicast => None,
            Self::Blackhole => Some(Errno::EINVAL),
            Self::Unreachable => Some(Errno::EHOSTUNREACH),
            Self::Prohibit => Some(Errno::EACCES),
            Self::Throw => Some(Errno::EAGAIN),
        }
    }

    /// The narrowest scope that a route of this type may have (`fib_props`).
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::Local => Scope::HOST,
            Self::Broadcast | Self::Anycast => Scope::LINK,
            Self::Unicast
            | Self::Multicast
            | Self::Blackhole
            | Self::Unreachable
            | Self::Prohibit
            | Self::Throw => Scope::UNIVERSE,
        }
    }

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
