//! Multicast snooping (`net/bridge/br_multicast.c`): a bridge listens to what hosts report and routers ask,
//! and sends a group's frames only where somebody wants them.
//!
//! ```text
//!   check    what is well formed (`ip_mc_check_igmp()`)
//!   receive  reports, leaves and queries that pass the bridge
//!   group    who is in which group, and for how long
//!   query    queries of other routers, and the bridge's own
//!   router   ports behind which routers are
//! ```
//!
//! As long as no querier is known, nobody would repeat a report that was lost, and all frames to groups are
//! flooded. The bridge speaks IGMP version 2; of reports of version 3 it takes what version 2 could say.

mod check;
mod group;
mod query;
mod receive;
mod router;

use std::net::Ipv4Addr;

use crate::bridge::Bridge;
use crate::id::{BridgeId, IfIndex, PortNo};
use crate::kernel::{Kernel, Timer, TimerId};
use crate::packet::MacAddr;
use crate::time::{HZ, SimTime};
use crate::trace::Observer;

pub use group::{ByHandError, GroupEntry, PortGroup, add_by_hand, del_by_hand};
pub(super) use query::{enable_port, open, stop};
pub use query::{restart, set_querier, switch_off, switch_on};
pub(super) use receive::{Reach, reach, receive};
pub(super) use router::disable_port;
pub use router::{set_port_router, set_router};

/// What a bridge sends a frame by: a group of IPv4, or a group of stations.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum GroupAddr {
    /// An IPv4 group.
    V4(Ipv4Addr),
    /// An Ethernet group, of frames that are neither IPv4 nor IPv6.
    Mac(MacAddr),
}

/// Whether a router is somewhere (`MDB_RTR_TYPE_*`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum RouterMode {
    /// Never.
    Disabled = 0,
    /// As long as queries come from there.
    #[default]
    Learned = 1,
    /// Always.
    Permanent = 2,
    /// For some time from now on, and as long as queries come from there.
    Temporary = 3,
}

impl RouterMode {
    /// The mode with the number `number`.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Disabled,
            1 => Self::Learned,
            2 => Self::Permanent,
            3 => Self::Temporary,
            _ => return None,
        })
    }
}

/// A kernel timer that may be armed, with the jiffy that it is set to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Alarm(Option<(TimerId, u64)>);

impl Alarm {
    /// Whether it will fire (`timer_pending()`).
    #[must_use]
    pub const fn is_set(self) -> bool {
        self.0.is_some()
    }

    /// How long until it fires, in hundredths of a second; 0 if it is not armed (`br_timer_value()`).
    #[must_use]
    pub fn left(self, now: SimTime) -> u64 {
        self.0.map_or(0, |(_, expires)| expires.saturating_sub(now.jiffies()) * 100 / HZ)
    }

    /// Whether it fires later than `at`.
    const fn is_after(self, at: u64) -> bool {
        matches!(self.0, Some((_, expires)) if expires > at)
    }

    /// Whether it has to be set again for it to fire by `at`: it is not armed, or fires later.
    const fn is_late(self, at: u64) -> bool {
        self.0.is_none() || self.is_after(at)
    }
}

/// What happens to a bridge's groups at a later time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum McastTimer {
    /// The host has not reported a group for long, or nobody is left in it.
    Group(GroupAddr),
    /// A port's hosts have not reported a group for long.
    PortGroup(GroupAddr, PortNo),
    /// No query came by a port for long.
    PortRouter(PortNo),
    /// The host has not sent a query for long.
    Router,
    /// The bridge asks, if it is to.
    OwnQuery,
    /// The bridge asks behind a port.
    PortQuery(PortNo),
    /// No other router has asked for long.
    OtherQuerier,
    /// Hosts have had the time to answer the first query of another router.
    QueryAnswered,
}

/// A bridge's own queries (`struct bridge_mcast_own_query`).
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnQuery {
    /// How many of the first ones, which come faster, were sent.
    startup_sent: u32,
    /// When the next one is due.
    alarm: Alarm,
}

