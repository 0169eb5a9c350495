//! When an ACK is due: at once, with the next data, or after a while (`icsk_ack`).

use crate::packet::TcpFlags;
use crate::socket::tcp::options::TCP_MSS_DEFAULT;
use crate::socket::tcp::segment::Segment;
use crate::socket::tcp::seq::Seq;
use crate::socket::tcp::timer::us_to_jiffies;
use crate::socket::tcp::{Sk, TcpTimer};
use crate::trace::Observer;

/// The least delay of an ACK, in jiffies: 40 ms (`TCP_ATO_MIN`, `TCP_DELACK_MIN`).
pub(super) const ATO_MIN: u64 = 10;
/// The longest delay, in jiffies: 200 ms (`TCP_DELACK_MAX`) but less than the least retransmission
/// timeout (`tcp_delack_max()`).
const DELACK_MAX: u64 = 49;
/// How many ACKs are sent at once at the beginning at most (`TCP_MAX_QUICKACKS`).
pub(super) const MAX_QUICKACKS: u32 = 16;
/// The least MSS, in bytes (`TCP_MIN_MSS`).
const TCP_MIN_MSS: u32 = 88;
/// How often duplicate ACKs are sent before they are bundled (`TCP_FASTRETRANS_THRESH`).
const DUPLICATES: u32 = 3;
/// How many ACKs are bundled at most (`tcp_comp_sack_nr`).
const COMPRESSED: u32 = 44;
/// How long ACKs are bundled at most, in nanoseconds (`tcp_comp_sack_delay_ns`).
const COMPRESS_NS: u64 = 1_000_000;

/// What the next ACK depends on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AckState {
    /// Something is to be acknowledged (`ICSK_ACK_SCHED`).
    pub scheduled: bool,
    /// It has to be done now (`ICSK_ACK_NOW`).
    pub(super) now: bool,
    /// There was no room for what has come: the next ACK closes the window (`ICSK_ACK_NOMEM`).
    pub(super) no_memory: bool,
    /// A small segment has come (`ICSK_ACK_PUSHED`).
    pushed: bool,
    /// And a second one (`ICSK_ACK_PUSHED2`).
    pushed_twice: bool,
    /// How many ACKs are still sent at once (`quick`).
    pub(super) quick: u32,
    /// The connection goes to and fro: ACKs can wait for data (`pingpong`).
    pub(super) pingpong: bool,
    /// How long an ACK waits, in jiffies (`ato`).
    pub ato: u64,
    /// When data came last, in jiffies (`lrcvtime`).
    pub last_data: u64,
    /// The size of the peer's segments, in bytes (`rcv_mss`).
    pub rcv_mss: u32,
    last_seg_size: u32,
    /// ACKs that were bundled (`compressed_ack`).
    pub(super) compressed: u32,
    compressed_nxt: Seq,
    duplicates: u32,
}

impl AckState {
    /// Turns the mode of interactive connections off or on (`TCP_QUICKACK`).
    pub(super) fn set_quick(&mut self, on: bool) {
        self.pingpong = !on;
    }

    /// Guesses the size of the peer's segments, rather too small than too large
    /// (`tcp_initialize_rcv_mss()`).
    pub(super) fn guess_mss(&mut self, advmss: u32, mss: u32, window: u32) {
        let hint = advmss.min(mss).min(window / 2).min(TCP_MSS_DEFAULT);
        self.rcv_mss = hint.max(TCP_MIN_MSS);
    }

    /// Sends the next ACKs at once (`tcp_incr_quickack()`).
    fn add_quick(&mut self, window: u32, most: u32) {
        let fill = window / (2 * self.rcv_mss.max(1));
        let wanted = if fill == 0 { 2 } else { fill };
        self.quick = self.quick.max(wanted.min(most));
    }

    /// Leaves the interactive mode and sends the next ACKs at once (`tcp_enter_quickack_mode()`).
    pub(super) fn enter_quick(&mut self, window: u32, most: u32) {
        self.add_quick(window, most);
        self.pingpong = false;
        self.ato = ATO_MIN;
    }

    /// Has an ACK tell at once that there is no room.
    pub(super) fn out_of_memory(&mut self) {
        (self.scheduled, self.now, self.no_memory) = (true, true, true);
    }

    /// Whether ACKs are sent at once (`tcp_in_quickack_mode()`).
    pub(super) fn is_quick(&self) -> bool {
        self.quick > 0 && !self.pingpong
    }

