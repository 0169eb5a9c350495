//! The walk of a packet: what it met, from its sender to its end, and the walk of its answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddrV4;

use sim_core::packet::{IpProto, Ipv4};
use sim_core::trace::Direction;
use sim_core::trace::record::{Record, What};

/// What a packet's header says of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Where it comes from; the port is 0 where the protocol has none.
    pub from: SocketAddrV4,
    /// Where it goes.
    pub to: SocketAddrV4,
    /// The protocol's number.
    pub protocol: u8,
}

impl Header {
    /// Reads it from the network header on.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let ip = Ipv4::parse(bytes).ok()?;
        let has_ports = matches!(ip.proto(), IpProto::TCP | IpProto::UDP | IpProto::SCTP);
        let ports = ip.payload().first_chunk().filter(|_| has_ports && ip.frag_offset() == 0);
        let [from, to] = ports.map_or([0, 0], |&[a, b, c, d]| {
            [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
        });
        Some(Self {
            from: SocketAddrV4::new(ip.src(), from),
            to: SocketAddrV4::new(ip.dst(), to),
            protocol: ip.proto().0,
        })
    }
}

/// `tcp 10.42.0.5:40000 > 10.43.0.1:443`.
impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.protocol {
            1 => "icmp",
            6 => "tcp",
            17 => "udp",
            132 => "sctp",
            other => return write!(f, "ip-proto-{other} {} > {}", self.from.ip(), self.to.ip()),
        };
        write!(f, "{name} {} > {}", Endpoint(self.from), Endpoint(self.to))
    }
}

/// An address, with its port if there is one.
struct Endpoint(SocketAddrV4);

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.port() == 0 { self.0.ip().fmt(f) } else { self.0.fmt(f) }
    }
}

/// What a packet met at a place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stop {
    /// The namespace.
    pub netns: String,
    /// The device.
    pub dev: String,
    /// What there was.
    pub what: Met,
}

/// What a packet meets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Met {
    /// It came out of a wire, or a program sent it.
    Arrived(Header),
    /// It left by a device; if that wrapped it up, so does this.
    Left,
    /// A place of the stack: `PREROUTING`, `bridge forward`, ...
    Place(String),
    /// The lookup of its route.
    Routed {
        /// The kind of the route.
        kind: String,
        /// The device that it leads to.
        out: String,
        /// The next router.
        via: Option<String>,
    },
    /// Its connection.
    Tracked {
        /// What it is to the connection.
        state: String,
        /// Both tuples.
        tuples: Option<[String; 2]>,
    },
    /// A rule or a policy.
    Judged(Judgement),
    /// Its addresses were changed.
    Translated {
        /// What it was.
        before: Header,
        /// What it is.
        after: Header,
    },
    /// It has to wait until the next hop's address is known.
    Queued(String),
    /// Chance decided.
    Chosen {
        /// Which stream of random numbers.
        stream: String,
        /// What was drawn.
        value: u32,
    },
}

/// What a table decided.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judgement {
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// Which rule, counted from 1; `None` is the policy.
    pub rule: Option<usize>,
    /// What was decided.
    pub verdict: String,
    /// The rule as it was written.
    pub text: String,
}

/// How a packet ended: a closed list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// A program got it.
    Delivered,
    /// The stack itself took it, and may have answered.
    Consumed(String),
    /// A rule refused it, and the sender was told.
    Rejected(Judgement),
    /// A rule or a policy dropped it.
    DroppedByRule(Judgement),
    /// The kernel dropped it: its name for the reason, and the reason in words.
    DroppedByKernel(String, String),
    /// It went where nobody is.
    Lost,
}

