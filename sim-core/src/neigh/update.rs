//! Making, changing and removing entries, with all that follows: timers, questions, and what becomes
//! of the packets that wait.

use std::collections::VecDeque;

use crate::id::{DevId, NetnsId};
use crate::kernel::rtnl::{self, Change};
use crate::kernel::{Flight, Kernel, Place};
use crate::neigh::entry::{Effects, Neigh, SetTimer, Update, UpdateRefused};
use crate::neigh::params::{HZ, NeighVar, ReachableTime};
use crate::neigh::protocol::{Protocol, Question};
use crate::neigh::state::NudState;
use crate::netfilter::conntrack::garbage;
use crate::netns::stack;
use crate::trace::{DropReason, Event, Observer};

/// There is no room for another entry (`ENOBUFS`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoRoom;

/// The jiffy that it is.
pub(super) fn jiffies(k: &Kernel) -> i64 {
    i64::try_from(k.now.jiffies()).unwrap_or(i64::MAX)
}

/// For how long a confirmation holds on `dev`, in jiffies: half to one and a half times the setting,
/// drawn anew every five minutes (`neigh_rand_reach_time()`).
fn reachable_time<F: Protocol>(k: &mut Kernel, netns: NetnsId, dev: DevId) -> i64 {
    const REDRAW: i64 = 300 * HZ;
    let now = jiffies(k);
    let parms = F::table_mut(&mut k.netns[netns]).parms_mut(dev);
    if let Some(drawn) = parms.reachable.filter(|r| now <= r.drawn + REDRAW) {
        return drawn.jiffies;
    }
    let base = u32::try_from(parms.get(NeighVar::BaseReachableTime)).unwrap_or(0);
    let random = if base == 0 { 0 } else { k.rng.stream("neigh.reachable").below(base) };
    let jiffies = i64::from(random) + i64::from(base / 2);
    parms.reachable = Some(ReachableTime { jiffies, drawn: now });
    jiffies
}

/// Finds the entry of `addr` on `dev` or makes one (`neigh_create()`); returns the address under which
/// it is kept.
///
/// # Errors
/// The table is full.
pub fn create<F: Protocol, O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    addr: F::Addr,
    exempt: bool,
    o: &mut O,
) -> Result<F::Addr, NoRoom> {
    let netns = k.devs[dev].netns;
    let key = F::key(&k.devs[dev], addr);
    if F::table(&k.netns[netns]).get(dev, key).is_some() {
        return Ok(key);
    }
    let now = jiffies(k);
    if !exempt {
        let table = F::table_mut(&mut k.netns[netns]);
        let evicted = table.make_room(now, &k.neigh).map_err(|_| NoRoom)?;
        for (dev, addr) in evicted {
            remove::<F, O>(k, dev, addr, o);
        }
    }
    let mut neigh = Neigh::new(now, F::table(&k.netns[netns]).parms(dev));
    if let Some((state, lladdr)) = F::construct(k, dev, addr) {
        (neigh.state, neigh.lladdr) = (state, lladdr);
    }
    F::table_mut(&mut k.netns[netns]).insert(dev, key, neigh);
    super::timer::watch_size::<F>(k, netns);
    Ok(key)
}

/// Changes an entry that is there (`neigh_update()`).
///
/// # Errors
/// The change is not allowed; nothing has changed then.
pub fn update<F: Protocol, O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    key: F::Addr,
    update: &Update,
    o: &mut O,
) -> Result<(), UpdateRefused> {
    let netns = k.devs[dev].netns;
    let (now, reachable) = (jiffies(k), reachable_time::<F>(k, netns, dev));
    let changed = F::table_mut(&mut k.netns[netns])
        .change(dev, key, |neigh, parms| neigh.update(now, parms, reachable, update));
    if let Some(effects) = changed {
        apply::<F, O>(k, dev, key, effects?, o);
    }
    Ok(())
}

