//! The fragments of one datagram, as `inet_frag_queue_insert()` and `ip_frag_queue()` keep them.
//!
//! Fragments that arrive one after the other form a run. A fragment that lies within a run came before
//! and is ignored; one that overlaps a run in any other way is an attack, and the whole datagram is
//! dropped (RFC 5722, which Linux applies to IPv4 too).

use crate::id::DevId;
use crate::netfilter::bridged::Bridged;
use crate::netfilter::conntrack::CtRef;
use crate::packet::Skb;
use crate::packet::ipv4_options::IpOptions;

/// The most bytes that a datagram can have.
const MAX_DATAGRAM: usize = 65_535;

/// What becomes of a fragment that is put into its queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Insertion {
    /// Others are missing.
    Kept,
    /// It was the last one that was missing.
    Complete,
    /// It came before.
    Duplicate,
    /// It overlaps others: the datagram is lost.
    Overlap,
    /// It contradicts others, or is empty: the datagram is lost.
    Bad,
}

/// One fragment: its data, from its IP header on.
#[derive(Clone, Debug)]
pub(super) struct Fragment {
    pub(super) skb: Box<Skb>,
    /// The length of its IP header, in bytes.
    pub(super) header_len: usize,
    /// Where its data stands in the datagram, in bytes.
    pub(super) offset: usize,
    /// The end of its data.
    pub(super) end: usize,
    pub(super) notes: Notes,
}

/// What the datagram inherits from its first fragment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Notes {
    /// The options of its header.
    pub(super) options: IpOptions,
    pub(super) iif: Option<DevId>,
    pub(super) ct: CtRef,
    pub(super) bridged: Option<Bridged>,
}

/// What a fragment's header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) offset: usize,
    /// The length of header and data.
    pub(super) total_len: usize,
    pub(super) header_len: usize,
    pub(super) more: bool,
    pub(super) dont_fragment: bool,
    pub(super) ecn: u8,
    pub(super) notes: Notes,
}

/// Fragments without a hole between them, in order of arrival.
#[derive(Clone, Debug)]
struct Run {
    fragments: Vec<Fragment>,
}

impl Run {
    fn start(&self) -> usize {
        self.fragments.first().map_or(0, |f| f.offset)
    }

    fn end(&self) -> usize {
        self.fragments.last().map_or(0, |f| f.end)
    }
}

/// A datagram that is being put together (`struct ipq`).
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    /// In order of their offsets.
    runs: Vec<Run>,
    /// The length of the data, as far as it is known.
    len: usize,
    /// How many bytes of it have come.
    meat: usize,
    first_in: bool,
    last_in: bool,
    /// One bit for each ECN codepoint that was seen.
    ecn: u8,
    /// The largest fragment, header included, and the largest one with DF.
    pub(super) max_size: usize,
    pub(super) max_df_size: usize,
    /// The source's fragment count when the last fragment came.
    pub(super) rid: u32,
}

impl Queue {
    /// Makes an empty queue; its source has sent `rid` fragments so far.
    pub(super) fn new(rid: u32) -> Self {
        Self { rid, ..Self::default() }
    }

    /// Whether the fragment at offset 0 has come.
    pub(super) fn has_first(&self) -> bool {
        self.first_in
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Puts a fragment in; gives it back if it was not kept.
    pub(super) fn insert(&mut self, skb: Box<Skb>, piece: Piece) -> (Insertion, Option<Box<Skb>>) {
        let Some(end) = self.check_end(&piece) else { return (Insertion::Bad, Some(skb)) };
        let Piece { header_len, offset, notes, .. } = piece;
        let fragment = Fragment { skb, header_len, offset, end, notes };
        if let Err((outcome, skb)) = self.place(fragment) {
            return (outcome, Some(skb));
        }
        let size = end - piece.offset + piece.header_len;
        self.meat += end - piece.offset;
        self.ecn |= 1 << (piece.ecn & 3);
        self.first_in |= piece.offset == 0;
        self.max_size = self.max_size.max(size);
        if piece.dont_fragment {
            self.max_df_size = self.max_df_size.max(size);
        }
        let complete = self.first_in && self.last_in && self.meat == self.len;
        (if complete { Insertion::Complete } else { Insertion::Kept }, None)
    }

    /// Where the fragment's data ends, unless that contradicts the others.
    fn check_end(&mut self, piece: &Piece) -> Option<usize> {
        let mut end = piece.offset + piece.total_len.checked_sub(piece.header_len)?;
        if piece.more {
            end &= !7;
            if end > self.len {
                if self.last_in {
                    return None;
                }
                self.len = end;
            }
        } else {
            if end < self.len || self.last_in && end != self.len {
                return None;
            }
            self.last_in = true;
            self.len = end;
        }
        (end > piece.offset).then_some(end)
    }

    fn place(&mut self, fragment: Fragment) -> Result<(), (Insertion, Box<Skb>)> {
        let (start, end) = (fragment.offset, fragment.end);
        let tail = self.runs.last().map_or(0, Run::end);
        if self.runs.is_empty() || tail < end {
            if start < tail {
                return Err((Insertion::Overlap, fragment.skb));
            }
            match self.runs.last_mut() {
                Some(last) if start == tail => last.fragments.push(fragment),
                _ => self.runs.push(Run { fragments: vec![fragment] }),
            }
            return Ok(());
        }
        let at = self.runs.partition_point(|run| run.end() <= start);
        match self.runs.get(at) {
            Some(run) if end > run.start() => {
                let within = run.start() <= start && end <= run.end();
                Err((if within { Insertion::Duplicate } else { Insertion::Overlap }, fragment.skb))
            }
            _ => {
                self.runs.insert(at, Run { fragments: vec![fragment] });
                Ok(())
            }
        }
    }

    /// The ECN codepoint of the datagram; `None` if those of its fragments must not meet
    /// (`ip_frag_ecn_table`, RFC 3168 section 5.3).
    pub(super) fn ecn(&self) -> Option<u8> {
        const NOT_ECT: u8 = 1 << 0;
        const CE: u8 = 1 << 3;
        match self.ecn {
            seen if seen == NOT_ECT || seen & NOT_ECT == 0 && seen & CE == 0 => Some(0),
            CE => Some(0),
            seen if seen & NOT_ECT == 0 => Some(3),
            _ => None,
        }
    }

    /// The length that the whole datagram has, unless it is too long.
    pub(super) fn datagram_len(&self) -> Option<usize> {
        let header = self.runs.first()?.fragments.first()?.header_len;
        Some(header + self.len).filter(|len| *len <= MAX_DATAGRAM)
    }

    /// The lengths of the fragments' data, in the order of their offsets.
    pub(super) fn lengths(&self) -> Box<[usize]> {
        let fragments = self.runs.iter().flat_map(|run| &run.fragments);
        fragments.map(|fragment| fragment.end - fragment.offset).collect()
    }

    /// Takes all fragments out, in the order of their offsets.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Fragment> + '_ {
        self.runs.drain(..).flat_map(|run| run.fragments)
    }

