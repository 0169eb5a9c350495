//! How many ICMP messages are sent: a limit for the host and one for each receiver.

use std::net::Ipv4Addr;

use crate::id::NetnsId;
use crate::ip::input::jiffies;
use crate::kernel::Kernel;
use crate::neigh::params::HZ;
use crate::netns::mib::IcmpMib;
use crate::packet::IcmpType;
use crate::packet::icmp::unreach;
use crate::sysctl::table::Sysctl;

/// Milliseconds in a jiffy.
const MILLIS_PER_JIFFY: i64 = 4;

/// What is left of the host's limit (`icmp_global_credit`, `icmp_global_stamp`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GlobalLimit {
    credit: i64,
    /// The jiffy in which credit was last added.
    stamp: i64,
}

impl Default for GlobalLimit {
    fn default() -> Self {
        Self { credit: 0, stamp: -HZ }
    }
}

/// Whether the limits hold for a message that the host's limit let pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Limited {
    /// The receiver's limit holds too.
    Yes,
    /// Messages of this kind are free.
    No,
}

/// Asks the host's limit (`icmpv4_global_allow()`); `None` if the message is not sent.
pub(super) fn global_allow(
    k: &mut Kernel,
    netns: NetnsId,
    icmp_type: IcmpType,
    code: u8,
) -> Option<Limited> {
    if is_free(k.netns[netns].sysctl.get(Sysctl::IcmpRatemask), icmp_type, code) {
        return Some(Limited::No);
    }
    let now = jiffies(k);
    let ns = &mut k.netns[netns];
    let (rate, burst) =
        (ns.sysctl.get(Sysctl::IcmpMsgsPerSec), ns.sysctl.get(Sysctl::IcmpMsgsBurst));
    if refill(&mut ns.ip.icmp_limit, now, rate, burst) {
        return Some(Limited::Yes);
    }
    ns.mib.icmp.inc(IcmpMib::OutRateLimitGlobal);
    None
}

/// Whether messages of this kind are not limited (`icmpv4_mask_allow()`).
fn is_free(ratemask: i64, icmp_type: IcmpType, code: u8) -> bool {
    let frag_needed = icmp_type == IcmpType::DEST_UNREACH && code == unreach::FRAG_NEEDED;
    icmp_type.0 > super::NR_ICMP_TYPES || frag_needed || ratemask >> icmp_type.0 & 1 == 0
}

/// Whether there is credit; once it is used up, more comes every 20 ms at most (`icmp_global_allow()`).
fn refill(limit: &mut GlobalLimit, now: i64, rate: i64, burst: i64) -> bool {
    if limit.credit > 0 {
        return true;
    }
    let passed = (now - limit.stamp).min(HZ);
    let more = rate * passed / HZ;
    if passed < HZ / 50 || more == 0 {
        return false;
    }
    limit.stamp = now;
    limit.credit = (limit.credit + more).min(burst);
    true
}

/// Asks the receiver's limit (`icmpv4_xrlim_allow()`). On the loopback device there is none.
pub(super) fn host_allow(
    k: &mut Kernel,
    netns: NetnsId,
    receiver: Ipv4Addr,
    loopback: bool,
    limited: Limited,
) -> bool {
    if limited == Limited::No {
        return true;
    }
    let now = jiffies(k);
    let ns = &mut k.netns[netns];
    let interval = ns.sysctl.get(Sysctl::IcmpRatelimit) / MILLIS_PER_JIFFY;
    let allowed =
        loopback || interval == 0 || ns.ip.peers.get(now, receiver).may_send(now, interval);
    if allowed {
        // The random part keeps others from counting what this host sends.
        let taken = k.rng.stream("icmp.credit").below(3);
        k.netns[netns].ip.icmp_limit.credit -= i64::from(taken);
    } else {
        k.netns[netns].mib.icmp.inc(IcmpMib::OutRateLimitHost);
    }
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The default of `icmp_ratemask`.
    const RATEMASK: i64 = 6168;

    #[test]
    fn the_host_has_fifty_messages_and_gets_a_thousand_a_second() {
        let mut limit = GlobalLimit::default();
        assert!(refill(&mut limit, 0, 1000, 50));
        assert_eq!(limit.credit, 50);
        limit.credit = -1;
        assert!(!refill(&mut limit, 4, 1000, 50), "16 ms are too short");
        assert!(refill(&mut limit, 5, 1000, 50));
        assert_eq!(limit.credit, 19);
    }

    #[test]
    fn only_the_types_in_the_mask_are_limited() {
        for (icmp_type, code, free) in [
            (IcmpType::DEST_UNREACH, unreach::HOST, false),
            (IcmpType::DEST_UNREACH, unreach::FRAG_NEEDED, true),
            (IcmpType::TIME_EXCEEDED, 0, false),
            (IcmpType::PARAMETER_PROBLEM, 0, false),
            (IcmpType::REDIRECT, 1, true),
            (IcmpType::ECHO_REPLY, 0, true),
            (IcmpType::TIMESTAMP_REPLY, 0, true),
        ] {
            assert_eq!(is_free(RATEMASK, icmp_type, code), free, "{icmp_type:?}");
        }
    }
}
