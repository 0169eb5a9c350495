//! What is to be sent or waits to be acknowledged (`sk_write_queue`, `tcp_rtx_queue`).
//!
//! The bytes stand in one buffer; the queue's entries are ranges of it. Like the kernel's buffers they may
//! be longer than a segment: they are cut when they are sent, and so it depends on them where the flag PSH is
//! set.

use std::collections::VecDeque;

use crate::packet::{Skb, TcpFlags};
use crate::socket::tcp::seq::{Seq, len32};
use crate::time::SimTime;

/// The memory that an entry is charged as beside its data, in bytes; observed on Linux 6.18.
pub(super) const SKB_OVERHEAD: u32 = 832;

/// An entry of the send queue.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// The number of its first byte, or of its SYN or FIN.
    pub(super) seq: Seq,
    /// The number behind its last byte, or behind its FIN.
    pub(super) end_seq: Seq,
    /// SYN, FIN and PSH, as far as it carries them.
    pub(super) flags: TcpFlags,
    /// In how many segments it was sent, or would be (`tcp_gso_segs`); 0 if that is to be found out.
    pub(super) segs: u32,
    /// The size of those segments in bytes (`tcp_gso_size`).
    pub(super) mss: u32,
    /// When it was sent last.
    pub(super) sent_at: SimTime,
    /// The peer has reported it as received (`TCPCB_SACKED_ACKED`).
    pub(super) sacked: bool,
    /// It is taken as lost (`TCPCB_LOST`).
    pub(super) lost: bool,
    /// It was sent again and that one is on its way (`TCPCB_SACKED_RETRANS`).
    pub(super) retrans: bool,
    /// It was sent again at some time (`TCPCB_EVER_RETRANS`).
    pub(super) ever_retrans: bool,
}

impl Chunk {
    /// An entry without data.
    pub(super) fn bare(seq: Seq, flags: TcpFlags) -> Self {
        let takes = u32::from(flags.syn()) + u32::from(flags.fin());
        Self {
            seq,
            end_seq: seq.plus(takes),
            flags,
            segs: 0,
            mss: 0,
            sent_at: SimTime::ZERO,
            sacked: false,
            lost: false,
            retrans: false,
            ever_retrans: false,
        }
    }

    /// How many bytes of data it has.
    pub(super) fn len(&self) -> u32 {
        let flags = u32::from(self.flags.syn()) + u32::from(self.flags.fin());
        self.end_seq.since(self.seq).saturating_sub(flags)
    }

    /// Whether it was reported, is lost, and is on its way again.
    fn marks(&self) -> [bool; 3] {
        [self.sacked, self.lost, self.retrans]
    }

    fn truesize(&self) -> u32 {
        SKB_OVERHEAD + self.len()
    }

    /// Finds out in how many segments of `mss` bytes it is sent (`tcp_set_skb_tso_segs()`).
    pub(super) fn set_segs(&mut self, mss: u32) -> u32 {
        self.mss = mss;
        self.segs = self.len().div_ceil(mss.max(1)).max(1);
        self.segs
    }
}

/// The sending direction of a connection.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    /// The first number that is not acknowledged (`snd_una`).
    pub una: Seq,
    /// The next number to be sent (`snd_nxt`).
    pub nxt: Seq,
    /// The number behind the last byte that the program has written (`write_seq`).
    pub write_seq: Seq,
    /// The number behind the last byte that was pushed (`pushed_seq`).
    pub(super) pushed: Seq,
    /// The number behind the last segment that was not full (`snd_sml`).
    pub(super) small_end: Seq,
    /// The number of the segment that set the window last (`snd_wl1`).
    pub(super) wl1: Seq,
    /// The peer's window in bytes (`snd_wnd`).
    pub wnd: u32,
    /// The largest window that the peer has offered, in bytes (`max_window`).
    pub max_wnd: u32,
    /// The size of a full segment's data, without options but timestamps, in bytes (`mss_cache`).
    pub mss: u32,
    /// The length of the IPv4 options in front, in bytes (`icsk_ext_hdr_len`).
    pub ip_options_len: u32,
    /// The path MTU that this follows from, in bytes (`icsk_pmtu_cookie`).
    pub pmtu: u32,
    /// How many segments are given to the device at once at most (`gso_segs`).
    pub(super) gso_segs: u32,
    /// `TCP_NODELAY`.
    pub nodelay: bool,
    /// A program waits for room (`SOCK_NOSPACE`).
    pub wants_space: bool,
    /// The memory that is in use, in bytes (`sk_wmem_queued`).
    pub queued: u32,
    /// Segments that were sent and not acknowledged (`packets_out`).
    pub packets_out: u32,
    /// The peer reports nothing: duplicate ACKs are counted instead (`tcp_is_reno()`).
    pub(super) reno: bool,
    /// Those of them that the peer has reported (`sacked_out`).
    pub(super) sacked_out: u32,
    /// Those that are taken as lost (`lost_out`).
    pub(super) lost_out: u32,
    /// Those that are on their way again (`retrans_out`).
    pub(super) retrans_out: u32,
    /// Bytes that were acknowledged.
    pub(super) bytes_acked: u64,
    /// When data were sent last, in jiffies (`lsndtime`).
    pub(super) last_data: u64,
    data: VecDeque<u8>,
    data_seq: Seq,
    chunks: VecDeque<Chunk>,
    sent: usize,
}

