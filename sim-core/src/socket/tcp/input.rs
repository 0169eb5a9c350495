//! What a segment does to a connection (`tcp_rcv_established()`, `tcp_rcv_state_process()`).

use crate::kernel::Flight;
use crate::netns::mib::LinuxMib;
use crate::packet::TcpFlags;
use crate::socket::tcp::ack::AckFlags;
use crate::socket::tcp::delack::MAX_QUICKACKS;
use crate::socket::tcp::queue::Piece;
use crate::socket::tcp::segment::Segment;
use crate::socket::tcp::seq::Seq;
use crate::socket::tcp::timewait::TIMEWAIT_LEN;
use crate::socket::tcp::{Sk, TcpSock, TcpState, reset};
use crate::sysctl::Sysctl;
use crate::trace::{DropReason, Observer};

/// By how much a timestamp may be older than the last one (`TCP_PAWS_WINDOW`), in milliseconds.
const PAWS_WINDOW: u32 = 1;
/// After so many seconds without traffic old timestamps are not held against a segment
/// (`TCP_PAWS_WRAP`).
const PAWS_WRAP_S: u64 = 2_147_483_647 / 1000;

/// What becomes of a segment after its checks.
enum Check {
    /// It is processed.
    Pass,
    /// It resets the connection.
    Reset,
    /// It is dropped.
    Discard(DropReason),
}

impl TcpSock {
    /// Whether a segment's clock is not older than one seen before (PAWS, RFC 7323, section 5;
    /// `tcp_paws_check()`).
    pub(super) fn passes_paws(&self, window: u32, now_s: u64) -> bool {
        let opt = &self.opt;
        let behind = Seq(opt.ts_recent).since(Seq(opt.rcv_tsval));
        let old = Seq(opt.rcv_tsval).before(Seq(opt.ts_recent)) && behind > window;
        !old || now_s >= opt.ts_recent_stamp + PAWS_WRAP_S || opt.ts_recent == 0
    }

    /// Whether a segment with an old clock is just an ACK that was overtaken
    /// (`tcp_disordered_ack()`).
    fn is_disordered_ack(&self, segment: &Segment) -> bool {
        let opt = &self.opt;
        let window = segment.window << opt.snd_wscale;
        let may_update = segment.ack.after(self.tx.una)
            || segment.seq.after(self.tx.wl1)
            || (segment.seq == self.tx.wl1 && (window > self.tx.wnd || window == 0));
        let behind = u64::from(Seq(opt.ts_recent).since(Seq(opt.rcv_tsval)));
        segment.flags.ack()
            && segment.is_pure_ack()
            && segment.seq == self.rx.nxt
            && segment.ack == self.tx.una
            && !may_update
            && behind <= self.rtt.rto * 4 * 12 / 10
    }

    /// Whether a segment lies in the window (`tcp_sequence()`). A FIN may lie behind it, and data when
    /// nothing else is there.
    fn check_sequence(&self, segment: &Segment) -> Result<(), DropReason> {
        let edge = self.rx.nxt.plus(self.rx.window_left());
        if segment.end_seq.before(self.rx.wup) {
            return Err(DropReason::TcpOldSequence);
        }
        let end = segment.end_seq.minus(u32::from(segment.flags.fin()));
        if !end.after(edge) {
            Ok(())
        } else if segment.seq.after(edge) {
            Err(DropReason::TcpInvalidSequence)
        } else if self.rx.is_drained() {
            Ok(())
        } else {
            Err(DropReason::TcpInvalidEndSequence)
        }
    }

    /// Whether a reset is for a FIN that was taken already (`tcp_reset_check()`).
    fn is_reset_of_fin(&self, segment: &Segment) -> bool {
        segment.seq == self.rx.nxt.minus(1)
            && matches!(self.state, TcpState::CloseWait | TcpState::LastAck | TcpState::Closing)
    }