/// What can be set about groups; times are in jiffies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct McastOptions {
    /// Whether the bridge asks, unless another router does.
    pub querier: bool,
    /// Whether queries carry an address of the bridge's device.
    pub query_use_ifaddr: bool,
    /// Whether the host is a router.
    pub router: RouterMode,
    /// The most groups.
    pub hash_max: u32,
    /// How often a group is asked for that somebody has left.
    pub last_member_count: u32,
    /// How many queries come fast at first.
    pub startup_query_count: u32,
    /// How long one waits for answers after somebody has left.
    pub last_member_interval: u64,
    /// How long a report counts.
    pub membership_interval: u64,
    /// How long a query shows that a router is there.
    pub querier_interval: u64,
    /// How often the bridge asks.
    pub query_interval: u64,
    /// How long hosts may take to answer.
    pub query_response_interval: u64,
    /// How often the bridge asks at first.
    pub startup_query_interval: u64,
}

impl Default for McastOptions {
    fn default() -> Self {
        Self {
            querier: false,
            query_use_ifaddr: false,
            router: RouterMode::Learned,
            hash_max: 4096,
            last_member_count: 2,
            startup_query_count: 2,
            last_member_interval: HZ,
            membership_interval: 260 * HZ,
            querier_interval: 255 * HZ,
            query_interval: 125 * HZ,
            query_response_interval: 10 * HZ,
            startup_query_interval: 125 * HZ / 4,
        }
    }
}

impl McastOptions {
    /// How long a group is kept after somebody has left, unless somebody answers, in jiffies.
    fn last_member_time(&self) -> u64 {
        u64::from(self.last_member_count) * self.last_member_interval
    }
}

/// What a bridge knows about groups (`struct net_bridge_mcast`).
#[derive(Clone, Debug)]
pub struct Mcast {
    /// What can be set.
    pub options: McastOptions,
    /// The groups, the newest first (`mdb_list`).
    pub groups: Vec<GroupEntry>,
    /// The router with the lowest address that asks, and the port it is behind (`ip4_querier`).
    querier: (Ipv4Addr, IfIndex),
    own_query: OwnQuery,
    /// Until when another router counts as asking.
    other_querier: Alarm,
    /// Until when hosts may still answer its first query.
    query_answered: Alarm,
    /// Until when the host counts as a router.
    router: Alarm,
}

impl Default for Mcast {
    fn default() -> Self {
        Self {
            options: McastOptions::default(),
            groups: Vec::new(),
            querier: (Ipv4Addr::UNSPECIFIED, IfIndex(0)),
            own_query: OwnQuery::default(),
            other_querier: Alarm::default(),
            query_answered: Alarm::default(),
            router: Alarm::default(),
        }
    }
}

impl Mcast {
    /// Whether somebody asks often enough that the groups are known (`br_multicast_querier_exists()`).
    fn has_querier(&self) -> bool {
        !self.query_answered.is_set() && (self.options.querier || self.other_querier.is_set())
    }

    /// Whether the host is a router (`br_multicast_is_router()`).
    fn host_is_router(&self) -> bool {
        match self.options.router {
            RouterMode::Permanent => true,
            RouterMode::Learned => self.router.is_set(),
            RouterMode::Disabled | RouterMode::Temporary => false,
        }
    }

    /// What is known of a group.
    #[must_use]
    pub fn group(&self, addr: GroupAddr) -> Option<&GroupEntry> {
        self.groups.iter().find(|group| group.addr == addr)
    }

    fn group_mut(&mut self, addr: GroupAddr) -> Option<&mut GroupEntry> {
        self.groups.iter_mut().find(|group| group.addr == addr)
    }
}

/// What a bridge knows about routers and queries at a port (`struct net_bridge_mcast_port`).
#[derive(Clone, Copy, Debug, Default)]
pub struct McastPort {
    /// Whether a router is behind it.
    pub router: RouterMode,
    /// Whether it counts as one behind which a router is.
    pub is_router: bool,
    /// Until when it does.
    pub router_alarm: Alarm,
    own_query: OwnQuery,
}

