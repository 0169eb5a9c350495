//! What an acknowledgment does to the sender (`tcp_ack()`).

use crate::netns::mib::LinuxMib;
use crate::packet::TcpFlags;
use crate::socket::tcp::rack::micros;
use crate::socket::tcp::recovery::{CaState, Resend};
use crate::socket::tcp::sack::SackResult;
use crate::socket::tcp::segment::Segment;
use crate::socket::tcp::seq::Seq;
use crate::socket::tcp::timer::WriteTimer;
use crate::socket::tcp::{Sk, TcpSock};
use crate::time::SimTime;
use crate::trace::{DropReason, Observer};

/// What an acknowledgment has done (`FLAG_*`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AckFlags {
    /// The segment carries data.
    pub(super) data: bool,
    /// It changes the window, or could.
    pub(super) win_update: bool,
    /// It acknowledges new data.
    pub(super) data_acked: bool,
    /// Some of which were sent again.
    pub(super) retrans_acked: bool,
    /// It acknowledges the SYN.
    pub(super) syn_acked: bool,
    /// It reports new data out of order.
    pub(super) data_sacked: bool,
    /// It reports congestion.
    pub(super) ece: bool,
    /// A retransmission is lost too.
    pub(super) lost_retrans: bool,
    /// The first number not acknowledged has moved.
    pub(super) una_advanced: bool,
    /// It reports data that came twice.
    pub(super) dsacking: bool,
    /// Among which is the probe.
    pub(super) dsack_tlp: bool,
    /// It reports data of before the timeout that were sent only once.
    pub(super) orig_sack_acked: bool,
    /// What was reported has to be sent again all the same.
    pub(super) reneging: bool,
    /// The timers have to be set anew.
    pub(super) set_timer: bool,
    /// The clock to echo may be taken from the segment.
    pub(super) update_ts_recent: bool,
    /// No challenge is sent, whatever comes (`FLAG_NO_CHALLENGE_ACK`).
    pub(super) no_challenge: bool,
}

impl AckFlags {
    /// Whether it acknowledges something (`FLAG_ACKED`).
    fn acked(self) -> bool {
        self.data_acked || self.syn_acked
    }

    /// Whether it is more than a repetition (`FLAG_NOT_DUP`).
    fn not_dup(self) -> bool {
        self.data || self.win_update || self.acked()
    }
}

/// How things stood before an acknowledgment.
#[derive(Clone, Copy, Debug)]
struct Prior {
    /// The first number not acknowledged.
    una: Seq,
    /// The number behind the highest byte that was reported.
    highest_sack: Seq,
    /// Segments that were ever lost.
    lost: u32,
    /// Segments that have ever arrived.
    delivered: u32,
}

/// What was taken off the queue.
#[derive(Clone, Copy, Debug, Default)]
struct Cleaned {
    segs: u32,
    /// When the first and the last segment were sent that were sent only once.
    sent: Option<(SimTime, SimTime)>,
    /// The lowest number of a segment that was neither sent again nor reported.
    lowest: Option<Seq>,
}

impl TcpSock {
    /// Takes over the window of a segment if it is newer than the last one, and its acknowledgment
    /// (`tcp_ack_update_window()`); whether it is larger than any before, and whether it has changed.
    fn update_window(&mut self, segment: &Segment, flags: &mut AckFlags) -> (bool, bool) {
        let scale = if segment.flags.syn() { 0 } else { self.opt.snd_wscale };
        let window = segment.window << scale;
        let tx = &mut self.tx;
        let newer = segment.ack.after(tx.una)
            || segment.seq.after(tx.wl1)
            || (segment.seq == tx.wl1 && (window > tx.wnd || window == 0));
        let mut larger = false;
        let mut changed = false;
        if newer {
            flags.win_update = true;
            tx.wl1 = segment.seq;
            if tx.wnd != window {
                changed = true;
                tx.wnd = window;
                larger = window > tx.max_wnd;
                tx.max_wnd = tx.max_wnd.max(window);
            }
        }
        tx.bytes_acked += u64::from(segment.ack.since(tx.una));
        tx.una = segment.ack;
        (larger, changed)
    }

