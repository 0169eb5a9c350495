//! `netem`: a wire that loses, delays, doubles and reorders (`net/sched/sch_netem.c`).
//!
//! Chance has a stream for each thing that it decides, and nothing is drawn for what is not asked for.

use super::queue::Waiting;
use super::{Qdisc, size, take};
use crate::errno::Errno;
use crate::kernel::{Flight, Kernel};
use crate::netns::stack::{self, Decision};
use crate::time::SimTime;
use crate::trace::{DropReason, Event, Observer, Origin};

/// A time in units of 64 ns (`PSCHED_SHIFT`), as it crosses netlink.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ticks(pub u32);

impl Ticks {
    /// The shortest time.
    pub const ZERO: Self = Self(0);

    /// The time in nanoseconds (`PSCHED_TICKS2NS()`).
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        // Both fit: 2^32 times 64 is 2^38.
        (self.0 as i64) << 6
    }
}

/// A part of all, in units of 1/(2^32-1).
pub type Share = u32;

/// What the request says (`struct tc_netem_qopt` and its attributes), and what is then in force.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NetemOptions {
    /// How many packets may wait.
    pub limit: u32,
    /// How long packets are delayed.
    pub latency: Ticks,
    /// By how much longer or shorter, evenly distributed.
    pub jitter: Ticks,
    /// How many are lost.
    pub loss: Share,
    /// How many come twice.
    pub duplicate: Share,
    /// From the how manieth on one may go in front of those that wait; 0 if none does.
    pub gap: u32,
    /// How many of these do (`TCA_NETEM_REORDER`). A request without it leaves what there is, or takes all if `gap`
    /// is not 0.
    pub reorder: Option<Share>,
}

impl Default for NetemOptions {
    /// What `tc` says if it is not told otherwise.
    fn default() -> Self {
        Self {
            limit: 1000,
            latency: Ticks::ZERO,
            jitter: Ticks::ZERO,
            loss: 0,
            duplicate: 0,
            gap: 0,
            reorder: None,
        }
    }
}

/// The most jitter, in nanoseconds (`netem_change()`).
const MAX_JITTER: i64 = i32::MAX as i64;

/// What is done to packets (`struct netem_sched_data`).
#[derive(Clone, Copy, Debug)]
pub struct Netem {
    options: NetemOptions,
    /// How many packets were delayed since the last one that was not.
    counter: u32,
}

impl Netem {
    /// A wire with these properties.
    #[must_use]
    pub fn new(options: &NetemOptions) -> Self {
        let mut netem = Self { options: NetemOptions::default(), counter: 0 };
        netem.change(options);
        netem
    }

    /// Gives the wire other properties; packets that wait keep their times (`netem_change()`).
    pub fn change(&mut self, options: &NetemOptions) {
        let all = (options.gap > 0).then_some(Share::MAX);
        let reorder = options.reorder.or(all).or(self.options.reorder);
        self.options = NetemOptions { reorder, ..*options };
        self.counter = 0;
    }

    /// What is in force, as a dump tells it (`netem_dump()`).
    #[must_use]
    pub fn options(&self) -> NetemOptions {
        let most = u32::try_from(MAX_JITTER >> 6).unwrap_or(u32::MAX);
        NetemOptions { jitter: self.options.jitter.min(Ticks(most)), ..self.options }
    }

    /// Whether the next packet may go in front of those that wait.
    fn may_reorder(&self) -> bool {
        let gap = self.options.gap;
        gap != 0 && self.counter >= gap - 1
    }

    /// How long a packet is delayed, in nanoseconds, perhaps less than nothing; `random` decides, if there is jitter
    /// (`tabledist()`).
    fn delay(&self, random: Option<u32>) -> i64 {
        let latency = self.options.latency.as_nanos();
        let jitter = self.options.jitter.as_nanos().min(MAX_JITTER);
        random.map_or(latency, |random| i64::from(random) % (2 * jitter) + latency - jitter)
    }
}

