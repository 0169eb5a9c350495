//! The timers of a connection (`net/ipv4/tcp_timer.c`).

use crate::errno::Errno;
use crate::id::{NetnsId, SocketId};
use crate::kernel::{Kernel, Timer, TimerId};
use crate::netns::mib::LinuxMib;
use crate::packet::TcpFlags;
use crate::socket::tcp::output::{Nagle, Quantity};
use crate::socket::tcp::rtt::{RTO_MAX, Rtt, TIMEOUT_INIT};
use crate::socket::tcp::transmit::Outgoing;
use crate::socket::tcp::{FourTuple, Sk, TcpState, request, timewait};
use crate::sysctl::Sysctl;
use crate::time::SimTime;
use crate::trace::Observer;

/// Jiffies in a second.
pub(super) const HZ: u64 = 250;
/// The least retransmission timeout, in jiffies (`TCP_RTO_MIN`).
const RTO_MIN: u64 = 50;
/// How often the data of an orphan are sent again, unless the sysctl says otherwise.
const ORPHAN_RETRIES: u32 = 8;

/// What a timer of TCP is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TcpTimer {
    /// Sending again, or asking for window (`icsk_retransmit_timer`).
    Write,
    /// A delayed ACK (`icsk_delack_timer`).
    DelayedAck,
    /// An ACK of bundled ones (`compressed_ack_timer`).
    CompressedAck,
    /// An orphan in FIN-WAIT-2 (`sk_timer`).
    FinWait2,
}

/// What the timer for sending is for (`icsk_pending`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WriteTimer {
    /// The retransmission timeout (`ICSK_TIME_RETRANS`).
    Retransmit,
    /// A loss probe (`ICSK_TIME_LOSS_PROBE`).
    LossProbe,
    /// A probe of a closed window (`ICSK_TIME_PROBE0`).
    Probe,
    /// The wait for reordered segments (`ICSK_TIME_REO_TIMEOUT`).
    Reorder,
}

/// The timers that a connection has armed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Timers {
    /// What the timer for sending waits for.
    pub write: Option<WriteTimer>,
    /// When the delayed ACK is due, in jiffies.
    pub(super) delack_due: Option<u64>,
    armed: [Option<TimerId>; 4],
}

impl Timers {
    /// Whether a timer is armed.
    pub(super) fn is_armed(&self, timer: TcpTimer) -> bool {
        self.armed[timer as usize].is_some()
    }

    /// What a timer is set to.
    #[must_use]
    pub fn expires(&self, timer: TcpTimer) -> Option<SimTime> {
        self.armed[timer as usize].map(TimerId::set_to)
    }
}

/// Microseconds in whole jiffies, rounded up (`usecs_to_jiffies()`).
pub(super) fn us_to_jiffies(us: u64) -> u64 {
    us.div_ceil(1_000_000 / HZ)
}

/// Jiffies in microseconds.
pub(super) fn jiffies_to_us(jiffies: u64) -> u64 {
    jiffies.saturating_mul(1_000_000 / HZ)
}

/// Seconds in jiffies.
pub(super) fn seconds(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0).saturating_mul(HZ)
}

impl Rtt {
    /// The time to the next probe of a closed window, in jiffies (`tcp_probe0_when()`).
    pub(super) fn probe_interval(&self) -> u64 {
        const MOST: u32 = 10;
        (self.rto.max(RTO_MIN) << self.backoff.min(MOST)).min(RTO_MAX)
    }
}

/// Does what a timer of a socket is for.
pub fn expire<O: Observer>(k: &mut Kernel, id: SocketId, timer: TcpTimer, o: &mut O) {
    let Some(mut sk) = Sk::open(k, id, o) else { return };
    sk.tp().timers.armed[timer as usize] = None;
    match timer {
        TcpTimer::Write => sk.write_timer(),
        TcpTimer::DelayedAck => sk.delack_timer(),
        TcpTimer::CompressedAck => sk.send_compressed_ack(),
        TcpTimer::FinWait2 => sk.fin_wait2_timer(),
    }
    sk.finish();
}

/// A SYN-ACK was not acknowledged in time.
pub fn expire_request<O: Observer>(k: &mut Kernel, netns: NetnsId, tuple: FourTuple, o: &mut O) {
    if k.netns.get(netns).is_some() {
        request::expire(k, netns, tuple, o);
    }
}

