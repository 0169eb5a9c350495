//! Losses: noticing them, sending again, and how much meanwhile (RFC 5681, RFC 6937,
//! `tcp_fastretrans_alert()`).

use crate::netns::mib::LinuxMib;
use crate::socket::tcp::ack::AckFlags;
use crate::socket::tcp::rack::Rack;
use crate::socket::tcp::seq::Seq;
use crate::socket::tcp::timer::WriteTimer;
use crate::socket::tcp::{Sk, TcpSock};
use crate::trace::Observer;

/// The most that segments are thought to overtake each other (`tcp_max_reordering`).
const MAX_REORDERING: u32 = 300;

/// How bad things look (`tcp_ca_state`).
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum CaState {
    /// All is well.
    #[default]
    Open,
    /// Something came out of order.
    Disorder,
    /// The window is being reduced because a router or the own host asked for it.
    Cwr,
    /// The window is being reduced because of a loss, which is being repaired.
    Recovery,
    /// The retransmission timer ran out.
    Loss,
}

/// What is to be sent after an ACK (`REXMIT_*`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Resend {
    /// What the windows allow.
    #[default]
    None,
    /// What was lost.
    Lost,
    /// New data first, to find out whether the timeout was wrong (F-RTO).
    New,
}

/// What is known of losses.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// How bad things look.
    pub state: CaState,
    /// The next number to be sent when that began (`high_seq`).
    pub(super) high_seq: Seq,
    /// The congestion window before it (`prior_cwnd`).
    prior_cwnd: u32,
    /// The threshold before it, if it may be restored (`prior_ssthresh`).
    prior_ssthresh: u32,
    /// Segments delivered since (`prr_delivered`).
    prr_delivered: u32,
    /// Segments sent since (`prr_out`).
    pub(super) prr_out: u32,
    /// Where the part begins that may turn out not to have been lost (`undo_marker`).
    pub(super) undo_marker: Option<Seq>,
    /// How many retransmissions have not turned out to be needless (`undo_retrans`).
    pub(super) undo_retrans: u32,
    /// When the first segment was sent again, on this side's clock (`retrans_stamp`).
    pub(super) retrans_stamp: Option<u32>,
    /// How often the timer has run out in a row (`icsk_retransmits`).
    pub retransmits: u32,
    /// How often the timer has run out at all (`total_rto`).
    pub(super) total_rto: u32,
    /// How many segments were sent again at all (`total_retrans`).
    pub total_retrans: u32,
    /// The timeout may have been wrong (`frto`).
    pub(super) frto: bool,
    /// How many segments may overtake another (`reordering`).
    pub(super) reordering: u32,
    /// Segments have overtaken others (`reord_seen`).
    pub(super) reordering_seen: bool,
    /// How many segments the peer has reported as received twice (`dsack_dups`).
    pub(super) dsack_dups: u32,
    /// What was the next number when a probe was sent (`tlp_high_seq`).
    pub(super) tlp_high: Option<Seq>,
    /// The probe repeated something (`tlp_retrans`).
    pub(super) tlp_retrans: bool,
    /// The segment that arrived last.
    pub(super) rack: Rack,
    /// Segments that were ever marked as lost (`lost`).
    pub(super) lost_total: u32,
    /// Segments that have ever arrived, as far as one can tell (`delivered`).
    pub(super) delivered: u32,
    /// Those that were lost when sent again, and are not counted yet.
    lost_again: u32,
    /// Probes of a closed window that were not answered (`icsk_probes_out`).
    pub(super) probes_out: u32,
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            state: CaState::Open,
            high_seq: Seq(0),
            prior_cwnd: 0,
            prior_ssthresh: 0,
            prr_delivered: 0,
            prr_out: 0,
            undo_marker: None,
            undo_retrans: 0,
            retrans_stamp: None,
            retransmits: 0,
            total_rto: 0,
            total_retrans: 0,
            frto: false,
            reordering: 3,
            reordering_seen: false,
            dsack_dups: 0,
            tlp_high: None,
            tlp_retrans: false,
            rack: Rack::default(),
            lost_total: 0,
            delivered: 0,
            lost_again: 0,
            probes_out: 0,
        }
    }
}

