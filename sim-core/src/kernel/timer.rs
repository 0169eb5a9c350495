//! What will happen at a later time, in the order of time, and within an instant in the kernel's.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::bridge::multicast::McastTimer;
use crate::id::{BridgeId, DevId, NetnsId, ProcId, SocketId};
use crate::ip::reassembly;
use crate::socket::tcp;
use crate::time::{JIFFY, SimTime};

/// What a timer does when it fires.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Timer {
    /// Runs a program again that asked to be called at this time.
    Program(ProcId),
    /// A bridge forgets stations that have not sent for long.
    BridgeGc(BridgeId),
    /// Something happens to a bridge's groups.
    BridgeMcast(BridgeId, McastTimer),
    /// A packet that waits in a queueing discipline may leave (`qdisc_watchdog()`).
    Qdisc(DevId),
    /// A VXLAN device forgets stations that have not sent for long.
    VxlanGc(DevId),
    /// Looks for addresses of the device whose lifetime has ended (`check_lifetime()`).
    AddrLifetime(DevId),
    /// A neighbour entry's state ends (`neigh_timer_handler()`).
    Neigh {
        /// The device it is on.
        dev: DevId,
        /// The address it is kept under.
        addr: IpAddr,
    },
    /// Neighbour entries that nobody uses are collected (`neigh_periodic_work()`).
    NeighGc(NetnsId),
    /// The fragments of a datagram did not all come in time (`ip_expire()`).
    Reassembly {
        /// The namespace.
        netns: NetnsId,
        /// The datagram.
        key: reassembly::Key,
    },
    /// A timer of a TCP socket.
    Tcp(SocketId, tcp::TcpTimer),
    /// A SYN-ACK was not acknowledged in time (`reqsk_timer_handler()`).
    TcpRequest(NetnsId, tcp::FourTuple),
    /// What is left of a TCP connection goes (`tw_timer_handler()`).
    TcpTimeWait(SocketId),
    /// A group is reported (`igmp_timer_expire()`).
    IgmpGroup {
        /// The device.
        dev: DevId,
        /// The group.
        group: Ipv4Addr,
    },
    /// Changes of groups are reported (`igmp_ifc_timer_expire()`).
    IgmpChange(DevId),
    /// A query for all groups is answered (`igmp_gq_timer_expire()`).
    IgmpGeneral(DevId),
    /// Connections whose time is over are collected (`gc_worker()`).
    ConntrackGc(NetnsId),
    /// Requests are answered on behalf of other hosts (`neigh_proxy_process()`).
    ArpProxy(NetnsId),
}

/// Names an armed timer: its time and its place among those of the same time.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct TimerId {
    at: SimTime,
    rank: Rank,
    set_to: SimTime,
}

/// The order of timers that fire at the same time: first those that do not count jiffies, in the order
/// in which they were armed; then those of the wheel, coarse buckets before fine ones, and of one
/// bucket the one armed last first, as `expire_timers()` takes them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Rank {
    Exact { seq: u64 },
    Wheel { level: Reverse<u32>, seq: Reverse<u64> },
}

impl TimerId {
    /// When it fires.
    #[must_use]
    pub fn at(self) -> SimTime {
        self.at
    }

    /// The time that it was set to, which is before it fires if it is one of the wheel's
    /// (`timer_list.expires`).
    #[must_use]
    pub fn set_to(self) -> SimTime {
        self.set_to
    }
}

/// How many levels the kernel's timer wheel has (`LVL_DEPTH`, `HZ` above 100).
const WHEEL_LEVELS: u32 = 9;
/// Each level counts in units eight times as long as the one before (`LVL_CLK_SHIFT`).
const WHEEL_SHIFT: u32 = 3;
/// How many units of its own a level looks ahead (`LVL_SIZE - 1`).
const WHEEL_REACH: u64 = 63;

/// Tells in which jiffy a kernel timer fires that is set to `expires` while the jiffy is `now`
/// (`calc_wheel_index()`).
///
/// Far timers are kept in coarse buckets and never fire early, so that they fire up to an eighth of
/// their time late: a retry after one second comes after 1.004 to 1.032 s, one after five seconds
/// after 5.004 to 5.26 s.
#[must_use]
pub fn wheel_expiry(now: u64, expires: u64) -> u64 {
    wheel_bucket(now, expires).0
}

/// The jiffy in which the bucket of a timer is due, and the bucket's level.
fn wheel_bucket(now: u64, expires: u64) -> (u64, u32) {
    if expires < now {
        return (now, 0);
    }
    let ahead = expires - now;
    let reach = |level: u32| WHEEL_REACH << (level * WHEEL_SHIFT);
    let level = (0..WHEEL_LEVELS).find(|level| ahead < reach(*level));
    let last = WHEEL_LEVELS - 1;
    let (level, expires) = match level {
        Some(level) => (level, expires),
        None => (last, now + reach(last)),
    };
    let unit = level * WHEEL_SHIFT;
    (((expires >> unit) + 1) << unit, level)
}