    /// Notes that an ACK was sent, with whatever (`tcp_event_ack_sent()`).
    pub(super) fn sent(&mut self) {
        let counted = u32::from(self.scheduled);
        if self.quick > 0 {
            self.quick = self.quick.saturating_sub(counted);
            if self.quick == 0 {
                self.ato = ATO_MIN;
            }
        }
        self.compressed = 0;
        (self.scheduled, self.now, self.no_memory) = (false, false, false);
        (self.pushed, self.pushed_twice) = (false, false);
    }

    /// Learns the size of the peer's segments (the rest of `tcp_measure_rcv_mss()`). `header_len` is the
    /// usual length of a header.
    fn measure(&mut self, segment: &Segment, advmss: u32, header_len: u32) {
        let last = std::mem::take(&mut self.last_seg_size);
        if segment.size >= self.rcv_mss {
            self.rcv_mss = segment.size.min(advmss);
            self.pushed |= segment.flags.psh();
            return;
        }
        let whole = segment.size + segment.header_len;
        let remnant = TcpFlags::FIN | TcpFlags::URG | TcpFlags::SYN | TcpFlags::PSH;
        if whole >= TCP_MSS_DEFAULT + 20
            || (whole >= TCP_MIN_MSS + 20 && !segment.flags.intersects(remnant))
        {
            let size = whole.saturating_sub(header_len);
            self.last_seg_size = size;
            if size == last {
                self.rcv_mss = size;
                return;
            }
        }
        self.pushed_twice |= self.pushed;
        self.pushed = true;
    }

    /// Adapts the delay to the time between segments (`tcp_event_data_recv()`).
    fn note_data(&mut self, now: u64, rto: u64, window: u32) {
        if self.ato == 0 {
            self.add_quick(window, MAX_QUICKACKS);
            self.ato = ATO_MIN;
        } else {
            let pause = now.saturating_sub(self.last_data);
            if pause <= ATO_MIN / 2 {
                self.ato = (self.ato >> 1) + ATO_MIN / 2;
            } else if pause < self.ato {
                self.ato = ((self.ato >> 1) + pause).min(rto);
            } else if pause > rto {
                self.add_quick(window, MAX_QUICKACKS);
            }
        }
        self.last_data = now;
    }
}

