//! The recorder: keeps the event stream for readers that come later.

use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::link::DevName;
use crate::trace::record::{Record, What};
use crate::trace::{Event, Moment, Observer, Origin, Tracked};

/// What a recorder keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keep {
    /// Every event.
    Everything,
    /// Only frames on devices, for captures.
    Frames,
    /// Only the ends of packets that nobody took, and what tables tell of those that are traced.
    Drops,
}

impl Keep {
    fn wants(self, event: Event<'_>) -> bool {
        match self {
            Self::Everything => true,
            Self::Frames => matches!(event, Event::Frame { .. }),
            Self::Drops => matches!(event, Event::Dropped { .. } | Event::Traced(_)),
        }
    }
}

/// Keeps what it observes until it is drained.
///
/// Device names are looked up at once, as devices come and go; the names of namespaces belong to the
/// world and are filled in by [`World::take_records`](crate::world::World::take_records).
#[derive(Clone, Debug)]
pub struct Recorder {
    keep: Keep,
    kept: Vec<Kept>,
}

/// A record whose namespace has no name yet.
#[derive(Clone, Debug)]
struct Kept {
    moment: Moment,
    dev: Option<DevName>,
    what: What,
}

impl Recorder {
    /// Makes an empty recorder.
    #[must_use]
    pub fn new(keep: Keep) -> Self {
        Self { keep, kept: Vec::new() }
    }

    /// Takes what was recorded since the last time, in order.
    pub fn drain(&mut self, mut netns_name: impl FnMut(NetnsId) -> String) -> Vec<Record> {
        self.kept
            .drain(..)
            .map(|kept| Record {
                time_ns: kept.moment.time.as_nanos(),
                flow: kept.moment.flow.0,
                netns: netns_name(kept.moment.netns),
                dev: kept.dev.map(|d| d.to_string()).unwrap_or_default(),
                what: kept.what,
            })
            .collect()
    }
}

impl Observer for Recorder {
    const ENABLED: bool = true;

    fn observe(&mut self, kernel: &Kernel, moment: Moment, event: Event<'_>) {
        if !self.keep.wants(event) {
            return;
        }
        let dev = kernel.devs.get(moment.dev).map(|d| d.name);
        self.kept.push(Kept { moment, dev, what: what(kernel, moment, event) });
    }
}

/// The owned form of an event.
fn what(kernel: &Kernel, moment: Moment, event: Event<'_>) -> What {
    use crate::id::Id as _;
    match event {
        Event::Started { origin } => started(origin),
        Event::Frame { direction, pkt_type, frame } => What::Frame {
            direction,
            pkt_type: pkt_type.number(),
            ethernet: kernel.devs.get(moment.dev).is_none_or(|d| d.has_ethernet_header()),
            hex: frame.to_vec(),
        },
        Event::Arrived { place, skb } => What::Arrived {
            place: place.to_string(),
            protocol: skb.meta.protocol.0,
            hex: skb.network_header().to_vec(),
        },
        Event::Routed { dst } => What::Routed {
            kind: dst.kind.name().to_owned(),
            out: kernel.devs.get(dst.dev).map(|d| d.name.to_string()).unwrap_or_default(),
            via: dst.gateway.map(|g| g.to_string()),
        },
        Event::Resolved { next_hop, addr } => {
            What::Resolved { next_hop: next_hop.to_string(), lladdr: addr.to_string() }
        }
        Event::Queued { next_hop } => What::Queued { next_hop: next_hop.to_string() },
        Event::Rewritten { what, before, after } => What::Rewritten {
            change: what.to_owned(),
            before: before.to_vec(),
            after: after.to_vec(),
        },
        Event::Delivered { socket } => What::Delivered { socket: socket.index() },
        Event::Consumed { by } => What::Consumed { by: by.to_owned() },
        Event::Chosen { stream, value } => What::Chosen { stream: stream.to_owned(), value },
        Event::Logged { level, text } => What::Logged { level, text: text.to_owned() },
        Event::Shown { group, prefix, packet } => {
            What::Shown { group, prefix: prefix.to_owned(), hex: packet.to_vec() }
        }
        Event::Tracked(Tracked { state, is_reply, tuples }) => What::Tracked {
            state: state.to_owned(),
            reply: is_reply,
            original: tuples.map(|[original, _]| original.to_string()),
            answers: tuples.map(|[_, answers]| answers.to_string()),
        },
        Event::Judged(judged) => What::Judged {
            table: judged.table.to_owned(),
            chain: judged.chain.to_owned(),
            met: judged.met.name().to_owned(),
            rule: judged.rule,
            verdict: judged.verdict.to_owned(),
            text: judged.text.to_string(),
        },
        Event::Traced(traced) => What::Traced {
            table: traced.table.to_owned(),
            chain: traced.chain.to_owned(),
            met: traced.met.name().to_owned(),
            rule: traced.rule,
            verdict: traced.verdict.to_owned(),
            text: traced.text.to_owned(),
        },
        Event::Dropped { reason } => {
            What::Dropped { reason: reason.name().to_owned(), meaning: reason.meaning().to_owned() }
        }
    }
}

fn started(origin: Origin) -> What {
    let (origin, cause) = match origin {
        Origin::Injected => ("injected", None),
        Origin::Socket(_) => ("socket", None),
        Origin::Reply { to, what } => (what, Some(to.0)),
        Origin::Timer { what } => (what, None),
        Origin::Copy { of } => ("copy", Some(of.0)),
    };
    What::Started { origin: origin.to_owned(), cause }
}
