//! Bytes that captures share with the stack.
//!
//! A packet socket of Linux does not copy a frame when it sees it, but when it is read from. Nearly always the stack
//! works on a copy of its own from then on; but where connection tracking has put a datagram together and sends it on
//! in the pieces that it came in, the new headers are written into the buffers of these pieces. So the piece that
//! came last is read, by who reads after it, with the headers that it left with.

use crate::packet::ethernet::ETH_HLEN;
use crate::packet::{Ethernet, Ipv4};

/// A fragment in an Ethernet frame: where its data starts in the frame, and what tells it from others.
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

/// What a reader finds of the frame `received`, if after it and before it is read the frames `sent` leave.
pub(super) fn as_read(received: &[u8], sent: &[&[u8]]) -> Option<Vec<u8>> {
    let own = Fragment::parse(received)?;
    let pieces = sent.iter().filter_map(|frame| Some((frame, Fragment::parse(frame)?)));
    let mut pieces = pieces.filter(|(_, piece)| piece.id == own.id);
    // A fragment that is passed on alone leaves in a copy.
    let is_train = pieces.clone().any(|(_, piece)| piece.offset != own.offset);
    let (frame, _) = pieces.find(|(_, piece)| *piece == own && is_train)?;
    let headers = frame.len().checked_sub(own.data.len()).filter(|len| *len > ETH_HLEN)?;
    let mut bytes = frame.get(..headers)?.to_vec();
    bytes.extend_from_slice(received.get(received.len().checked_sub(own.data.len())?..)?);
    Some(bytes)
}