/// An entry's timer fired.
pub(super) fn expire<F: Protocol, O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    key: F::Addr,
    o: &mut O,
) {
    let Some(netns) = k.devs.get(dev).map(|d| d.netns) else { return };
    let (now, reachable) = (jiffies(k), reachable_time::<F>(k, netns, dev));
    let effects = F::table_mut(&mut k.netns[netns]).change(dev, key, |neigh, parms| {
        neigh.timer = None;
        neigh.expire(now, parms, reachable)
    });
    if let Some(effects) = effects {
        apply::<F, O>(k, dev, key, effects, o);
    }
}

/// Does what a change of an entry asks for.
pub(super) fn apply<F: Protocol, O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    key: F::Addr,
    effects: Effects,
    o: &mut O,
) {
    if effects == Effects::default() {
        return;
    }
    let netns = k.devs[dev].netns;
    let Some(neigh) = F::table_mut(&mut k.netns[netns]).get_mut(dev, key) else { return };
    let timer = if effects.timer == SetTimer::Keep { None } else { neigh.timer.take() };
    let mut queue = VecDeque::new();
    if effects.send_queue || effects.fail_queue {
        neigh.queue_bytes = 0;
        queue = std::mem::take(&mut neigh.queue);
    }
    let place = if effects.send_queue { Place::Neighbour } else { Place::LinkFailure };
    for mut flight in queue {
        garbage::release(k, &flight);
        flight.place = place;
        k.spawn(flight);
    }
    if let Some(timer) = timer {
        k.timers.disarm(timer);
    }
    if let SetTimer::At(at) = effects.timer {
        let id = k.timers.arm_jiffies(k.now, u64::try_from(at).unwrap_or(0), F::timer(dev, key));
        if let Some(neigh) = F::table_mut(&mut k.netns[netns]).get_mut(dev, key) {
            neigh.timer = Some(id);
        }
    }
    if effects.probe {
        probe::<F, O>(k, dev, key, o);
    }
    if effects.notify {
        rtnl::neigh::<F>(k, dev, key, Change::New);
    }
}

/// Asks the neighbour (`neigh_probe()`).
fn probe<F: Protocol, O: Observer>(k: &mut Kernel, dev: DevId, key: F::Addr, o: &mut O) {
    let netns = k.devs[dev].netns;
    let Some(neigh) = F::table_mut(&mut k.netns[netns]).get_mut(dev, key) else { return };
    let last = neigh.queue.back();
    let question = Question {
        dev,
        target: key,
        state: neigh.state,
        lladdr: neigh.lladdr,
        probes: neigh.probes,
        waiting: last.and_then(|f| Some((F::source(f.skb.network_header())?, f.flow))),
    };
    neigh.probes += 1;
    F::solicit(k, &question, o);
}

/// Removes an entry; packets that wait are dropped without a word (`neigh_remove_one()`).
pub fn remove<F: Protocol, O: Observer>(k: &mut Kernel, dev: DevId, key: F::Addr, o: &mut O) {
    let netns = k.devs[dev].netns;
    rtnl::neigh::<F>(k, dev, key, Change::Deleted);
    let Some(neigh) = F::table_mut(&mut k.netns[netns]).remove(dev, key) else { return };
    if let Some(timer) = neigh.timer {
        k.timers.disarm(timer);
    }
    for flight in neigh.queue {
        discard(k, flight, DropReason::QueuePurge, o);
    }
}

/// Ends a packet that waited.
pub(super) fn discard<O: Observer>(k: &mut Kernel, flight: Flight, why: DropReason, o: &mut O) {
    garbage::release(k, &flight);
    stack::emit(k, &flight, o, |_| Event::Dropped { reason: why });
    k.pool.give(flight.skb);
}

/// Removes all entries of `dev`, perhaps but the permanent ones (`neigh_flush_dev()`).
pub(super) fn flush_device<F: Protocol, O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    keep_permanent: bool,
    o: &mut O,
) {
    let netns = k.devs[dev].netns;
    let goes = |on: DevId, neigh: &mut Neigh| {
        on == dev && !(keep_permanent && neigh.state == NudState::Permanent)
    };
    for (dev, key) in F::table_mut(&mut k.netns[netns]).keys_of(goes) {
        remove::<F, O>(k, dev, key, o);
    }
}
