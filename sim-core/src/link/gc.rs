//! Cleaning that the kernel does from time to time whether there is anything to clean or not.
//!
//! Here a timer is armed only while there is something; when it would have fired is worked out from
//! when it last did, so that it fires when the kernel's does.

use crate::kernel::timer::wheel_expiry;
use crate::kernel::{Timer, TimerId, TimerQueue};
use crate::time::{JIFFY, SimTime};

/// When a cleaner runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcClock {
    /// The jiffy of the next run; `None` while it is switched off.
    next: Option<u64>,
    armed: Option<TimerId>,
}

impl GcClock {
    /// Switches the cleaner on: it runs for the first time after `delay` jiffies.
    pub fn start(&mut self, now: SimTime, delay: u64) {
        self.next = Some(wheel_expiry(now.jiffies(), now.jiffies() + delay));
    }

    /// Switches the cleaner off.
    pub fn stop(&mut self, timers: &mut TimerQueue) {
        self.next = None;
        if let Some(id) = self.armed.take() {
            timers.disarm(id);
        }
    }

    /// There is something to clean: makes sure that the next run takes place. Runs without anything
    /// to clean were `interval` jiffies apart.
    pub fn arm(&mut self, timers: &mut TimerQueue, now: SimTime, interval: u64, timer: Timer) {
        if self.armed.is_some() {
            return;
        }
        self.next = self.next_run(now, interval);
        self.armed = self.next.map(|next| timers.arm(jiffy_start(next), timer));
    }

    /// The jiffy of the next run at `now`, if runs without anything to clean are `interval` jiffies
    /// apart; `None` while it is switched off.
    #[must_use]
    pub fn next_run(&self, now: SimTime, interval: u64) -> Option<u64> {
        let mut next = self.next?;
        while next <= now.jiffies() {
            next = wheel_expiry(next, next + interval.max(1));
        }
        Some(next)
    }

    /// A run has ended, the next one is to follow after `delay` jiffies; it is armed if something is
    /// left to clean.
    pub fn ran(&mut self, timers: &mut TimerQueue, now: SimTime, delay: u64, left: Option<Timer>) {
        if let Some(id) = self.armed.take() {
            timers.disarm(id);
        }
        self.start(now, delay);
        if let (Some(timer), Some(next)) = (left, self.next) {
            self.armed = Some(timers.arm(jiffy_start(next), timer));
        }
    }
}

/// The beginning of a jiffy.
fn jiffy_start(jiffy: u64) -> SimTime {
    let nanos = u64::try_from(JIFFY.as_nanos()).unwrap_or(u64::MAX);
    SimTime::from_nanos(jiffy.saturating_mul(nanos))
}