impl Verdict {
    /// The word that expectations have for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Consumed(_) => "consumed",
            Self::Rejected(_) => "rejected",
            Self::DroppedByRule(_) | Self::DroppedByKernel(..) => "dropped",
            Self::Lost => "lost",
        }
    }

    /// How far it got: of a packet's copies the one counts that got farthest.
    const fn rank(&self) -> u8 {
        match self {
            Self::Lost => 0,
            Self::DroppedByKernel(..) => 1,
            Self::DroppedByRule(_) | Self::Rejected(_) => 2,
            Self::Consumed(_) => 3,
            Self::Delivered => 4,
        }
    }

    /// All words for verdicts.
    pub const WORDS: [&'static str; 5] = ["delivered", "consumed", "rejected", "dropped", "lost"];
}

/// The walk of one packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Walk {
    /// What it met, in order.
    pub stops: Vec<Stop>,
    /// How it ended.
    pub verdict: Verdict,
    /// The namespace in which it ended.
    pub at: String,
    /// What it was when it began.
    pub sent: Option<Header>,
    /// What it was when it ended.
    pub seen: Option<Header>,
}

/// The walks of a packet and of what answered it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Walks {
    /// The packet.
    pub request: Option<Walk>,
    /// Its answer.
    pub answer: Option<Walk>,
}

impl Walks {
    /// Finds the first packet that the namespace `from` sent, and its answer, in what was recorded.
    #[must_use]
    pub fn find(records: &[Record], from: &str) -> Self {
        let Some(first) = first_sent(records, from, 0) else { return Self::default() };
        let (flow, begin) = (records[first].flow, first);
        let (request, end) = walk(records, flow, begin);
        let answer =
            answer(records, &request, flow, end).map(|(flow, at)| walk(records, flow, at).0);
        Self { request: Some(request), answer }
    }
}

/// Where the first packet stands that a program or the outside sent in a namespace, from `start` on.
fn first_sent(records: &[Record], netns: &str, start: usize) -> Option<usize> {
    let mut later = records.iter().enumerate().skip(start);
    let begins = |record: &Record| matches!(&record.what, What::Started { origin, .. } if origin == "socket" || origin == "injected");
    later.find(|(_, record)| record.netns == netns && begins(record)).map(|(at, _)| at)
}

/// Where the answer to a packet begins: what the stack made of it, or what a program sent where it was delivered.
fn answer(records: &[Record], request: &Walk, flow: u32, end: usize) -> Option<(u32, usize)> {
    let made = records.iter().position(|record| {
        let What::Started { origin, cause: Some(cause) } = &record.what else { return false };
        *cause == flow && !origin.starts_with("arp") && origin != "copy"
    });
    if let Some(at) = made {
        return Some((records[at].flow, at));
    }
    if request.verdict != Verdict::Delivered {
        return None;
    }
    let at = first_sent(records, &request.at, end)?;
    Some((records[at].flow, at))
}

