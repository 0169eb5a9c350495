//! Groups are joined and left (`ip_mc_inc_group()`, `ip_mc_dec_group()`), and devices go up and down.

use std::net::Ipv4Addr;

use crate::bridge;
use crate::id::DevId;
use crate::ip::igmp::report::{self, MessageType};
use crate::ip::igmp::{self, ALL_HOSTS, Version, source, timer};
use crate::kernel::Kernel;
use crate::link::filter;
use crate::link::group::{FilterMode, Group};
use crate::netns::notifier::LinkEvent;
use crate::packet::MacAddr;
use crate::trace::Observer;

/// The group of all snoopers.
const ALL_SNOOPERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 106);
/// ff02::6a, that of IPv6, as an Ethernet address.
const ALL_SNOOPERS_V6: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 0x6a]);

/// Follows a change of a device (`inetdev_event()`).
pub fn link_event<O: Observer>(k: &mut Kernel, dev: DevId, event: LinkEvent, o: &mut O) {
    match event {
        LinkEvent::Up => {
            if bridge::snoops(k, dev) {
                join_snoopers(k, dev);
            }
            up(k, dev);
        }
        LinkEvent::Down => {
            if bridge::snoops(k, dev) {
                leave_snoopers(k, dev, o);
            }
            down(k, dev, o);
        }
        LinkEvent::Unregistering => forget(k, dev),
        LinkEvent::Registered
        | LinkEvent::Changed
        | LinkEvent::Flagged
        | LinkEvent::AddressChanged
        | LinkEvent::MtuChanged
        | LinkEvent::Renamed => {}
    }
}

/// A bridge that watches groups joins that of all snoopers, of IPv4 and of IPv6, which is how others hear
/// that it is there (`br_multicast_join_snoopers()`, RFC 4286).
pub fn join_snoopers(k: &mut Kernel, dev: DevId) {
    join(k, dev, ALL_SNOOPERS, FilterMode::Exclude);
    filter::mc_add(k, dev, ALL_SNOOPERS_V6);
}

/// A bridge no longer watches groups (`br_multicast_leave_snoopers()`).
pub fn leave_snoopers<O: Observer>(k: &mut Kernel, dev: DevId, o: &mut O) {
    leave(k, dev, ALL_SNOOPERS, o);
    // An administrator may have taken it off before.
    let _missing = filter::mc_del(k, dev, ALL_SNOOPERS_V6);
}

/// The device goes up: it joins 224.0.0.1, and all its groups are told anew (`ip_mc_up()`).
fn up(k: &mut Kernel, dev: DevId) {
    let robustness = igmp::default_robustness(k, dev);
    let state = igmp::igmp(k, dev);
    state.query_interval = igmp::QUERY_INTERVAL;
    state.response_interval = igmp::QUERY_RESPONSE_INTERVAL;
    state.robustness = robustness;
    join(k, dev, ALL_HOSTS, FilterMode::Exclude);
    let groups: Vec<Ipv4Addr> = k.devs[dev].inet.groups.iter().map(|g| g.addr).collect();
    for group in groups {
        restore(k, dev, group);
        added(k, dev, group);
    }
}

/// The device goes down (`ip_mc_down()`).
fn down<O: Observer>(k: &mut Kernel, dev: DevId, o: &mut O) {
    for at in 0..k.devs[dev].inet.groups.len() {
        dropped(k, dev, at, o);
    }
    timer::stop_all(k, dev);
    leave(k, dev, ALL_HOSTS, o);
}

/// The device goes (`ip_mc_destroy_dev()`).
fn forget(k: &mut Kernel, dev: DevId) {
    timer::stop_all(k, dev);
    let groups = std::mem::take(&mut k.devs[dev].inet.groups);
    for group in groups {
        if let Some((timer, _)) = group.timer {
            k.timers.disarm(timer);
        }
        if group.loaded {
            unload(k, dev, group.addr);
        }
    }
    k.devs[dev].inet.igmp = None;
}

/// Adds a user of a group (`____ip_mc_inc_group()`).
pub fn join(k: &mut Kernel, dev: DevId, group: Ipv4Addr, mode: FilterMode) {
    if let Some(known) = igmp::group_mut(k, dev, group) {
        known.users += 1;
        source::add(k, dev, group, mode, &[], source::Whose::Newcomer);
        return;
    }
    k.devs[dev].inet.groups.insert(0, Group::new(group, mode));
    restore(k, dev, group);
    added(k, dev, group);
}

