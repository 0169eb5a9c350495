//! Options of bridges (`br_changelink()`).

use std::ops::RangeInclusive;

use crate::bridge::{Bridge, gc};
use crate::errno::Errno;
use crate::id::BridgeId;
use crate::ip::igmp;
use crate::kernel::Kernel;
use crate::netlink::NetlinkError;
use crate::netlink::link::{assign, unmodelled};
use crate::netlink::request::BridgeChange;
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
    Ok(())
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
        igmp::leave_snoopers(k, dev, o);
    } else if k.devs[dev].is_up() {
        igmp::join_snoopers(k, dev);
    }
}