impl Sender {
    /// Begins anew at `seq`.
    pub(super) fn start(&mut self, seq: Seq) {
        self.una = seq;
        self.nxt = seq;
        self.write_seq = seq;
        self.pushed = seq;
        self.small_end = seq;
        self.data.clear();
        self.chunks.clear();
        self.data_seq = seq;
        (self.sent, self.queued) = (0, 0);
        (self.packets_out, self.sacked_out, self.lost_out, self.retrans_out) = (0, 0, 0, 0);
    }

    /// Forgets all that is queued (`tcp_write_queue_purge()`).
    pub(super) fn purge(&mut self) {
        let (nxt, write_seq) = (self.nxt, self.write_seq);
        self.start(self.una);
        (self.nxt, self.write_seq) = (nxt, write_seq);
        self.data_seq = write_seq;
    }

    /// Segments that are in the network, as far as one can tell (`tcp_packets_in_flight()`).
    pub(super) fn in_flight(&self) -> u32 {
        (self.packets_out + self.retrans_out).saturating_sub(self.sacked_out + self.lost_out)
    }

    /// The end of the peer's window (`tcp_wnd_end()`).
    pub(super) fn wnd_end(&self) -> Seq {
        self.una.plus(self.wnd)
    }

    /// Whether there is room enough to bother a waiting program (`sk_stream_is_writeable()`).
    pub(super) fn is_writable(&self, sndbuf: u32) -> bool {
        sndbuf.saturating_sub(self.queued) >= self.queued >> 1 && self.queued < sndbuf
    }

    /// How many bytes wait to be sent or acknowledged.
    pub(super) fn unacked(&self) -> u32 {
        self.write_seq.since(self.una)
    }

    /// The entries that were sent, oldest first.
    pub(super) fn rtx(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter().take(self.sent)
    }

    /// An entry that was sent.
    pub(super) fn rtx_at(&self, at: usize) -> Option<&Chunk> {
        if at < self.sent { self.chunks.get(at) } else { None }
    }

    /// An entry that was sent, to be changed.
    pub(super) fn rtx_at_mut(&mut self, at: usize) -> Option<&mut Chunk> {
        if at < self.sent { self.chunks.get_mut(at) } else { None }
    }

    /// How many entries were sent.
    pub(super) fn rtx_len(&self) -> usize {
        self.sent
    }

    /// The next entry to be sent (`tcp_send_head()`).
    pub(super) fn head(&self) -> Option<&Chunk> {
        self.chunks.get(self.sent)
    }

    /// The next entry to be sent, to be changed.
    pub(super) fn head_mut(&mut self) -> Option<&mut Chunk> {
        self.chunks.get_mut(self.sent)
    }

    /// The last entry that was not sent (`tcp_write_queue_tail()`).
    pub(super) fn tail_mut(&mut self) -> Option<&mut Chunk> {
        if self.is_all_sent() { None } else { self.chunks.back_mut() }
    }

    /// Whether the next entry to be sent is the last one.
    pub(super) fn head_is_tail(&self) -> bool {
        self.chunks.len() == self.sent + 1
    }

    /// Whether nothing waits to be sent (`tcp_write_queue_empty()`).
    pub(super) fn is_all_sent(&self) -> bool {
        self.chunks.len() == self.sent
    }

    /// Adds an empty entry for data.
    pub(super) fn open_chunk(&mut self) {
        self.push(Chunk::bare(self.write_seq, TcpFlags::NONE));
    }