/// The walk of a packet that begins at `begin`; also where it ends in the records.
#[expect(clippy::wildcard_enum_match_arm, reason = "what else is recorded is not part of a walk")]
fn walk(records: &[Record], flow: u32, begin: usize) -> (Walk, usize) {
    let mut flows = BTreeSet::from([flow]);
    let mut walk = Walk {
        stops: Vec::new(),
        verdict: Verdict::Lost,
        at: String::new(),
        sent: None,
        seen: None,
    };
    let (mut judged, mut end, mut here) = (None, begin, String::new());
    let mut headers = BTreeMap::new();
    for (at, record) in records.iter().enumerate().skip(begin) {
        if let What::Started { origin, cause: Some(cause) } = &record.what
            && origin == "copy"
            && flows.contains(cause)
        {
            flows.insert(record.flow);
        }
        if !flows.contains(&record.flow) {
            continue;
        }
        here.clone_from(&record.netns);
        if let Some(header) = header(record) {
            walk.sent.get_or_insert(header);
            headers.insert(record.flow, header);
        }
        if let Some(what) = met(record, &walk) {
            if let Met::Judged(judgement) = &what {
                judged = Some(judgement.clone());
            }
            let (netns, dev) = (record.netns.clone(), record.dev.clone());
            walk.stops.push(Stop { netns, dev, what });
        }
        let verdict = match &record.what {
            What::Delivered { .. } => Verdict::Delivered,
            What::Consumed { by } => Verdict::Consumed(by.clone()),
            What::Dropped { reason, meaning } => dropped(judged.take(), reason, meaning),
            _ => continue,
        };
        // Of a packet and its copies counts the one that got farthest.
        if verdict.rank() > walk.verdict.rank() {
            walk.seen = headers.get(&record.flow).copied();
            walk.at.clone_from(&record.netns);
            (walk.verdict, end) = (verdict, at);
        }
        if walk.verdict == Verdict::Delivered {
            break;
        }
    }
    if walk.verdict == Verdict::Lost {
        (walk.at, walk.seen) = (here, headers.get(&flow).copied());
    }
    // The stack itself takes errors, and tells the programs that they concern.
    let last = walk.stops.last().map(|stop| &stop.what);
    if walk.verdict == Verdict::Lost && last == Some(&Met::Place("protocol".to_owned())) {
        walk.verdict = Verdict::Consumed("the stack".to_owned());
    }
    (walk, end)
}

/// Why a packet was dropped: the last rule that it met, if that was the reason.
fn dropped(judged: Option<Judgement>, reason: &str, meaning: &str) -> Verdict {
    match judged {
        Some(judgement) if judgement.text.contains("-j REJECT") => Verdict::Rejected(judgement),
        Some(judgement) if judgement.verdict == "DROP" => Verdict::DroppedByRule(judgement),
        Some(_) | None => Verdict::DroppedByKernel(reason.to_owned(), meaning.to_owned()),
    }
}

/// The packet's header, if a record has it.
#[expect(clippy::wildcard_enum_match_arm, reason = "what else is recorded is not part of a walk")]
fn header(record: &Record) -> Option<Header> {
    match &record.what {
        What::Arrived { protocol: 0x0800, hex, .. } => Header::parse(hex),
        What::Rewritten { after, .. } => Header::parse(after),
        _ => None,
    }
}

/// What a record says that a packet has met.
#[expect(clippy::wildcard_enum_match_arm, reason = "what else is recorded is not part of a walk")]
fn met(record: &Record, walk: &Walk) -> Option<Met> {
    Some(match &record.what {
        What::Frame { direction: Direction::In, .. } => return None,
        What::Frame { direction: Direction::Out, .. } => Met::Left,
        What::Arrived { place, protocol: 0x0800, hex } => {
            let header = Header::parse(hex)?;
            let last = walk.stops.last();
            let is_elsewhere = last.is_none_or(|stop| stop.netns != record.netns);
            if is_elsewhere || place == "receive" {
                Met::Arrived(header)
            } else {
                Met::Place(place.clone())
            }
        }
        What::Routed { kind, out, via } => {
            Met::Routed { kind: kind.clone(), out: out.clone(), via: via.clone() }
        }
        What::Tracked { state, original, answers, .. } => {
            let tuples = original.clone().zip(answers.clone()).map(|(a, b)| [a, b]);
            Met::Tracked { state: state.clone(), tuples }
        }
        What::Judged { table, chain, met, rule, verdict, text } => Met::Judged(Judgement {
            table: table.clone(),
            chain: chain.clone(),
            rule: (met == "rule").then_some(*rule),
            verdict: verdict.clone(),
            text: text.clone(),
        }),
        What::Rewritten { before, after, .. } => {
            let (before, after) = (Header::parse(before)?, Header::parse(after)?);
            if before == after {
                return None;
            }
            Met::Translated { before, after }
        }
        What::Queued { next_hop } => Met::Queued(next_hop.clone()),
        What::Chosen { stream, value } => Met::Chosen { stream: stream.clone(), value: *value },
        _ => return None,
    })
}
