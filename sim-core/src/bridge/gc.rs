//! Ageing (`br_fdb_cleanup()`).

use crate::bridge::{Bridge, FdbEntry, fdb};
use crate::id::BridgeId;
use crate::kernel::{Kernel, Timer};
use crate::time::SimTime;

/// Jiffies from switching a bridge on to its first look at the database.
const FIRST_LOOK: u64 = 25;
/// The fewest jiffies between two looks.
const SHORTEST: u64 = 3;

impl Bridge {
    /// How long a station is remembered, in jiffies (`hold_time()`). A jiffy is 4 ms, the option
    /// counts hundredths of a second.
    fn hold_time(&self) -> u64 {
        u64::from(self.options.ageing_time) * 10 / 4
    }

    /// The jiffy of the next look at the database (`gc_timer`); `None` while the bridge is down.
    #[must_use]
    pub fn next_look(&self, now: SimTime) -> Option<u64> {
        self.gc.next_run(now, self.hold_time().max(SHORTEST))
    }
}

/// The bridge was switched on.
pub(super) fn start(k: &mut Kernel, bridge: BridgeId) {
    k.bridges[bridge].gc.start(k.now, FIRST_LOOK);
    arm(k, bridge);
}

/// The bridge was switched off.
pub(super) fn stop(k: &mut Kernel, bridge: BridgeId) {
    k.bridges[bridge].gc.stop(&mut k.timers);
}

/// Makes sure that stations which can age do.
pub(super) fn arm(k: &mut Kernel, bridge: BridgeId) {
    let br = &mut k.bridges[bridge];
    if br.fdb.iter().any(FdbEntry::ages) {
        let hold = br.hold_time().max(SHORTEST);
        br.gc.arm(&mut k.timers, k.now, hold, Timer::BridgeGc(bridge));
    }
}

/// Forgets the stations that have not sent for too long.
pub fn run(k: &mut Kernel, bridge: BridgeId) {
    let now = k.now.jiffies();
    let Some(hold) = k.bridges.get(bridge).map(Bridge::hold_time) else { return };
    let end = |entry: &FdbEntry| entry.updated.jiffies() + hold;
    fdb::flush(k, bridge, |entry| entry.ages() && end(entry) <= now);
    let br = &mut k.bridges[bridge];
    let ends = br.fdb.iter().filter(|entry| entry.ages()).map(end);
    let delay = ends.map(|end| end - now).min().unwrap_or(hold).min(hold);
    let left = br.fdb.iter().any(FdbEntry::ages).then_some(Timer::BridgeGc(bridge));
    br.gc.ran(&mut k.timers, k.now, delay.max(SHORTEST), left);
}
