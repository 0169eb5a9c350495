//! RACK: a segment is lost when one that was sent later has arrived and some time has passed (RFC 8985,
//! `net/ipv4/tcp_recovery.c`).

use crate::socket::tcp::seq::Seq;
use crate::socket::tcp::timer::{WriteTimer, us_to_jiffies};
use crate::socket::tcp::{Sk, TcpSock};
use crate::time::SimTime;
use crate::trace::Observer;

/// The time that is waited beside the reordering window, in microseconds: two jiffies
/// (`TCP_TIMEOUT_MIN_US`).
const TIMEOUT_MIN_US: u64 = 2 * 4000;

/// The segment that was sent last among those that have arrived.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Rack {
    /// When it was sent.
    sent_at: SimTime,
    /// The number behind it.
    end_seq: Seq,
    /// How long it took, in microseconds.
    rtt_us: u64,
    /// Something has arrived since the last look.
    pub(super) advanced: bool,
}

/// Microseconds from `then` to `now`; what takes no time here takes one.
pub(super) fn micros(now: SimTime, then: SimTime) -> u64 {
    u64::try_from(now.since(then).as_micros()).unwrap_or(u64::MAX).max(1)
}

/// Whether one segment was sent after another (`tcp_skb_sent_after()`).
fn sent_after(a: (SimTime, Seq), b: (SimTime, Seq)) -> bool {
    a.0 > b.0 || (a.0 == b.0 && a.1.after(b.1))
}

impl Rack {
    /// A segment has arrived (`tcp_rack_advance()`).
    pub(super) fn advance(
        &mut self,
        now: SimTime,
        sent_at: SimTime,
        end_seq: Seq,
        retransmitted: bool,
        min_rtt_us: Option<u64>,
    ) {
        let rtt_us = micros(now, sent_at);
        if retransmitted && min_rtt_us.is_some_and(|min| rtt_us < min) {
            // It was the first transmission that arrived.
            return;
        }
        self.advanced = true;
        self.rtt_us = rtt_us;
        if sent_after((sent_at, end_seq), (self.sent_at, self.end_seq)) {
            (self.sent_at, self.end_seq) = (sent_at, end_seq);
        }
    }
}

impl TcpSock {
    /// How much later than others a segment may arrive, in microseconds (`tcp_rack_reo_wnd()`).
    fn reordering_window_us(&self) -> u64 {
        if !self.loss.reordering_seen
            && (self.loss.in_recovery_or_loss() || self.tx.sacked_out >= self.loss.reordering)
        {
            return 0;
        }
        let min = self.rtt.min_us.unwrap_or(0);
        (min >> 2).min(self.rtt.srtt_us >> 3).max(1)
    }

    /// How long is still waited for a segment before it is taken as lost, in microseconds; `None` if it is
    /// lost (`tcp_rack_skb_timeout()`).
    fn patience_us(&self, sent_at: SimTime, window_us: u64, now: SimTime) -> Option<u64> {
        let passed = micros(now, sent_at);
        let due = self.loss.rack.rtt_us + window_us;
        if due > passed { Some(due - passed) } else { None }
    }

    /// Whether a segment was sent so recently that a timeout says nothing about it.
    pub(super) fn is_recent(&self, sent_at: SimTime, now: SimTime) -> bool {
        self.patience_us(sent_at, 0, now).is_some()
    }

    /// Marks what is lost, and tells how long to wait for the rest, in microseconds
    /// (`tcp_rack_detect_loss()`).
    fn detect_loss(&mut self, now: SimTime) -> Option<u64> {
        let window_us = self.reordering_window_us();
        let rack = self.loss.rack;
        let mut wait: Option<u64> = None;
        for at in 0..self.tx.rtx_len() {
            let Some(chunk) = self.tx.rtx_at(at) else { break };
            let waits_already = chunk.lost && !chunk.retrans;
            let overtaken =
                sent_after((rack.sent_at, rack.end_seq), (chunk.sent_at, chunk.end_seq));
            if chunk.sacked || waits_already || !overtaken {
                continue;
            }
            match self.patience_us(chunk.sent_at, window_us, now) {
                None => self.mark_lost(at),
                Some(us) => wait = Some(wait.map_or(us, |longest| longest.max(us))),
            }
        }
        wait
    }
}

impl<O: Observer> Sk<'_, O> {
    /// Marks what is lost after an ACK, and tells whether the timer waits for more
    /// (`tcp_rack_mark_lost()`).
    pub(super) fn rack_mark_lost(&mut self) -> bool {
        let now = self.k.now;
        let tp = self.tp();
        if !std::mem::take(&mut tp.loss.rack.advanced) {
            return false;
        }
        let wait = tp.detect_loss(now);
        self.count_lost_again();
        let Some(us) = wait else { return false };
        self.arm_write(WriteTimer::Reorder, us_to_jiffies(us + TIMEOUT_MIN_US));
        true
    }

    /// The wait for reordered segments is over (`tcp_rack_reo_timeout()`).
    pub(super) fn reorder_timer(&mut self) {
        let now = self.k.now;
        let before = self.t().tx.in_flight();
        let lost_before = self.t().loss.lost_total;
        // What is not lost now is left to the retransmission timer.
        let _wait = self.tp().detect_loss(now);
        self.count_lost_again();
        if self.t().tx.in_flight() != before {
            if !self.t().loss.in_recovery() {
                self.enter_recovery(false);
                let newly_lost = self.t().loss.lost_total - lost_before;
                self.tp().reduce_cwnd(1, newly_lost, false);
            }
            self.retransmit_lost();
        }
        if self.t().timers.write != Some(WriteTimer::Retransmit) {
            self.rearm_rto();
        }
    }
}