/// Takes a user of a group away (`__ip_mc_dec_group()`).
pub fn leave<O: Observer>(k: &mut Kernel, dev: DevId, group: Ipv4Addr, o: &mut O) {
    let groups = &mut k.devs[dev].inet.groups;
    let Some(at) = groups.iter().position(|g| g.addr == group) else { return };
    groups[at].users -= 1;
    if groups[at].users == 0 {
        dropped(k, dev, at, o);
        k.devs[dev].inet.groups.remove(at);
    }
}

/// Has the device listen to a group, and routers told of it (`igmp_group_added()`).
fn added(k: &mut Kernel, dev: DevId, group: Ipv4Addr) {
    let Some(known) = igmp::group_mut(k, dev, group) else { return };
    if !std::mem::replace(&mut known.loaded, true) && k.devs[dev].maps_groups() {
        filter::mc_add(k, dev, filter::group_mac(group));
    }
    if !igmp::is_reported(k, dev, group) {
        return;
    }
    let (often, robustness) = (igmp::default_robustness(k, dev), igmp::robustness(k, dev));
    let version = igmp::version(k, dev);
    let Some(known) = igmp::group_mut(k, dev, group) else { return };
    known.unsolicited = often;
    if version != Version::V3 {
        timer::start_group(k, dev, group, timer::INITIAL_REPORT_DELAY);
        return;
    }
    // A group of named senders begins with these, not with a change of mode (RFC 3376 section 5.1).
    if known.mode == FilterMode::Exclude {
        known.changes = robustness;
    }
    timer::change(k, dev);
}

/// Has the device listen to the group at `at` no longer, and routers told of it
/// (`__igmp_group_dropped()`).
fn dropped<O: Observer>(k: &mut Kernel, dev: DevId, at: usize, o: &mut O) {
    let known = &mut k.devs[dev].inet.groups[at];
    let (group, reporter) = (known.addr, known.reporter);
    if std::mem::replace(&mut known.loaded, false) {
        unload(k, dev, group);
    }
    if !igmp::is_reported(k, dev, group) {
        return;
    }
    timer::stop_group(k, dev, group);
    match igmp::version(k, dev) {
        Version::V1 => {}
        Version::V2 if reporter => report::send(k, dev, group, MessageType::Leave, o),
        Version::V2 => {}
        Version::V3 => {
            remember(k, dev, at);
            timer::change(k, dev);
        }
    }
}

/// Takes the group's address off the device (`ip_mc_filter_del()`).
fn unload(k: &mut Kernel, dev: DevId, group: Ipv4Addr) {
    if k.devs[dev].maps_groups() {
        // An administrator may have taken it off before.
        let _missing = filter::mc_del(k, dev, filter::group_mac(group));
    }
}

/// Notes that routers have to be told of a group that was left (`igmpv3_add_delrec()`).
fn remember(k: &mut Kernel, dev: DevId, at: usize) {
    let changes = igmp::robustness(k, dev);
    let known = &mut k.devs[dev].inet.groups[at];
    let mut left = Group { changes, ..Group::new(known.addr, known.mode) };
    left.counts = crate::link::group::ModeCounts::default();
    if known.mode == FilterMode::Include {
        left.tomb = std::mem::take(&mut known.tomb);
        left.sources = std::mem::take(&mut known.sources);
        for source in &mut left.sources {
            source.changes = changes;
        }
    }
    igmp::igmp(k, dev).left.insert(0, left);
}

/// Takes up again what routers were to be told of a group (`igmpv3_del_delrec()`).
fn restore(k: &mut Kernel, dev: DevId, group: Ipv4Addr) {
    let robustness = igmp::robustness(k, dev);
    let left = &mut igmp::igmp(k, dev).left;
    let Some(at) = left.iter().position(|g| g.addr == group) else { return };
    let old = left.remove(at);
    let Some(known) = igmp::group_mut(k, dev, group) else { return };
    if known.mode == FilterMode::Include {
        known.tomb = old.tomb;
        known.sources = old.sources;
        for source in &mut known.sources {
            source.changes = robustness;
        }
    } else {
        known.changes = robustness;
    }
}
