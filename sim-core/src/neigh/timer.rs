//! The collection of entries that nobody uses (`neigh_periodic_work()`).

use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::neigh::params::NeighVar;
use crate::neigh::protocol::Protocol;
use crate::neigh::update::{jiffies, remove};
use crate::trace::Observer;

/// Starts the collector when the table has grown beyond what it leaves alone. Below that size it has
/// nothing to do, so that it need not run at all.
pub(super) fn watch_size<F: Protocol>(k: &mut Kernel, netns: NetnsId) {
    let table = F::table_mut(&mut k.netns[netns]);
    let size = i64::try_from(table.len()).unwrap_or(i64::MAX);
    if table.gc_timer.is_some() || size < i64::from(k.neigh.gc_thresh1) {
        return;
    }
    let period = k.neigh.parms.get(NeighVar::BaseReachableTime) / 2;
    let at = u64::try_from(jiffies(k) + period.max(1)).unwrap_or(0);
    let timer = k.timers.arm_jiffies(k.now, at, F::gc_timer(netns));
    F::table_mut(&mut k.netns[netns]).gc_timer = Some(timer);
}

/// Removes what is old and unused.
pub(super) fn collect<F: Protocol, O: Observer>(k: &mut Kernel, netns: NetnsId, o: &mut O) {
    if k.netns.get(netns).is_none() {
        return;
    }
    let now = jiffies(k);
    let limit = i64::from(k.neigh.gc_thresh1);
    let table = F::table_mut(&mut k.netns[netns]);
    table.gc_timer = None;
    if i64::try_from(table.len()).unwrap_or(i64::MAX) < limit {
        return;
    }
    for (dev, key) in table.collectable(now) {
        remove::<F, O>(k, dev, key, o);
    }
    watch_size::<F>(k, netns);
}
