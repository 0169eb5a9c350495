//! The walk of a packet: what it met, from its sender to its end, and the walk of its answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddrV4;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use sim_core::packet::{IpProto, Ipv4};
use sim_core::trace::Direction;
use sim_core::trace::record::{Record, What};

/// What a router changes. Only the header of IP is recorded of it; the next place shows it too.
const TTL: &str = "ttl";

/// What a packet's header says of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Where it comes from; the port is 0 where the protocol has none.
    pub from: SocketAddrV4,
    /// Where it goes.
    pub to: SocketAddrV4,
    /// The protocol's number.
    pub protocol: u8,
    /// How many routers it may still pass.
    pub ttl: u8,
    /// DSCP and ECN.
    pub tos: u8,
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
            ttl: ip.ttl(),
            tos: ip.tos(),
        })
    }

    /// Both ends and the protocol.
    const fn ends(&self) -> (SocketAddrV4, SocketAddrV4, u8) {
        (self.from, self.to, self.protocol)
    }

    fn protocol_name(&self) -> Option<&'static str> {
        Some(match self.protocol {
            1 => "icmp",
            6 => "tcp",
            17 => "udp",
            132 => "sctp",
            _ => return None,
        })
    }
}

/// `tcp 10.42.0.5:40000 > 10.43.0.1:443`.
impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol_name() {
            Some(name) => write!(f, "{name} ")?,
            None => write!(f, "ip-proto-{} ", self.protocol)?,
        }
        write!(f, "{} > {}", Endpoint(self.from), Endpoint(self.to))
    }
}

/// `{"protocol": "tcp", "source": "10.42.0.5:40000", "destination": "10.43.0.1:443", "ttl": 64, "tos": 0}`; a protocol
/// without a name is a number.
impl Serialize for Header {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut header = serializer.serialize_struct("Header", 5)?;
        match self.protocol_name() {
            Some(name) => header.serialize_field("protocol", name)?,
            None => header.serialize_field("protocol", &self.protocol)?,
        }
        header.serialize_field("source", &Endpoint(self.from).to_string())?;
        header.serialize_field("destination", &Endpoint(self.to).to_string())?;
        header.serialize_field("ttl", &self.ttl)?;
        header.serialize_field("tos", &self.tos)?;
        header.end()
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
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Stop {
    /// The namespace.
    pub netns: String,
    /// The device.
    pub dev: String,
    /// What there was.
    #[serde(flatten)]
    pub what: Met,
}

/// What a packet meets.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Met {
    /// It came out of a wire, or a program sent it.
    Arrived {
        /// What it is.
        header: Header,
    },
    /// It left by a device; if that wrapped it up, so does this.
    Left,
    /// A place of the stack: `PREROUTING`, `bridge forward`, ...
    Place {
        /// Its name.
        place: String,
    },
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
        /// Both tuples: what is sent, and what its answers are.
        #[serde(flatten)]
        tuples: Option<Tuples>,
    },
    /// A rule or a policy.
    Judged(Judgement),
    /// Its header was changed: by translation, by a router, or by a rule.
    Changed {
        /// What it was.
        before: Header,
        /// What it is.
        after: Header,
    },
    /// It has to wait until the next hop's address is known.
    Queued {
        /// The next hop.
        next_hop: String,
    },
    /// Chance decided.
    Chosen {
        /// Which stream of random numbers.
        stream: String,
        /// What was drawn.
        value: u32,
    },
}

/// Both directions of a connection.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Tuples {
    /// What is sent.
    pub original: String,
    /// What its answers are.
    pub answers: String,
}

/// What a table decided.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// A program got it.
    Delivered,
    /// The stack itself took it, and may have answered.
    Consumed {
        /// Who took it.
        by: String,
    },
    /// It left by a device, and nothing is watched beyond.
    Sent {
        /// The device.
        dev: String,
    },
    /// A rule refused it, and the sender was told.
    Rejected(Judgement),
    /// A rule or a policy dropped it.
    DroppedByRule(Judgement),
    /// The kernel dropped it.
    DroppedByKernel {
        /// Its name for the reason.
        reason: String,
        /// The reason in words.
        meaning: String,
    },
    /// It went where nobody is.
    Lost,
}

