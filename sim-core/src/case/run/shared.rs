//! Bytes that captures share with the stack.
//!
//! A packet socket of Linux does not copy a frame when it sees it, but when it is read from. Nearly always the stack
//! works on a copy of its own from then on; but where connection tracking has put a datagram together and sends it on
//! in the pieces that it came in, the new headers are written into the buffers of these pieces. Who reads captures
//! after each step finds those of the step's own pieces with the headers that they left with: a router writes all of
//! them, a bridge that of IP alone, because it copies a buffer before it puts the link header there.

use crate::packet::ethernet::ETH_HLEN;
use crate::packet::{Ethernet, Ipv4};

use super::super::observed::Direction;

/// A frame that a namespace saw within a step.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) dir: Direction,
    /// Whether it leaves in a buffer that came in.
    pub(super) in_place: bool,
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
    let of = |dir: Direction, in_place: bool| {
        let these = frames.iter().filter(move |seen| seen.dir == dir && seen.in_place == in_place);
        these.filter_map(|seen| Some((&seen.frame, Fragment::parse(&seen.frame)?)))
    };
    let came = of(Direction::In, false);
    let pairs = came.filter_map(|(frame, own)| {
        let (sent, _) = of(Direction::Out, true).find(|(_, other)| *other == own)?;
        let kept = if source(sent) == source(frame) { ETH_HLEN } else { 0 };
        Some((frame.clone(), with_headers_of(sent, frame, &own, kept)?))
    });
    pairs.collect()
}

/// The address of the station that sent a frame.
fn source(frame: &[u8]) -> Option<&[u8]> {
    frame.get(6..12)
}

/// The frame with the headers of another one that carries the same data, but for its own first `kept` bytes; what
/// lies behind the packet stays.
fn with_headers_of(
    other: &[u8],
    frame: &[u8],
    fragment: &Fragment<'_>,
    kept: usize,
) -> Option<Vec<u8>> {
    let headers = other.len().checked_sub(fragment.data.len());
    let headers = headers.filter(|headers| *headers > ETH_HLEN)?;
    let own = ETH_HLEN + Ipv4::parse(frame.get(ETH_HLEN..)?).ok()?.header_len();
    Some([frame.get(..kept)?, other.get(kept..headers)?, frame.get(own..)?].concat())
}
