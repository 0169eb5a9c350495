//! Recorded events: owned, named and serialisable.
//!
//! A [`Record`] is one line of a trace file, as JSON. Its fields:
//!
//! | field | type | meaning |
//! |---|---|---|
//! | `time_ns` | number | virtual time, nanoseconds since the world began |
//! | `flow` | number | which packet: kept through rewriting and encapsulation |
//! | `netns` | string | the namespace's name; `-` for the initial one, `#N` for a nameless one |
//! | `dev` | string | the device the packet is on |
//! | `event` | string | what happened: the variants of [`What`], in snake case |
//!
//! and those of the event's own variant. Bytes are lower-case hex without separators.

use serde::{Deserialize, Serialize};

use crate::trace::Direction;

/// One event of a trace.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// Virtual time in nanoseconds.
    pub time_ns: u64,
    /// The packet's flow number.
    pub flow: u32,
    /// The namespace's name.
    pub netns: String,
    /// The device's name.
    pub dev: String,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened to a flight; see [`Event`](crate::trace::Event) for the meanings.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The flight began.
    Started {
        /// `injected`, `socket`, or what the kernel made it for, such as `arp request`.
        origin: String,
        /// The packet that caused it, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<u32>,
    },
    /// A frame passed a device.
    Frame {
        /// Which way.
        direction: Direction,
        /// The `AF_PACKET` type: 0 host, 1 broadcast, 2 multicast, 3 other host, 4 outgoing.
        pkt_type: u8,
        /// Whether the device's frames start with an Ethernet header; else they are IP packets.
        ethernet: bool,
        /// The frame.
        #[serde(with = "hex_bytes")]
        hex: Vec<u8>,
    },
    /// The flight arrived at a place.
    Arrived {
        /// The place's name, or that of the hook's built-in chain.
        place: String,
        /// The EtherType of the packet.
        protocol: u16,
        /// The packet from its network header on.
        #[serde(with = "hex_bytes")]
        hex: Vec<u8>,
    },
    /// The route lookup chose a way.
    Routed {
        /// The kind of route, as `ip route` calls it.
        kind: String,
        /// The device it leads to.
        out: String,
        /// The router, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<String>,
    },
    /// The next hop's link layer address is known.
    Resolved {
        /// The next hop.
        next_hop: String,
        /// Its address.
        lladdr: String,
    },
    /// The packet waits for its next hop's link layer address.
    Queued {
        /// The next hop.
        next_hop: String,
    },
    /// The packet was changed.
    Rewritten {
        /// What was done.
        change: String,
        /// The header before.
        #[serde(with = "hex_bytes")]
        before: Vec<u8>,
        /// The header after.
        #[serde(with = "hex_bytes")]
        after: Vec<u8>,
    },
    /// A socket took the packet.
    Delivered {
        /// The socket's number in the world.
        socket: u32,
    },
    /// The stack itself took the packet.
    Consumed {
        /// Who took it.
        by: String,
    },
    /// Chance decided something about the packet.
    Chosen {
        /// The stream of random numbers.
        stream: String,
        /// The number that was drawn.
        value: u32,
    },
    /// A rule had the packet written down.
    Logged {
        /// The level of syslog.
        level: u8,
        /// The line, as the kernel's log has it.
        text: String,
    },
    /// A rule showed the packet to programs.
    Shown {
        /// The group that they listen to.
        group: u16,
        /// What the rule said to it.
        prefix: String,
        /// The packet, from its network header on.
        #[serde(with = "hex_bytes")]
        hex: Vec<u8>,
    },
    /// It is known which connection the packet belongs to, or what has become of it.
    Tracked {
        /// What the packet is to it: `NEW`, `ESTABLISHED`, `RELATED`, `INVALID` or `UNTRACKED`.
        state: String,
        /// Whether the packet goes the way of answers.
        reply: bool,
        /// What is sent, if there is a connection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        original: Option<String>,
        /// What its answers are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answers: Option<String>,
    },
    /// A rule applied to the packet, or the policy of a chain did.
    Judged {
        /// The table.
        table: String,
        /// The chain.
        chain: String,
        /// What decided: `rule` or `policy`.
        met: String,
        /// Which rule, counted from 1.
        rule: usize,
        /// What was decided.
        verdict: String,
        /// The rule as `iptables-save` writes it.
        text: String,
    },
    /// A table told what it did with the packet.
    Traced {
        /// The table.
        table: String,
        /// The chain.
        chain: String,
        /// What was met: `rule`, `return` or `policy`.
        met: String,
        /// Which rule, counted from 1.
        rule: usize,
        /// What was decided.
        verdict: String,
        /// What a real machine shows.
        text: String,
    },
    /// The packet ended here.
    Dropped {
        /// The kernel's name for the reason (`SKB_DROP_REASON_*`).
        reason: String,
        /// The reason in a few words.
        meaning: String,
    },
}

/// Bytes as hex text.
mod hex_bytes {
    use std::fmt::Write as _;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &Vec<u8>, s: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            write!(text, "{byte:02x}").map_err(serde::ser::Error::custom)?;
        }
        s.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(d)?;
        let digits: Option<Vec<u8>> =
            text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
        match digits {
            Some(digits) if digits.len() % 2 == 0 => {
                Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
            }
            _ => Err(D::Error::custom("bytes must be pairs of hexadecimal digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            time_ns: 1_500_000_000,
            flow: 3,
            netns: "net1".into(),
            dev: "veth1".into(),
            what: What::Frame {
                direction: Direction::Out,
                pkt_type: 4,
                ethernet: true,
                hex: vec![0xff, 0x00, 0x0a],
            },
        }
    }

    #[test]
    fn a_record_is_one_flat_json_object() {
        assert_eq!(
            serde_json::to_string(&record()).unwrap(),
            r#"{"time_ns":1500000000,"flow":3,"netns":"net1","dev":"veth1","event":"frame","direction":"out","pkt_type":4,"ethernet":true,"hex":"ff000a"}"#
        );
    }

    #[test]
    fn a_record_survives_its_json() {
        let text = serde_json::to_string(&record()).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record());
    }

    #[test]
    fn odd_hex_is_refused() {
        let text = r#"{"time_ns":0,"flow":0,"netns":"-","dev":"lo","event":"arrived","place":"x","protocol":2048,"hex":"abc"}"#;
        assert!(serde_json::from_str::<Record>(text).is_err());
    }
}
