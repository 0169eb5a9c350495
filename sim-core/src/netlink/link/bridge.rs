//! Options of bridges (`br_changelink()`).

use std::ops::RangeInclusive;

use crate::bridge::multicast::RouterMode;
use crate::bridge::{Bridge, gc, multicast};
use crate::errno::Errno;
use crate::id::BridgeId;
use crate::ip::igmp;
use crate::kernel::Kernel;
use crate::netlink::NetlinkError;
use crate::netlink::link::{assign, unmodelled};
use crate::netlink::request::{BridgeChange, McastChange};
use crate::time::HZ;
use crate::trace::Observer;

/// How long a hello message's interval may be, in hundredths of a second.
const HELLO_TIME: RangeInclusive<u32> = 100..=1000;
/// How old the oldest hello message may be, in hundredths of a second.
const MAX_AGE: RangeInclusive<u32> = 600..=4000;
/// The link-local groups that are never forwarded: STP, pause frames, LACP.
const GROUPFWD_RESTRICTED: u16 = 0x0007;

/// Refuses values out of range, and what is not modelled.
pub(super) fn check(_: BridgeId, change: &BridgeChange) -> Result<(), NetlinkError> {
    let out = |value: Option<u32>, range: RangeInclusive<u32>| {
        value.is_some_and(|value| !range.contains(&value))
    };
    if out(change.hello_time, HELLO_TIME) || out(change.max_age, MAX_AGE) {
        return Err(Errno::ERANGE.into());
    }
    if change.stp_state.is_some_and(|on| on != 0) {
        return Err(unmodelled("the spanning tree protocol (stp_state 1)"));
    }
    if change.vlan_filtering == Some(true) {
        return Err(unmodelled("vlan_filtering 1"));
    }
    if change.group_fwd_mask.is_some_and(|mask| mask & GROUPFWD_RESTRICTED != 0) {
        return Err(Errno::EINVAL.into());
    }
    check_mcast(&change.mcast)
}

/// Refuses what is not modelled about groups, and modes that are none.
fn check_mcast(change: &McastChange) -> Result<(), NetlinkError> {
    if change.router.is_some_and(|mode| mode > RouterMode::Permanent as u8)
        || change.igmp_version.is_some_and(|version| !(2..=3).contains(&version))
        || change.mld_version.is_some_and(|version| !(1..=2).contains(&version))
    {
        return Err(Errno::EINVAL.into());
    }
    if change.igmp_version == Some(3) {
        return Err(unmodelled("mcast_igmp_version 3"));
    }
    if change.mld_version == Some(2) {
        return Err(unmodelled("mcast_mld_version 2"));
    }
    if change.stats_enabled == Some(true) {
        return Err(unmodelled("mcast_stats_enabled 1"));
    }
    Ok(())
}

/// How long the time between queries may be, in jiffies.
const QUERY_INTERVAL: RangeInclusive<u64> = HZ..=86400 * HZ;

/// Changes what a bridge does about groups.
fn set_mcast(k: &mut Kernel, bridge: BridgeId, change: &McastChange) {
    let jiffies = |time: u64| time.saturating_mul(HZ) / 100;
    let query = |time: u64| jiffies(time).clamp(*QUERY_INTERVAL.start(), *QUERY_INTERVAL.end());
    let options = &mut k.bridges[bridge].mcast.options;
    assign(&mut options.query_use_ifaddr, change.query_use_ifaddr);
    assign(&mut options.hash_max, change.hash_max);
    assign(&mut options.last_member_count, change.last_member_count);
    assign(&mut options.startup_query_count, change.startup_query_count);
    assign(&mut options.last_member_interval, change.last_member_interval.map(jiffies));
    assign(&mut options.membership_interval, change.membership_interval.map(jiffies));
    assign(&mut options.querier_interval, change.querier_interval.map(jiffies));
    assign(&mut options.query_interval, change.query_interval.map(query));
    assign(&mut options.query_response_interval, change.query_response_interval.map(jiffies));
    assign(&mut options.startup_query_interval, change.startup_query_interval.map(query));
    if let Some(mode) = change.router.and_then(RouterMode::from_number) {
        multicast::set_router(k, bridge, mode);
    }
    if let Some(on) = change.querier {
        multicast::set_querier(k, bridge, on);
    }
}

/// Changes a bridge.
pub(super) fn set<O: Observer>(k: &mut Kernel, bridge: BridgeId, change: &BridgeChange, o: &mut O) {
    let options = &mut k.bridges[bridge].options;
    assign(&mut options.forward_delay, change.forward_delay);
    assign(&mut options.hello_time, change.hello_time);
    assign(&mut options.max_age, change.max_age);
    assign(&mut options.priority, change.priority);
    assign(&mut options.group_fwd_mask, change.group_fwd_mask);
    assign(&mut options.nf_call_iptables, change.nf_call_iptables);
    assign(&mut options.nf_call_ip6tables, change.nf_call_ip6tables);
    assign(&mut options.nf_call_arptables, change.nf_call_arptables);
    if let Some(ageing_time) = change.ageing_time {
        options.ageing_time = ageing_time;
        gc::run(k, bridge);
    }
    set_mcast(k, bridge, &change.mcast);
    if let Some(on) = change.mcast_snooping {
        toggle_snooping(k, bridge, on, o);
    }
}

/// Starts or stops watching who is in which group (`br_multicast_toggle()`).
fn toggle_snooping<O: Observer>(k: &mut Kernel, bridge: BridgeId, on: bool, o: &mut O) {
    let Bridge { dev, options, .. } = &mut k.bridges[bridge];
    let dev = *dev;
    if std::mem::replace(&mut options.mcast_snooping, on) == on {
        return;
    }
    if !on {
        multicast::switch_off(k, bridge);
        igmp::leave_snoopers(k, dev, o);
    } else if k.devs[dev].is_up() {
        multicast::switch_on(k, bridge);
        igmp::join_snoopers(k, dev);
    }
}
