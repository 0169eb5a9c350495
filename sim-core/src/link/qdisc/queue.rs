//! The packets that wait in a queueing discipline, by the time at which they leave (`tfifo_enqueue()`,
//! `netem_peek()`).

use std::collections::VecDeque;

use crate::kernel::Flight;
use crate::time::SimTime;

/// A packet that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    /// The packet.
    pub(super) flight: Flight,
    /// When it may leave.
    pub(super) time_to_send: SimTime,
    /// Its length as it was counted, in bytes.
    pub(super) bytes: u32,
    /// How many packets it counts as.
    pub(super) packets: u32,
}

/// All that wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    /// Those that were put in front of all others; the last one is next.
    front: VecDeque<Waiting>,
    /// The others; of those that leave at one time, the one that came first is first.
    timed: VecDeque<Waiting>,
}

impl Queue {
    /// Puts a packet in front of all others (`__qdisc_enqueue_head()`).
    pub(super) fn push_front(&mut self, waiting: Waiting) {
        self.front.push_front(waiting);
    }

    /// Puts a packet where its time is.
    pub(super) fn push(&mut self, waiting: Waiting) {
        let behind = |other: &Waiting| other.time_to_send <= waiting.time_to_send;
        // Without jitter that is the end.
        let at = match self.timed.back() {
            Some(last) if !behind(last) => self.timed.partition_point(behind),
            Some(_) | None => self.timed.len(),
        };
        self.timed.insert(at, waiting);
    }

    /// Takes the next packet if it may leave at `now`.
    pub(super) fn pop_due(&mut self, now: SimTime) -> Option<Waiting> {
        if let Some(first) = self.front.pop_front() {
            return Some(first);
        }
        self.timed.pop_front_if(|first| first.time_to_send <= now)
    }

    /// When the next packet may leave.
    pub(super) fn next_at(&self) -> Option<SimTime> {
        self.timed.front().map(|first| first.time_to_send)
    }

    /// The packets.
    pub(super) fn flights_mut(&mut self) -> impl Iterator<Item = &mut Flight> {
        self.front.iter_mut().chain(&mut self.timed).map(|waiting| &mut waiting.flight)
    }

    /// The packets, taken out.
    pub(super) fn into_flights(self) -> impl Iterator<Item = Flight> {
        self.front.into_iter().chain(self.timed).map(|waiting| waiting.flight)
    }
}
