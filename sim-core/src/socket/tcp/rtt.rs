//! The round trip, and how long to wait for an answer (RFC 6298, `tcp_rtt_estimator()`).
//!
//! In this world packets take no time, on a real one at least a microsecond; a sample of nothing counts as
//! one microsecond, so that timeouts round to the same jiffy as on a real machine.

use crate::socket::tcp::timer::{jiffies_to_us, us_to_jiffies};

/// The timeout before the first sample, in jiffies (`TCP_TIMEOUT_INIT`).
pub(super) const TIMEOUT_INIT: u64 = 250;
/// The longest timeout, in jiffies (`TCP_RTO_MAX`).
pub(super) const RTO_MAX: u64 = 120 * 250;
/// The least of what the deviation contributes to the timeout, in microseconds (`TCP_RTO_MIN`).
pub(super) const RTO_MIN_US: u64 = 200_000;

/// The estimate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rtt {
    /// The smoothed round trip in eighths of a microsecond; 0 before the first sample.
    pub srtt_us: u64,
    /// The smoothed deviation, in quarters of a microsecond (`mdev_us`).
    pub mdev_us: u64,
    /// The largest deviation of this round trip (`mdev_max_us`).
    mdev_max_us: u64,
    /// What is added to the round trip for the timeout, in microseconds (`rttvar_us`).
    rttvar_us: u64,
    /// Where the next round trip begins (`rtt_seq`).
    rtt_seq: super::Seq,
    /// The least round trip seen, in microseconds.
    pub min_us: Option<u64>,
    /// The timeout in jiffies, backoff included (`icsk_rto`).
    pub rto: u64,
    /// How often the timeout was doubled (`icsk_backoff`).
    pub backoff: u32,
}

impl Default for Rtt {
    fn default() -> Self {
        Self {
            srtt_us: 0,
            mdev_us: 250_000 * 4,
            mdev_max_us: 0,
            rttvar_us: 0,
            rtt_seq: super::Seq(0),
            min_us: None,
            rto: TIMEOUT_INIT,
            backoff: 0,
        }
    }
}

impl Rtt {
    /// Takes a sample. `una` and `nxt` are the first number not acknowledged and the next to be sent.
    pub(super) fn sample(&mut self, rtt_us: u64, una: super::Seq, nxt: super::Seq) {
        let sample = rtt_us.max(1);
        self.min_us = Some(self.min_us.map_or(sample, |min| min.min(sample)));
        if self.srtt_us == 0 {
            self.srtt_us = sample << 3;
            self.mdev_us = sample << 1;
            self.rttvar_us = self.mdev_us.max(RTO_MIN_US);
            self.mdev_max_us = self.rttvar_us;
            self.rtt_seq = nxt;
        } else {
            self.smooth(sample);
            if una.after(self.rtt_seq) {
                if self.mdev_max_us < self.rttvar_us {
                    self.rttvar_us -= (self.rttvar_us - self.mdev_max_us) >> 2;
                }
                self.rtt_seq = nxt;
                self.mdev_max_us = RTO_MIN_US;
            }
        }
        self.set_rto();
    }

    fn smooth(&mut self, sample: u64) {
        let smoothed = self.srtt_us >> 3;
        let (rises, error) = (sample >= smoothed, sample.abs_diff(smoothed));
        self.srtt_us =
            (if rises { self.srtt_us + error } else { self.srtt_us.saturating_sub(error) }).max(1);
        let deviation = self.mdev_us >> 2;
        if error >= deviation {
            let more = error - deviation;
            // A round trip that suddenly falls is no reason to wait longer.
            self.mdev_us += if rises { more } else { more >> 3 };
        } else {
            self.mdev_us -= deviation - error;
        }
        if self.mdev_us > self.mdev_max_us {
            self.mdev_max_us = self.mdev_us;
            self.rttvar_us = self.rttvar_us.max(self.mdev_max_us);
        }
    }

    /// Sets the timeout from the estimate (`tcp_set_rto()`).
    pub(super) fn set_rto(&mut self) {
        self.rto = us_to_jiffies((self.srtt_us >> 3) + self.rttvar_us).min(RTO_MAX);
        self.backoff = 0;
    }

    /// Falls back to what counts before the first sample, as after a SYN that had to be sent again
    /// (RFC 6298, 5.7; `tcp_init_metrics()`).
    pub(super) fn fall_back(&mut self) {
        const FALLBACK: u64 = 3 * 250;
        if self.srtt_us == 0 {
            self.rttvar_us = jiffies_to_us(FALLBACK);
            self.mdev_us = self.rttvar_us;
            self.mdev_max_us = self.rttvar_us;
            self.rto = FALLBACK;
        }
    }

    /// Whole microseconds of the smoothed round trip; those of a world without delays are none.
    pub(super) fn whole_us(&self) -> u64 {
        match self.srtt_us >> 3 {
            1 => 0,
            us => us,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::tcp::Seq;

    /// `ss -i` on Linux 6.18 right after a handshake of 33 us between two namespaces: `rto:204
    /// rtt:0.033/0.016`.
    #[test]
    fn the_timeout_after_a_handshake_is_204_ms() {
        let mut rtt = Rtt::default();
        rtt.sample(33, Seq(1), Seq(1));
        assert_eq!((rtt.rto, rtt.srtt_us >> 3, rtt.mdev_us >> 2), (51, 33, 16));
        let mut instant = Rtt::default();
        instant.sample(0, Seq(1), Seq(1));
        assert_eq!((instant.rto, instant.whole_us()), (51, 0));
    }

    #[test]
    fn a_slow_path_raises_the_timeout_above_its_floor() {
        let mut rtt = Rtt::default();
        rtt.sample(400_000, Seq(1), Seq(1));
        assert_eq!(rtt.rto, 300, "400 ms and twice 400 ms, in jiffies of 4 ms");
    }

    #[test]
    fn a_connection_without_a_sample_waits_three_seconds() {
        let mut rtt = Rtt::default();
        rtt.fall_back();
        assert_eq!(rtt.rto, 750);
    }
}
