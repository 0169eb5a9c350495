//! What will happen at a later time, in the order `(time, arming order)`.

use std::collections::BTreeMap;

use crate::id::ProcId;
use crate::time::SimTime;

/// What a timer does when it fires.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Timer {
    /// Runs a program again that asked to be called at this time.
    Program(ProcId),
}

/// Names an armed timer: its time and its place among those of the same time.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct TimerId {
    at: SimTime,
    seq: u64,
}

impl TimerId {
    /// When it fires.
    #[must_use]
    pub fn at(self) -> SimTime {
        self.at
    }
}

/// The armed timers. Of two with the same time, the one armed first fires first.
#[derive(Clone, Debug, Default)]
pub struct TimerQueue {
    armed: BTreeMap<TimerId, Timer>,
    next_seq: u64,
}

impl TimerQueue {
    /// Arms `timer` to fire at `at`.
    pub fn arm(&mut self, at: SimTime, timer: Timer) -> TimerId {
        let id = TimerId { at, seq: self.next_seq };
        self.next_seq += 1;
        self.armed.insert(id, timer);
        id
    }

    /// Disarms a timer; false if it already fired or was disarmed before.
    pub fn disarm(&mut self, id: TimerId) -> bool {
        self.armed.remove(&id).is_some()
    }

    /// When the next timer fires.
    #[must_use]
    pub fn next_at(&self) -> Option<SimTime> {
        self.armed.first_key_value().map(|(id, _)| id.at)
    }

    /// Takes the next timer if it is due at `now`.
    pub fn pop_due(&mut self, now: SimTime) -> Option<(SimTime, Timer)> {
        let next = self.armed.first_entry()?;
        if next.key().at > now {
            return None;
        }
        let (id, timer) = next.remove_entry();
        Some((id.at, timer))
    }

    /// All armed timers in firing order.
    pub fn iter(&self) -> impl Iterator<Item = (SimTime, &Timer)> {
        self.armed.iter().map(|(id, timer)| (id.at, timer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id as _;

    fn program(n: u32) -> Timer {
        Timer::Program(ProcId::from_index(n))
    }

    #[test]
    fn timers_of_one_instant_fire_in_the_order_they_were_armed() {
        let mut queue = TimerQueue::default();
        queue.arm(SimTime::from_millis(2), program(0));
        queue.arm(SimTime::from_millis(1), program(1));
        let third = queue.arm(SimTime::from_millis(1), program(2));
        queue.arm(SimTime::from_millis(1), program(3));
        assert!(queue.disarm(third));
        assert!(!queue.disarm(third));
        let now = SimTime::from_millis(1);
        assert_eq!(queue.pop_due(now), Some((now, program(1))));
        assert_eq!(queue.pop_due(now), Some((now, program(3))));
        assert_eq!(queue.pop_due(now), None);
        assert_eq!(queue.next_at(), Some(SimTime::from_millis(2)));
    }
}
