//! What has arrived: in order for the program, out of order for later.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::errno::Errno;
use crate::id::SocketId;
use crate::kernel::Kernel;
use crate::packet::{Skb, SkbPool};
use crate::socket::tcp::options::{Block, NUM_SACKS};
use crate::socket::tcp::seq::{Seq, len32};
use crate::socket::tcp::window::{Adaptation, DEFAULT_SCALING_RATIO};
use crate::socket::tcp::{Sk, TcpState};
use crate::sysctl::Sysctl;
use crate::trace::Observer;

/// The receiving direction of a connection.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// The number that is expected next (`rcv_nxt`).
    pub nxt: Seq,
    /// What was expected next when the window was last offered (`rcv_wup`).
    pub wup: Seq,
    /// The window that was offered then, in bytes (`rcv_wnd`).
    pub wnd: u32,
    /// The number of the first byte that the program has not read (`copied_seq`).
    pub copied: Seq,
    /// How much is offered at most for now (`rcv_ssthresh`).
    pub ssthresh: u32,
    /// How much is ever offered (`window_clamp`).
    pub clamp: u32,
    /// How much of the buffer is data, in 1/256 (`scaling_ratio`).
    pub scaling_ratio: u32,
    /// The MSS that the peer was told, without options, in bytes (`advmss`).
    pub advmss: u32,
    /// The memory that is in use, in bytes (`sk_rmem_alloc`).
    pub rmem: u32,
    /// The memory of segments that wait for a system call to end, in bytes (`sk_backlog.len`).
    pub backlog: u32,
    /// The free space is less than half of the buffer: no time for quick ACKs.
    pub(super) short_of_space: bool,
    /// What makes the buffer grow.
    pub adapt: Adaptation,
    /// The echoed clock that the round trip was taken from last (`rcv_rtt_last_tsecr`).
    pub(super) last_tsecr: u32,
    /// The peer sends nothing more (`SOCK_DONE`).
    pub(super) ended: bool,
    /// Data for the program (`sk_receive_queue`).
    in_order: VecDeque<Piece>,
    /// Data behind a gap, by sequence number (`out_of_order_queue`).
    pub(super) ofo: VecDeque<Piece>,
    /// What is reported as received out of order, the latest first (`selective_acks`).
    pub(super) sacks: SmallVec<[Block; NUM_SACKS]>,
    /// What is reported as received twice (`duplicate_sack`).
    pub(super) dsack: Option<Block>,
    /// How often something was to be reported as received twice that is not counted yet.
    pub(super) twice: Twice,
}

/// Reports of what was received twice, by where it lies.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Twice {
    /// Before the data that are awaited.
    pub(super) old: u64,
    /// Behind a gap.
    pub(super) out_of_order: u64,
}

/// The data of a segment.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The buffer, whose data are those of the segment.
    pub(super) skb: Box<Skb>,
    /// The number of the first byte.
    pub(super) seq: Seq,
    /// The number behind the last byte, or behind the FIN.
    pub(super) end_seq: Seq,
    /// A FIN follows the data.
    pub(super) fin: bool,
    /// The memory that it is charged as, in bytes.
    pub(super) truesize: u32,
}

impl Default for Receiver {
    fn default() -> Self {
        Self {
            nxt: Seq(0),
            wup: Seq(0),
            wnd: 0,
            copied: Seq(0),
            ssthresh: 0,
            clamp: 0,
            scaling_ratio: DEFAULT_SCALING_RATIO,
            advmss: 536,
            rmem: 0,
            backlog: 0,
            short_of_space: false,
            adapt: Adaptation::default(),
            last_tsecr: 0,
            ended: false,
            in_order: VecDeque::new(),
            ofo: VecDeque::new(),
            sacks: SmallVec::new(),
            dsack: None,
            twice: Twice::default(),
        }
    }
}

