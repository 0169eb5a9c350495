//! Filters of senders: what a device's host wants of a group follows from what its sockets want
//! (`ip_mc_add_src()`, `ip_mc_del_src()`).

use std::net::Ipv4Addr;

use crate::id::DevId;
use crate::ip::igmp::{self, Version, timer};
use crate::kernel::Kernel;
use crate::link::group::{FilterMode, Group, GroupSource};

/// Whose senders they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Whose {
    /// Those of a socket that comes to the group, or goes, or changes its mode.
    Newcomer,
    /// Those of a socket that is in the group already (`delta`).
    Member,
}

/// Adds senders that a socket names in `mode`.
pub fn add(
    k: &mut Kernel,
    dev: DevId,
    group: Ipv4Addr,
    mode: FilterMode,
    sources: &[Ipv4Addr],
    whose: Whose,
) {
    let robustness = igmp::robustness(k, dev);
    let Some(known) = igmp::group_mut(k, dev, group) else { return };
    mark(known);
    let excluded = known.mode == FilterMode::Exclude;
    if whose == Whose::Newcomer {
        *known.counts.of(mode) += 1;
    }
    for addr in sources {
        let at = known.sources.iter().position(|s| s.addr == *addr).unwrap_or_else(|| {
            known.sources.push(GroupSource::new(*addr));
            known.sources.len() - 1
        });
        *known.sources[at].counts.of(mode) += 1;
    }
    let excludes = known.counts.exclude != 0;
    if excluded == excludes {
        if settle(known, robustness) {
            timer::change(k, dev);
        }
        return;
    }
    if excludes {
        known.mode = FilterMode::Exclude;
    } else if known.counts.include != 0 {
        known.mode = FilterMode::Include;
    }
    change_mode(known, robustness);
    timer::change(k, dev);
}

/// Takes senders away that a socket named in `mode`.
pub fn del(
    k: &mut Kernel,
    dev: DevId,
    group: Ipv4Addr,
    mode: FilterMode,
    sources: &[Ipv4Addr],
    whose: Whose,
) {
    let robustness = igmp::robustness(k, dev);
    let is_v3 = igmp::version(k, dev) == Version::V3;
    let Some(known) = igmp::group_mut(k, dev, group) else { return };
    mark(known);
    if whose == Whose::Newcomer {
        let count = known.counts.of(mode);
        if *count == 0 {
            return;
        }
        *count -= 1;
    }
    let mut told = false;
    for addr in sources {
        told |= del_one(known, mode, *addr, is_v3.then_some(robustness));
    }
    let only_included = known.counts.exclude == 0 && known.counts.include != 0;
    if known.mode == FilterMode::Exclude && only_included {
        known.mode = FilterMode::Include;
        change_mode(known, robustness);
        timer::change(k, dev);
    } else if settle(known, robustness) || told {
        timer::change(k, dev);
    }
}

/// Takes one sender away; true if routers have to be told, as often as `told` says
/// (`ip_mc_del1_src()`).
fn del_one(group: &mut Group, mode: FilterMode, addr: Ipv4Addr, told: Option<u32>) -> bool {
    let Some(at) = group.sources.iter().position(|s| s.addr == addr) else { return false };
    let count = group.sources[at].counts.of(mode);
    if *count == 0 {
        return false;
    }
    *count -= 1;
    let counts = group.sources[at].counts;
    if counts.include != 0 || counts.exclude != 0 {
        return false;
    }
    let mut source = group.sources.remove(at);
    match told.filter(|_| source.was_in) {
        Some(changes) => {
            source.changes = changes;
            group.tomb.insert(0, source);
            true
        }
        None => false,
    }
}

/// The group has another mode, which is told instead of changes of senders.
fn change_mode(group: &mut Group, robustness: u32) {
    group.changes = robustness;
    for source in &mut group.sources {
        source.changes = 0;
    }
}

/// Whether the host's filter holds a sender.
fn is_in(group: &Group, source: &GroupSource) -> bool {
    if group.counts.exclude != 0 {
        group.counts.exclude == source.counts.exclude && source.counts.include == 0
    } else {
        source.counts.include != 0
    }
}

/// Notes what the filter holds before a change (`sf_markstate()`).
fn mark(group: &mut Group) {
    let mut sources = std::mem::take(&mut group.sources);
    for source in &mut sources {
        source.was_in = is_in(group, source);
    }
    group.sources = sources;
}

/// Notes what has changed in the filter; false if nothing has (`sf_setstate()`).
fn settle(group: &mut Group, robustness: u32) -> bool {
    let mut any = false;
    for at in 0..group.sources.len() {
        let source = group.sources[at];
        let now_in = is_in(group, &source);
        if now_in == source.was_in {
            continue;
        }
        any = true;
        if now_in {
            if let Some(gone) = group.tomb.iter().position(|s| s.addr == source.addr) {
                group.tomb.remove(gone);
            }
            group.sources[at].changes = robustness;
        } else {
            group.sources[at].changes = 0;
            match group.tomb.iter_mut().find(|s| s.addr == source.addr) {
                Some(gone) => gone.changes = robustness,
                None => group.tomb.insert(0, GroupSource { changes: robustness, ..source }),
            }
        }
    }
    any
}
