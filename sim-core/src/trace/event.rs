//! The events, borrowed from the packet path; a sink that keeps one copies what it needs.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::id::{DevId, FlowId, NetnsId, SocketId};
use crate::kernel::Place;
use crate::packet::MacAddr;
use crate::packet::{PacketType, Skb};
use crate::route::Dst;
use crate::time::SimTime;
use crate::trace::DropReason;

/// When, where and to whom something happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// The virtual time.
    pub time: SimTime,
    /// The namespace.
    pub netns: NetnsId,
    /// The device the flight is on.
    pub dev: DevId,
    /// The flight's packet.
    pub flow: FlowId,
}

/// Which way a frame passes a device.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Towards the host.
    In,
    /// Towards the wire.
    Out,
}

/// Something that happened to a flight.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The flight began, and why.
    Started {
        /// Who made the packet.
        origin: Origin,
    },
    /// A frame passes a device, as a capture there sees it: link header first.
    Frame {
        /// Which way.
        direction: Direction,
        /// Whose frame it is, as the device sees it.
        pkt_type: PacketType,
        /// The whole frame.
        frame: &'a [u8],
    },
    /// The flight arrived at a place.
    Arrived {
        /// The place.
        place: Place,
        /// The packet as it is there.
        skb: &'a Skb,
    },
    /// The route lookup chose a way.
    Routed {
        /// The way.
        dst: Dst,
    },
    /// The next hop's link layer address is known.
    Resolved {
        /// The next hop.
        next_hop: IpAddr,
        /// Its address.
        addr: MacAddr,
    },
    /// The packet waits for its next hop's link layer address.
    Queued {
        /// The next hop.
        next_hop: IpAddr,
    },
    /// The packet changed: header bytes before and after, from the network header on.
    Rewritten {
        /// What was done, for example `ttl` or `dnat`.
        what: &'static str,
        /// The header before.
        before: &'a [u8],
        /// The header after.
        after: &'a [u8],
    },
    /// A socket took the packet.
    Delivered {
        /// The socket.
        socket: SocketId,
    },
    /// The stack itself took the packet, for example an echo request or an ARP reply.
    Consumed {
        /// Who took it, for example `icmp echo`.
        by: &'static str,
    },
    /// Chance decided something about the packet: a port that NAT tries, a match of `statistic`.
    Chosen {
        /// The stream of random numbers.
        stream: &'static str,
        /// The number that was drawn.
        value: u32,
    },
    /// A rule has the packet written down (target `LOG`).
    Logged {
        /// How important that is: a level of syslog.
        level: u8,
        /// The line, as the kernel's log has it.
        text: &'a str,
    },
    /// A rule shows the packet to programs (target `NFLOG`).
    Shown {
        /// The group that they listen to.
        group: u16,
        /// What the rule says to it.
        prefix: &'a str,
        /// The packet, from its network header on, as far as it is shown.
        packet: &'a [u8],
    },
    /// It is known which connection the packet belongs to, or what it has become of both.
    Tracked(Tracked<'a>),
    /// A rule applies to the packet, or the policy of a chain does.
    Judged(Judged<'a>),
    /// A table tells what it did with the packet (target `TRACE`).
    Traced(Traced<'a>),
    /// The packet ended here.
    Dropped {
        /// Why.
        reason: DropReason,
    },
}

/// Words that are put together only if somebody wants them.
#[derive(Clone, Copy)]
pub struct Words<'a>(pub &'a dyn fmt::Display);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The connection of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Tracked<'a> {
    /// What the packet is to it: `NEW`, `ESTABLISHED`, `RELATED`, `INVALID` or `UNTRACKED`.
    pub state: &'static str,
    /// Whether the packet goes the way of answers.
    pub is_reply: bool,
    /// Both tuples, if there is a connection: what is sent, and what its answers are.
    pub tuples: Option<[Words<'a>; 2]>,
}

/// What a table decided about a packet.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The table.
    pub table: &'static str,
    /// The chain.
    pub chain: &'a str,
    /// What decided: a rule or a policy.
    pub met: Met,
    /// Which rule, counted from 1; the policy counts as the rule behind the last.
    pub rule: usize,
    /// What was decided: `ACCEPT`, `JUMP:chain`, `CONTINUE`, ...
    pub verdict: &'a str,
    /// The rule as `iptables-save` writes it.
    pub text: Words<'a>,
}

/// What a table did with a packet.
#[derive(Clone, Copy, Debug)]
pub struct Traced<'a> {
    /// The table.
    pub table: &'static str,
    /// The chain.
    pub chain: &'a str,
    /// What the packet met.
    pub met: Met,
    /// Which rule, counted from 1; the end of a chain counts as the rule behind the last.
    pub rule: usize,
    /// What was decided: `ACCEPT`, `JUMP:chain`, ...; empty where nobody tells.
    pub verdict: &'a str,
    /// What the tool or the kernel's log of a real machine shows: lines with their line feeds.
    pub text: &'a str,
}

/// What a packet meets in a chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Met {
    /// A rule.
    Rule,
    /// The end of a chain that another one called.
    Return,
    /// The end of a chain that a hook called.
    Policy,
}

impl Met {
    /// What the kernel calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Return => "return",
            Self::Policy => "policy",
        }
    }
}

/// Who made a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// It was put on the wire from outside the world: `inject`, a test, a capture being replayed.
    Injected,
    /// A socket of this host.
    Socket(SocketId),
    /// The kernel of this host, because of another packet.
    Reply {
        /// That packet.
        to: FlowId,
        /// What it is, for example `icmp time exceeded` or `arp request`.
        what: &'static str,
    },
    /// The kernel of this host, because time passed.
    Timer {
        /// What it is, for example `arp probe`.
        what: &'static str,
    },
    /// A copy of another packet: flooding, several receivers, fragments.
    Copy {
        /// The packet it was copied from.
        of: FlowId,
    },
}