impl Receiver {
    /// Whether the program can read something.
    pub(super) fn readable(&self) -> bool {
        self.in_order.iter().any(|piece| !piece.skb.is_empty())
    }

    /// Whether the queue for the program is empty, even of a FIN.
    pub(super) fn is_drained(&self) -> bool {
        self.in_order.is_empty()
    }

    /// How many bytes the program can read.
    pub(super) fn unread(&self) -> u32 {
        self.in_order.iter().map(|piece| len32(piece.skb.len())).sum()
    }

    /// Takes data that are due (`tcp_queue_rcv()`), without what was there before.
    pub(super) fn push(&mut self, mut piece: Piece) {
        let known = if piece.seq.before(self.nxt) { self.nxt.since(piece.seq) } else { 0 };
        let skip = (known as usize).min(piece.skb.len());
        let skipped = piece.skb.pull(skip).is_some();
        debug_assert!(skipped, "no more is taken off than there is");
        self.nxt = self.nxt.max(piece.end_seq);
        self.rmem += piece.truesize;
        self.in_order.push_back(piece);
    }

    /// Moves on what a filled gap has made due, and tells whether a FIN was among it
    /// (`tcp_ofo_queue()`).
    pub(super) fn take_due(&mut self, pool: &mut SkbPool) -> bool {
        let mut fin = false;
        while let Some(piece) = self.ofo.pop_front_if(|first| !first.seq.after(self.nxt)) {
            self.rmem -= piece.truesize;
            if piece.end_seq.after(self.nxt) {
                fin |= piece.fin;
                self.push(piece);
            } else {
                pool.give(piece.skb);
            }
        }
        fin
    }

    /// Keeps data behind a gap (`tcp_data_queue_ofo()`), and tells whether they are new.
    pub(super) fn push_out_of_order(
        &mut self,
        piece: Piece,
        sack: bool,
        dsack: bool,
        pool: &mut SkbPool,
    ) -> bool {
        let (seq, end_seq) = (piece.seq, piece.end_seq);
        let at = self.ofo.partition_point(|other| !seq.before(other.seq));
        // None lies within another: of those in front the last one reaches furthest.
        let before = at.checked_sub(1).map(|last| &self.ofo[last]);
        if let Some(covering) = before.filter(|other| seq.before(other.end_seq)) {
            let edge = covering.end_seq;
            if !end_seq.after(edge) {
                pool.give(piece.skb);
                self.set_dsack((seq, end_seq), dsack && sack);
                self.report(sack, (seq, end_seq));
                return false;
            }
            self.set_dsack((seq, edge), dsack && sack);
        }
        self.rmem += piece.truesize;
        self.ofo.insert(at, piece);
        self.drop_covered(at, dsack && sack, pool);
        self.report(sack, (seq, end_seq));
        true
    }

    /// Removes what lies within the piece at `at`, on both sides of it.
    fn drop_covered(&mut self, at: usize, dsack: bool, pool: &mut SkbPool) {
        let (seq, end_seq) = (self.ofo[at].seq, self.ofo[at].end_seq);
        let mut at = at;
        if at > 0 && self.ofo[at - 1].seq == seq {
            at -= 1;
            self.remove_covered(at, dsack, pool);
        }
        while let Some(next) = self.ofo.get(at + 1)
            && end_seq.after(next.seq)
        {
            if end_seq.before(next.end_seq) {
                let overlap = (next.seq, end_seq);
                self.extend_dsack(overlap, dsack);
                break;
            }
            self.remove_covered(at + 1, dsack, pool);
        }
    }

    fn remove_covered(&mut self, at: usize, dsack: bool, pool: &mut SkbPool) {
        let Some(covered) = self.ofo.remove(at) else { return };
        self.rmem -= covered.truesize;
        self.extend_dsack((covered.seq, covered.end_seq), dsack);
        pool.give(covered.skb);
    }