    /// Whether a segment is the one expected, so that few checks are needed (header prediction).
    fn is_predicted(&self, segment: &Segment) -> bool {
        let plain = segment.flags.without(TcpFlags::PSH) == TcpFlags::ACK;
        let in_order =
            !self.opt.saw_tstamp || !Seq(self.opt.rcv_tsval).before(Seq(self.opt.ts_recent));
        plain
            && in_order
            && segment.header_len == self.opt.header_len()
            && segment.window << self.opt.snd_wscale == self.tx.wnd
            && segment.seq == self.rx.nxt
            && !segment.ack.after(self.tx.nxt)
            && self.rx.ofo.is_empty()
            && self.rx.wnd > 0
    }
}

impl<O: Observer> Sk<'_, O> {
    /// Processes a segment for this socket (`tcp_v4_do_rcv()`). The flight's data start at the header.
    ///
    /// # Errors
    /// Why it was dropped.
    pub(super) fn receive_segment(&mut self, f: &mut Flight) -> Result<(), DropReason> {
        let segment = Segment::parse(f)?;
        let result = match self.t().state {
            TcpState::Established => self.in_established(&segment, f),
            TcpState::Close => Err(DropReason::TcpClose),
            TcpState::SynSent => self.in_syn_sent(&segment, f),
            TcpState::Listen => self.in_listen(&segment, f),
            TcpState::SynRecv
            | TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::TimeWait
            | TcpState::CloseWait
            | TcpState::LastAck
            | TcpState::Closing => self.in_other_state(&segment, f),
        };
        let twice = std::mem::take(&mut self.tp().rx.twice);
        self.mib_add(LinuxMib::DsackOldSent, twice.old);
        self.mib_add(LinuxMib::DsackOfoSent, twice.out_of_order);
        if self.t().state == TcpState::Close {
            self.disarm_all();
        }
        result
    }

    /// The usual state (`tcp_rcv_established()`).
    fn in_established(&mut self, segment: &Segment, f: &mut Flight) -> Result<(), DropReason> {
        self.tp().opt.note_timestamps(&segment.options);
        if segment.len == 0 && self.t().is_predicted(segment) {
            let flags = AckFlags { update_ts_recent: true, ..AckFlags::default() };
            self.ack(segment, flags)?;
            self.data_send_check();
            return Ok(());
        }
        self.check_flags(segment)?;
        if !self.validate(segment, true)? {
            return Ok(());
        }
        let flags = AckFlags { update_ts_recent: true, ..AckFlags::default() };
        self.ack(segment, flags)?;
        self.measure_rtt_by_clock(segment);
        let queued = self.queue_data(segment, f);
        self.data_send_check();
        self.ack_send_check();
        queued
    }

    /// A segment without ACK, RST and SYN says nothing.
    fn check_flags(&self, segment: &Segment) -> Result<(), DropReason> {
        let meaningful = TcpFlags::ACK | TcpFlags::RST | TcpFlags::SYN;
        if segment.flags.intersects(meaningful) { Ok(()) } else { Err(DropReason::TcpFlags) }
    }

    /// Sends what a segment may have made possible (`tcp_data_snd_check()`).
    pub(super) fn data_send_check(&mut self) {
        self.push_pending();
        self.check_space();
    }

    /// Checks clock, sequence number, RST and SYN (`tcp_validate_incoming()`); false if the segment has been
    /// dealt with.
    ///
    /// # Errors
    /// Why it was dropped.
    fn validate(&mut self, segment: &Segment, count_syn: bool) -> Result<bool, DropReason> {
        match self.check(segment, count_syn) {
            Check::Pass => Ok(true),
            Check::Reset => {
                self.reset();
                Ok(false)
            }
            Check::Discard(reason) => Err(reason),
        }
    }

    fn check(&mut self, segment: &Segment, count_syn: bool) -> Check {
        let (rst, syn) = (segment.flags.rst(), segment.flags.syn());
        let now_s = self.k.now.as_millis() / 1000;
        let tp = self.t();
        let old_clock = tp.opt.saw_tstamp && !tp.passes_paws(PAWS_WINDOW, now_s);
        if old_clock && !tp.is_disordered_ack(segment) && !rst {
            if syn {
                return self.challenge_syn(count_syn);
            }
            if segment.flags.ack() && segment.is_pure_ack() && segment.seq.before(tp.rx.nxt) {
                self.mib(LinuxMib::PawsOldAck);
                return Check::Discard(DropReason::TcpRfc7323PawsAck);
            }
            self.mib(LinuxMib::PawsEstabRejected);
            if !self.is_rate_limited(segment) {
                self.send_dupack(segment);
            }
            return Check::Discard(DropReason::TcpRfc7323Paws);
        }
        if let Err(reason) = self.t().check_sequence(segment) {
            if rst {
                let resets = self.t().is_reset_of_fin(segment);
                return if resets { Check::Reset } else { Check::Discard(reason) };
            }
            if syn {
                return self.challenge_syn(count_syn);
            }
            if reason != DropReason::TcpOldSequence {
                self.mib(LinuxMib::BeyondWindow);
            }
            if !self.is_rate_limited(segment) {
                self.send_dupack(segment);
            }
            return Check::Discard(reason);
        }
        if rst {
            return self.check_reset(segment);
        }
        if syn && !self.crosses(segment) {
            return self.challenge_syn(count_syn);
        }
        Check::Pass
    }

    /// A reset has to hit the expected number, so that nobody can guess it (RFC 5961, section 3.2).
    fn check_reset(&mut self, segment: &Segment) -> Check {
        let tp = self.t();
        let highest = tp.rx.sacks.iter().map(|(_, end)| *end).reduce(Seq::max);
        if segment.seq == tp.rx.nxt
            || tp.is_reset_of_fin(segment)
            || (tp.opt.sack_ok && highest == Some(segment.seq))
        {
            return Check::Reset;
        }
        self.send_challenge_ack();
        Check::Discard(DropReason::TcpReset)
    }

    /// Whether a SYN-ACK answers the SYN of a socket that has answered the other's already: both opened at
    /// the same time.
    fn crosses(&self, segment: &Segment) -> bool {
        let tp = self.t();
        tp.state == TcpState::SynRecv
            && !tp.orphaned
            && segment.flags.ack()
            && segment.seq.plus(1) == segment.end_seq
            && segment.seq.plus(1) == tp.rx.nxt
            && segment.ack == tp.tx.nxt
    }

    /// A SYN within a connection is answered with a challenge (RFC 5961, section 4.2).
    fn challenge_syn(&mut self, count: bool) -> Check {
        if count {
            self.tcp_mib(crate::netns::mib::TcpMib::InErrs);
        }
        self.mib(LinuxMib::SynChallenge);
        self.send_challenge_ack();
        Check::Discard(DropReason::TcpInvalidSyn)
    }

    /// Whether answers to segments without data are sent too often (`tcp_oow_rate_limited()`).
    fn is_rate_limited(&mut self, segment: &Segment) -> bool {
        (segment.is_pure_ack() || segment.flags.syn()) && self.is_answer_limited()
    }

    fn is_answer_limited(&mut self) -> bool {
        let now = self.k.now;
        let ms = self.sysctl(Sysctl::TcpInvalidRatelimit);
        self.tp().limit.is_exceeded(now, ms)
    }

    /// Answers a segment that may be forged (`tcp_send_challenge_ack()`).
    pub(super) fn send_challenge_ack(&mut self) {
        let netns = self.sock().netns;
        if !self.is_answer_limited() && reset::may_challenge(self.k, netns) {
            self.mib(LinuxMib::ChallengeAck);
            self.send_ack();
        }
    }

    /// Answers a segment that came before (`tcp_send_dupack()`).
    fn send_dupack(&mut self, segment: &Segment) {
        let dsack = self.sysctl(Sysctl::TcpDsack) != 0;
        let tp = self.tp();
        if !segment.is_pure_ack() && segment.seq.before(tp.rx.nxt) {
            tp.ack.enter_quick(tp.rx.wnd, MAX_QUICKACKS);
            let end = segment.end_seq.min(tp.rx.nxt);
            let wanted = tp.opt.sack_ok && dsack;
            tp.rx.set_dsack((segment.seq, end), wanted);
            self.mib(LinuxMib::DelayedAckLost);
        }
        self.send_ack();
    }

    /// The peer resets the connection (`tcp_reset()`).
    fn reset(&mut self) {
        let state = self.t().state;
        if state != TcpState::Close {
            self.done_with_error(state.reset_error());
        }
    }

    /// Takes the round trip from the echoed clock of a full segment (`tcp_rcv_rtt_measure_ts()`).
    fn measure_rtt_by_clock(&mut self, segment: &Segment) {
        let clock = self.clock();
        let tp = self.tp();
        let echoed = tp.opt.rcv_tsecr;
        if !tp.opt.saw_tstamp || tp.rx.last_tsecr == echoed {
            return;
        }
        tp.rx.last_tsecr = echoed;
        let ms = clock.wrapping_sub(echoed);
        if segment.end_seq.since(segment.seq) >= tp.ack.rcv_mss && (1..2_000_000).contains(&ms) {
            tp.rx.sample_rtt(u64::from(ms) * 1000, false);
        }
    }

    /// The states after the connection has begun to end, and SYN-RECEIVED.
    fn in_other_state(&mut self, segment: &Segment, f: &mut Flight) -> Result<(), DropReason> {
        self.tp().opt.note_timestamps(&segment.options);
        self.check_flags(segment)?;
        if !self.validate(segment, false)? {
            return Ok(());
        }
        let flags = AckFlags { update_ts_recent: true, no_challenge: true, ..AckFlags::default() };
        let acked = self.ack(segment, flags);
        if self.t().state == TcpState::SynRecv && acked != Ok(true) {
            let reason = acked.err().unwrap_or(DropReason::TcpOldAck);
            reset::send_for(self, segment, f);
            return Err(reason);
        }
        if let Err(reason) = acked {
            self.send_challenge_ack();
            return Err(reason);
        }
        if self.after_ack(segment, f)? {
            return Ok(());
        }
        self.take_text(segment, f)
    }

    /// What the acknowledgment means to the state; true if the segment needs no more.
    fn after_ack(&mut self, segment: &Segment, f: &Flight) -> Result<bool, DropReason> {
        let tp = self.t();
        let all_acked = tp.tx.una == tp.tx.write_seq;
        match tp.state {
            TcpState::SynRecv => {
                self.establish_passive(segment);
                Ok(false)
            }
            TcpState::FinWait1 if all_acked => self.enter_fin_wait2(segment, f),
            TcpState::Closing if all_acked => {
                self.enter_time_wait(TcpState::TimeWait, 0);
                Ok(true)
            }
            TcpState::LastAck if all_acked => {
                self.done();
                Ok(true)
            }
            TcpState::Established
            | TcpState::SynSent
            | TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::TimeWait
            | TcpState::Close
            | TcpState::CloseWait
            | TcpState::LastAck
            | TcpState::Listen
            | TcpState::Closing => Ok(false),
        }
    }

    /// This side's FIN was acknowledged.
    fn enter_fin_wait2(&mut self, segment: &Segment, f: &Flight) -> Result<bool, DropReason> {
        self.set_state(TcpState::FinWait2);
        let socket = self.sock_mut();
        socket.shutdown.write = true;
        socket.confirm_neigh = true;
        if !self.t().orphaned {
            self.k.wake(self.id);
            return Ok(false);
        }
        if self.has_new_text(segment) {
            self.mib(LinuxMib::AbortOnData);
            self.done();
            reset::send_for(self, segment, f);
            return Err(DropReason::TcpAbortOnData);
        }
        let wait = self.fin_time();
        if wait > TIMEWAIT_LEN {
            self.arm_fin_wait2(wait - TIMEWAIT_LEN);
        } else if segment.flags.fin() || self.t().owned {
            self.arm_fin_wait2(wait);
        } else {
            self.enter_time_wait(TcpState::FinWait2, wait);
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether a segment has data that nobody will read.
    fn has_new_text(&self, segment: &Segment) -> bool {
        let end = segment.end_seq.minus(u32::from(segment.flags.fin()));
        !segment.is_pure_ack() && end.after(self.t().rx.nxt)
    }

    /// Takes the data of a segment, as far as the state has use for them.
    fn take_text(&mut self, segment: &Segment, f: &mut Flight) -> Result<(), DropReason> {
        let mut result = Ok(());
        let known = segment.seq.before(self.t().rx.nxt);
        match self.t().state {
            TcpState::CloseWait | TcpState::Closing | TcpState::LastAck if !known => {}
            TcpState::CloseWait
            | TcpState::Closing
            | TcpState::LastAck
            | TcpState::FinWait1
            | TcpState::FinWait2
                if self.sock().shutdown.read && self.has_new_text(segment) =>
            {
                self.mib(LinuxMib::AbortOnData);
                self.reset();
                reset::send_for(self, segment, f);
                return Err(DropReason::TcpAbortOnData);
            }
            TcpState::CloseWait
            | TcpState::Closing
            | TcpState::LastAck
            | TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::Established => result = self.queue_data(segment, f),
            TcpState::SynSent
            | TcpState::SynRecv
            | TcpState::TimeWait
            | TcpState::Close
            | TcpState::Listen => {}
        }
        if self.t().state != TcpState::Close {
            self.data_send_check();
            self.ack_send_check();
        }
        result
    }

    /// Puts data where they belong (`tcp_data_queue()`).
    fn queue_data(&mut self, segment: &Segment, f: &mut Flight) -> Result<(), DropReason> {
        if segment.is_pure_ack() {
            return Ok(());
        }
        let dsack = self.wants_dsack();
        let tp = self.tp();
        tp.rx.dsack = None;
        let (nxt, left) = (tp.rx.nxt, tp.rx.window_left());
        if segment.seq == nxt {
            let bare_fin = segment.len == 0 && segment.flags.fin();
            if left == 0 && !bare_fin {
                self.mib(LinuxMib::ZeroWindowDrop);
                return self.out_of_window(DropReason::TcpZeroWindow);
            }
            return self.queue_in_order(segment, f);
        }
        if !segment.end_seq.after(nxt) {
            tp.rx.set_dsack((segment.seq, segment.end_seq), dsack);
            self.mib(LinuxMib::DelayedAckLost);
            return self.out_of_window(DropReason::TcpOldData);
        }
        if !segment.seq.before(nxt.plus(left)) {
            return self.out_of_window(DropReason::TcpOverwindow);
        }
        if segment.seq.before(nxt) {
            tp.rx.set_dsack((segment.seq, nxt), dsack);
            if left == 0 {
                self.mib(LinuxMib::ZeroWindowDrop);
                return self.out_of_window(DropReason::TcpZeroWindow);
            }
            return self.queue_in_order(segment, f);
        }
        self.queue_out_of_order(segment, f)
    }

    /// Whether what comes twice is reported.
    fn wants_dsack(&self) -> bool {
        self.t().opt.sack_ok && self.sysctl(Sysctl::TcpDsack) != 0
    }

    /// Data that cannot be taken are answered at once.
    fn out_of_window(&mut self, reason: DropReason) -> Result<(), DropReason> {
        let tp = self.tp();
        tp.ack.enter_quick(tp.rx.wnd, MAX_QUICKACKS);
        tp.ack.scheduled = true;
        Err(reason)
    }

    /// Makes room in a full buffer, as far as it may grow (`tcp_try_rmem_schedule()`).
    fn make_room(&mut self) -> bool {
        let rmem_max = self.rmem_max();
        let (socket, pool) = self.socket_and_pool();
        let rcvbuf = socket.opts.rcvbuf;
        let locked = socket.opts.rcvbuf_locked;
        if socket.tcp().rx.rmem <= rcvbuf {
            return true;
        }
        let tp = socket.tcp_mut();
        tp.ack.quick = 0;
        let grown = if locked { rcvbuf } else { tp.rx.rmem.min(rmem_max).max(rcvbuf) };
        if tp.rx.rmem > grown {
            tp.rx.ssthresh = tp.rx.clamp.min(2 * tp.rx.advmss);
            tp.rx.prune(grown, pool);
        }
        socket.opts.rcvbuf = grown;
        socket.tcp().rx.rmem <= grown
    }

    /// Data that are due.
    fn queue_in_order(&mut self, segment: &Segment, f: &mut Flight) -> Result<(), DropReason> {
        if !self.make_room() {
            self.tp().ack.out_of_memory();
            self.k.wake(self.id);
            if !self.t().rx.is_drained() && segment.len > 0 {
                self.mib(LinuxMib::RcvQDrop);
                return Err(DropReason::ProtoMem);
            }
        }
        let piece = self.piece(segment, f);
        let size = piece.truesize;
        self.tp().rx.push(piece);
        if segment.len > 0 {
            self.event_data_received(segment, size);
        }
        let mut fin = segment.flags.fin();
        if fin {
            self.receive_fin();
        }
        let (socket, pool) = self.socket_and_pool();
        let rx = &mut socket.tcp_mut().rx;
        if !rx.ofo.is_empty() {
            fin = rx.take_due(pool);
            let filled = rx.ofo.is_empty();
            socket.tcp_mut().ack.now |= filled;
            if fin {
                self.receive_fin();
            }
        }
        self.tp().rx.forget_sacks();
        if self.t().state != TcpState::Close {
            self.k.wake(self.id);
        }
        Ok(())
    }

    /// Takes the buffer of a segment.
    fn piece(&mut self, segment: &Segment, f: &mut Flight) -> Piece {
        let mut skb = std::mem::replace(&mut f.skb, self.k.skb());
        let pulled = skb.pull(segment.header_len as usize).is_some();
        debug_assert!(pulled, "the header was read");
        skb.trim(segment.len as usize);
        Piece {
            skb,
            seq: segment.seq,
            end_seq: segment.end_seq,
            fin: segment.flags.fin(),
            truesize: segment.truesize,
        }
    }

    /// Data behind a gap.
    fn queue_out_of_order(&mut self, segment: &Segment, f: &mut Flight) -> Result<(), DropReason> {
        let ecn_urgent = self.tp().ecn.check_data(segment.tos);
        if ecn_urgent {
            let tp = self.tp();
            tp.ack.enter_quick(tp.rx.wnd, 2);
        }
        if !self.make_room() {
            self.mib(LinuxMib::OfoDrop);
            self.k.wake(self.id);
            return Err(DropReason::ProtoMem);
        }
        let dsack = self.wants_dsack();
        self.tp().ack.scheduled = true;
        self.mib(LinuxMib::OfoQueue);
        self.measure_segment(segment);
        let (rcvbuf, rmem_max) = (self.sock().opts.rcvbuf, self.rmem_max());
        let piece = self.piece(segment, f);
        let size = piece.truesize;
        let (socket, pool) = self.socket_and_pool();
        let tp = socket.tcp_mut();
        let sack = tp.opt.sack_ok;
        if !tp.rx.push_out_of_order(piece, sack, dsack, pool) {
            self.mib(LinuxMib::OfoMerge);
            return Ok(());
        }
        // A peer without SACK has to see duplicates: the window must not change.
        if sack {
            self.grow_window(segment.len, size, rcvbuf, rmem_max);
        }
        Ok(())
    }

    /// The peer has sent all (`tcp_fin()`).
    fn receive_fin(&mut self) {
        self.tp().ack.scheduled = true;
        self.tp().rx.ended = true;
        self.sock_mut().shutdown.read = true;
        match self.t().state {
            TcpState::SynRecv | TcpState::Established => {
                self.set_state(TcpState::CloseWait);
                self.tp().ack.pingpong = true;
            }
            TcpState::FinWait1 => {
                self.send_ack();
                self.set_state(TcpState::Closing);
            }
            TcpState::FinWait2 => {
                self.send_ack();
                self.enter_time_wait(TcpState::TimeWait, 0);
            }
            TcpState::SynSent
            | TcpState::TimeWait
            | TcpState::Close
            | TcpState::CloseWait
            | TcpState::LastAck
            | TcpState::Listen
            | TcpState::Closing => {}
        }
        let (socket, pool) = self.socket_and_pool();
        let rx = &mut socket.tcp_mut().rx;
        for piece in rx.ofo.drain(..) {
            rx.rmem -= piece.truesize;
            pool.give(piece.skb);
        }
        rx.sacks.clear();
        self.k.wake(self.id);
    }
}