/// The time of a connection in TIME-WAIT is over.
pub fn expire_time_wait(k: &mut Kernel, id: SocketId) {
    timewait::expire(k, id);
}

impl<O: Observer> Sk<'_, O> {
    /// Arms a timer for a jiffy.
    pub(super) fn arm(&mut self, timer: TcpTimer, expires: u64) {
        self.disarm(timer);
        let (now, id) = (self.k.now, self.id);
        let armed = self.k.timers.arm_jiffies(now, expires, Timer::Tcp(id, timer));
        self.tp().timers.armed[timer as usize] = Some(armed);
    }

    /// Arms a timer for a point in time (`hrtimer_start()`).
    pub(super) fn arm_at(&mut self, timer: TcpTimer, at: SimTime) {
        self.disarm(timer);
        let armed = self.k.timers.arm(at, Timer::Tcp(self.id, timer));
        self.tp().timers.armed[timer as usize] = Some(armed);
    }

    /// Disarms a timer.
    pub(super) fn disarm(&mut self, timer: TcpTimer) {
        if let Some(armed) = self.tp().timers.armed[timer as usize].take() {
            self.k.timers.disarm(armed);
        }
    }

    /// Disarms all timers (`tcp_clear_xmit_timers()`).
    pub(super) fn disarm_all(&mut self) {
        for timer in
            [TcpTimer::Write, TcpTimer::DelayedAck, TcpTimer::CompressedAck, TcpTimer::FinWait2]
        {
            self.disarm(timer);
        }
        let timers = &mut self.tp().timers;
        (timers.write, timers.delack_due) = (None, None);
    }

    /// Disarms what waits to send an ACK: one was sent.
    pub(super) fn disarm_ack(&mut self) {
        self.disarm(TcpTimer::DelayedAck);
        self.disarm(TcpTimer::CompressedAck);
    }

    /// Arms the timer for sending, in `jiffies` from now (`tcp_reset_xmit_timer()`).
    pub(super) fn arm_write(&mut self, what: WriteTimer, jiffies: u64) {
        let expires = self.k.now.jiffies() + jiffies.min(RTO_MAX);
        self.tp().timers.write = Some(what);
        self.arm(TcpTimer::Write, expires);
    }

    /// Disarms the timer for sending.
    pub(super) fn disarm_write(&mut self) {
        self.tp().timers.write = None;
        self.disarm(TcpTimer::Write);
    }

    /// The time left until the oldest segment times out, in microseconds (`tcp_rto_delta_us()`); `None`
    /// if it is over.
    pub(super) fn rto_delta_us(&self, now: SimTime) -> Option<u64> {
        let tp = self.t();
        let oldest = tp.tx.rtx().next().map_or(now, |chunk| chunk.sent_at);
        let passed = u64::try_from(now.since(oldest).as_micros()).unwrap_or(u64::MAX);
        jiffies_to_us(tp.rtt.rto).checked_sub(passed)
    }

    /// Sets the retransmission timer anew (`tcp_rearm_rto()`).
    pub(super) fn rearm_rto(&mut self) {
        let now = self.k.now;
        let tp = self.t();
        if tp.tx.packets_out == 0 {
            self.disarm_write();
            return;
        }
        let rto = match tp.timers.write {
            Some(WriteTimer::Reorder | WriteTimer::LossProbe) => {
                us_to_jiffies(self.rto_delta_us(now).unwrap_or(0).max(1))
            }
            _ => tp.rtt.rto,
        };
        self.arm_write(WriteTimer::Retransmit, rto);
    }

    /// Arms the probe of a closed window if nothing else is armed (`tcp_check_probe_timer()`).
    pub(super) fn check_probe_timer(&mut self) {
        let tp = self.t();
        if tp.tx.packets_out == 0 && tp.timers.write.is_none() {
            let base = tp.rtt.rto.max(RTO_MIN);
            self.arm_write(WriteTimer::Probe, base);
        }
    }

    /// The timer for sending fires (`tcp_write_timer_handler()`).
    fn write_timer(&mut self) {
        let state = self.t().state;
        let Some(what) = self.t().timers.write else { return };
        if matches!(state, TcpState::Close | TcpState::Listen) {
            return;
        }
        match what {
            WriteTimer::Reorder => self.reorder_timer(),
            WriteTimer::LossProbe => self.send_loss_probe(),
            WriteTimer::Retransmit => {
                self.tp().timers.write = None;
                self.retransmit_timer();
            }
            WriteTimer::Probe => {
                self.tp().timers.write = None;
                self.probe_timer();
            }
        }
    }

    /// The oldest segment was not acknowledged in time (`tcp_retransmit_timer()`).
    fn retransmit_timer(&mut self) {
        let tp = self.t();
        if tp.tx.packets_out == 0 {
            return;
        }
        let connecting = tp.state.is_opening();
        if tp.tx.wnd == 0 && !tp.orphaned && !connecting {
            self.enter_loss();
            self.retransmit(0, 1);
        } else {
            self.mib(LinuxMib::Timeouts);
            if self.has_timed_out() {
                self.give_up();
                return;
            }
            // Another way might work better.
            self.mib(LinuxMib::TimeoutRehash);
            self.enter_loss();
            let loss = &mut self.tp().loss;
            loss.retransmits += 1;
            loss.total_rto += 1;
            self.retransmit(0, 1);
        }
        let linear = self.sysctl(Sysctl::TcpSynLinearTimeouts);
        let tp = self.tp();
        if tp.state != TcpState::SynSent || tp.loss.total_rto > linear {
            tp.rtt.backoff += 1;
            tp.rtt.rto = (tp.rtt.rto << 1).min(RTO_MAX);
        }
        let rto = tp.rtt.rto;
        self.arm_write(WriteTimer::Retransmit, rto);
    }

    /// Whether it is no use to try again (`tcp_write_timeout()`).
    fn has_timed_out(&self) -> bool {
        let tp = self.t();
        if tp.state.is_opening() {
            let retries = self.sysctl(Sysctl::TcpSynRetries);
            let linear = if tp.state == TcpState::SynSent {
                self.sysctl(Sysctl::TcpSynLinearTimeouts)
            } else {
                0
            };
            return tp.loss.retransmits >= retries + linear
                || self.has_passed(retries, TIMEOUT_INIT);
        }
        let retries = if tp.orphaned {
            self.orphan_retries(tp.rtt.rto < RTO_MAX)
        } else {
            self.sysctl(Sysctl::TcpRetries2)
        };
        self.has_passed(retries, RTO_MIN)
    }

    /// How often the data of an orphan are sent again (`tcp_orphan_retries()`).
    fn orphan_retries(&self, alive: bool) -> u32 {
        let asked = self.sysctl(Sysctl::TcpOrphanRetries);
        let hopeless = self.t().soft_error.is_some() && !alive;
        match if hopeless { 0 } else { asked } {
            0 if alive => ORPHAN_RETRIES,
            retries => retries,
        }
    }

    /// Whether as much time has passed as `retries` timeouts take that begin with `base` jiffies
    /// (`retransmits_timed_out()`).
    fn has_passed(&self, retries: u32, base: u64) -> bool {
        let tp = self.t();
        if tp.loss.retransmits == 0 {
            return false;
        }
        let doublings = (RTO_MAX / base).checked_ilog2().unwrap_or(0);
        let rising = |n: u32| ((2u64 << n) - 1) * base;
        let jiffies = if retries <= doublings {
            rising(retries)
        } else {
            rising(doublings) + u64::from(retries - doublings) * RTO_MAX
        };
        let start = tp.loss.retrans_stamp.unwrap_or(0);
        u64::from(self.clock().wrapping_sub(start)) >= jiffies * 1000 / HZ
    }

    /// The connection ends because nobody answers (`tcp_write_err()`).
    fn give_up(&mut self) {
        self.mib(LinuxMib::AbortOnTimeout);
        let errno = self.t().soft_error.unwrap_or(Errno::ETIMEDOUT);
        self.done_with_error(errno);
    }

    /// Repeats the last segment, or sends a new one, to learn whether the last ones were lost
    /// (`tcp_send_loss_probe()`).
    fn send_loss_probe(&mut self) {
        if self.t().loss.tlp_high.is_some() {
            self.rearm_rto();
            return;
        }
        let mss = self.current_mss();
        let tp = self.tp();
        tp.loss.tlp_retrans = false;
        let (before, end) = (tp.tx.packets_out, tp.tx.wnd_end());
        let fits = tp.tx.head().is_some_and(|head| !head.seq.plus(head.len().min(mss)).after(end));
        let sent = if fits {
            self.write_xmit(mss, Nagle::Off, Quantity::Probe);
            self.t().tx.packets_out > before
        } else {
            let repeated = self.repeat_last(mss);
            self.tp().loss.tlp_retrans = repeated;
            repeated
        };
        if sent {
            let tp = self.tp();
            tp.loss.tlp_high = Some(tp.tx.nxt);
            // The retransmission timer starts from now.
            tp.timers.write = None;
            self.mib(LinuxMib::LossProbes);
        }
        self.rearm_rto();
    }

    /// Sends the last segment once more.
    fn repeat_last(&mut self, mss: u32) -> bool {
        let tx = &mut self.tp().tx;
        let Some(last) = tx.rtx_len().checked_sub(1) else { return false };
        let Some(chunk) = tx.rtx_at(last) else { return false };
        let front = chunk.segs.saturating_sub(1) * mss;
        let at = if chunk.segs > 1 && chunk.len() > front {
            tx.split(last, front);
            last + 1
        } else {
            last
        };
        self.retransmit_uncounted(at, 1).is_some()
    }

    /// The peer's window is still closed (`tcp_probe_timer()`).
    fn probe_timer(&mut self) {
        let tp = self.tp();
        if tp.tx.packets_out > 0 || tp.tx.is_all_sent() {
            tp.loss.probes_out = 0;
            return;
        }
        let mut most = self.sysctl(Sysctl::TcpRetries2);
        let tp = self.t();
        if tp.orphaned {
            let alive = tp.rtt.probe_interval() < RTO_MAX;
            most = self.orphan_retries(alive);
            if !alive && self.t().rtt.backoff >= most {
                self.give_up();
                return;
            }
        }
        if self.t().loss.probes_out >= most {
            self.give_up();
        } else {
            self.send_probe();
        }
    }

    /// Asks for window (`tcp_send_probe0()`).
    fn send_probe(&mut self) {
        let most = self.sysctl(Sysctl::TcpRetries2);
        self.write_wakeup();
        let tp = self.tp();
        if tp.tx.packets_out > 0 || tp.tx.is_all_sent() {
            tp.loss.probes_out = 0;
            tp.rtt.backoff = 0;
            return;
        }
        tp.loss.probes_out += 1;
        if tp.rtt.backoff < most {
            tp.rtt.backoff += 1;
        }
        let when = tp.rtt.probe_interval();
        self.arm_write(WriteTimer::Probe, when);
    }

    /// Sends as much as the window has room for, or a segment that has to be answered
    /// (`tcp_write_wakeup()`).
    fn write_wakeup(&mut self) {
        let mss = self.current_mss();
        let tx = &mut self.tp().tx;
        let end = tx.wnd_end();
        if tx.head().is_some_and(|head| head.seq.before(end)) {
            let room = tx.head().map_or(0, |head| end.since(head.seq)).min(mss);
            let end_seq = tx.head().map_or(end, |head| head.end_seq);
            tx.pushed = tx.pushed.max(end_seq);
            if tx.head().is_some_and(|head| head.len() > room) {
                tx.split_head(room);
            }
            let now = self.k.now;
            if let Some(head) = self.tp().tx.head_mut() {
                head.flags = head.flags | TcpFlags::PSH;
                head.set_segs(mss);
                head.sent_at = now;
                let out = Outgoing::of(head);
                if self.transmit(&out).is_ok() {
                    self.tp().tx.advance();
                    self.rearm_rto();
                }
            }
            return;
        }
        let out = Outgoing::bare(self.t().tx.una.minus(1), TcpFlags::ACK);
        self.mib(LinuxMib::WinProbe);
        self.send_or_forget(&out);
    }

    /// Sets how long an orphan waits in FIN-WAIT-2.
    pub(super) fn arm_fin_wait2(&mut self, jiffies: u64) {
        let expires = self.k.now.jiffies() + jiffies;
        self.arm(TcpTimer::FinWait2, expires);
    }

    /// An orphan has waited in FIN-WAIT-2 for part of its time (`tcp_keepalive_timer()`).
    fn fin_wait2_timer(&mut self) {
        let tp = self.t();
        if tp.state != TcpState::FinWait2 || !tp.orphaned {
            return;
        }
        let left = tp.fin_timeout.saturating_sub(timewait::TIMEWAIT_LEN);
        if left > 0 {
            self.enter_time_wait(TcpState::FinWait2, left);
        } else {
            self.send_active_reset();
            self.done();
        }
    }
}