    /// Notes a block that is to be reported as received twice (`tcp_dsack_set()`).
    pub(super) fn set_dsack(&mut self, block: Block, wanted: bool) {
        if wanted {
            self.dsack = Some(block);
            let is_old = block.0.before(self.nxt);
            let count = if is_old { &mut self.twice.old } else { &mut self.twice.out_of_order };
            *count += 1;
        }
    }

    fn extend_dsack(&mut self, block: Block, wanted: bool) {
        match &mut self.dsack {
            Some(known) => {
                extend(known, block);
            }
            None => self.set_dsack(block, wanted),
        }
    }

    /// Notes what was received out of order: the latest block stands first (`tcp_sack_new_ofo_skb()`).
    fn report(&mut self, sack: bool, block: Block) {
        if !sack {
            return;
        }
        let at = self.sacks.iter_mut().position(|known| extend(known, block));
        if let Some(at) = at {
            self.sacks[..=at].rotate_right(1);
            self.merge_sacks();
            return;
        }
        self.sacks.truncate(NUM_SACKS - 1);
        self.sacks.insert(0, block);
    }

    /// Joins blocks that have grown together with the first one (`tcp_sack_maybe_coalesce()`).
    fn merge_sacks(&mut self) {
        let Some(mut first) = self.sacks.first().copied() else { return };
        let mut at = 1;
        while let Some(other) = self.sacks.get(at).copied() {
            if extend(&mut first, other) {
                self.sacks.remove(at);
            } else {
                at += 1;
            }
        }
        self.sacks[0] = first;
    }

    /// Forgets blocks that are no longer out of order (`tcp_sack_remove()`).
    pub(super) fn forget_sacks(&mut self) {
        if self.ofo.is_empty() {
            self.sacks.clear();
        }
        let nxt = self.nxt;
        self.sacks.retain(|(start, _)| nxt.before(*start));
    }

    /// The blocks to report in the next segment: what came twice first (`tcp_established_options()`).
    pub(super) fn blocks(&self) -> SmallVec<[Block; NUM_SACKS]> {
        self.dsack.into_iter().chain(self.sacks.iter().copied()).take(NUM_SACKS).collect()
    }

    /// Drops what came out of order, for want of room (`tcp_prune_ofo_queue()`).
    pub(super) fn prune(&mut self, limit: u32, pool: &mut SkbPool) {
        while self.rmem > limit {
            let Some(piece) = self.ofo.pop_back() else { break };
            self.rmem -= piece.truesize;
            pool.give(piece.skb);
            self.sacks.clear();
        }
    }

    /// Gives up to `max` bytes to the program, appended to `buf`; how many there were. After each segment
    /// `grow` is asked whether the buffer should be larger.
    fn read(
        &mut self,
        buf: &mut Vec<u8>,
        max: usize,
        pool: &mut SkbPool,
        mut grow: impl FnMut(&mut Self),
    ) -> usize {
        let before = buf.len();
        while let Some(piece) = self.in_order.front_mut() {
            let left = max - (buf.len() - before);
            let take = left.min(piece.skb.len());
            if let Some(bytes) = piece.skb.pull(take) {
                buf.extend_from_slice(bytes);
            }
            let used_up = piece.skb.is_empty();
            self.copied = self.copied.plus(len32(take));
            if take > 0 {
                grow(self);
            }
            if !used_up {
                break;
            }
            if let Some(piece) = self.in_order.pop_front() {
                // A FIN takes a number too.
                self.copied = self.copied.plus(u32::from(piece.fin));
                self.rmem -= piece.truesize;
                pool.give(piece.skb);
            }
            if buf.len() - before == max {
                break;
            }
        }
        buf.len() - before
    }

    /// Drops what the program has not read.
    pub(super) fn drop_unread(&mut self, pool: &mut SkbPool) {
        for piece in self.in_order.drain(..) {
            self.rmem -= piece.truesize;
            pool.give(piece.skb);
        }
    }