impl Recovery {
    /// Whether the window is being reduced (`tcp_in_cwnd_reduction()`).
    pub(super) fn in_cwnd_reduction(&self) -> bool {
        matches!(self.state, CaState::Cwr | CaState::Recovery)
    }

    /// Whether a loss is being repaired.
    pub(super) fn in_recovery(&self) -> bool {
        self.state == CaState::Recovery
    }

    /// Whether a loss is being repaired, or the timer has run out.
    pub(super) fn in_recovery_or_loss(&self) -> bool {
        self.state >= CaState::Recovery
    }

    /// Whether a loss probe makes sense.
    pub(super) fn may_probe(&self) -> bool {
        matches!(self.state, CaState::Open | CaState::Cwr)
    }

    /// Whether the retransmissions were needless (`tcp_may_undo()`). `delayed` says that the ACK is for the
    /// first transmission.
    fn may_undo(&self, delayed: bool) -> bool {
        self.undo_marker.is_some() && (self.undo_retrans == 0 || delayed)
    }
}

impl TcpSock {
    /// Marks an entry as lost (`tcp_mark_skb_lost()`).
    pub(super) fn mark_lost(&mut self, at: usize) {
        let Some(chunk) = self.tx.rtx_at_mut(at) else { return };
        let segs = chunk.segs.max(1);
        if chunk.sacked {
            return;
        }
        if chunk.lost {
            if std::mem::take(&mut chunk.retrans) {
                self.tx.retrans_out = self.tx.retrans_out.saturating_sub(segs);
                self.loss.lost_total += segs;
                self.loss.lost_again += segs;
            }
        } else {
            chunk.lost = true;
            self.tx.lost_out += segs;
            self.loss.lost_total += segs;
        }
    }

    /// Remembers that segments have overtaken others (`tcp_check_sack_reordering()`).
    pub(super) fn note_reordering(&mut self, low: Seq, highest: Seq) {
        if !low.before(highest) {
            return;
        }
        let (distance, mss) = (highest.since(low), self.tx.mss.max(1));
        if distance > self.loss.reordering.saturating_mul(mss) {
            self.loss.reordering = distance.div_ceil(mss).min(MAX_REORDERING);
        }
        self.loss.reordering_seen = true;
    }

    /// Whether the ACK echoes a clock from before the first retransmission (`tcp_packet_delayed()`).
    fn is_delayed(&self) -> bool {
        let earlier = |stamp: u32| Seq(self.opt.rcv_tsecr).before(Seq(stamp));
        self.opt.saw_tstamp
            && self.opt.rcv_tsecr != 0
            && self.loss.retrans_stamp.is_some_and(earlier)
    }

    /// Whether something that was sent again is still out (`tcp_any_retrans_done()`).
    fn any_retransmitted(&self) -> bool {
        self.tx.retrans_out > 0 || self.tx.rtx().next().is_some_and(|first| first.ever_retrans)
    }

    /// Starts to reduce the window (`tcp_init_cwnd_reduction()`).
    pub(super) fn begin_reduction(&mut self) {
        self.loss.high_seq = self.tx.nxt;
        self.loss.tlp_high = None;
        self.ca.reset_count();
        self.loss.prior_cwnd = self.ca.cwnd;
        (self.loss.prr_delivered, self.loss.prr_out) = (0, 0);
        self.ca.ssthresh = self.ca.ssthresh_after_loss();
        self.ecn.reduce();
    }

    /// Reduces the window bit by bit, as segments leave the network (RFC 6937, `tcp_cwnd_reduction()`).
    pub(super) fn reduce_cwnd(&mut self, delivered: u32, newly_lost: u32, advanced: bool) {
        if delivered == 0 || self.loss.prior_cwnd == 0 {
            return;
        }
        let in_flight = self.tx.in_flight();
        self.loss.prr_delivered += delivered;
        let (done, out) = (self.loss.prr_delivered, self.loss.prr_out);
        let mut count = if in_flight > self.ca.ssthresh {
            let share = u64::from(self.ca.ssthresh) * u64::from(done);
            let share = share.div_ceil(u64::from(self.loss.prior_cwnd));
            u32::try_from(share).unwrap_or(u32::MAX).saturating_sub(out)
        } else {
            let more = u32::from(advanced && newly_lost == 0);
            (done.saturating_sub(out).max(delivered) + more).min(self.ca.ssthresh - in_flight)
        };
        if out == 0 {
            count = count.max(1);
        }
        self.ca.cwnd = (in_flight + count).max(1);
    }