impl Verdict {
    /// The word that expectations have for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Consumed { .. } => "consumed",
            Self::Sent { .. } => "sent",
            Self::Rejected(_) => "rejected",
            Self::DroppedByRule(_) | Self::DroppedByKernel { .. } => "dropped",
            Self::Lost => "lost",
        }
    }

    /// Whether an expectation's word says this; `accepted` is whatever no rule and no kernel refuses.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        let is_accepted =
            matches!(self, Self::Delivered | Self::Consumed { .. } | Self::Sent { .. });
        self.word() == word || is_accepted && word == "accepted"
    }

    /// The rule or policy that decided.
    #[must_use]
    pub const fn judgement(&self) -> Option<&Judgement> {
        match self {
            Self::Rejected(judgement) | Self::DroppedByRule(judgement) => Some(judgement),
            Self::Delivered
            | Self::Consumed { .. }
            | Self::Sent { .. }
            | Self::DroppedByKernel { .. }
            | Self::Lost => None,
        }
    }

    /// How far it got: of a packet's copies the one counts that got farthest.
    const fn rank(&self) -> u8 {
        match self {
            Self::Lost | Self::Sent { .. } => 0,
            Self::DroppedByKernel { .. } => 1,
            Self::DroppedByRule(_) | Self::Rejected(_) => 2,
            Self::Consumed { .. } => 3,
            Self::Delivered => 4,
        }
    }
}

/// The walk of one packet.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Walk {
    /// What it was when it began.
    pub sent: Option<Header>,
    /// What it met, in order.
    #[serde(serialize_with = "told")]
    pub stops: Vec<Stop>,
    /// How it ended.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The namespace in which it ended.
    pub at: String,
    /// What it was when it ended.
    pub seen: Option<Header>,
}

/// Writes the stops that are told of in text, too.
fn told<S: Serializer>(stops: &[Stop], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(stops.iter().filter(|stop| super::print::stop(stop).is_some()))
}

/// The walks of a packet and of what answered it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
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
        let Some(begin) = first_sent(records, from) else { return Self::default() };
        let request = walk(records, begin);
        let answer = answer(records, &request, begin).map(|at| walk(records, at));
        Self { request: Some(request), answer }
    }
}

/// Where the first packet begins that a program or the outside sent in a namespace.
fn first_sent(records: &[Record], netns: &str) -> Option<usize> {
    records.iter().position(|record| record.netns == netns && is_sent(record))
}

/// Whether a program or the outside begins to send a packet.
fn is_sent(record: &Record) -> bool {
    matches!(&record.what, What::Started { origin, .. } if origin == "socket" || origin == "injected")
}

/// Where the answer to a packet begins: what was sent where it was delivered, or what the stack made of it on its way.
fn answer(records: &[Record], request: &Walk, begin: usize) -> Option<usize> {
    let flow = records[begin].flow;
    let later = || records.iter().enumerate().skip(begin + 1);
    let answers = |at: usize| {
        let of_flow = records.iter().skip(at).filter(|record| record.flow == records[at].flow);
        let first = of_flow.filter_map(header).next();
        first
            .zip(request.seen)
            .is_some_and(|(first, seen)| (first.from, first.to) == (seen.to, seen.from))
    };
    let sent =
        later().find(|(at, record)| record.netns == request.at && is_sent(record) && answers(*at));
    let made = || {
        later().find(|(_, record)| {
            let What::Started { origin, cause: Some(cause) } = &record.what else { return false };
            *cause == flow && !origin.starts_with("arp") && origin != "copy"
        })
    };
    sent.filter(|_| request.verdict == Verdict::Delivered).or_else(made).map(|(at, _)| at)
}

