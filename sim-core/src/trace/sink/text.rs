//! The walk of every packet as text: one line an event.
//!
//! ```text
//! 0.000000000 #1  net1/veth1  local out   IP 20.1.1.1 > 20.1.1.2: ICMP echo request, id 7, seq 1, length 64
//! 0.000000000 #1  net1/veth1  routed      unicast, dev veth1
//! ```
//!
//! The columns are the virtual time in seconds, the flow, where the packet is, what happened, and what
//! there is to say of it: at a place, the packet as `tcpdump -n` prints it.

use std::fmt::Write as _;

use crate::packet::ethernet::ETH_HLEN;
use crate::packet::summary::{Captured, LinkType, Summarizer};
use crate::time::SimTime;
use crate::trace::Direction;
use crate::trace::record::{Record, What};

/// Prints records one after another. It remembers TCP connections, whose sequence numbers it prints
/// relative to the first ones.
#[derive(Clone, Debug, Default)]
pub struct Printer {
    summarizer: Summarizer,
    where_width: usize,
}

impl Printer {
    /// The record as one line, with its line feed.
    #[must_use]
    pub fn line(&mut self, record: &Record) -> String {
        let place = format!("{}/{}", record.netns, record.dev);
        self.where_width = self.where_width.max(place.len());
        let (what, detail) = self.describe(&record.what);
        let mut line = format!(
            "{} #{:<3} {place:width$}  {what:15}",
            SimTime::from_nanos(record.time_ns),
            record.flow,
            width = self.where_width,
        );
        if !detail.is_empty() {
            write!(line, " {detail}").expect("a string takes all");
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }

    /// What happened, in a word or two, and what there is to say of it.
    fn describe(&mut self, what: &What) -> (String, String) {
        match what {
            What::Started { origin, cause: None } => ("started".to_owned(), origin.clone()),
            What::Started { origin, cause: Some(cause) } => {
                ("started".to_owned(), format!("{origin}, because of #{cause}"))
            }
            What::Frame { direction, ethernet, hex, .. } => {
                let way = match direction {
                    Direction::In => "frame in",
                    Direction::Out => "frame out",
                };
                let link = if *ethernet { LinkType::Ethernet } else { LinkType::Raw };
                (way.to_owned(), self.summary(link, hex))
            }
            What::Arrived { place, protocol, hex } => {
                // The packet has no link header here; an empty one tells its protocol.
                let mut frame = vec![0; ETH_HLEN - 2];
                frame.extend(protocol.to_be_bytes());
                frame.extend(hex);
                (place.clone(), self.summary(LinkType::Ethernet, &frame))
            }
            What::Routed { kind, out, via } => {
                let via = via.as_ref().map(|via| format!(" via {via}")).unwrap_or_default();
                ("routed".to_owned(), format!("{kind}, dev {out}{via}"))
            }
            What::Resolved { next_hop, lladdr } => {
                ("resolved".to_owned(), format!("{next_hop} is at {lladdr}"))
            }
            What::Queued { next_hop } => ("queued".to_owned(), format!("until {next_hop} answers")),
            What::Rewritten { change, .. } => ("rewritten".to_owned(), change.clone()),
            What::Delivered { socket } => ("delivered".to_owned(), format!("to socket {socket}")),
            What::Consumed { by } => ("consumed".to_owned(), format!("by {by}")),
            What::Chosen { stream, value } => ("chosen".to_owned(), format!("{stream} {value}")),
            What::Logged { text, .. } => ("logged".to_owned(), text.clone()),
            What::Shown { group, prefix, hex } => {
                let packet = self.summary(LinkType::Raw, hex);
                ("shown".to_owned(), format!("to group {group}, \"{prefix}\": {packet}"))
            }
            What::Tracked { state, original, answers, .. } => {
                let tuples = original.as_ref().zip(answers.as_ref());
                let tuples = tuples.map(|(a, b)| format!(": {a}, answers {b}")).unwrap_or_default();
                ("tracked".to_owned(), format!("{state}{tuples}"))
            }
            What::Judged { table, chain, met, rule, verdict, text } => {
                let text =
                    if met == "policy" { format!("policy of {chain}") } else { text.clone() };
                ("judged".to_owned(), format!("{table}:{chain}:{rule} {verdict}  {text}"))
            }
            What::Traced { table, chain, met, rule, verdict, .. } => {
                let arrow = if verdict.is_empty() { "" } else { " -> " };
                ("traced".to_owned(), format!("{table}:{chain}:{met}:{rule}{arrow}{verdict}"))
            }
            What::Dropped { reason, meaning } => {
                ("DROPPED".to_owned(), format!("{reason}: {meaning}"))
            }
        }
    }

    /// The packet on one line; the lines of tunnelled packets are joined.
    fn summary(&mut self, link: LinkType<'_>, bytes: &[u8]) -> String {
        let captured = Captured { link, bytes, wire_len: bytes.len() };
        let text = self.summarizer.summarize(&captured).text;
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.join(" | ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(what: What) -> Record {
        Record { time_ns: 1_000_000_000, flow: 4, netns: "net1".into(), dev: "veth1".into(), what }
    }

    #[test]
    fn a_place_shows_the_packet_as_tcpdump_would() {
        let mut hex = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 20, 1, 1, 1];
        hex.extend([0, 0, 0, 0, 0, 0, 20, 1, 1, 2]);
        let what = What::Arrived { place: "arp".into(), protocol: 0x0806, hex };
        assert_eq!(
            Printer::default().line(&record(what)),
            "1.000000000 #4   net1/veth1  arp             ARP, Request who-has 20.1.1.2 tell 20.1.1.1, length 28\n"
        );
    }

    #[test]
    fn a_drop_stands_out_with_its_reason() {
        let what = What::Dropped { reason: "IP_RPFILTER".into(), meaning: "no way back".into() };
        assert_eq!(
            Printer::default().line(&record(what)),
            "1.000000000 #4   net1/veth1  DROPPED         IP_RPFILTER: no way back\n"
        );
    }
}
