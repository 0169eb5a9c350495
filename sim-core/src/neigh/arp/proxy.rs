//! Answers given for other hosts after a random time (`pneigh_enqueue()`, `neigh_proxy_process()`).
//!
//! The delay lets the owner of the address answer first, if it can hear the question.

use crate::id::NetnsId;
use crate::kernel::{Flight, Kernel, Timer};
use crate::neigh::arp::{Turn, process};
use crate::neigh::params::NeighVar;
use crate::neigh::update::{discard, jiffies};
use crate::trace::{DropReason, Observer};

/// Keeps the request until a random time within `proxy_delay`. A queue that is too long keeps nothing
/// more.
pub(super) fn answer_later(k: &mut Kernel, f: &mut Flight) {
    let parms = k.netns[f.netns].arp.parms(f.dev);
    let longest = u32::try_from(parms.get(NeighVar::ProxyDelay)).unwrap_or(0);
    let room = parms.get(NeighVar::ProxyQlen);
    let dev = f.dev;
    let queue = &k.netns[f.netns].arp.proxy_queue;
    let waiting = queue.iter().filter(|(_, waiting)| waiting.dev == dev).count();
    if i64::try_from(waiting).unwrap_or(i64::MAX) > room {
        return;
    }
    let due = jiffies(k) + i64::from(k.rng.stream("arp.proxy_delay").below(longest));
    let skb = std::mem::replace(&mut f.skb, k.skb());
    let later = f.with_skb(skb);
    k.netns[f.netns].arp.proxy_queue.push_back((due, later));
    rearm(k, f.netns);
}

/// Sets the timer to the first request that is due.
fn rearm(k: &mut Kernel, netns: NetnsId) {
    let table = &mut k.netns[netns].arp;
    let first = table.proxy_queue.iter().map(|(due, _)| *due).min();
    if let Some(old) = table.proxy_timer.take() {
        k.timers.disarm(old);
    }
    if let Some(due) = first {
        let at = u64::try_from(due).unwrap_or(0);
        let timer = k.timers.arm_jiffies(k.now, at, Timer::ArpProxy(netns));
        k.netns[netns].arp.proxy_timer = Some(timer);
    }
}

/// Answers the requests that are due.
pub fn answer_for_others<O: Observer>(k: &mut Kernel, netns: NetnsId, o: &mut O) {
    if k.netns.get(netns).is_none() {
        return;
    }
    let now = jiffies(k);
    k.netns[netns].arp.proxy_timer = None;
    let mut queue = std::mem::take(&mut k.netns[netns].arp.proxy_queue);
    let mut left = std::mem::take(&mut k.netns[netns].arp.proxy_queue);
    while let Some((due, mut flight)) = queue.pop_front() {
        if due > now {
            left.push_back((due, flight));
        } else if k.devs.get(flight.dev).is_some_and(|dev| dev.is_up()) {
            match process(k, &mut flight, Turn::Waited, o) {
                Ok(()) => k.pool.give(flight.skb),
                Err(reason) => discard(k, flight, reason, o),
            }
        } else {
            discard(k, flight, DropReason::NotSpecified, o);
        }
    }
    k.netns[netns].arp.proxy_queue = left;
    rearm(k, netns);
}
