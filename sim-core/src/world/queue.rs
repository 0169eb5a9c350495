//! Packets that wait for a program's verdict, as the program sees them.

use crate::id::NetnsId;
use crate::world::{World, observed};

impl World {
    /// Binds the queue `number` of the target `NFQUEUE` in `netns`: what is sent there waits from now on.
    pub fn bind_queue(&mut self, netns: NetnsId, number: u16) {
        self.kernel.bind_queue(netns, number);
    }

    /// Lets `count` packets of a queue go on, or all that wait; those that wait longest come first.
    pub fn release_queued(&mut self, netns: NetnsId, number: u16, count: Option<u32>) {
        for _ in 0..count.unwrap_or(u32::MAX) {
            let Some(flight) = self.kernel.take_queued(netns, number) else { break };
            observed!(self, |k, o| k.run_from_syscall(flight, o));
        }
        self.run_programs();
    }
}