/// Whether a packet is one that may come twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Copies {
    Perhaps,
    Never,
}

/// Draws a number that decides about a packet.
fn draw<O: Observer>(k: &mut Kernel, f: &Flight, stream: &'static str, o: &mut O) -> u32 {
    let value = k.rng.stream(stream).next_u32();
    stack::emit(k, f, o, |_| Event::Chosen { stream, value });
    value
}

/// Whether chance hits a packet that a share of all are hit of.
fn hits<O: Observer>(
    k: &mut Kernel,
    f: &Flight,
    share: Share,
    stream: &'static str,
    o: &mut O,
) -> bool {
    share != 0 && share >= draw(k, f, stream, o)
}

/// Loses a packet or lets it wait (`netem_enqueue()`). Who sends it does not hear that it is lost, but that there is no
/// room for it.
pub(super) fn enqueue<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<()> {
    enqueue_one(k, f, Copies::Perhaps, o)
}

fn enqueue_one<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    copies: Copies,
    o: &mut O,
) -> Decision<()> {
    let Some(options) = qdisc(k, f).map(|qdisc| qdisc.netem.options) else { return Ok(()) };
    let doubled = copies == Copies::Perhaps && hits(k, f, options.duplicate, "netem.duplicate", o);
    let lost = hits(k, f, options.loss, "netem.loss", o);
    // Of a packet that comes twice, one is lost.
    if lost && !doubled {
        return drop(k, f);
    }
    if qdisc(k, f).is_some_and(|qdisc| qdisc.stats.qlen >= options.limit) {
        k.refuse_send(f, Errno::ENOBUFS);
        return drop(k, f);
    }
    if doubled && !lost {
        let mut copy = k.clone_flight(f);
        stack::emit(k, &copy, o, |_| Event::Started { origin: Origin::Copy { of: f.flow } });
        if let Err(reason) = enqueue_one(k, &mut copy, Copies::Never, o) {
            stack::emit(k, &copy, o, |_| Event::Dropped { reason });
        }
        k.pool.give(copy.skb);
    }
    wait(k, f, o);
    Ok(())
}

/// Has the packet wait for its time, or puts it in front.
fn wait<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) {
    let Some(netem) = qdisc(k, f).map(|qdisc| qdisc.netem) else { return };
    let reorder = netem.options.reorder.unwrap_or(0);
    let in_front = netem.may_reorder() && reorder >= draw(k, f, "netem.reorder", o);
    let delay = if in_front {
        0
    } else {
        let has_jitter = netem.options.jitter != Ticks::ZERO;
        netem.delay(has_jitter.then(|| draw(k, f, "netem.delay", o)))
    };
    let time_to_send = SimTime::from_nanos(k.now.as_nanos().saturating_add_signed(delay));
    let (bytes, packets) = size(f);
    let flight = take(k, f);
    k.hold(&flight);
    let waiting = Waiting { flight, time_to_send, bytes, packets };
    let Some(qdisc) = qdisc(k, f) else { return };
    qdisc.note(bytes);
    if in_front {
        qdisc.netem.counter = 0;
        qdisc.stats.requeues = qdisc.stats.requeues.wrapping_add(1);
        qdisc.queue.push_front(waiting);
    } else {
        qdisc.netem.counter = qdisc.netem.counter.wrapping_add(1);
        qdisc.queue.push(waiting);
    }
}

/// The queueing discipline that the packet is at.
fn qdisc<'k>(k: &'k mut Kernel, f: &Flight) -> Option<&'k mut Qdisc> {
    k.devs[f.dev].root_qdisc.as_deref_mut()
}

/// Drops the packet, and counts it (`qdisc_drop()`).
fn drop(k: &mut Kernel, f: &Flight) -> Decision<()> {
    if let Some(qdisc) = qdisc(k, f) {
        qdisc.stats.drops = qdisc.stats.drops.wrapping_add(1);
    }
    Err(DropReason::QdiscDrop)
}
