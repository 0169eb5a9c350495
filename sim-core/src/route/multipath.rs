//! Which of several ways a flow takes (`fib_rebalance()`, `fib_select_multipath()`).

use crate::family::Family;
use crate::id::DevId;
use crate::kernel::Kernel;
use crate::link::inet::ConfKey;
use crate::route::fib::{FibInfo, NhFlags};

/// Whether `dev` passes over ways without carrier.
pub(crate) fn ignores_linkdown(k: &Kernel, dev: DevId) -> bool {
    k.conf_is_on(dev, ConfKey::IgnoreRoutesWithLinkdown)
}

/// Shares the hash space, 2^31 values, among the ways that are alive, by their weights.
pub(crate) fn rebalance<F: Family>(info: &mut FibInfo<F>, ignores: impl Fn(DevId) -> bool) {
    if info.hops.len() < 2 {
        return;
    }
    let counts = |flags: NhFlags, dev: Option<DevId>| {
        let ignored = flags.contains(NhFlags::LINKDOWN) && dev.is_some_and(&ignores);
        !flags.contains(NhFlags::DEAD) && !ignored
    };
    let alive = info.hops.iter().filter(|hop| counts(hop.flags, hop.dev));
    let total: u64 = alive.map(|hop| u64::from(hop.weight)).sum();
    let mut sum = 0;
    for hop in &mut info.hops {
        hop.upper_bound = if counts(hop.flags, hop.dev) {
            sum += u64::from(hop.weight);
            let share = ((sum << 31) + total / 2) / total;
            i32::try_from(share - 1).expect("at most 2^31 - 1, as sum is at most total")
        } else {
            -1
        };
    }
}
