//! When reports are due.

use std::net::Ipv4Addr;

use crate::id::DevId;
use crate::ip::igmp::report::{self, MessageType};
use crate::ip::igmp::{self, Version};
use crate::kernel::{Kernel, Timer};
use crate::link::group::ReportTimer;
use crate::link::inet::ConfKey;
use crate::time::JIFFY;
use crate::trace::Observer;

/// Within how many jiffies the first report of a new group is sent (`IGMP_INITIAL_REPORT_DELAY`).
pub(super) const INITIAL_REPORT_DELAY: u64 = 1;

/// A random wait below `bound` jiffies, and two more.
fn wait(k: &mut Kernel, bound: u64) -> u64 {
    let bound = u32::try_from(bound).unwrap_or(u32::MAX);
    u64::from(k.rng.stream("igmp").below(bound)) + 2
}

/// Sets a timer to a jiffy, whatever it was set to before (`mod_timer()`).
fn set(k: &mut Kernel, old: ReportTimer, expires: u64, timer: Timer) -> ReportTimer {
    stop(k, old);
    Some((k.timers.arm_jiffies(k.now, expires, timer), expires))
}

fn stop(k: &mut Kernel, timer: ReportTimer) {
    if let Some((timer, _)) = timer {
        k.timers.disarm(timer);
    }
}

/// The longest wait between two reports that nobody asked for, in jiffies
/// (`unsolicited_report_interval()`).
fn unsolicited_interval(k: &Kernel, dev: DevId) -> u64 {
    let key = match igmp::version(k, dev) {
        Version::V1 | Version::V2 => ConfKey::Igmpv2UnsolicitedReportInterval,
        Version::V3 => ConfKey::Igmpv3UnsolicitedReportInterval,
    };
    let ms = u128::try_from(k.devs[dev].inet.conf.get(key)).unwrap_or(0);
    u64::try_from(ms.div_ceil(JIFFY.as_millis())).unwrap_or(u64::MAX).max(1)
}

/// Has a group reported within `bound` jiffies (`igmp_start_timer()`).
pub(super) fn start_group(k: &mut Kernel, dev: DevId, group: Ipv4Addr, bound: u64) {
    let expires = k.now.jiffies() + wait(k, bound);
    set_group(k, dev, group, expires);
}

fn set_group(k: &mut Kernel, dev: DevId, group: Ipv4Addr, expires: u64) {
    let Some(known) = igmp::group_mut(k, dev, group) else { return };
    let old = known.timer.take();
    let timer = set(k, old, expires, Timer::IgmpGroup { dev, group });
    if let Some(known) = igmp::group_mut(k, dev, group) {
        known.timer = timer;
    }
}

/// Has a group reported within `bound` jiffies because a router asks, if it is not due before that
/// anyway (`igmp_mod_timer()`).
pub(super) fn hasten_group(k: &mut Kernel, dev: DevId, group: Ipv4Addr, bound: u64) {
    let now = k.now.jiffies();
    let Some(known) = igmp::group_mut(k, dev, group) else { return };
    known.unsolicited = 0;
    match known.timer {
        Some((_, expires)) if expires < now.saturating_add(bound) => {
            set_group(k, dev, group, expires);
        }
        _ => start_group(k, dev, group, bound),
    }
}

/// Has a group not reported (`igmp_stop_timer()`).
pub(super) fn stop_group(k: &mut Kernel, dev: DevId, group: Ipv4Addr) {
    let Some(known) = igmp::group_mut(k, dev, group) else { return };
    known.reporter = false;
    known.unsolicited = 0;
    let timer = known.timer.take();
    stop(k, timer);
}

/// Has changes told, unless a router is there that would not understand (`igmp_ifc_event()`).
pub(super) fn change(k: &mut Kernel, dev: DevId) {
    if igmp::version(k, dev) != Version::V3 {
        return;
    }
    igmp::igmp(k, dev).changes = igmp::robustness(k, dev);
    start_change(k, dev, INITIAL_REPORT_DELAY);
}

/// Has changes told within `bound` jiffies (`igmp_ifc_start_timer()`).
fn start_change(k: &mut Kernel, dev: DevId, bound: u64) {
    let expires = k.now.jiffies() + wait(k, bound);
    let old = igmp::igmp(k, dev).change_timer.take();
    igmp::igmp(k, dev).change_timer = set(k, old, expires, Timer::IgmpChange(dev));
}

/// Has no more changes told.
pub(super) fn stop_change(k: &mut Kernel, dev: DevId) {
    let igmp = igmp::igmp(k, dev);
    igmp.changes = 0;
    let timer = igmp.change_timer.take();
    stop(k, timer);
}

/// Has all groups reported within `bound` jiffies, if they are not anyway (`igmp_gq_start_timer()`).
pub(super) fn start_general(k: &mut Kernel, dev: DevId, bound: u64) {
    let expires = k.now.jiffies() + wait(k, bound);
    let old = igmp::igmp(k, dev).general_timer;
    if old.is_some_and(|(_, old)| expires >= old) {
        return;
    }
    igmp::igmp(k, dev).general_timer = set(k, old, expires, Timer::IgmpGeneral(dev));
}

/// Stops what is due for the device as a whole.
pub(super) fn stop_all(k: &mut Kernel, dev: DevId) {
    stop_change(k, dev);
    let timer = igmp::igmp(k, dev).general_timer.take();
    stop(k, timer);
}

/// A group is to be reported now (`igmp_timer_expire()`).
pub fn group_due<O: Observer>(k: &mut Kernel, dev: DevId, group: Ipv4Addr, o: &mut O) {
    let Some(known) = igmp::group_mut(k, dev, group) else { return };
    known.timer = None;
    known.reporter = true;
    known.unsolicited = known.unsolicited.saturating_sub(1);
    if known.unsolicited > 0 {
        let interval = unsolicited_interval(k, dev);
        start_group(k, dev, group, interval);
    }
    match igmp::version(k, dev) {
        Version::V1 => report::send(k, dev, group, MessageType::ReportV1, o),
        Version::V2 => report::send(k, dev, group, MessageType::ReportV2, o),
        Version::V3 => report::send_state(k, dev, Some(group), o),
    }
}

/// All groups are to be reported now (`igmp_gq_timer_expire()`).
pub fn general_due<O: Observer>(k: &mut Kernel, dev: DevId, o: &mut O) {
    if k.devs.get(dev).is_some() {
        igmp::igmp(k, dev).general_timer = None;
        report::send_state(k, dev, None, o);
    }
}

/// Changes are to be told now (`igmp_ifc_timer_expire()`).
pub fn change_due<O: Observer>(k: &mut Kernel, dev: DevId, o: &mut O) {
    if k.devs.get(dev).is_none() {
        return;
    }
    igmp::igmp(k, dev).change_timer = None;
    report::send_changes(k, dev, o);
    let igmp = igmp::igmp(k, dev);
    if igmp.changes > 0 {
        igmp.changes -= 1;
        let interval = unsolicited_interval(k, dev);
        start_change(k, dev, interval);
    }
}
