//! What is sent when: segments are cut from the queue as windows, Nagle's rule and the device's appetite
//! allow (`tcp_write_xmit()`).

use crate::errno::Errno;
use crate::netns::mib::LinuxMib;
use crate::packet::TcpFlags;
use crate::socket::flow;
use crate::socket::tcp::options::NUM_SACKS;
use crate::socket::tcp::rtt::RTO_MIN_US;
use crate::socket::tcp::seq::{Seq, len32};
use crate::socket::tcp::timer::{WriteTimer, jiffies_to_us, us_to_jiffies};
use crate::socket::tcp::transmit::Outgoing;
use crate::socket::tcp::{Sk, TcpSock, TcpState};
use crate::sysctl::Sysctl;
use crate::trace::Observer;

/// The most that is handed to a device at once, in bytes (`sk_gso_max_size`).
const GSO_MAX_SIZE: u32 = 65536 - (MAX_TCP_HEADER + 1);
/// The room that all headers take, in bytes; depends on the kernel's configuration, as on 6.18 without
/// tunnels or wireless devices.
pub(super) const MAX_TCP_HEADER: u32 = 256;
/// A window may not be split finer than this part (`tcp_tso_win_divisor`).
const TSO_WIN_DIVISOR: u32 = 3;
/// The time beside the round trip that a probe waits for, in microseconds: two jiffies
/// (`TCP_TIMEOUT_MIN_US`).
const TIMEOUT_MIN_US: u64 = 2 * 4000;

/// How Nagle's rule is to be taken (`TCP_NAGLE_*`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Nagle {
    /// A small segment waits while another is out.
    On,
    /// Small segments leave (`TCP_NAGLE_OFF`).
    Off,
    /// What is there leaves (`TCP_NAGLE_PUSH`).
    Push,
}

/// How much is to be sent (`push_one`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Quantity {
    /// All that may be.
    All,
    /// The next entry of the queue.
    One,
    /// One segment, even if the congestion window is full: a loss probe.
    Probe,
}

/// How far one call of [`Sk::write_xmit`] has come.
#[derive(Clone, Copy, Debug, Default)]
struct Burst {
    /// Nothing was out when it began.
    from_idle: bool,
    /// The congestion window has kept the rest from being sent.
    cwnd_limited: bool,
}

impl TcpSock {
    /// How Nagle's rule is set.
    pub(super) fn nagle(&self) -> Nagle {
        if self.tx.nodelay { Nagle::Off } else { Nagle::On }
    }

    /// Whether a segment that is not full has to wait for others to be acknowledged
    /// (`tcp_nagle_check()`).
    fn nagle_holds(&self, partial: bool, nagle: Nagle) -> bool {
        let tx = &self.tx;
        let small_is_out = tx.small_end.after(tx.una) && !tx.small_end.after(tx.nxt);
        partial && nagle == Nagle::On && tx.packets_out > 0 && small_is_out
    }

    /// How many segments the congestion window has room for; at least two batches share it
    /// (`tcp_cwnd_test()`).
    fn cwnd_quota(&self) -> u32 {
        let (in_flight, cwnd) = (self.tx.in_flight(), self.ca.cwnd);
        cwnd.saturating_sub(in_flight).min((cwnd >> 1).max(1))
    }

    /// The MSS for a path MTU, timestamps taken off (`tcp_mtu_to_mss()`).
    pub(super) fn mss_for_mtu(&self, mtu: u32, least: u32) -> u32 {
        let mss = mtu.saturating_sub(40).min(self.opt.mss_clamp);
        let mss = mss.saturating_sub(self.tx.ip_options_len).max(least);
        mss.saturating_sub(self.opt.header_len() - 20)
    }

    /// No segment is more than half of the peer's largest window (`tcp_bound_to_half_wnd()`).
    fn bound_to_half_window(&self, size: u32) -> u32 {
        let most = self.tx.max_wnd;
        let cutoff = if most > super::options::TCP_MSS_DEFAULT { most >> 1 } else { most };
        if cutoff > 0 && size > cutoff { cutoff.max(68 - self.opt.header_len()) } else { size }
    }

