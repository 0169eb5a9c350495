//! Packets that wait for a program's verdict (`nfnetlink_queue`).
//!
//! A program binds a queue of its namespace by number; what the target `NFQUEUE` sends there waits until the program
//! lets it go on. So the order of packets at one hook can be turned round, which is how races are looked at.

use std::collections::{BTreeMap, VecDeque};

use crate::id::NetnsId;
use crate::kernel::{Flight, Kernel, Place};
use crate::netfilter::conntrack::garbage;

/// How many packets a queue holds (`NFQNL_QMAX_DEFAULT`).
const MOST: usize = 1024;

/// The queues of a namespace that a program has bound, by number.
#[derive(Clone, Debug, Default)]
pub struct Queues {
    bound: BTreeMap<u16, VecDeque<Box<Flight>>>,
}

/// What becomes of a packet that is sent to a queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Queued {
    /// It waits.
    Waits,
    /// Nobody has bound the queue.
    NoProgram,
    /// The queue is full, or the packet is a bridge's, which cannot wait here.
    Refused,
}

/// Puts the packet into a queue; it goes on behind the `next`th function of its hook.
pub(super) fn hold(k: &mut Kernel, f: &mut Flight, number: u16, next: usize) -> Queued {
    let netns = f.netns;
    if !matches!(f.place, Place::Hook(_)) {
        return Queued::Refused;
    }
    match k.netns[netns].nf.queues.bound.get(&number).map(VecDeque::len) {
        None => return Queued::NoProgram,
        Some(MOST..) => return Queued::Refused,
        Some(_) => {}
    }
    let skb = std::mem::replace(&mut f.skb, k.skb());
    let mut held = f.with_skb(skb);
    held.hook_done = next;
    garbage::hold(k, &held);
    if let Some(queue) = k.netns[netns].nf.queues.bound.get_mut(&number) {
        queue.push_back(Box::new(held));
    }
    Queued::Waits
}

impl Kernel {
    /// Binds a queue of a namespace.
    pub fn bind_queue(&mut self, netns: NetnsId, number: u16) {
        self.netns[netns].nf.queues.bound.entry(number).or_default();
    }

    /// Takes the packet out that waits longest in a queue, to go on (`nf_reinject()`).
    pub fn take_queued(&mut self, netns: NetnsId, number: u16) -> Option<Flight> {
        let flight = self.netns[netns].nf.queues.bound.get_mut(&number)?.pop_front()?;
        garbage::release(self, &flight);
        Some(*flight)
    }
}