/// The alarm that belongs to a timer.
fn alarm_mut(br: &mut Bridge, timer: McastTimer) -> Option<&mut Alarm> {
    let mcast = &mut br.mcast;
    Some(match timer {
        McastTimer::Group(addr) => &mut mcast.group_mut(addr)?.alarm,
        McastTimer::PortGroup(addr, no) => {
            let ports = &mut mcast.group_mut(addr)?.ports;
            &mut ports.iter_mut().find(|pg| pg.port == no)?.alarm
        }
        McastTimer::PortRouter(no) => &mut br.ports.get_mut(no)?.mcast.router_alarm,
        McastTimer::Router => &mut mcast.router,
        McastTimer::OwnQuery => &mut mcast.own_query.alarm,
        McastTimer::PortQuery(no) => &mut br.ports.get_mut(no)?.mcast.own_query.alarm,
        McastTimer::OtherQuerier => &mut mcast.other_querier,
        McastTimer::QueryAnswered => &mut mcast.query_answered,
    })
}

/// Has a timer fire in `after` jiffies, whatever it was set to before (`mod_timer()`).
fn arm(k: &mut Kernel, bridge: BridgeId, timer: McastTimer, after: u64) {
    let expires = k.now.jiffies() + after;
    let Some(alarm) = alarm_mut(&mut k.bridges[bridge], timer) else { return };
    if let Some((old, _)) = alarm.0.take() {
        k.timers.disarm(old);
    }
    let id = k.timers.arm_jiffies(k.now, expires, Timer::BridgeMcast(bridge, timer));
    alarm.0 = Some((id, expires));
}

/// Has a timer not fire (`timer_delete()`).
fn disarm(k: &mut Kernel, bridge: BridgeId, timer: McastTimer) {
    let alarm = alarm_mut(&mut k.bridges[bridge], timer).and_then(|alarm| alarm.0.take());
    if let Some((id, _)) = alarm {
        k.timers.disarm(id);
    }
}

/// Does what a timer is for.
pub fn expire<O: Observer>(k: &mut Kernel, bridge: BridgeId, timer: McastTimer, o: &mut O) {
    let Some(br) = k.bridges.get_mut(bridge) else { return };
    let Some(alarm) = alarm_mut(br, timer) else { return };
    alarm.0 = None;
    let dev = br.dev;
    let running = k.devs[dev].is_up();
    match timer {
        McastTimer::Group(addr) if running => group::expire(k, bridge, addr),
        McastTimer::PortGroup(addr, no) if running => group::expire_port(k, bridge, addr, no),
        McastTimer::PortRouter(no) => router::expire_port(k, bridge, no),
        McastTimer::OwnQuery => query::own_due(k, bridge, o),
        McastTimer::PortQuery(no) => query::port_due(k, bridge, no, o),
        McastTimer::OtherQuerier if running => restart(k, bridge),
        McastTimer::Group(_)
        | McastTimer::PortGroup(..)
        | McastTimer::OtherQuerier
        | McastTimer::Router
        | McastTimer::QueryAnswered => {}
    }
}

/// The port goes: what was set by hand for it goes too (`br_multicast_del_port()`).
pub(super) fn del_port(k: &mut Kernel, bridge: BridgeId, no: PortNo) {
    disable_port(k, bridge, no);
    group::forget_port(k, bridge, no, group::Forget::All);
}

/// The bridge goes: nothing of it is to happen any more (`br_multicast_dev_del()`).
pub(super) fn del_bridge(k: &mut Kernel, bridge: BridgeId) {
    stop(k, bridge);
    for group in std::mem::take(&mut k.bridges[bridge].mcast.groups) {
        for alarm in group.ports.iter().map(|pg| pg.alarm).chain([group.alarm]) {
            if let Some((id, _)) = alarm.0 {
                k.timers.disarm(id);
            }
        }
    }
}
