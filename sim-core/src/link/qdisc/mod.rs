//! Queueing disciplines: what a device's frames pass before its driver gets them (`net/sched/`).
//!
//! Most devices have none (`noqueue`): then nothing here is called. One that is put at the root of a device
//! is [`netem`], which loses, delays, doubles and reorders frames. It stands in front of captures: what it
//! loses, `tcpdump` on the sending device never sees.

pub mod netem;
mod queue;
#[cfg(test)]
mod tests;

use crate::id::DevId;
use crate::kernel::{Flight, Kernel, Place, Timer, TimerId};
use crate::link::receive;
use crate::netns::stack::{self, Decision};
use crate::packet::Skb;
use crate::packet::segment::wire_size;
use crate::trace::{DropReason, Event, Observer};

pub use netem::Netem;
use queue::{Queue, Waiting};

/// The major number of a queueing discipline (`TC_H_MAJ(handle)`), written `8001:`; those of the kernel's own
/// have none, which is written `0:`.
pub type Handle = u16;

/// From this number on the kernel chooses for itself (`qdisc_alloc_handle()`).
const FIRST_AUTO_HANDLE: Handle = 0x8000;

/// A queueing discipline at the root of a device (`struct Qdisc`).
#[derive(Clone, Debug)]
pub struct Qdisc {
    /// Its number.
    pub handle: Handle,
    /// What it does to frames.
    pub netem: Netem,
    /// What it has counted.
    pub stats: QdiscStats,
    queue: Queue,
    timer: Option<TimerId>,
}

/// What a queueing discipline counts (`gnet_stats_basic`, `gnet_stats_queue`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct QdiscStats {
    /// Bytes that it passed to the device, link headers included.
    pub bytes: u64,
    /// Packets that it passed to the device: a packet of several segments counts as that many.
    pub packets: u32,
    /// Packets that it dropped.
    pub drops: u32,
    /// Packets that it put in front of others.
    pub requeues: u32,
    /// Bytes of the packets that wait.
    pub backlog: u32,
    /// How many wait.
    pub qlen: u32,
}

impl Qdisc {
    /// One that nothing has passed yet.
    #[must_use]
    pub fn new(handle: Handle, netem: Netem) -> Self {
        Self { handle, netem, stats: QdiscStats::default(), queue: Queue::default(), timer: None }
    }
}

impl Kernel {
    /// A number for a queueing discipline that was given none: the next one of the machine that the device does not
    /// use (`qdisc_alloc_handle()`).
    pub fn next_qdisc_handle(&mut self, dev: DevId) -> Handle {
        loop {
            // The last number stands for the root.
            self.auto_handle = match self.auto_handle.saturating_add(1) {
                Handle::MAX => FIRST_AUTO_HANDLE,
                next => next.max(FIRST_AUTO_HANDLE + 1),
            };
            let used = self.devs[dev].root_qdisc.as_ref().map(|qdisc| qdisc.handle);
            if used != Some(self.auto_handle) {
                return self.auto_handle;
            }
        }
    }
}

/// A device's queueing discipline gets a frame (`__dev_xmit_skb()`), then passes on what is due.
pub fn enqueue<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<()> {
    let answer = netem::enqueue(k, f, o);
    run(k, f.dev);
    answer
}

/// Passes what is due to the device, and waits for what is not (`__qdisc_run()`). Nobody waits for what becomes of
/// these frames.
fn run(k: &mut Kernel, dev: DevId) {
    let now = k.now;
    let mut last: Option<Flight> = None;
    while let Some(qdisc) = k.devs[dev].root_qdisc.as_deref_mut()
        && let Some(waiting) = qdisc.queue.pop_due(now)
    {
        let Waiting { mut flight, bytes, packets, .. } = waiting;
        qdisc.stats.bytes += u64::from(bytes);
        qdisc.stats.packets = qdisc.stats.packets.wrapping_add(packets);
        qdisc.forget(bytes);
        k.release(&flight);
        flight.place = Place::NetemDequeue;
        // All leave before what comes back is looked at.
        if let Some(mut before) = last.replace(flight) {
            before.more = true;
            k.spawn(before);
        }
    }
    if let Some(flight) = last {
        k.spawn(flight);
    }
    let Some(qdisc) = k.devs[dev].root_qdisc.as_deref_mut() else { return };
    let next = qdisc.queue.next_at();
    if qdisc.timer.map(TimerId::at) == next {
        return;
    }
    if let Some(timer) = qdisc.timer.take() {
        k.timers.disarm(timer);
    }
    qdisc.timer = next.map(|at| k.timers.arm(at, Timer::Qdisc(dev)));
}