    /// Keeps the peer's clock to echo it (`tcp_replace_ts_recent()`).
    pub(super) fn replace_ts_recent(&mut self, seq: Seq, now: SimTime) {
        let not_older = !Seq(self.opt.rcv_tsval).before(Seq(self.opt.ts_recent));
        if self.opt.saw_tstamp
            && !seq.after(self.rx.wup)
            && (not_older || self.opt.ts_recent_stamp == 0)
        {
            self.store_ts_recent(now);
        }
    }

    /// Keeps the peer's clock, whatever it says (`tcp_store_ts_recent()`).
    pub(super) fn store_ts_recent(&mut self, now: SimTime) {
        self.opt.ts_recent = self.opt.rcv_tsval;
        self.opt.ts_recent_stamp = now.as_millis() / 1000 + 1;
    }

    /// Takes acknowledged entries off the queue (the loop of `tcp_clean_rtx_queue()`).
    fn clean_queue(&mut self, now: SimTime, flags: &mut AckFlags) -> Cleaned {
        let mut cleaned = Cleaned::default();
        let una = self.tx.una;
        while let Some(chunk) = self.tx.rtx_at(0).cloned() {
            let whole = !chunk.end_seq.after(una);
            let segs = if whole {
                chunk.segs.max(1)
            } else if chunk.segs <= 1 || !una.after(chunk.seq) {
                break;
            } else {
                self.trim_to(una, chunk.seq, chunk.mss)
            };
            if segs == 0 {
                break;
            }
            self.count_acked(&chunk, segs, now, flags, &mut cleaned);
            if !whole {
                break;
            }
            self.tx.pop();
        }
        flags.reneging = self.tx.rtx_at(0).is_some_and(|first| first.sacked);
        cleaned
    }

    /// Takes whole segments off the first entry.
    fn trim_to(&mut self, una: Seq, seq: Seq, mss: u32) -> u32 {
        let len = una.since(seq);
        let whole = len / mss.max(1) * mss.max(1);
        if whole == 0 { 0 } else { self.tx.trim(whole) }
    }

    fn count_acked(
        &mut self,
        chunk: &super::send_queue::Chunk,
        segs: u32,
        now: SimTime,
        flags: &mut AckFlags,
        cleaned: &mut Cleaned,
    ) {
        let tx = &mut self.tx;
        let less = |counter: &mut u32| *counter = counter.saturating_sub(segs);
        if chunk.ever_retrans || chunk.retrans {
            if chunk.retrans {
                less(&mut tx.retrans_out);
            }
            flags.retrans_acked = true;
        } else if !chunk.sacked {
            let first = cleaned.sent.map_or(chunk.sent_at, |(first, _)| first);
            cleaned.sent = Some((first, chunk.sent_at));
            cleaned.lowest.get_or_insert(chunk.seq);
            flags.orig_sack_acked |= !chunk.end_seq.after(self.loss.high_seq);
        }
        if chunk.sacked {
            less(&mut tx.sacked_out);
        } else if self.opt.sack_ok {
            self.loss.delivered += segs;
            let (sent_at, end, again) = (chunk.sent_at, chunk.end_seq, chunk.ever_retrans);
            self.loss.rack.advance(now, sent_at, end, again, self.rtt.min_us);
        }
        if chunk.lost {
            less(&mut tx.lost_out);
        }
        less(&mut tx.packets_out);
        cleaned.segs += segs;
        if chunk.flags.syn() {
            flags.syn_acked = true;
            self.loss.retrans_stamp = None;
        } else {
            flags.data_acked = true;
        }
    }