/// The armed timers. Of two with the same time that do not count jiffies, the one armed first fires
/// first.
#[derive(Clone, Debug, Default)]
pub struct TimerQueue {
    armed: BTreeMap<TimerId, Timer>,
    next_seq: u64,
}

impl TimerQueue {
    /// Arms `timer` to fire at `at`.
    pub fn arm(&mut self, at: SimTime, timer: Timer) -> TimerId {
        let rank = Rank::Exact { seq: self.next_seq };
        self.insert(TimerId { at, rank, set_to: at }, timer)
    }

    fn insert(&mut self, id: TimerId, timer: Timer) -> TimerId {
        self.next_seq += 1;
        self.armed.insert(id, timer);
        id
    }

    /// Arms `timer` as the kernel arms one that counts jiffies: it is set to the jiffy `expires` and
    /// fires when the wheel comes by ([`wheel_expiry`]), at the start of that jiffy (`add_timer()`).
    pub fn arm_jiffies(&mut self, now: SimTime, expires: u64, timer: Timer) -> TimerId {
        let (jiffy, level) = wheel_bucket(now.jiffies(), expires);
        let start = |jiffy| {
            let nanos = u64::try_from(JIFFY.as_nanos()).unwrap_or(u64::MAX).saturating_mul(jiffy);
            SimTime::from_nanos(nanos).max(now)
        };
        let rank = Rank::Wheel { level: Reverse(level), seq: Reverse(self.next_seq) };
        self.insert(TimerId { at: start(jiffy), rank, set_to: start(expires) }, timer)
    }

    /// Disarms a timer; false if it already fired or was disarmed before.
    pub fn disarm(&mut self, id: TimerId) -> bool {
        self.armed.remove(&id).is_some()
    }

    /// When the next timer fires.
    #[must_use]
    pub fn next_at(&self) -> Option<SimTime> {
        self.armed.first_key_value().map(|(id, _)| id.at)
    }

    /// Whether the next timer is one that counts jiffies.
    #[must_use]
    pub fn next_is_on_wheel(&self) -> bool {
        matches!(self.armed.first_key_value(), Some((id, _)) if matches!(id.rank, Rank::Wheel { .. }))
    }

    /// Takes the next timer if it is due at `now`.
    pub fn pop_due(&mut self, now: SimTime) -> Option<(SimTime, Timer)> {
        let next = self.armed.first_entry()?;
        if next.key().at > now {
            return None;
        }
        let (id, timer) = next.remove_entry();
        Some((id.at, timer))
    }

    /// All armed timers in firing order.
    pub fn iter(&self) -> impl Iterator<Item = (SimTime, &Timer)> {
        self.armed.iter().map(|(id, timer)| (id.at, timer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id as _;

    fn program(n: u32) -> Timer {
        Timer::Program(ProcId::from_index(n))
    }

    /// Seen on Linux 6.18 with `HZ=250`: of three ARP requests the second came 1.0018 s after the
    /// first, the third 1.024 s later, and the host was given up 1.024 s after that; a first probe
    /// of a stale neighbour came after 5.13 s.
    #[test]
    fn a_far_timer_fires_when_its_bucket_is_full() {
        for (now, expires, fires) in [
            (0, 0, 1),
            (0, 62, 63),
            (0, 63, 64),
            (0, 250, 256),
            (256, 506, 512),
            (5, 255, 256),
            (6, 256, 264),
            (0, 1250, 1280),
            (10, 5, 10),
        ] {
            assert_eq!(wheel_expiry(now, expires), fires, "{now} {expires}");
        }
    }

    /// Seen on Linux 6.18: of two neighbours that are asked again in the same jiffy, the one asked later
    /// comes first.
    #[test]
    fn of_one_bucket_the_timer_armed_last_fires_first_and_of_two_levels_the_coarse_one() {
        let mut queue = TimerQueue::default();
        let now = SimTime::ZERO;
        queue.arm_jiffies(now, 250, program(0));
        queue.arm_jiffies(now, 251, program(1));
        let fine = SimTime::from_millis(4 * 200);
        queue.arm_jiffies(fine, 255, program(2));
        let due = SimTime::from_millis(4 * 256);
        queue.arm(due, program(3));
        let fired: Vec<Timer> =
            std::iter::from_fn(|| queue.pop_due(due)).map(|(_, timer)| timer).collect();
        assert_eq!(fired, [program(3), program(1), program(0), program(2)]);
    }

    #[test]
    fn timers_of_one_instant_fire_in_the_order_they_were_armed() {
        let mut queue = TimerQueue::default();
        queue.arm(SimTime::from_millis(2), program(0));
        queue.arm(SimTime::from_millis(1), program(1));
        let third = queue.arm(SimTime::from_millis(1), program(2));
        queue.arm(SimTime::from_millis(1), program(3));
        assert!(queue.disarm(third));
        assert!(!queue.disarm(third));
        let now = SimTime::from_millis(1);
        assert_eq!(queue.pop_due(now), Some((now, program(1))));
        assert_eq!(queue.pop_due(now), Some((now, program(3))));
        assert_eq!(queue.pop_due(now), None);
        assert_eq!(queue.next_at(), Some(SimTime::from_millis(2)));
    }
}