/// The time of the frame at the head has come (`qdisc_watchdog()`).
pub fn watchdog(k: &mut Kernel, dev: DevId) {
    if let Some(qdisc) = k.devs.get_mut(dev).and_then(|device| device.root_qdisc.as_deref_mut()) {
        qdisc.timer = None;
        run(k, dev);
    }
}

impl Qdisc {
    /// Notes that a frame of `bytes` bytes waits (`qdisc_qstats_backlog_inc()`).
    fn note(&mut self, bytes: u32) {
        self.stats.backlog = self.stats.backlog.wrapping_add(bytes);
        self.stats.qlen += 1;
    }

    /// Notes that a frame of `bytes` bytes waits no longer.
    fn forget(&mut self, bytes: u32) {
        self.stats.backlog = self.stats.backlog.wrapping_sub(bytes);
        self.stats.qlen = self.stats.qlen.saturating_sub(1);
    }
}

/// A device is switched off or loses its carrier: what waits is lost, and counts nowhere (`dev_deactivate()`).
pub fn reset<O: Observer>(k: &mut Kernel, dev: DevId, o: &mut O) {
    let Some(qdisc) = k.devs[dev].root_qdisc.as_deref_mut() else { return };
    let (queue, timer) = (std::mem::take(&mut qdisc.queue), qdisc.timer.take());
    (qdisc.stats.backlog, qdisc.stats.qlen) = (0, 0);
    if let Some(timer) = timer {
        k.timers.disarm(timer);
    }
    for flight in queue.into_flights() {
        k.release(&flight);
        stack::emit(k, &flight, o, |_| Event::Dropped { reason: DropReason::NotSpecified });
        k.pool.give(flight.skb);
    }
}

/// Puts another queueing discipline at the root of a device, or takes the one there away; what waits in it is lost
/// (`qdisc_graft()`). A device that is down has none then until it is switched on.
pub fn graft<O: Observer>(k: &mut Kernel, dev: DevId, new: Option<Qdisc>, o: &mut O) {
    reset(k, dev, o);
    k.with_qdisc.retain(|other| *other != dev);
    let device = &mut k.devs[dev];
    if new.is_none() && !device.is_up() {
        device.was_up = false;
    }
    if new.is_some() {
        k.with_qdisc.push(dev);
    }
    device.root_qdisc = new.map(Box::new);
}

/// A device goes that packets came by, or that their routes lead to: those that wait at others forget it.
pub(crate) fn forget_device(k: &mut Kernel, gone: DevId) {
    for dev in &k.with_qdisc {
        let Some(qdisc) = k.devs[*dev].root_qdisc.as_deref_mut() else { continue };
        for flight in qdisc.queue.flights_mut() {
            if flight.iif == Some(gone) {
                flight.iif = None;
            }
            if flight.dst.is_some_and(|dst| dst.dev == gone) {
                flight.dst = None;
            }
        }
    }
}

/// How long a packet is for a queueing discipline, in bytes, and how many it counts as (`qdisc_pkt_len_init()`): one
/// of several segments is as long as these are together.
fn size(f: &Flight) -> (u32, u32) {
    let (extra, packets) = wire_size(&f.skb);
    let bytes = receive::counted_len(f) + extra;
    (u32::try_from(bytes).unwrap_or(u32::MAX), u32::try_from(packets).unwrap_or(u32::MAX))
}

/// Takes the packet out of a flight that ends here; it goes on as another one.
fn take(k: &mut Kernel, f: &mut Flight) -> Flight {
    let skb: Box<Skb> = std::mem::replace(&mut f.skb, k.skb());
    f.with_skb(skb)
}