    /// Adds an entry (`tcp_queue_skb()`), SYN or FIN.
    pub(super) fn push(&mut self, chunk: Chunk) {
        self.write_seq = self.write_seq.max(chunk.end_seq);
        if self.data.is_empty() {
            self.data_seq = self.write_seq;
        }
        self.queued += chunk.truesize();
        self.chunks.push_back(chunk);
    }

    /// Appends data to the last entry.
    pub(super) fn append(&mut self, data: &[u8]) {
        if self.data.is_empty() {
            self.data_seq = self.write_seq;
        }
        let len = len32(data.len());
        self.data.extend(data);
        self.write_seq = self.write_seq.plus(len);
        self.queued += len;
        if let Some(tail) = self.chunks.back_mut() {
            tail.end_seq = tail.end_seq.plus(len);
            tail.segs = 0;
        }
    }

    /// Adds a FIN to the last entry that was not sent, or as an entry of its own (`tcp_send_fin()`).
    pub(super) fn append_fin(&mut self) {
        if let Some(tail) = self.tail_mut() {
            tail.flags = tail.flags | TcpFlags::FIN;
            tail.end_seq = tail.end_seq.plus(1);
            self.write_seq = self.write_seq.plus(1);
        } else {
            self.push(Chunk::bare(self.write_seq, TcpFlags::FIN));
        }
    }

    /// Removes the last entry if nothing was put into it (`tcp_remove_empty_skb()`).
    pub(super) fn drop_empty_tail(&mut self) {
        let empty = self.tail_mut().is_some_and(|tail| tail.seq == tail.end_seq);
        if empty && self.chunks.pop_back().is_some() {
            self.queued = self.queued.saturating_sub(SKB_OVERHEAD);
        }
    }

    /// Cuts an entry in two after `len` bytes (`tcp_fragment()`): FIN and PSH stay with the second part.
    pub(super) fn split(&mut self, at: usize, len: u32) {
        let Some(first) = self.chunks.get_mut(at) else { return };
        if len == 0 || len >= first.len() {
            return;
        }
        let mut second = first.clone();
        second.seq = first.seq.plus(len);
        first.end_seq = second.seq;
        first.flags = first.flags.without(TcpFlags::FIN).without(TcpFlags::PSH);
        let (old, mss) = (first.segs, first.mss);
        if old > 0 && mss > 0 {
            first.set_segs(mss);
            second.set_segs(mss);
        }
        let new = first.segs + second.segs;
        let marks = first.marks();
        self.chunks.insert(at + 1, second);
        self.queued += SKB_OVERHEAD;
        if at < self.sent {
            self.sent += 1;
            self.adjust_count(marks, old, new);
        }
    }

    /// An entry with these marks consists of another number of segments now (`tcp_adjust_pcount()`).
    fn adjust_count(&mut self, marks: [bool; 3], old: u32, new: u32) {
        self.packets_out = (self.packets_out + new).saturating_sub(old);
        let counters = [&mut self.sacked_out, &mut self.lost_out, &mut self.retrans_out];
        for (counter, _) in counters.into_iter().zip(marks).filter(|(_, marked)| *marked) {
            *counter = (*counter + new).saturating_sub(old);
        }
        if self.reno {
            // It counts duplicates, which belong to no entry.
            self.sacked_out = self.sacked_out.saturating_sub(old.saturating_sub(new));
        }
    }

    /// Cuts the next entry to be sent.
    pub(super) fn split_head(&mut self, len: u32) {
        self.split(self.sent, len);
    }

    /// Fills the next entry to be sent from those behind it, up to `len` bytes (`tcp_grow_skb()`).
    pub(super) fn grow_head(&mut self, len: u32) {
        while let (Some(head), Some(next)) =
            (self.chunks.get(self.sent), self.chunks.get(self.sent + 1))
        {
            let missing = len.saturating_sub(head.len());
            if missing == 0 || head.flags != TcpFlags::NONE && head.flags != TcpFlags::PSH {
                return;
            }
            let (take, whole) = (missing.min(next.len()), missing >= next.len());
            if take == 0 {
                return;
            }
            let flags = next.flags;
            let head = &mut self.chunks[self.sent];
            head.end_seq = head.end_seq.plus(take);
            head.segs = 0;
            if whole {
                head.end_seq = head.end_seq.plus(u32::from(flags.fin()));
                head.flags = head.flags | flags;
                self.chunks.remove(self.sent + 1);
                self.queued = self.queued.saturating_sub(SKB_OVERHEAD);
            } else {
                let next = &mut self.chunks[self.sent + 1];
                next.seq = next.seq.plus(take);
                return;
            }
        }
    }