impl<O: Observer> Sk<'_, O> {
    /// Notes that data have arrived in order (`tcp_event_data_recv()`).
    pub(super) fn event_data_received(&mut self, segment: &Segment, truesize: u32) {
        let (now, rmem_max) = (self.k.now, self.rmem_max());
        let rcvbuf = self.sock().opts.rcvbuf;
        self.tp().ack.scheduled = true;
        self.measure_segment(segment);
        let tp = self.tp();
        tp.rx.measure_rtt(now);
        tp.ack.note_data(now.jiffies(), tp.rtt.rto, tp.rx.wnd);
        if tp.ecn.check_data(segment.tos) {
            tp.ack.enter_quick(tp.rx.wnd, 2);
        }
        if segment.len >= 128 {
            self.grow_window(segment.len, truesize, rcvbuf, rmem_max);
        }
    }

    /// Learns from the size of a segment (`tcp_measure_rcv_mss()`).
    pub(super) fn measure_segment(&mut self, segment: &Segment) {
        let rcvbuf = self.sock().opts.rcvbuf;
        let tp = self.tp();
        if segment.size > tp.ack.rcv_mss {
            tp.rx.learn_overhead(segment.len, segment.truesize, rcvbuf);
        }
        tp.ack.measure(segment, tp.rx.advmss, tp.opt.header_len());
    }

    /// Offers more if a segment made good use of its buffer (`tcp_grow_window()`).
    pub(super) fn grow_window(&mut self, len: u32, truesize: u32, rcvbuf: u32, rmem_max: u32) {
        let tp = self.tp();
        if tp.rx.grow(len, truesize, rcvbuf, rmem_max, tp.ack.rcv_mss) {
            tp.ack.quick |= 1;
        }
    }

    /// The window that the buffer allows; a crowded buffer ends the quick ACKs (`__tcp_select_window()`).
    pub(super) fn allowed_window(&mut self) -> u32 {
        let rcvbuf = self.sock().opts.rcvbuf;
        let tp = self.tp();
        let window = tp.rx.allowed_window(&tp.opt, rcvbuf, tp.ack.rcv_mss);
        if tp.rx.short_of_space {
            tp.ack.quick = 0;
        }
        window
    }

    /// Decides about the ACK for what was received (`tcp_ack_snd_check()`).
    pub(super) fn ack_send_check(&mut self) {
        if !self.t().ack.scheduled {
            return;
        }
        let tp = self.t();
        let unread_nothing = tp.rx.nxt == tp.rx.copied;
        let many = tp.rx.nxt.since(tp.rx.wup) > tp.ack.rcv_mss;
        let opens = many && (unread_nothing || self.allowed_window() >= self.t().rx.wnd);
        let tp = self.tp();
        if opens || tp.ack.is_quick() || tp.ack.now {
            if tp.owned {
                tp.ack_deferred = true;
            } else {
                self.send_ack();
            }
            return;
        }
        if tp.rx.ofo.is_empty() {
            self.send_delayed_ack();
            return;
        }
        if !self.compress_ack() {
            self.send_ack();
        }
    }

    /// Bundles ACKs about data out of order: all but the first three (`__tcp_ack_snd_check()`).
    fn compress_ack(&mut self) -> bool {
        let now = self.k.now;
        let tp = self.tp();
        if !tp.opt.sack_ok || tp.ack.compressed >= COMPRESSED {
            return false;
        }
        if tp.ack.compressed_nxt != tp.rx.nxt {
            tp.ack.compressed_nxt = tp.rx.nxt;
            tp.ack.duplicates = 0;
        }
        if tp.ack.duplicates < DUPLICATES {
            tp.ack.duplicates += 1;
            return false;
        }
        tp.ack.compressed += 1;
        if !tp.timers.is_armed(TcpTimer::CompressedAck) {
            let rtt = tp.rx.adapt.rtt_us.unwrap_or(u64::MAX);
            let rtt = if tp.rtt.srtt_us > 0 { rtt.min(tp.rtt.srtt_us) } else { rtt };
            // A twentieth of the round trip, which is kept in eighths.
            let delay = COMPRESS_NS.min(rtt.saturating_mul(125) / 20);
            self.arm_at(TcpTimer::CompressedAck, now + std::time::Duration::from_nanos(delay));
        }
        true
    }

    /// Sends the ACK of bundled ones (`tcp_compressed_ack_kick()`).
    pub(super) fn send_compressed_ack(&mut self) {
        // One is kept for what comes out of order.
        if std::mem::take(&mut self.tp().ack.compressed) > 0 {
            self.send_ack();
        }
    }

    /// Has the ACK wait for company (`tcp_send_delayed_ack()`).
    fn send_delayed_ack(&mut self) {
        let now = self.k.now.jiffies();
        let tp = self.tp();
        let mut ato = tp.ack.ato;
        if ato > ATO_MIN {
            let mut most = if tp.ack.pingpong || tp.ack.pushed { DELACK_MAX + 1 } else { 125 };
            if tp.rtt.srtt_us > 0 {
                most = most.min(us_to_jiffies(tp.rtt.srtt_us >> 3).max(ATO_MIN));
            }
            ato = ato.min(most);
        }
        ato = ato.min(DELACK_MAX);
        let mut timeout = now + ato;
        if let Some(due) = tp.timers.delack_due {
            if due <= now + (ato >> 2) {
                self.send_ack();
                return;
            }
            timeout = timeout.min(due);
        }
        tp.ack.scheduled = true;
        tp.timers.delack_due = Some(timeout);
        self.arm(TcpTimer::DelayedAck, timeout);
    }

    /// The delayed ACK is due (`tcp_delack_timer_handler()`).
    pub(super) fn delack_timer(&mut self) {
        let tp = self.tp();
        if tp.timers.delack_due.take().is_none() || !tp.ack.scheduled {
            return;
        }
        if tp.ack.pingpong {
            tp.ack.pingpong = false;
            tp.ack.ato = ATO_MIN;
        } else {
            tp.ack.ato = (tp.ack.ato << 1).min(tp.rtt.rto);
        }
        self.send_ack();
        self.mib(crate::netns::mib::LinuxMib::DelayedAcks);
    }

    /// Sends an ACK after the program has read, if that makes a difference to the peer
    /// (`tcp_cleanup_rbuf()`).
    pub(super) fn cleanup_rbuf(&mut self, read: bool) {
        let reads = !self.sock().shutdown.read;
        let tp = self.t();
        let mut due = tp.ack.scheduled
            && (tp.rx.nxt.since(tp.rx.wup) > tp.ack.rcv_mss
                || (read
                    && (tp.ack.pushed_twice || (tp.ack.pushed && !tp.ack.pingpong))
                    && tp.rx.rmem == 0));
        if read && !due && reads {
            let left = tp.rx.window_left();
            if 2 * left <= tp.rx.clamp {
                let allowed = self.allowed_window();
                due = allowed > 0 && allowed >= 2 * left;
            }
        }
        if due {
            self.send_ack();
        }
    }
}