    /// Ends the reduction after a probe has shown a loss.
    pub(super) fn end_cwr(&mut self, now: u64) {
        self.end_reduction(now);
    }

    /// Ends the reduction (`tcp_end_cwnd_reduction()`).
    fn end_reduction(&mut self, now: u64) {
        if !self.ca.is_initial()
            && (self.loss.state == CaState::Cwr || self.loss.undo_marker.is_some())
        {
            self.ca.cwnd = self.ca.ssthresh.max(1);
            self.ca.cwnd_stamp = now;
        }
    }

    /// Restores the window: nothing was lost (`tcp_undo_cwnd_reduction()`).
    fn undo(&mut self, unmark: bool, now: u64) {
        if unmark {
            for at in 0..self.tx.rtx_len() {
                if let Some(chunk) = self.tx.rtx_at_mut(at) {
                    chunk.lost = false;
                }
            }
            self.tx.lost_out = 0;
        }
        if self.loss.prior_ssthresh > 0 {
            self.ca.cwnd = self.ca.cwnd.max(self.loss.prior_cwnd);
            if self.loss.prior_ssthresh > self.ca.ssthresh {
                self.ca.ssthresh = self.loss.prior_ssthresh;
                self.ecn.queue_cwr = false;
            }
        }
        self.ca.cwnd_stamp = now;
        self.loss.undo_marker = None;
        self.loss.rack.advanced = true;
    }

    /// Back to order, or to what disorder is left (`tcp_try_keep_open()`).
    pub(super) fn keep_open(&mut self) {
        let left_out = self.tx.sacked_out + self.tx.lost_out > 0;
        let state =
            if left_out || self.any_retransmitted() { CaState::Disorder } else { CaState::Open };
        if self.loss.state != state {
            self.loss.state = state;
            self.loss.high_seq = self.tx.nxt;
        }
    }

    /// Reduces the window at somebody's request (`tcp_enter_cwr()`).
    pub(super) fn enter_cwr(&mut self) {
        self.loss.prior_ssthresh = 0;
        if self.loss.state < CaState::Cwr {
            self.loss.undo_marker = None;
            self.begin_reduction();
            self.loss.state = CaState::Cwr;
        }
    }

    /// Counts duplicate ACKs as if they were reports, for a peer without SACK
    /// (`tcp_add_reno_sack()`).
    fn add_reno_sack(&mut self, duplicates: u32) {
        if duplicates == 0 {
            return;
        }
        let before = self.tx.sacked_out;
        self.tx.sacked_out += duplicates;
        self.check_reno_reordering(duplicates);
        self.loss.delivered += self.tx.sacked_out.saturating_sub(before);
    }

    /// Takes off the duplicates that `acked` acknowledged segments have caused: one was the hole, the others
    /// were there already (`tcp_remove_reno_sacks()`).
    pub(super) fn remove_reno_sacks(&mut self, acked: u32) {
        if acked > 0 {
            self.loss.delivered += acked.saturating_sub(self.tx.sacked_out).max(1);
            self.tx.sacked_out = self.tx.sacked_out.saturating_sub(acked - 1);
        }
        self.check_reno_reordering(0);
    }

    /// More duplicates than segments that can have arrived: segments overtake each other
    /// (`tcp_check_reno_reordering()`).
    fn check_reno_reordering(&mut self, duplicates: u32) {
        if self.limit_reno_sacked() {
            self.loss.reordering = (self.tx.packets_out + duplicates).min(MAX_REORDERING);
            self.loss.reordering_seen = true;
        }
    }

    /// At least one segment that is out has not arrived, and none that is lost; whether more were counted
    /// (`tcp_limit_reno_sacked()`).
    pub(super) fn limit_reno_sacked(&mut self) -> bool {
        let tx = &mut self.tx;
        let holes = tx.lost_out.max(1).min(tx.packets_out);
        let most = tx.packets_out - holes;
        let too_many = tx.sacked_out > most;
        tx.sacked_out = tx.sacked_out.min(most);
        too_many
    }