/// The walk of the packet that begins at `begin`.
#[expect(clippy::wildcard_enum_match_arm, reason = "what else is recorded is not part of a walk")]
fn walk(records: &[Record], begin: usize) -> Walk {
    let flow = records[begin].flow;
    let mut flows = BTreeSet::from([flow]);
    let mut walk = Walk {
        stops: Vec::new(),
        verdict: Verdict::Lost,
        at: String::new(),
        sent: None,
        seen: None,
    };
    let (mut judged, mut here) = (None, String::new());
    let mut headers = BTreeMap::new();
    for record in records.iter().skip(begin) {
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
            let before = headers.insert(record.flow, header);
            if let Some(before) = before.filter(|before| is_changed(record, before, &header)) {
                let what = Met::Changed { before, after: header };
                let (netns, dev) = (record.netns.clone(), record.dev.clone());
                walk.stops.push(Stop { netns, dev, what });
            }
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
            What::Consumed { by } => Verdict::Consumed { by: by.clone() },
            What::Dropped { reason, meaning } => dropped(judged.take(), reason, meaning),
            _ => continue,
        };
        // Of a packet and its copies counts the one that got farthest.
        if verdict.rank() > walk.verdict.rank() {
            walk.seen = headers.get(&record.flow).copied();
            walk.at.clone_from(&record.netns);
            walk.verdict = verdict;
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
    let is_at_protocol = matches!(last, Some(Met::Place { place }) if place == "protocol");
    if walk.verdict == Verdict::Lost && is_at_protocol {
        walk.verdict = Verdict::Consumed { by: "the stack".to_owned() };
    }
    walk
}

/// Why a packet was dropped: the last rule that it met, if that was the reason.
fn dropped(judged: Option<Judgement>, reason: &str, meaning: &str) -> Verdict {
    match judged {
        Some(judgement) if judgement.verdict == "DROP" => {
            if target(&judgement.text) == Some("REJECT") {
                Verdict::Rejected(judgement)
            } else {
                Verdict::DroppedByRule(judgement)
            }
        }
        Some(_) | None => {
            Verdict::DroppedByKernel { reason: reason.to_owned(), meaning: meaning.to_owned() }
        }
    }
}

/// The target of a rule as it is written: what follows `-j` outside of quotes.
fn target(rule: &str) -> Option<&str> {
    let mut is_quoted = false;
    for (at, c) in rule.char_indices() {
        if c == '"' && !rule[..at].ends_with('\\') {
            is_quoted = !is_quoted;
        } else if !is_quoted && let Some(rest) = rule[at..].strip_prefix(" -j ") {
            return rest.split(' ').next();
        }
    }
    None
}

/// Whether a place shows that a packet was changed otherwise than by translation: by a router, or by a rule that sets
/// its TOS or TTL.
fn is_changed(record: &Record, before: &Header, after: &Header) -> bool {
    let is_place = matches!(&record.what, What::Arrived { .. });
    is_place && before.ends() == after.ends() && before != after
}

/// The packet's header, if a record has it.
#[expect(clippy::wildcard_enum_match_arm, reason = "what else is recorded is not part of a walk")]
fn header(record: &Record) -> Option<Header> {
    match &record.what {
        What::Arrived { protocol: 0x0800, hex, .. } => Header::parse(hex),
        What::Rewritten { change, after, .. } if change != TTL => Header::parse(after),
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
                Met::Arrived { header }
            } else {
                Met::Place { place: place.clone() }
            }
        }
        What::Routed { kind, out, via } => {
            Met::Routed { kind: kind.clone(), out: out.clone(), via: via.clone() }
        }
        What::Tracked { state, original, answers, .. } => {
            let tuples = original.clone().zip(answers.clone());
            let tuples = tuples.map(|(original, answers)| Tuples { original, answers });
            Met::Tracked { state: state.clone(), tuples }
        }
        What::Judged { table, chain, met, rule, verdict, text } => Met::Judged(Judgement {
            table: table.clone(),
            chain: chain.clone(),
            rule: (met == "rule").then_some(*rule),
            verdict: verdict.clone(),
            text: text.clone(),
        }),
        What::Rewritten { change, before, after } if change != TTL => {
            let (before, after) = (Header::parse(before)?, Header::parse(after)?);
            if before == after {
                return None;
            }
            Met::Changed { before, after }
        }
        What::Queued { next_hop } => Met::Queued { next_hop: next_hop.clone() },
        What::Chosen { stream, value } => Met::Chosen { stream: stream.clone(), value: *value },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_comment_says_is_no_target() {
        let rule = r#"-A INPUT -m comment --comment "no \" -j REJECT here" -j DROP"#;
        assert_eq!(target(rule), Some("DROP"));
        assert_eq!(target("-A INPUT -j REJECT --reject-with tcp-reset"), Some("REJECT"));
        assert_eq!(target("-A INPUT -j REJECTED"), Some("REJECTED"));
        assert_eq!(target("-A INPUT"), None);
    }
}