    /// Takes the round trip from what was acknowledged or reported, or from the echoed clock
    /// (`tcp_ack_update_rtt()`); whether there was one.
    fn update_rtt(
        &mut self,
        now: SimTime,
        clock: u32,
        cleaned: &Cleaned,
        sack: &SackResult,
        flags: &AckFlags,
    ) -> bool {
        let by_ack = cleaned
            .sent
            .filter(|_| !flags.retrans_acked)
            .map(|(first, last)| (micros(now, first), micros(now, last)));
        let by_sack = sack.first_sent.map(|sent| (micros(now, sent), micros(now, sent)));
        let by_clock = || {
            let echoed = self.opt.saw_tstamp && self.opt.rcv_tsecr != 0 && flags.acked();
            let ms = clock.wrapping_sub(self.opt.rcv_tsecr);
            (echoed && ms < 2_000_000).then(|| {
                let us = u64::from(ms.max(1)) * 1000;
                (us, us)
            })
        };
        let Some((first, last)) = by_ack.or(by_sack).or_else(by_clock) else { return false };
        self.rtt.sample(first, self.tx.una, self.tx.nxt);
        self.ca.note_rtt(last);
        true
    }
}

impl<O: Observer> Sk<'_, O> {
    /// Handles the acknowledgment of a segment, and tells whether it is not an old one.
    ///
    /// # Errors
    /// It acknowledges what was never sent, or what was acknowledged long ago.
    pub(super) fn ack(
        &mut self,
        segment: &Segment,
        mut flags: AckFlags,
    ) -> Result<bool, DropReason> {
        let prior_una = self.t().tx.una;
        if segment.ack.before(prior_una) {
            return self.old_ack(segment, prior_una, flags);
        }
        let now = self.k.now;
        let tp = self.tp();
        if segment.ack.after(tp.tx.nxt) {
            if !flags.no_challenge {
                self.send_challenge_ack();
            }
            return Err(DropReason::TcpAckUnsentData);
        }
        tp.count.last_ack = now.jiffies();
        flags.una_advanced = segment.ack.after(prior_una);
        if flags.una_advanced {
            tp.loss.retransmits = 0;
        }
        let prior_highest = if tp.opt.sack_ok { tp.highest_sack() } else { tp.tx.una };
        if flags.update_ts_recent {
            tp.replace_ts_recent(segment.seq, now);
        }
        flags.data |= !segment.is_pure_ack();
        let prior_packets = tp.tx.packets_out;
        let (lost, delivered) = (tp.loss.lost_total, tp.loss.delivered);
        self.take_window(segment, &mut flags);
        let mut sack = SackResult::default();
        if !segment.options.sack().is_empty() && self.t().opt.sack_ok {
            sack = self.sacktag(segment, prior_una, &mut flags);
        }
        let tp = self.tp();
        flags.ece |= tp.ecn.is_echo(segment.flags);
        if segment.flags.intersects(TcpFlags::CWR) {
            tp.ecn.demand_cwr = false;
            tp.ack.now |= flags.data;
        }
        tp.soft_error = None;
        tp.loss.probes_out = 0;
        if prior_packets == 0 {
            self.nothing_was_out(segment.ack, prior_una, &mut flags);
        } else {
            let prior = Prior { una: prior_una, highest_sack: prior_highest, lost, delivered };
            self.something_was_out(segment, prior, sack, &mut flags);
        }
        Ok(true)
    }

    fn take_window(&mut self, segment: &Segment, flags: &mut AckFlags) {
        let (larger, changed) = self.tp().update_window(segment, flags);
        if changed && !self.t().tx.is_all_sent() {
            self.restart_after_idle();
        }
        if larger {
            let mtu = self.t().tx.pmtu;
            self.sync_mss(mtu);
        }
    }

    /// The usual case: data were out.
    fn something_was_out(
        &mut self,
        segment: &Segment,
        prior: Prior,
        sack: SackResult,
        flags: &mut AckFlags,
    ) {
        let (now, clock) = (self.k.now, self.clock());
        let tp = self.tp();
        let cleaned = tp.clean_queue(now, flags);
        let sampled = tp.update_rtt(now, clock, &cleaned, &sack, flags);
        if flags.acked() {
            flags.set_timer = true;
            if !tp.opt.sack_ok {
                tp.remove_reno_sacks(cleaned.segs);
                flags.orig_sack_acked &= !flags.retrans_acked;
            } else if let Some(low) = cleaned.lowest {
                tp.note_reordering(low, prior.highest_sack);
            }
        } else if sampled && let (Some(sent), Some(first)) = (sack.first_sent, tp.tx.rtx_at(0)) {
            flags.set_timer = sent < first.sent_at;
        }
        self.process_tlp_ack(segment.ack, flags);
        let mut resend = Resend::None;
        if !flags.not_dup()
            || flags.data_sacked
            || flags.ece
            || flags.dsacking
            || self.t().loss.state != CaState::Open
        {
            let repeated = !flags.una_advanced && !flags.not_dup() && !flags.dsacking;
            resend = self.fastretrans_alert(prior.una, u32::from(repeated), flags);
        }
        if flags.acked() || flags.data_sacked || !flags.not_dup() {
            self.sock_mut().confirm_neigh = true;
        }
        if flags.set_timer && !self.schedule_loss_probe(true) {
            self.rearm_rto();
        }
        let tp = self.tp();
        let delivered = tp.loss.delivered - prior.delivered;
        if tp.loss.in_cwnd_reduction() {
            let newly_lost = tp.loss.lost_total - prior.lost;
            tp.reduce_cwnd(delivered, newly_lost, flags.una_advanced);
        } else if flags.data_acked
            || (tp.loss.reordering > 3 && (flags.acked() || flags.data_sacked))
        {
            tp.ca.avoid(delivered, now);
        }
        self.resend(resend);
    }

    /// Nothing was out: a window may have opened.
    fn nothing_was_out(&mut self, ack: Seq, prior_una: Seq, flags: &mut AckFlags) {
        if flags.dsacking {
            self.fastretrans_alert(prior_una, 0, flags);
        }
        self.ack_probe();
        self.process_tlp_ack(ack, flags);
    }

    /// An acknowledgment of before (`old_ack` of `tcp_ack()`).
    fn old_ack(
        &mut self,
        segment: &Segment,
        prior_una: Seq,
        mut flags: AckFlags,
    ) -> Result<bool, DropReason> {
        let tx = &self.t().tx;
        let window = u64::from(tx.max_wnd).min(tx.bytes_acked);
        let oldest = prior_una.minus(u32::try_from(window).unwrap_or(u32::MAX));
        if segment.ack.before(oldest) {
            if !flags.no_challenge {
                self.send_challenge_ack();
            }
            return Err(DropReason::TcpTooOldAck);
        }
        if !segment.options.sack().is_empty() && self.t().opt.sack_ok {
            self.sacktag(segment, prior_una, &mut flags);
            let resend = self.fastretrans_alert(prior_una, 0, &mut flags);
            self.resend(resend);
        }
        Ok(false)
    }

    /// The answer to a loss probe tells whether there was a loss (`tcp_process_tlp_ack()`).
    fn process_tlp_ack(&mut self, ack: Seq, flags: &AckFlags) {
        let now = self.k.now.jiffies();
        let tp = self.tp();
        let Some(high) = tp.loss.tlp_high else { return };
        if ack.before(high) {
            return;
        }
        if !tp.loss.tlp_retrans || flags.dsack_tlp {
            tp.loss.tlp_high = None;
        } else if ack.after(high) {
            tp.begin_reduction();
            tp.loss.state = CaState::Cwr;
            tp.end_cwr(now);
            tp.keep_open();
            self.mib(LinuxMib::LossProbeRecovery);
        } else if !flags.una_advanced && !flags.not_dup() && !flags.data_sacked {
            tp.loss.tlp_high = None;
        }
    }

    /// Stops asking for window if there is some, else asks again later (`tcp_ack_probe()`).
    fn ack_probe(&mut self) {
        let tp = self.tp();
        let Some(head) = tp.tx.head() else { return };
        if head.end_seq.after(tp.tx.wnd_end()) {
            let when = tp.rtt.probe_interval();
            self.arm_write(WriteTimer::Probe, when);
        } else {
            tp.rtt.backoff = 0;
            if tp.timers.write == Some(WriteTimer::Probe) {
                self.disarm_write();
            }
        }
    }
}
