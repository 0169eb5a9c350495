//! Selective acknowledgments, as the sender reads them (RFC 2018, RFC 2883, `tcp_sacktag_write_queue()`).

use smallvec::SmallVec;

use crate::netns::mib::LinuxMib;
use crate::socket::tcp::ack::AckFlags;
use crate::socket::tcp::options::{Block, NUM_SACKS};
use crate::socket::tcp::segment::Segment;
use crate::socket::tcp::send_queue::Chunk;
use crate::socket::tcp::seq::Seq;
use crate::socket::tcp::{Sk, TcpSock};
use crate::time::SimTime;
use crate::trace::Observer;

/// What the blocks of one segment have brought.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SackResult {
    /// When the first segment that is newly reported was sent.
    pub(super) first_sent: Option<SimTime>,
    /// The lowest number that was reported although later ones were before.
    reordered: Option<Seq>,
}

impl TcpSock {
    /// The number behind the highest byte that was reported (`tcp_highest_sack_seq()`).
    pub(super) fn highest_sack(&self) -> Seq {
        let last = self.tx.rtx().filter(|chunk| chunk.sacked).map(|chunk| chunk.end_seq).last();
        last.unwrap_or(self.tx.una)
    }

    /// Whether a block can be believed (`tcp_is_sackblock_valid()`).
    fn is_valid_block(&self, (start, end): Block, duplicate: bool) -> bool {
        let tx = &self.tx;
        if end.after(tx.nxt) || !start.before(end) || !start.before(tx.nxt) {
            return false;
        }
        if start.after(tx.una) {
            return true;
        }
        // A duplicate may lie in what was acknowledged of late.
        duplicate
            && self.loss.undo_marker.is_some()
            && !end.after(tx.una)
            && !start.before(tx.una.minus(tx.max_wnd))
    }
}

impl<O: Observer> Sk<'_, O> {
    /// Marks what a segment's blocks report.
    pub(super) fn sacktag(
        &mut self,
        segment: &Segment,
        prior_una: Seq,
        flags: &mut AckFlags,
    ) -> SackResult {
        let mut result = SackResult::default();
        let given = segment.options.sack();
        let repeated = self.check_dsack(given, segment.ack, prior_una, flags);
        let duplicate = repeated.is_some();
        // What came twice has been delivered, too.
        self.tp().loss.delivered += repeated.unwrap_or(0);
        let mut blocks: SmallVec<[Block; NUM_SACKS]> = SmallVec::new();
        for (at, block) in given.iter().enumerate() {
            let is_duplicate = duplicate && at == 0;
            if self.t().is_valid_block(*block, is_duplicate) && block.1.after(self.t().tx.una) {
                blocks.push(*block);
            }
        }
        blocks.sort_by_key(|block| block.0.since(prior_una));
        let prior_highest = self.t().highest_sack();
        for block in blocks {
            self.tag_block(block, prior_highest, flags, &mut result);
        }
        if let Some(low) = result.reordered {
            self.tp().note_reordering(low, prior_highest);
        }
        result
    }

    /// Whether the first block reports what came twice (`tcp_check_dsack()`), and how many segments that
    /// were; those that this side has not sent twice do not count.
    fn check_dsack(
        &mut self,
        blocks: &[Block],
        ack: Seq,
        prior_una: Seq,
        flags: &mut AckFlags,
    ) -> Option<u32> {
        let (start, end) = blocks.first().copied()?;
        let within = blocks.get(1).is_some_and(|(s, e)| !end.after(*e) && !start.before(*s));
        if start.before(ack) {
            self.mib(LinuxMib::DsackRecv);
        } else if within {
            self.mib(LinuxMib::DsackOfoRecv);
        } else {
            return None;
        }
        let tp = self.tp();
        let segs = end.since(start).div_ceil(tp.tx.mss.max(1));
        tp.loss.dsack_dups = tp.loss.dsack_dups.saturating_add(segs);
        if !start.before(end) || tp.loss.dsack_dups > tp.loss.total_retrans {
            return Some(0);
        }
        flags.dsacking = true;
        flags.dsack_tlp = tp.loss.tlp_high == Some(end) && tp.loss.tlp_retrans;
        if let Some(marker) = tp.loss.undo_marker
            && !end.after(prior_una)
            && end.after(marker)
        {
            tp.loss.undo_retrans = tp.loss.undo_retrans.saturating_sub(segs);
        }
        Some(segs)
    }

    /// Marks the entries that a block covers; one that it covers in part is cut at a segment's edge
    /// (`tcp_match_skb_to_sack()`).
    fn tag_block(
        &mut self,
        (start, end): Block,
        prior_highest: Seq,
        flags: &mut AckFlags,
        result: &mut SackResult,
    ) {
        let mut at = 0;
        while let Some(chunk) = self.t().tx.rtx_at(at) {
            if !chunk.seq.before(end) {
                break;
            }
            if chunk.end_seq.after(start) && !chunk.sacked {
                if let Some(len) = cut_for(chunk, start, end) {
                    self.tp().tx.split(at, len);
                }
                let covered = self
                    .t()
                    .tx
                    .rtx_at(at)
                    .is_some_and(|chunk| !start.after(chunk.seq) && !end.before(chunk.end_seq));
                if covered {
                    self.tag(at, prior_highest, flags, result);
                }
            }
            at += 1;
        }
    }

    /// Marks one entry as reported (`tcp_sacktag_one()`).
    fn tag(
        &mut self,
        at: usize,
        prior_highest: Seq,
        flags: &mut AckFlags,
        result: &mut SackResult,
    ) {
        let (now, high_seq) = (self.k.now, self.t().loss.high_seq);
        let tp = self.tp();
        let Some(chunk) = tp.tx.rtx_at_mut(at) else { return };
        let segs = chunk.segs.max(1);
        let (was_lost, was_retrans) = (chunk.lost, chunk.retrans);
        chunk.sacked = true;
        chunk.lost = false;
        chunk.retrans = false;
        let (seq, end_seq) = (chunk.seq, chunk.end_seq);
        let (sent_at, ever) = (chunk.sent_at, chunk.ever_retrans);
        if was_lost {
            tp.tx.lost_out = tp.tx.lost_out.saturating_sub(segs);
        }
        if was_retrans {
            tp.tx.retrans_out = tp.tx.retrans_out.saturating_sub(segs);
        }
        if !ever {
            if seq.before(prior_highest) {
                result.reordered = Some(result.reordered.map_or(seq, |low| low.min(seq)));
            }
            flags.orig_sack_acked |= !end_seq.after(high_seq);
            result.first_sent = result.first_sent.or(Some(sent_at));
        }
        tp.tx.sacked_out += segs;
        flags.data_sacked = true;
        tp.loss.delivered += segs;
        tp.loss.rack.advance(now, sent_at, end_seq, ever, tp.rtt.min_us);
    }
}

/// Where an entry of several segments is cut so that a block covers one part: at a whole number of
/// segments.
fn cut_for(chunk: &Chunk, start: Seq, end: Seq) -> Option<u32> {
    let covered = !start.after(chunk.seq) && !end.before(chunk.end_seq);
    if covered || chunk.segs <= 1 {
        return None;
    }
    let mss = chunk.mss.max(1);
    let begins_inside = start.after(chunk.seq);
    let mut len =
        if begins_inside { start.since(chunk.seq).max(mss) } else { end.since(chunk.seq) };
    if !begins_inside && len < mss {
        return None;
    }
    if len > mss {
        let whole = len / mss * mss;
        len = if begins_inside && whole < len { whole + mss } else { whole };
    }
    (len < chunk.len()).then_some(len)
}
