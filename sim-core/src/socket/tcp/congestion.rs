//! How much may be in flight: slow start and CUBIC (RFC 9438, `net/ipv4/tcp_cubic.c`), counted in segments.

use crate::socket::tcp::seq::Seq;
use crate::socket::tcp::timer::us_to_jiffies;
use crate::time::SimTime;

/// How many segments are sent before anything is acknowledged (`TCP_INIT_CWND`).
pub(super) const INIT_CWND: u32 = 10;
/// No limit (`TCP_INFINITE_SSTHRESH`).
const INFINITE_SSTHRESH: u32 = 0x7fff_ffff;

/// The factor by which a loss shrinks the window, in units of 1/1024 (`beta`).
const BETA: u64 = 717;
const BETA_SCALE: u64 = 1024;
/// The cubic term's coefficient, in units of 2^-10 (`cube_rtt_scale`).
const BIC_SCALE: u64 = 410;
/// Fractions of a second in which CUBIC counts time: 1024 a second (`BICTCP_HZ`).
const BICTCP_HZ: u32 = 10;

/// The congestion window and what moves it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Congestion {
    /// The window in segments (`snd_cwnd`).
    pub cwnd: u32,
    /// Above this, the window grows slowly (`snd_ssthresh`).
    pub ssthresh: u32,
    /// Segments acknowledged towards the next step (`snd_cwnd_cnt`).
    cwnd_cnt: u32,
    /// When the window was last in use, in jiffies (`snd_cwnd_stamp`).
    pub(super) cwnd_stamp: u64,
    /// The most that was in flight since then (`snd_cwnd_used`).
    cwnd_used: u32,
    /// The window was what limited sending (`is_cwnd_limited`).
    is_limited: bool,
    /// The most segments out in this window of data (`max_packets_out`).
    max_packets_out: u32,
    /// Where this window of data ends (`cwnd_usage_seq`).
    usage_seq: Seq,
    /// Reno rather than CUBIC (`tcp_congestion_control`).
    reno: bool,
    cubic: Cubic,
}

/// What CUBIC remembers (`struct bictcp`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Cubic {
    last_max_cwnd: u32,
    last_cwnd: u32,
    last_time: u64,
    origin: u32,
    k: u64,
    delay_min_us: u64,
    epoch_start: Option<u64>,
    ack_cnt: u32,
    tcp_cwnd: u32,
    cnt: u32,
}

impl Default for Congestion {
    fn default() -> Self {
        Self {
            cwnd: INIT_CWND,
            ssthresh: INFINITE_SSTHRESH,
            cwnd_cnt: 0,
            cwnd_stamp: 0,
            cwnd_used: 0,
            is_limited: false,
            max_packets_out: 0,
            usage_seq: Seq(0),
            reno: false,
            cubic: Cubic::default(),
        }
    }
}

impl Congestion {
    /// A fresh connection's, with Reno (RFC 5681) or with CUBIC.
    #[must_use]
    pub fn new(reno: bool) -> Self {
        Self { reno, ..Self::default() }
    }

    /// Whether it is `reno` and not `cubic`.
    #[must_use]
    pub fn is_reno(&self) -> bool {
        self.reno
    }

    /// Whether the window still grows by what is acknowledged (`tcp_in_slow_start()`).
    #[must_use]
    pub fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// Whether the connection is in its first slow start (`tcp_in_initial_slowstart()`).
    #[must_use]
    pub fn is_initial(&self) -> bool {
        self.ssthresh >= INFINITE_SSTHRESH
    }

    /// Whether more would have been sent with a larger window (`tcp_is_cwnd_limited()`).
    fn is_cwnd_limited(&self) -> bool {
        self.is_limited || (self.in_slow_start() && self.cwnd < 2 * self.max_packets_out)
    }

    /// Notes how far the window was used when something was sent (`tcp_cwnd_validate()`).
    /// `idle` is after how many jiffies unused window is given up, if at all.
    pub(super) fn validate(
        &mut self,
        limited: bool,
        packets_out: u32,
        (una, nxt): (Seq, Seq),
        now: u64,
        idle: Option<u64>,
    ) {
        if !una.before(self.usage_seq)
            || limited
            || (!self.is_limited && packets_out > self.max_packets_out)
        {
            self.is_limited = limited;
            self.max_packets_out = packets_out;
            self.usage_seq = nxt;
        }
        if self.is_cwnd_limited() {
            self.cwnd_used = 0;
            self.cwnd_stamp = now;
            return;
        }
        self.cwnd_used = self.cwnd_used.max(packets_out);
        if idle.is_some_and(|idle| now.saturating_sub(self.cwnd_stamp) >= idle) {
            self.shrink_unused(now);
        }
    }