    /// Counts the next entry as sent (`tcp_event_new_data_sent()`).
    pub(super) fn advance(&mut self) {
        if let Some(chunk) = self.chunks.get(self.sent) {
            self.nxt = self.nxt.max(chunk.end_seq);
            self.packets_out += chunk.segs.max(1);
            self.sent += 1;
        }
    }

    /// Removes the oldest entry, which was acknowledged.
    pub(super) fn pop(&mut self) -> Option<Chunk> {
        if self.sent == 0 {
            return None;
        }
        let chunk = self.chunks.pop_front()?;
        self.sent -= 1;
        self.queued = self.queued.saturating_sub(chunk.truesize());
        self.drop_data(chunk.len());
        Some(chunk)
    }

    /// Takes `len` acknowledged bytes off the oldest entry (`tcp_trim_head()`), in whole segments, and
    /// tells how many those were (`tcp_tso_acked()`).
    pub(super) fn trim(&mut self, len: u32) -> u32 {
        let Some(first) = self.chunks.front_mut() else { return 0 };
        let before = first.segs.max(1);
        first.seq = first.seq.plus(len);
        let mss = first.mss.max(1);
        first.set_segs(mss);
        let acked = before.saturating_sub(first.segs);
        self.queued = self.queued.saturating_sub(len);
        self.drop_data(len);
        acked
    }

    /// Counts the segments of an entry that was sent anew (`tcp_adjust_pcount()`).
    pub(super) fn recount(&mut self, at: usize, mss: u32) {
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let (old, marks) = (chunk.segs.max(1), chunk.marks());
        let new = chunk.set_segs(mss);
        self.adjust_count(marks, old, new);
    }

    /// Joins the entries behind `at` to it, as long as the whole has at most `room` bytes
    /// (`tcp_collapse_retrans()`).
    pub(super) fn collapse(&mut self, at: usize, room: u32) {
        while at + 1 < self.sent
            && let (Some(first), Some(next)) = (self.chunks.get(at), self.chunks.get(at + 1))
        {
            let fits = first.len() + next.len() <= room && !first.flags.syn();
            if !fits || first.segs > 1 || next.segs > 1 || first.sacked || next.sacked {
                return;
            }
            let Some(next) = self.chunks.remove(at + 1) else { return };
            self.sent -= 1;
            self.queued = self.queued.saturating_sub(SKB_OVERHEAD);
            self.adjust_count(next.marks(), next.segs.max(1), 0);
            if let Some(first) = self.chunks.get_mut(at) {
                first.end_seq = next.end_seq;
                first.flags = first.flags | next.flags;
                first.ever_retrans |= next.ever_retrans;
            }
        }
    }

    fn drop_data(&mut self, len: u32) {
        let len = (len as usize).min(self.data.len());
        self.data.drain(..len);
        self.data_seq = self.data_seq.plus(len32(len));
    }

    /// Puts the bytes of a range into a buffer.
    pub(super) fn copy_to(&self, seq: Seq, len: u32, skb: &mut Skb) {
        let from = (seq.since(self.data_seq) as usize).min(self.data.len());
        let to = (from + len as usize).min(self.data.len());
        let (front, back) = self.data.as_slices();
        let middle = front.len();
        skb.put(front.get(from.min(middle)..to.min(middle)).unwrap_or_default());
        let (from, to) = (from.saturating_sub(middle), to.saturating_sub(middle));
        skb.put(back.get(from..to).unwrap_or_default());
    }
}

#[cfg(test)]
impl Sender {
    /// What [`Self::check`] looks at, without the data.
    fn summary(&self) -> String {
        let Self { una, nxt, write_seq, packets_out, sacked_out, lost_out, retrans_out, .. } = self;
        format!(
            "una {una:?} nxt {nxt:?} end {write_seq:?} out {packets_out} sacked {sacked_out} \
             lost {lost_out} retrans {retrans_out} sent {} {:?}",
            self.sent, self.chunks
        )
    }

