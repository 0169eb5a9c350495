//! The loop that advances flights.
//!
//! There is one CPU. A packet that a system call sends is processed until a device has it, then the
//! softirq takes up what devices have received, then the system call goes on with its next packet:
//! this is when `local_bh_enable()` runs pending softirqs. Within the softirq, received frames wait
//! for their turn in the backlog, first come first served. So the order of all frames on all devices
//! is a function of the input, as it is on a real machine with one CPU.

use crate::kernel::{Flight, Kernel};
use crate::netfilter::conntrack;
use crate::netns::stack;
use crate::trace::Observer;

/// What becomes of a flight after a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Step {
    /// It goes on at its new place.
    Continue,
    /// A device has received it, where it waits for the softirq.
    Received,
    /// It is over: its packet was delivered, dropped, stored or handed to another flight.
    Done,
}

impl Kernel {
    /// Runs `flight` and all that comes of it, as a system call does: the softirq runs each time a
    /// device was handed a frame.
    pub fn run_from_syscall<O: Observer>(&mut self, flight: Flight, observer: &mut O) {
        let base = self.stack.len();
        let flight = self.seats.take(flight, &mut self.pool);
        self.stack.push(flight);
        while self.stack.len() > base {
            let Some(flight) = self.stack.pop() else { break };
            let more = flight.more;
            self.run_one(flight, observer);
            if !more {
                self.softirq(observer);
            }
        }
        self.collect_garbage();
    }

    /// Runs `flight` to its end within the processing of another one or of a timer, and leaves what devices
    /// receive to wait.
    pub fn run_within<O: Observer>(&mut self, flight: Flight, observer: &mut O) {
        let base = self.stack.len();
        let flight = self.seats.take(flight, &mut self.pool);
        self.stack.push(flight);
        self.run_down_to(base, observer);
    }

    /// Runs the flights that a timer or a device event has started, then the backlog.
    pub fn run_pending<O: Observer>(&mut self, observer: &mut O) {
        self.run_spawned(observer);
        self.softirq(observer);
        self.collect_garbage();
    }

    /// Forgets connections that no packet can have any more.
    fn collect_garbage(&mut self) {
        if !self.ct_garbage.is_empty() {
            conntrack::garbage::collect(self);
        }
    }

    /// Runs the flights that a timer has started, and leaves what devices receive to wait.
    pub fn run_spawned<O: Observer>(&mut self, observer: &mut O) {
        let base = self.stack.len();
        self.stack_spawned();
        self.run_down_to(base, observer);
    }

    /// Processes received frames until none is left (`net_rx_action()`).
    fn softirq<O: Observer>(&mut self, observer: &mut O) {
        while let Some(flight) = self.backlog.pop_front() {
            let base = self.stack.len();
            self.run_one(flight, observer);
            self.run_down_to(base, observer);
        }
    }

    /// Runs flights until the stack is as high as it was.
    fn run_down_to<O: Observer>(&mut self, base: usize, observer: &mut O) {
        while self.stack.len() > base {
            if let Some(flight) = self.stack.pop() {
                self.run_one(flight, observer);
            }
        }
    }

    /// Puts the spawned flights on the stack, the first of them on top.
    fn stack_spawned(&mut self) {
        while let Some(flight) = self.spawned.pop() {
            self.stack.push(flight);
        }
    }

    /// Steps a flight to its end, or until it spawns others: these and the rest of the flight are then
    /// on the stack.
    fn run_one<O: Observer>(&mut self, mut flight: Box<Flight>, observer: &mut O) {
        loop {
            let step = stack::step(self, &mut flight, observer);
            if step == Step::Continue && self.spawned.is_empty() {
                continue;
            }
            match step {
                Step::Continue => self.stack.push(flight),
                Step::Received => self.backlog.push_back(flight),
                Step::Done => self.seats.give(flight, &mut self.pool),
            }
            return self.stack_spawned();
        }
    }
}