    /// Halves the part of the window that was not used (`tcp_cwnd_application_limited()`).
    fn shrink_unused(&mut self, now: u64) {
        let win_used = self.cwnd_used.max(INIT_CWND);
        if win_used < self.cwnd {
            self.ssthresh = self.current_ssthresh();
            self.cwnd = (self.cwnd + win_used) >> 1;
        }
        self.cwnd_used = 0;
        self.cwnd_stamp = now;
    }

    /// Shrinks the window after `idle` jiffies without sending (`tcp_cwnd_restart()`).
    pub(super) fn restart_after_idle(&mut self, idle: u64, rto: u64, now: u64) {
        let restart = INIT_CWND.min(self.cwnd);
        self.ssthresh = self.current_ssthresh();
        let mut left = idle;
        while left > rto && self.cwnd > restart {
            left -= rto.max(1);
            self.cwnd >>= 1;
        }
        self.cwnd = self.cwnd.max(restart);
        self.cwnd_stamp = now;
        self.cwnd_used = 0;
    }

    /// Three quarters of the window, or the threshold if that is more (`tcp_current_ssthresh()`).
    fn current_ssthresh(&self) -> u32 {
        self.ssthresh.max((self.cwnd >> 1) + (self.cwnd >> 2))
    }

    /// The threshold after a loss (`cubictcp_recalc_ssthresh()`, `tcp_reno_ssthresh()`).
    pub(super) fn ssthresh_after_loss(&mut self) -> u32 {
        if self.reno {
            return (self.cwnd >> 1).max(2);
        }
        let cubic = &mut self.cubic;
        cubic.epoch_start = None;
        let shrunk = u64::from(self.cwnd) * (BETA_SCALE + BETA) / (2 * BETA_SCALE);
        cubic.last_max_cwnd = if self.cwnd < cubic.last_max_cwnd {
            u32::try_from(shrunk).unwrap_or(u32::MAX)
        } else {
            self.cwnd
        };
        let ssthresh = u64::from(self.cwnd) * BETA / BETA_SCALE;
        u32::try_from(ssthresh).unwrap_or(u32::MAX).max(2)
    }

    /// Forgets what led to a timeout (`cubictcp_state()` on `TCP_CA_Loss`).
    pub(super) fn reset_after_timeout(&mut self) {
        self.cubic = Cubic::default();
    }

    /// Starts counting segments towards the next step anew.
    pub(super) fn reset_count(&mut self) {
        self.cwnd_cnt = 0;
    }

    /// Notes a round trip, in microseconds (`cubictcp_acked()`).
    pub(super) fn note_rtt(&mut self, rtt_us: u64) {
        let delay = rtt_us.max(1);
        let min = &mut self.cubic.delay_min_us;
        *min = if *min == 0 { delay } else { delay.min(*min) };
    }

    /// Leaves the idle time before sending out of the curve (`cubictcp_cwnd_event()`).
    pub(super) fn skip_idle(&mut self, idle: u64, now: u64) {
        if let Some(start) = &mut self.cubic.epoch_start {
            *start = (*start + idle).min(now);
        }
    }

    /// Grows the window for `acked` segments (`cubictcp_cong_avoid()`).
    pub(super) fn avoid(&mut self, acked: u32, now: SimTime) {
        if !self.is_cwnd_limited() {
            return;
        }
        let mut acked = acked;
        if self.in_slow_start() {
            let grown = self.cwnd.saturating_add(acked).min(self.ssthresh);
            acked -= grown - self.cwnd;
            self.cwnd = grown;
            if acked == 0 {
                return;
            }
        }
        if self.reno {
            self.additive_increase(self.cwnd, acked);
            return;
        }
        self.cubic.update(self.cwnd, acked, now);
        self.additive_increase(self.cubic.cnt, acked);
    }

    /// One segment more for every `every` acknowledged (`tcp_cong_avoid_ai()`).
    fn additive_increase(&mut self, every: u32, acked: u32) {
        let every = every.max(1);
        if self.cwnd_cnt >= every {
            self.cwnd_cnt = 0;
            self.cwnd += 1;
        }
        self.cwnd_cnt += acked;
        if self.cwnd_cnt >= every {
            let steps = self.cwnd_cnt / every;
            self.cwnd_cnt -= steps * every;
            self.cwnd += steps;
        }
    }
}