    /// Gives all buffers back.
    pub(super) fn purge(&mut self, pool: &mut SkbPool) {
        for piece in self.in_order.drain(..).chain(self.ofo.drain(..)) {
            pool.give(piece.skb);
        }
        self.sacks.clear();
        self.rmem = 0;
    }
}

/// Enlarges `known` by `block` if they touch (`tcp_sack_extend()`).
fn extend(known: &mut Block, block: Block) -> bool {
    if block.0.after(known.1) || known.0.after(block.1) {
        return false;
    }
    *known = (known.0.min(block.0), known.1.max(block.1));
    true
}

/// Reads up to `max` bytes of a connection into `buf`, which they replace (`tcp_recvmsg()`); 0 bytes mean that
/// the peer sends no more.
///
/// # Errors
/// The pending error, `EAGAIN` when there is nothing yet, `ENOTCONN` without a connection.
pub fn recv<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    buf: &mut Vec<u8>,
    max: usize,
    o: &mut O,
) -> Result<usize, Errno> {
    buf.clear();
    let mut sk = Sk::open(k, id, o).ok_or(Errno::EOPNOTSUPP)?;
    if sk.tp().state == TcpState::Listen {
        return Err(Errno::ENOTCONN);
    }
    sk.lock();
    let answer = sk.read(buf, max);
    sk.release();
    answer
}

impl<O: Observer> Sk<'_, O> {
    fn read(&mut self, buf: &mut Vec<u8>, max: usize) -> Result<usize, Errno> {
        let (now, rmem_max) = (self.k.now, self.rmem_max());
        let moderate = self.sysctl(Sysctl::TcpModerateRcvbuf) != 0;
        let (socket, pool) = self.socket_and_pool();
        let mut rcvbuf = socket.opts.rcvbuf;
        let may_grow = moderate && !socket.opts.rcvbuf_locked;
        let copied = socket.tcp_mut().rx.read(buf, max, pool, |rx| {
            if let Some(grown) = rx.adapt(rcvbuf, if may_grow { rmem_max } else { 0 }, now) {
                rcvbuf = grown;
            }
        });
        socket.opts.rcvbuf = rcvbuf;
        if copied == 0 && max > 0 {
            return self.nothing_to_read();
        }
        self.cleanup_rbuf(copied > 0);
        Ok(copied)
    }

    /// What a read answers that finds nothing.
    fn nothing_to_read(&mut self) -> Result<usize, Errno> {
        let socket = self.sock_mut();
        if socket.tcp().rx.ended {
            return Ok(0);
        }
        socket.take_error()?;
        if socket.shutdown.read {
            return Ok(0);
        }
        if socket.tcp().state == TcpState::Close {
            return Err(Errno::ENOTCONN);
        }
        Err(Errno::EAGAIN)
    }
}

#[cfg(test)]
impl Receiver {
    /// What [`Self::check`] looks at, without the data.
    fn summary(&self) -> String {
        let Self { nxt, copied, rmem, sacks, .. } = self;
        let ofo: Vec<Block> = self.ofo.iter().map(|piece| (piece.seq, piece.end_seq)).collect();
        format!("nxt {nxt:?} copied {copied:?} rmem {rmem} ofo {ofo:?} sacks {sacks:?}")
    }