    /// Panics if the queue and what is counted of it do not agree. Reports are only marked with SACK.
    pub(super) fn check(&self, sack: bool) {
        assert!(!self.una.after(self.nxt) && !self.nxt.after(self.write_seq), "{}", self.summary());
        let pairs = self.chunks.iter().zip(self.chunks.iter().skip(1));
        assert!(pairs.clone().all(|(a, b)| a.end_seq == b.seq), "{}", self.summary());
        if let (Some(first), Some(last)) = (self.chunks.front(), self.chunks.back()) {
            assert!(
                !first.seq.after(self.una) && last.end_seq == self.write_seq,
                "{}",
                self.summary()
            );
        }
        if let Some(first) = self.chunks.iter().find(|chunk| chunk.len() > 0) {
            assert_eq!(
                first.seq.plus(u32::from(first.flags.syn())),
                self.data_seq,
                "{}",
                self.summary()
            );
        }
        if let Some(last) = self.rtx().last() {
            assert_eq!(last.end_seq, self.nxt, "{}", self.summary());
        }
        let data: u32 = self.chunks.iter().map(Chunk::len).sum();
        assert_eq!(len32(self.data.len()), data, "{}", self.summary());
        assert_eq!(
            self.queued,
            self.chunks.iter().map(Chunk::truesize).sum::<u32>(),
            "{}",
            self.summary()
        );
        let count = |wanted: fn(&Chunk) -> bool| {
            self.rtx().filter(|chunk| wanted(chunk)).map(|chunk| chunk.segs.max(1)).sum::<u32>()
        };
        assert_eq!(self.packets_out, count(|_| true), "{}", self.summary());
        assert_eq!(self.lost_out, count(|chunk| chunk.lost), "{}", self.summary());
        assert_eq!(self.retrans_out, count(|chunk| chunk.retrans), "{}", self.summary());
        assert!(self.sacked_out + self.lost_out <= self.packets_out, "{}", self.summary());
        if sack {
            assert_eq!(self.sacked_out, count(|chunk| chunk.sacked), "{}", self.summary());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_data(len: usize) -> Sender {
        let mut tx = Sender::default();
        tx.start(Seq(1));
        tx.open_chunk();
        tx.append(&(0..len).map(|n| u8::try_from(n % 251).unwrap()).collect::<Vec<_>>());
        tx
    }

    #[test]
    fn a_cut_leaves_push_and_fin_with_the_second_part() {
        let mut tx = with_data(3000);
        tx.append_fin();
        tx.tail_mut().unwrap().flags = TcpFlags::FIN | TcpFlags::PSH;
        tx.split_head(1448);
        let first = tx.head().unwrap().clone();
        assert_eq!((first.len(), first.flags), (1448, TcpFlags::NONE));
        tx.advance();
        let second = tx.head().unwrap();
        assert_eq!((second.len(), second.flags), (1552, TcpFlags::FIN | TcpFlags::PSH));
        assert_eq!(tx.queued, 3000 + 2 * SKB_OVERHEAD);
        assert_eq!(tx.write_seq, Seq(3002));
    }

    #[test]
    fn bytes_are_found_by_their_numbers_after_some_are_acknowledged() {
        let mut tx = with_data(100);
        tx.advance();
        tx.open_chunk();
        tx.append(b"tail");
        tx.advance();
        assert_eq!(tx.pop().map(|chunk| chunk.len()), Some(100));
        let mut skb = Skb::new();
        tx.copy_to(Seq(102), 2, &mut skb);
        assert_eq!(skb.data(), b"ai");
        assert_eq!(tx.queued, 4 + SKB_OVERHEAD);
    }

    #[test]
    fn part_of_an_entry_is_acknowledged_in_whole_segments() {
        let mut tx = with_data(3500);
        tx.head_mut().unwrap().set_segs(1000);
        tx.advance();
        assert_eq!((tx.packets_out, tx.trim(2000)), (4, 2));
        assert_eq!(tx.rtx_at(0).map(Chunk::len), Some(1500));
    }

    #[test]
    fn without_sack_entries_that_are_joined_take_a_duplicate_along() {
        let mut tx = with_data(100);
        tx.reno = true;
        tx.advance();
        tx.open_chunk();
        tx.append(&[1; 20]);
        tx.advance();
        tx.sacked_out = 1;
        tx.collapse(0, 1000);
        assert_eq!((tx.packets_out, tx.sacked_out), (1, 0));
        assert_eq!(tx.rtx_at(0).map(Chunk::len), Some(120));
        tx.check(false);
    }

    #[test]
    fn an_entry_is_filled_from_the_next() {
        let mut tx = with_data(10);
        tx.open_chunk();
        tx.append(&[1; 20]);
        tx.grow_head(15);
        assert_eq!(tx.head().map(Chunk::len), Some(15));
        tx.grow_head(100);
        assert_eq!(tx.head().map(Chunk::len), Some(30));
        assert!(tx.head_is_tail());
    }
}