impl Cubic {
    /// Finds after how many acknowledged segments the window grows by one (`bictcp_update()`).
    fn update(&mut self, cwnd: u32, acked: u32, now: SimTime) {
        let jiffies = now.jiffies();
        self.ack_cnt = self.ack_cnt.saturating_add(acked);
        if self.last_cwnd == cwnd && jiffies.saturating_sub(self.last_time) <= 250 / 32 {
            return;
        }
        if self.epoch_start.is_some() && self.last_time == jiffies {
            self.be_friendly(cwnd);
            return;
        }
        self.last_cwnd = cwnd;
        self.last_time = jiffies;
        let start = self.begin_epoch(cwnd, jiffies);
        let elapsed = jiffies.saturating_sub(start) + us_to_jiffies(self.delay_min_us);
        let t = (elapsed << BICTCP_HZ) / 250;
        // Two minutes from the plateau the window is as large as it can be.
        let offset = t.abs_diff(self.k).min(1 << 17);
        let delta = (BIC_SCALE * offset * offset * offset) >> (10 + 3 * BICTCP_HZ);
        let delta = u32::try_from(delta).unwrap_or(u32::MAX);
        let target = if t < self.k {
            self.origin.saturating_sub(delta)
        } else {
            self.origin.saturating_add(delta)
        };
        self.cnt = if target > cwnd { cwnd / (target - cwnd) } else { 100 * cwnd };
        if self.last_max_cwnd == 0 && self.cnt > 20 {
            self.cnt = 20;
        }
        self.be_friendly(cwnd);
    }

    fn begin_epoch(&mut self, cwnd: u32, jiffies: u64) -> u64 {
        if let Some(start) = self.epoch_start {
            return start;
        }
        self.epoch_start = Some(jiffies);
        self.ack_cnt = 1;
        self.tcp_cwnd = cwnd;
        if self.last_max_cwnd <= cwnd {
            self.k = 0;
            self.origin = cwnd;
        } else {
            let factor = (1u64 << (10 + 3 * BICTCP_HZ)) / BIC_SCALE;
            self.k = cube_root(factor * u64::from(self.last_max_cwnd - cwnd));
            self.origin = self.last_max_cwnd;
        }
        jiffies
    }

    /// Never slower than Reno would be.
    fn be_friendly(&mut self, cwnd: u32) {
        // 8 * (1024 + beta) / 3 / (1024 - beta)
        const SCALE: u32 = 15;
        let delta = (cwnd.saturating_mul(SCALE) >> 3).max(1);
        while self.ack_cnt > delta {
            self.ack_cnt -= delta;
            self.tcp_cwnd = self.tcp_cwnd.saturating_add(1);
        }
        if self.tcp_cwnd > cwnd {
            self.cnt = self.cnt.min(cwnd / (self.tcp_cwnd - cwnd));
        }
        // At most half a segment for every one acknowledged.
        self.cnt = self.cnt.max(2);
    }
}

/// The whole part of a cube root.
fn cube_root(value: u64) -> u64 {
    let (mut low, mut high) = (0u64, 1 << 21);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if middle * middle * middle <= value { low = middle } else { high = middle - 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_start_adds_what_is_acknowledged_while_the_window_is_full() {
        let mut ca = Congestion::default();
        ca.avoid(5, SimTime::ZERO);
        assert_eq!(ca.cwnd, 10, "nothing was out");
        ca.validate(true, 10, (Seq(0), Seq(10)), 0, Some(50));
        ca.avoid(5, SimTime::ZERO);
        assert_eq!(ca.cwnd, 15);
    }

    #[test]
    fn a_loss_leaves_seven_tenths_and_never_less_than_two_segments() {
        let mut ca = Congestion { cwnd: 100, ..Congestion::default() };
        assert_eq!(ca.ssthresh_after_loss(), 70);
        ca.cwnd = 1;
        assert_eq!(ca.ssthresh_after_loss(), 2);
    }

    #[test]
    fn cube_roots_are_whole() {
        for (value, root) in [(0, 0), (1, 1), (7, 1), (8, 2), (26, 2), (27, 3), (1 << 60, 1 << 20)]
        {
            assert_eq!(cube_root(value), root, "{value}");
        }
    }

    #[test]
    fn after_an_idle_time_the_window_begins_anew() {
        let mut ca = Congestion { cwnd: 80, ..Congestion::default() };
        ca.restart_after_idle(160, 50, 1000);
        assert_eq!((ca.cwnd, ca.ssthresh), (10, 0x7fff_ffff));
    }
}
