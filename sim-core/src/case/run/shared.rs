//! Bytes that captures share with the stack.
//!
//! A packet socket of Linux does not copy a frame when it sees it, but when it is read from. Nearly always the stack
//! works on a copy of its own from then on; but where connection tracking has put a datagram together and sends it on
//! in the pieces that it came in, the new headers are written into the buffers of these pieces. Who reads captures
//! after each step finds those of the step's own pieces with the headers that they left with.

use crate::packet::ethernet::ETH_HLEN;
use crate::packet::{Ethernet, Ipv4};

use super::super::observed::Direction;

/// A frame that a namespace saw within a step.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) dir: Direction,
    /// Whether it was for this host, which routes it.
    pub(super) is_for_host: bool,
    pub(super) frame: Vec<u8>,
}

/// A fragment in an Ethernet frame, by what stays the same on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Fragment<'f> {
    id: u16,
    offset: usize,
    data: &'f [u8],
}

impl<'f> Fragment<'f> {
    fn parse(frame: &'f [u8]) -> Option<Self> {
        let packet = Ethernet::parse(frame).ok()?.payload();
        let ip = Ipv4::parse(packet).ok()?;
        let data = packet.get(ip.header_len()..ip.total_len())?;
        ip.is_fragment().then_some(Self { id: ip.id(), offset: ip.frag_offset(), data })
    }
}

/// Which frames of a step are read as others: what each was, and is read as. `frames` is what one namespace saw.
pub(super) fn rewritten(frames: &[Seen]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let of = |dir: Direction| {
        let these = frames.iter().enumerate().filter(move |(_, seen)| seen.dir == dir);
        these.filter_map(|(n, seen)| Some((n, &seen.frame, Fragment::parse(&seen.frame)?)))
    };
    let mut pairs = Vec::new();
    for (n, frame, own) in of(Direction::In) {
        let same = |(_, _, other): &(usize, &Vec<u8>, Fragment<'_>)| other.id == own.id;
        let last_in = of(Direction::In).filter(same).map(|(n, ..)| n).max();
        let first_out = of(Direction::Out).filter(same).map(|(n, ..)| n).min();
        // Fragments that are passed on one by one leave in copies, each before the next one comes.
        let together = last_in < first_out
            && of(Direction::Out).filter(same).any(|(_, _, other)| other.offset != own.offset);
        let sent = of(Direction::Out).find(|(_, _, other)| *other == own);
        // The first piece is the datagram that was rewritten, and a copy.
        let is_routed = frames.get(n).is_some_and(|seen| seen.is_for_host);
        if let (true, true, Some((_, sent, _))) = (own.offset != 0 && is_routed, together, sent) {
            pairs.extend(Some(frame.clone()).zip(with_headers_of(sent, frame, own.data.len())));
        }
    }
    pairs
}

/// The frame with the headers of another one; both carry `len` bytes of data.
fn with_headers_of(other: &[u8], frame: &[u8], len: usize) -> Option<Vec<u8>> {
    let headers = other.len().checked_sub(len).filter(|headers| *headers > ETH_HLEN)?;
    let data = frame.get(frame.len().checked_sub(len)?..)?;
    Some([other.get(..headers)?, data].concat())
}