    /// Panics if the queues and what is counted of them do not agree.
    pub(super) fn check(&self) {
        let queued = self.in_order.iter().chain(&self.ofo).map(|piece| piece.truesize).sum::<u32>();
        assert_eq!(self.rmem, queued, "{}", self.summary());
        assert!(!self.copied.after(self.nxt), "{}", self.summary());
        assert!(self.ofo.iter().all(|piece| piece.seq.after(self.nxt)), "{}", self.summary());
        let in_order = |a: &&Piece, b: &&Piece| a.seq.before(b.seq) && a.end_seq.before(b.end_seq);
        assert!(self.ofo.iter().is_sorted_by(in_order), "{}", self.summary());
        assert!(
            self.sacks.iter().all(|(a, b)| a.after(self.nxt) && b.after(*a)),
            "{}",
            self.summary()
        );
        assert!(self.ofo.is_empty() <= self.sacks.is_empty(), "{}", self.summary());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(seq: u32, len: u32) -> Piece {
        let skb = Box::new(Skb::from_slice(&vec![7; len as usize]));
        Piece { skb, seq: Seq(seq), end_seq: Seq(seq + len), fin: false, truesize: 832 }
    }

    fn blocks(rx: &Receiver) -> Vec<(u32, u32)> {
        rx.blocks().iter().map(|(a, b)| (a.0, b.0)).collect()
    }

    #[test]
    fn the_latest_block_is_reported_first_and_neighbours_are_joined() {
        let mut pool = SkbPool::default();
        let mut rx = Receiver { nxt: Seq(1), ..Receiver::default() };
        for (seq, want) in [
            (101, vec![(101, 201)]),
            (401, vec![(401, 501), (101, 201)]),
            (201, vec![(101, 301), (401, 501)]),
            (301, vec![(101, 501)]),
        ] {
            assert!(rx.push_out_of_order(piece(seq, 100), true, true, &mut pool));
            assert_eq!(blocks(&rx), want, "{seq}");
        }
        rx.push(piece(1, 100));
        assert!(!rx.take_due(&mut pool));
        rx.forget_sacks();
        assert_eq!((rx.nxt, blocks(&rx), rx.unread()), (Seq(501), vec![], 500));
        assert_eq!(rx.rmem, 5 * 832);
    }

    #[test]
    fn what_comes_twice_is_reported_as_such_and_counted_once() {
        let mut pool = SkbPool::default();
        let mut rx = Receiver { nxt: Seq(1), ..Receiver::default() };
        rx.push_out_of_order(piece(101, 100), true, true, &mut pool);
        assert!(!rx.push_out_of_order(piece(101, 100), true, true, &mut pool));
        assert_eq!(blocks(&rx), [(101, 201), (101, 201)]);
        assert_eq!(rx.rmem, 832);
        rx.dsack = None;
        assert!(rx.push_out_of_order(piece(51, 300), true, true, &mut pool), "covers the other");
        assert_eq!((blocks(&rx), rx.rmem), (vec![(101, 201), (51, 351)], 832));
    }

    #[test]
    fn pieces_come_into_order_whatever_order_they_come_in() {
        let mut pool = SkbPool::default();
        // The first byte is missing; every third piece comes in each of three rounds, from the last on.
        let mut rx = Receiver { nxt: Seq(1), copied: Seq(1), ..Receiver::default() };
        for round in 0..3 {
            for number in (0..3000).rev().filter(|number| number % 3 == round) {
                assert!(rx.push_out_of_order(piece(2 + number * 10, 10), true, true, &mut pool));
            }
        }
        rx.check();
        // What lies within others is nothing new, and what reaches over them takes their place.
        assert!(!rx.push_out_of_order(piece(15, 7), true, true, &mut pool));
        assert!(rx.push_out_of_order(piece(15, 30), true, true, &mut pool));
        rx.check();
        rx.push(piece(1, 1));
        assert!(!rx.take_due(&mut pool));
        assert_eq!((rx.nxt, rx.unread()), (Seq(30_002), 30_001));
    }

    #[test]
    fn overlapping_data_are_read_once() {
        let mut pool = SkbPool::default();
        let mut rx = Receiver { nxt: Seq(1), copied: Seq(1), ..Receiver::default() };
        rx.push(piece(1, 10));
        rx.push(piece(6, 10));
        let mut buf = Vec::new();
        assert_eq!(rx.read(&mut buf, 12, &mut pool, |_| {}), 12);
        assert_eq!(rx.read(&mut buf, 12, &mut pool, |_| {}), 3);
        assert_eq!((rx.copied, rx.rmem), (Seq(16), 0));
    }
}