    /// Forgets everything that was seen (`ip_frag_reinit()`).
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.rid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts in fragments, each `(offset, data length, more)`, and tells what became of them.
    fn insert(pieces: &[(usize, usize, bool)]) -> Vec<Insertion> {
        let mut queue = Queue::default();
        let piece = |&(offset, len, more): &(usize, usize, bool)| Piece {
            offset,
            total_len: len + 20,
            header_len: 20,
            more,
            dont_fragment: false,
            ecn: 0,
            notes: Notes::default(),
        };
        pieces.iter().map(|p| queue.insert(Box::new(Skb::new()), piece(p)).0).collect()
    }

    #[test]
    fn fragments_complete_a_datagram_in_any_order() {
        use Insertion::{Complete, Kept};
        assert_eq!(insert(&[(0, 8, true), (8, 8, true), (16, 4, false)]), [Kept, Kept, Complete]);
        assert_eq!(insert(&[(16, 4, false), (8, 8, true), (0, 8, true)]), [Kept, Kept, Complete]);
        assert_eq!(insert(&[(8, 8, true), (16, 4, false), (0, 8, true)]), [Kept, Kept, Complete]);
    }

    #[test]
    fn what_lies_within_a_run_came_before_and_other_overlaps_kill() {
        use Insertion::{Duplicate, Kept, Overlap};
        assert_eq!(insert(&[(0, 16, true), (0, 16, true)]), [Kept, Duplicate]);
        assert_eq!(insert(&[(0, 16, true), (8, 8, true)]), [Kept, Duplicate]);
        assert_eq!(insert(&[(0, 16, true), (8, 16, true)]), [Kept, Overlap]);
        assert_eq!(insert(&[(8, 8, true), (0, 16, true), (24, 8, true)])[..2], [Kept, Overlap]);
        assert_eq!(insert(&[(8, 8, true), (24, 8, true), (0, 16, true)])[2], Overlap);
    }

    #[test]
    fn contradicting_ends_kill() {
        use Insertion::{Bad, Kept};
        assert_eq!(insert(&[(8, 8, false), (16, 8, true)]), [Kept, Bad]);
        assert_eq!(insert(&[(16, 8, true), (8, 8, false)]), [Kept, Bad]);
        assert_eq!(insert(&[(8, 8, false), (8, 4, false)]), [Kept, Bad]);
        assert_eq!(insert(&[(0, 0, true)]), [Bad]);
        assert_eq!(insert(&[(0, 7, true)]), [Bad]);
    }

    #[test]
    fn fragments_of_different_ecn_do_not_meet_unless_both_can_be_marked() {
        let ecn = |seen: &[u8]| {
            let bits = seen.iter().fold(0, |bits, ecn| bits | 1 << ecn);
            Queue { ecn: bits, ..Queue::default() }.ecn()
        };
        assert_eq!(ecn(&[0]), Some(0));
        assert_eq!(ecn(&[1, 2]), Some(0));
        assert_eq!(ecn(&[3]), Some(0));
        assert_eq!(ecn(&[2, 3]), Some(3));
        assert_eq!(ecn(&[0, 2]), None);
        assert_eq!(ecn(&[0, 3]), None);
    }
}
