//! What a route says: next hops, preferred source, metrics (`struct fib_info`, `struct fib_nh`).

use smallvec::SmallVec;

use crate::family::Family;
use crate::id::DevId;
use crate::link::inet::Scope;

/// A route's attributes beside its prefix, type of service, type and table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FibInfo<F: Family> {
    /// Who put it there (`rtm_protocol`).
    pub protocol: u8,
    /// How far its destinations are.
    pub scope: Scope,
    /// The metric; smaller is preferred.
    pub priority: u32,
    /// The preferred source.
    pub prefsrc: Option<F::Addr>,
    /// The state of the route as a whole.
    pub flags: NhFlags,
    /// `RTAX_*`; most routes have none.
    pub metrics: Option<Box<Metrics>>,
    /// The ways; none for routes that only refuse.
    pub hops: SmallVec<[NextHop<F>; 1]>,
}

impl<F: Family> FibInfo<F> {
    /// Whether both say the same, whatever state their devices are in (`fib_find_info()`).
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.scope == other.scope
            && self.priority == other.priority
            && self.prefsrc == other.prefsrc
            && self.metrics == other.metrics
            && self.hops.len() == other.hops.len()
            && self.hops.iter().zip(&other.hops).all(|(a, b)| a.same_as(b))
    }

    /// Whether one of the ways leaves by `dev` (`fib_info_nh_uses_dev()`).
    #[must_use]
    pub fn uses(&self, dev: DevId) -> bool {
        self.hops.iter().any(|hop| hop.dev == Some(dev))
    }
}

/// The metrics of a route that change how packets are made (`RTAX_*`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Metrics {
    /// The largest packet, in bytes (`RTAX_MTU`).
    pub mtu: Option<u32>,
    /// Path MTU discovery leaves the MTU alone (`lock mtu`).
    pub mtu_locked: bool,
    /// The TCP segment size to advertise, in bytes (`RTAX_ADVMSS`).
    pub advmss: Option<u32>,
    /// TCP's first congestion window, in segments (`RTAX_INITCWND`).
    pub initcwnd: Option<u32>,
    /// The time to live of packets made here (`RTAX_HOPLIMIT`).
    pub hoplimit: Option<u32>,
}

impl Metrics {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One way of a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NextHop<F: Family> {
    /// Its number, never used twice in a namespace; 0 as long as the route is in no table. What ICMP
    /// has taught about the way is kept under it.
    pub id: u32,
    /// The device.
    pub dev: Option<DevId>,
    /// The router; `None` if the destinations are on the link.
    pub gateway: Option<F::Addr>,
    /// How far the router is; [`Scope::NOWHERE`] if the way ends here.
    pub scope: Scope,
    /// Its state.
    pub flags: NhFlags,
    /// Its share among several, from 1.
    pub weight: u16,
    /// The largest hash that chooses it; -1 if none does (`fib_nh_upper_bound`).
    pub upper_bound: i32,
}

impl<F: Family> NextHop<F> {
    /// A way by `dev` to a router.
    #[must_use]
    pub fn new(dev: Option<DevId>, gateway: Option<F::Addr>, weight: u16) -> Self {
        Self {
            id: 0,
            dev,
            gateway,
            scope: Scope::UNIVERSE,
            flags: NhFlags::default(),
            weight: weight.max(1),
            upper_bound: i32::MAX,
        }
    }

    /// The router that packets are handed to (`rt_set_nexthop()`): none if the gateway is this host
    /// itself.
    #[must_use]
    pub fn router(&self) -> Option<F::Addr> {
        self.gateway.filter(|_| self.scope == Scope::LINK)
    }

    /// Whether both name the same way (`nh_comp()`).
    fn same_as(&self, other: &Self) -> bool {
        self.dev == other.dev
            && self.gateway == other.gateway
            && self.scope == other.scope
            && self.weight == other.weight
            && self.flags.contains(NhFlags::ONLINK) == other.flags.contains(NhFlags::ONLINK)
    }
}

/// A set of `RTNH_F_*` flags.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NhFlags(pub u8);

impl NhFlags {
    /// The device is off: nothing goes this way (`RTNH_F_DEAD`).
    pub const DEAD: Self = Self(1);
    /// The router is on the link whatever the tables say (`RTNH_F_ONLINK`).
    pub const ONLINK: Self = Self(4);
    /// The device has no carrier (`RTNH_F_LINKDOWN`).
    pub const LINKDOWN: Self = Self(16);

    /// Whether any of `other`'s flags is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Sets or clears `other`'s flags.
    pub fn set(&mut self, other: Self, on: bool) {
        if on {
            self.0 |= other.0;
        } else {
            self.0 &= !other.0;
        }
    }
}