    /// How long an entry of the send queue gets, in bytes (`tcp_xmit_size_goal()`).
    pub(super) fn size_goal(&mut self, mss: u32) -> u32 {
        let most = self.bound_to_half_window(GSO_MAX_SIZE);
        let mut goal = self.tx.gso_segs * mss;
        if most < goal || most >= goal.saturating_add(mss) {
            self.tx.gso_segs = most / mss.max(1);
            goal = self.tx.gso_segs * mss;
        }
        goal.max(mss)
    }
}

impl<O: Observer> Sk<'_, O> {
    /// Sets the MSS for a path MTU (`tcp_sync_mss()`).
    pub(super) fn sync_mss(&mut self, mtu: u32) -> u32 {
        let least = self.sysctl(Sysctl::TcpMinSndMss);
        let tp = self.tp();
        let mss = tp.mss_for_mtu(mtu, least);
        tp.tx.mss = tp.bound_to_half_window(mss);
        tp.tx.pmtu = mtu;
        tp.tx.mss
    }

    /// The size of a full segment now: it changes with the route and with SACK blocks
    /// (`tcp_current_mss()`).
    pub(super) fn current_mss(&mut self) -> u32 {
        if let Ok(routed) = self.route() {
            let mtu = len32(flow::mtu(self.k, &routed.dst));
            if mtu != self.t().tx.pmtu {
                self.sync_mss(mtu);
            }
        }
        let tp = self.t();
        let room = if tp.opt.tstamp_ok { NUM_SACKS - 1 } else { NUM_SACKS };
        let blocks = if tp.opt.sack_ok { len32(tp.rx.blocks().len().min(room)) } else { 0 };
        let sack = if blocks > 0 { 4 + 8 * blocks } else { 0 };
        tp.tx.mss.saturating_sub(sack).max(1)
    }

    /// Sends what may be sent (`tcp_push_pending_frames()`).
    pub(super) fn push_pending(&mut self) {
        if !self.t().tx.is_all_sent() {
            let mss = self.current_mss();
            let nagle = self.t().nagle();
            self.push_with(mss, nagle);
        }
    }

    /// Sends what may be sent, and asks for more window if nothing may (`__tcp_push_pending_frames()`).
    pub(super) fn push_with(&mut self, mss: u32, nagle: Nagle) {
        if self.t().state == TcpState::Close {
            return;
        }
        if self.write_xmit(mss, nagle, Quantity::All) {
            self.check_probe_timer();
        }
    }

    /// Sends the next entry of the queue (`tcp_push_one()`).
    pub(super) fn push_one(&mut self, mss: u32) {
        self.write_xmit(mss, Nagle::Push, Quantity::One);
    }

    /// Sends from the queue, and tells whether there is something to send and nothing out, so that only the
    /// peer's window can be the reason (`tcp_write_xmit()`).
    pub(super) fn write_xmit(&mut self, mss: u32, nagle: Nagle, quantity: Quantity) -> bool {
        let most = (GSO_MAX_SIZE / mss.max(1)).max(2);
        let from_idle = self.t().tx.packets_out == 0;
        let mut burst = Burst { from_idle, ..Burst::default() };
        let mut sent = 0;
        while self.t().tx.head().is_some() {
            let Some(segs) = self.send_head(mss, nagle, quantity, most, &mut burst) else { break };
            sent += segs;
            if quantity != Quantity::All {
                break;
            }
        }
        self.after_xmit(sent, burst, quantity)
    }

    /// Notes how the windows were used, and arms the loss probe (the end of `tcp_write_xmit()`).
    fn after_xmit(&mut self, sent: u32, mut burst: Burst, quantity: Quantity) -> bool {
        let now = self.k.now.jiffies();
        let idle_restarts = self.sysctl(Sysctl::TcpSlowStartAfterIdle) != 0;
        let tp = self.tp();
        burst.cwnd_limited |= tp.tx.in_flight() >= tp.ca.cwnd;
        if sent > 0 || burst.cwnd_limited {
            let edges = (tp.tx.una, tp.tx.nxt);
            let idle = idle_restarts.then_some(tp.rtt.rto);
            tp.ca.validate(burst.cwnd_limited, tp.tx.packets_out, edges, now, idle);
        }
        if sent > 0 {
            if tp.loss.in_cwnd_reduction() {
                tp.loss.prr_out += sent;
            }
            if quantity != Quantity::Probe {
                self.schedule_loss_probe(false);
            }
            return false;
        }
        tp.tx.packets_out == 0 && !tp.tx.is_all_sent()
    }

    /// Sends the next entry, or as much of it as may be; how many segments that were.
    fn send_head(
        &mut self,
        mss: u32,
        nagle: Nagle,
        quantity: Quantity,
        most: u32,
        burst: &mut Burst,
    ) -> Option<u32> {
        let quota = match self.t().cwnd_quota() {
            0 if quantity == Quantity::Probe => 1,
            0 => return None,
            quota => quota.min(most),
        };
        let tx = &mut self.tp().tx;
        tx.grow_head(quota * mss);
        let wnd_end = tx.wnd_end();
        let head = tx.head_mut()?;
        let segs = head.set_segs(mss);
        // The window has to hold the first segment as a whole.
        let first_end = if head.len() > mss { head.seq.plus(mss) } else { head.end_seq };
        if first_end.after(wnd_end) {
            return None;
        }
        let limit = if segs == 1 {
            if self.nagle_test_fails(mss, nagle) {
                return None;
            }
            mss
        } else {
            if quantity == Quantity::All && self.should_defer(burst, most) {
                return None;
            }
            self.split_point(mss, quota, nagle)
        };
        if self.t().tx.head()?.len() > limit {
            self.tp().tx.split_head(limit);
            self.tp().tx.head_mut()?.set_segs(mss);
        }
        self.send_whole_head(mss)
    }

    fn nagle_test_fails(&self, mss: u32, nagle: Nagle) -> bool {
        let tp = self.t();
        let Some(head) = tp.tx.head() else { return false };
        // Only the last entry can still become a full segment.
        let nagle = if tp.tx.head_is_tail() { nagle } else { Nagle::Push };
        !head.flags.fin() && tp.nagle_holds(head.len() < mss, nagle)
    }

    /// Sends the next entry as it is.
    fn send_whole_head(&mut self, mss: u32) -> Option<u32> {
        let now = self.k.now;
        let head = self.tp().tx.head_mut()?;
        if head.seq == head.end_seq {
            return None;
        }
        head.sent_at = now;
        let out = Outgoing::of(head);
        let (small, end_seq) = (out.len < out.segs * mss, out.end_seq);
        self.transmit(&out).ok()?;
        let tp = self.tp();
        let first = tp.tx.packets_out == 0;
        tp.tx.advance();
        if first || tp.timers.write == Some(WriteTimer::LossProbe) {
            self.rearm_rto();
        }
        if small {
            self.tp().tx.small_end = end_seq;
        }
        self.mib_add(LinuxMib::OrigDataSent, u64::from(out.segs));
        Some(out.segs)
    }

    /// Whether a batch should wait for the next ACK so that it gets larger (`tcp_tso_should_defer()`).
    fn should_defer(&self, burst: &mut Burst, most: u32) -> bool {
        let tp = self.t();
        let Some(head) = tp.tx.head() else { return false };
        if tp.loss.in_recovery_or_loss() {
            return false;
        }
        let send_win = tp.tx.wnd_end().since(head.seq);
        let cong_win = tp.ca.cwnd.saturating_sub(tp.tx.in_flight()).saturating_mul(tp.tx.mss);
        let limit = send_win.min(cong_win);
        let chunk = tp.tx.wnd.min(tp.ca.cwnd.saturating_mul(tp.tx.mss)) / TSO_WIN_DIVISOR;
        if limit >= most.saturating_mul(tp.tx.mss)
            || (!tp.tx.head_is_tail() && limit >= head.len())
            || limit >= chunk
            || !self.ack_is_near(*burst)
        {
            return false;
        }
        if cong_win < send_win {
            if cong_win <= head.len() {
                burst.cwnd_limited = true;
                return true;
            }
        } else if send_win <= head.len() {
            return true;
        }
        !head.flags.fin()
    }

    /// Whether the next ACK is expected within half a round trip, and a millisecond. No time passes within a
    /// burst: the ACK of what it has sent itself is a whole round trip away.
    fn ack_is_near(&self, burst: Burst) -> bool {
        let tp = self.t();
        if burst.from_idle {
            return false;
        }
        let Some(oldest) = tp.tx.rtx().next() else { return false };
        let srtt_us = tp.rtt.whole_us();
        let passed = u64::try_from(self.k.now.since(oldest.sent_at).as_micros()).unwrap_or(0);
        srtt_us.saturating_sub(passed) <= (srtt_us >> 1).min(1000)
    }

    /// How much of the next entry goes into one batch (`tcp_mss_split_point()`).
    fn split_point(&self, mss: u32, quota: u32, nagle: Nagle) -> u32 {
        let tp = self.t();
        let Some(head) = tp.tx.head() else { return mss };
        let window = tp.tx.wnd_end().since(head.seq);
        let most = mss.saturating_mul(quota);
        if most <= window && !tp.tx.head_is_tail() {
            return most;
        }
        let needed = head.len().min(window);
        if most <= needed {
            return most;
        }
        let partial = needed % mss.max(1);
        // Whether the last, small segment may come along.
        if tp.nagle_holds(partial != 0, nagle) { needed - partial } else { needed }
    }

    /// Has the last segment be sent again soon if it is not acknowledged, so that its loss is noticed
    /// before the timeout (`tcp_schedule_loss_probe()`); false if that makes no sense now.
    pub(super) fn schedule_loss_probe(&mut self, advancing: bool) -> bool {
        let now = self.k.now;
        let tp = self.t();
        if tp.tx.packets_out == 0 || !tp.opt.sack_ok || !tp.loss.may_probe() {
            return false;
        }
        let timeout = if tp.rtt.srtt_us == 0 {
            super::rtt::TIMEOUT_INIT
        } else {
            let more = if tp.tx.packets_out == 1 { RTO_MIN_US } else { TIMEOUT_MIN_US };
            us_to_jiffies((tp.rtt.srtt_us >> 2).max(1) + more)
        };
        let rto_us =
            if advancing { Some(jiffies_to_us(tp.rtt.rto)) } else { self.rto_delta_us(now) };
        let timeout = match rto_us {
            Some(us) if us > 0 => timeout.min(us_to_jiffies(us)),
            _ => timeout,
        };
        self.arm_write(WriteTimer::LossProbe, timeout);
        true
    }

    /// The number that a segment without data has (`tcp_acceptable_seq()`): one within the peer's window.
    fn acceptable_seq(&self) -> Seq {
        let tp = self.t();
        let end = tp.tx.wnd_end();
        let beyond = tp.tx.nxt.since(end);
        let near = tp.opt.wscale_ok && beyond < 1 << tp.opt.rcv_wscale;
        if !end.before(tp.tx.nxt) || near { tp.tx.nxt } else { end }
    }

    /// Sends an ACK (`tcp_send_ack()`).
    pub(super) fn send_ack(&mut self) {
        if self.t().state == TcpState::Close {
            return;
        }
        let out = Outgoing::bare(self.acceptable_seq(), TcpFlags::ACK);
        self.send_or_forget(&out);
    }

    /// Sends a reset because this side gives the connection up (`tcp_send_active_reset()`).
    pub(super) fn send_active_reset(&mut self) {
        let netns = self.sock().netns;
        self.k.netns[netns].mib.tcp.inc(crate::netns::mib::TcpMib::OutRsts);
        let out = Outgoing::bare(self.acceptable_seq(), TcpFlags::ACK | TcpFlags::RST);
        self.send_or_forget(&out);
    }

    /// Sends a segment that nothing depends on.
    pub(super) fn send_or_forget(&mut self, out: &Outgoing) {
        let _: Result<(), Errno> = self.transmit(out);
    }

    /// Counts several events of `TcpExt`.
    pub(super) fn mib_add(&mut self, item: LinuxMib, n: u64) {
        let netns = self.sock().netns;
        self.k.netns[netns].mib.linux.add(item, n);
    }
}