    /// Marks the first segment as lost after three duplicates, and after every step while repairing
    /// (RFC 6582, `tcp_newreno_mark_lost()`).
    fn newreno_mark_lost(&mut self, advanced: bool) {
        let starts =
            self.loss.state < CaState::Recovery && self.tx.sacked_out >= self.loss.reordering;
        let goes_on = self.loss.in_recovery() && advanced;
        if !(starts || goes_on) {
            return;
        }
        let Some(first) = self.tx.rtx_at(0) else { return };
        if first.lost {
            return;
        }
        if first.segs > 1 && first.len() > first.mss {
            let mss = first.mss;
            self.tx.split(0, mss);
        }
        self.mark_lost(0);
    }
}

impl<O: Observer> Sk<'_, O> {
    /// Counts what was found to be lost when it was sent again.
    pub(super) fn count_lost_again(&mut self) {
        let segs = std::mem::take(&mut self.tp().loss.lost_again);
        self.mib_add(LinuxMib::LostRetransmit, u64::from(segs));
    }

    /// Draws the conclusions from an ACK that is not just the next one.
    pub(super) fn fastretrans_alert(
        &mut self,
        prior_una: Seq,
        duplicates: u32,
        flags: &mut AckFlags,
    ) -> Resend {
        let now = self.k.now.jiffies();
        let tp = self.tp();
        if tp.tx.packets_out == 0 {
            tp.tx.sacked_out = 0;
        }
        if flags.ece {
            tp.loss.prior_ssthresh = 0;
        }
        if self.check_reneging(flags) {
            return Resend::None;
        }
        let tp = self.tp();
        if tp.loss.state == CaState::Open {
            tp.loss.retrans_stamp = None;
        } else if !tp.tx.una.before(tp.loss.high_seq) && self.leave_state(now) {
            return Resend::None;
        }
        match self.t().loss.state {
            CaState::Recovery => self.in_recovery(prior_una, duplicates, flags, now),
            CaState::Loss => self.in_loss(duplicates, flags, now),
            CaState::Open | CaState::Disorder | CaState::Cwr => {
                self.in_order(duplicates, flags, now)
            }
        }
    }

    /// The number that ends the state was acknowledged; true if nothing more is to be done.
    fn leave_state(&mut self, now: u64) -> bool {
        let tp = self.tp();
        match tp.loss.state {
            CaState::Cwr => {
                // Something above it has to be acknowledged, so that the peer has seen CWR.
                if tp.tx.una != tp.loss.high_seq {
                    tp.end_reduction(now);
                    tp.loss.state = CaState::Open;
                }
                false
            }
            CaState::Recovery => {
                if !tp.opt.sack_ok {
                    tp.tx.sacked_out = 0;
                }
                if self.try_undo_recovery(now) {
                    return true;
                }
                // The reduction ends as if the state were still that of the loss.
                self.tp().end_reduction(now);
                false
            }
            CaState::Open | CaState::Disorder | CaState::Loss => false,
        }
    }

    fn in_recovery(
        &mut self,
        prior_una: Seq,
        duplicates: u32,
        flags: &mut AckFlags,
        now: u64,
    ) -> Resend {
        let tp = self.tp();
        if !flags.una_advanced {
            if !tp.opt.sack_ok {
                tp.add_reno_sack(duplicates);
            }
        } else if tp.loss.undo_marker.is_some() && tp.is_delayed() {
            // Part of the data arrived the first time after all.
            tp.note_reordering(prior_una, tp.highest_sack());
            if tp.tx.retrans_out > 0 {
                return Resend::None;
            }
            if !tp.any_retransmitted() {
                tp.loss.retrans_stamp = None;
            }
            tp.undo(true, now);
            tp.keep_open();
            return Resend::None;
        }
        self.try_undo_dsack(flags, now);
        self.identify_loss(flags);
        if self.t().loss.state != CaState::Recovery {
            if self.t().tx.lost_out == 0 {
                return Resend::None;
            }
            self.enter_recovery(flags.ece);
        }
        Resend::Lost
    }

    fn in_loss(&mut self, duplicates: u32, flags: &mut AckFlags, now: u64) -> Resend {
        let resend = self.process_loss(duplicates, flags, now);
        self.identify_loss(flags);
        if self.t().loss.state != CaState::Open && !flags.lost_retrans {
            return resend;
        }
        self.in_order(duplicates, flags, now)
    }

    fn in_order(&mut self, duplicates: u32, flags: &mut AckFlags, now: u64) -> Resend {
        let tp = self.tp();
        if !tp.opt.sack_ok {
            if flags.una_advanced {
                tp.tx.sacked_out = 0;
            }
            tp.add_reno_sack(duplicates);
        }
        if tp.loss.state <= CaState::Disorder {
            self.try_undo_dsack(flags, now);
        }
        self.identify_loss(flags);
        if self.t().tx.lost_out == 0 {
            self.try_to_open(flags);
            return Resend::None;
        }
        self.enter_recovery(flags.ece);
        Resend::Lost
    }

    fn try_to_open(&mut self, flags: &AckFlags) {
        let tp = self.tp();
        if !tp.any_retransmitted() {
            tp.loss.retrans_stamp = None;
        }
        if flags.ece {
            tp.enter_cwr();
        }
        if tp.loss.state != CaState::Cwr {
            tp.keep_open();
        }
    }

    /// Undoes the reduction when all retransmissions were reported as received twice
    /// (`tcp_try_undo_dsack()`).
    fn try_undo_dsack(&mut self, flags: &AckFlags, now: u64) {
        let tp = self.tp();
        if tp.loss.undo_marker.is_some() && tp.loss.undo_retrans == 0 {
            tp.undo(false, now);
            self.mib(LinuxMib::DsackUndo);
            self.try_to_open(flags);
        }
    }

    /// Undoes the reduction if nothing was lost, and leaves recovery; true if a peer without SACK keeps the
    /// state for now (`tcp_try_undo_recovery()`).
    fn try_undo_recovery(&mut self, now: u64) -> bool {
        let tp = self.tp();
        let delayed = tp.is_delayed();
        if tp.loss.may_undo(delayed) {
            tp.undo(false, now);
        }
        if !tp.opt.sack_ok && tp.tx.una == tp.loss.high_seq {
            if !tp.any_retransmitted() {
                tp.loss.retrans_stamp = None;
            }
            return true;
        }
        tp.loss.state = CaState::Open;
        false
    }

    /// Finds out what is lost (`tcp_identify_packet_loss()`).
    fn identify_loss(&mut self, flags: &mut AckFlags) {
        if self.t().tx.rtx_len() == 0 {
            return;
        }
        if !self.t().opt.sack_ok {
            self.tp().newreno_mark_lost(flags.una_advanced);
            return;
        }
        let before = self.t().tx.retrans_out;
        if self.rack_mark_lost() {
            flags.set_timer = false;
        }
        flags.lost_retrans |= before > self.t().tx.retrans_out;
    }

    /// A loss is certain: it is repaired, and the window reduced (`tcp_enter_recovery()`).
    pub(super) fn enter_recovery(&mut self, ece: bool) {
        let sack = self.t().opt.sack_ok;
        self.mib(if sack { LinuxMib::SackRecovery } else { LinuxMib::RenoRecovery });
        let tp = self.tp();
        if !tp.any_retransmitted() {
            tp.loss.retrans_stamp = None;
        }
        tp.loss.prior_ssthresh = 0;
        tp.loss.undo_marker = Some(tp.tx.una);
        tp.loss.undo_retrans = tp.tx.retrans_out;
        if !tp.loss.in_cwnd_reduction() {
            if !ece {
                let cwnd = tp.ca.cwnd;
                tp.loss.prior_ssthresh = tp.ca.ssthresh.max((cwnd >> 1) + (cwnd >> 2));
            }
            tp.begin_reduction();
        }
        tp.loss.state = CaState::Recovery;
    }

    /// What the peer reported it has dropped again: it starts over (`tcp_check_sack_reneging()`).
    fn check_reneging(&mut self, flags: &mut AckFlags) -> bool {
        if !flags.reneging {
            return false;
        }
        let tp = self.t();
        let us = (tp.rtt.srtt_us >> 4).max(10_000);
        self.arm_write(WriteTimer::Retransmit, super::timer::us_to_jiffies(us));
        flags.set_timer = false;
        self.mib(LinuxMib::SackReneging);
        true
    }

    /// An ACK after a timeout (`tcp_process_loss()`).
    fn process_loss(&mut self, duplicates: u32, flags: &AckFlags, now: u64) -> Resend {
        let tp = self.tp();
        let recovered = !tp.tx.una.before(tp.loss.high_seq);
        let delayed = tp.is_delayed();
        if flags.una_advanced && tp.loss.may_undo(delayed) {
            self.undo_loss(now);
            return Resend::None;
        }
        if tp.loss.frto {
            if flags.orig_sack_acked {
                self.undo_loss(now);
                return Resend::None;
            }
            if tp.tx.nxt.after(tp.loss.high_seq) {
                tp.loss.frto &= !flags.data_sacked && duplicates == 0;
            } else if flags.una_advanced && !recovered {
                tp.loss.high_seq = tp.tx.nxt;
                if !tp.tx.is_all_sent() && tp.tx.wnd_end().after(tp.tx.nxt) {
                    return Resend::New;
                }
                tp.loss.frto = false;
            }
        }
        if recovered {
            let _held = self.try_undo_recovery(now);
            return Resend::None;
        }
        if !tp.opt.sack_ok {
            if tp.tx.nxt.after(tp.loss.high_seq) {
                tp.add_reno_sack(duplicates);
            } else if flags.una_advanced {
                tp.tx.sacked_out = 0;
            }
        }
        Resend::Lost
    }

    /// The timeout was wrong (`tcp_try_undo_loss()`).
    fn undo_loss(&mut self, now: u64) {
        let tp = self.tp();
        tp.undo(true, now);
        tp.loss.retransmits = 0;
        tp.loss.frto = false;
        tp.loss.state = CaState::Open;
        self.mib(LinuxMib::LossUndo);
    }

    /// The retransmission timer has run out: everything is taken as lost (`tcp_enter_loss()`).
    pub(super) fn enter_loss(&mut self) {
        let now = self.k.now;
        let tp = self.tp();
        let fresh = tp.loss.state < CaState::Recovery;
        tp.mark_all_lost(now);
        if tp.loss.state <= CaState::Disorder
            || !tp.loss.high_seq.after(tp.tx.una)
            || (tp.loss.state == CaState::Loss && tp.loss.retransmits == 0)
        {
            let cwnd = tp.ca.cwnd;
            tp.loss.prior_ssthresh = tp.ca.ssthresh.max((cwnd >> 1) + (cwnd >> 2));
            tp.loss.prior_cwnd = cwnd;
            tp.ca.ssthresh = tp.ca.ssthresh_after_loss();
            tp.loss.undo_marker = Some(tp.tx.una);
            tp.loss.undo_retrans = tp.tx.retrans_out;
        }
        tp.ca.cwnd = tp.tx.in_flight() + 1;
        tp.ca.reset_count();
        tp.ca.reset_after_timeout();
        tp.ca.cwnd_stamp = now.jiffies();
        if tp.loss.state <= CaState::Disorder && tp.tx.sacked_out >= 3 {
            tp.loss.reordering = tp.loss.reordering.min(3);
        }
        tp.loss.state = CaState::Loss;
        tp.loss.high_seq = tp.tx.nxt;
        tp.loss.tlp_high = None;
        tp.ecn.reduce();
        tp.loss.frto = fresh || tp.loss.retransmits > 0;
        self.count_lost_again();
    }
}

impl TcpSock {
    /// Marks all that is out as lost, but for what was sent a moment ago
    /// (`tcp_timeout_mark_lost()`).
    fn mark_all_lost(&mut self, now: crate::time::SimTime) {
        let reneged = self.tx.rtx().next().is_some_and(|first| first.sacked);
        if reneged || !self.opt.sack_ok {
            self.tx.sacked_out = 0;
        }
        for at in 0..self.tx.rtx_len() {
            let Some(chunk) = self.tx.rtx_at_mut(at) else { break };
            if reneged {
                chunk.sacked = false;
            }
            let sent_at = chunk.sent_at;
            if reneged || at == 0 || !self.is_recent(sent_at, now) {
                self.mark_lost(at);
            }
        }
    }
}
