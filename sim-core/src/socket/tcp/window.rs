//! What is offered to the peer: the receive window and the buffer behind it.

use crate::socket::tcp::options::{RxOptions, TCP_MAX_WSCALE};
use crate::socket::tcp::queue::Receiver;
use crate::socket::tcp::seq::{Seq, align};
use crate::time::SimTime;

/// Half of the buffer is for overhead until packets tell otherwise, in 1/256
/// (`TCP_DEFAULT_SCALING_RATIO`).
pub(super) const DEFAULT_SCALING_RATIO: u32 = 128;
/// The least window clamp, in bytes (half of `SOCK_MIN_RCVBUF`).
const MIN_CLAMP: u32 = 1152;

/// What a SYN offers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct InitialWindow {
    /// The window in bytes.
    pub(super) window: u32,
    /// The scale of later windows.
    pub(super) scale: u8,
}

/// Chooses what a SYN offers (`tcp_select_initial_window()`): as many whole segments as the window part of
/// the buffer holds, and the scale that the largest buffer may need. `space` is that part and `most` the
/// largest buffer, in bytes.
pub(super) fn select_initial(space: u32, mss: u32, scaling: bool, most: u32) -> InitialWindow {
    let limit = 0xffff << TCP_MAX_WSCALE;
    let space = space.min(limit);
    let window = if mss > 0 && space > mss { space - space % mss } else { space };
    let largest = space.max(most).min(limit);
    let scale = match largest.checked_ilog2() {
        Some(bits) if scaling => u8::try_from(bits.saturating_sub(15)).unwrap_or(TCP_MAX_WSCALE),
        _ => 0,
    };
    InitialWindow { window, scale: scale.min(TCP_MAX_WSCALE) }
}

impl Receiver {
    /// How much of a buffer of `space` bytes is window (`tcp_win_from_space()`).
    pub(super) fn win_from_space(&self, space: u32) -> u32 {
        u32::try_from((u64::from(space) * u64::from(self.scaling_ratio)) >> 8).unwrap_or(u32::MAX)
    }

    /// How large a buffer has to be for a window (`tcp_space_from_win()`).
    fn space_from_win(&self, window: u32) -> u32 {
        let space = (u64::from(window) << 8) / u64::from(self.scaling_ratio.max(1));
        u32::try_from(space).unwrap_or(u32::MAX)
    }

    /// The window that the whole buffer makes (`tcp_full_space()`).
    pub(super) fn full_space(&self, rcvbuf: u32) -> u32 {
        self.win_from_space(rcvbuf)
    }

    /// The window that the free part of the buffer makes (`tcp_space()`).
    fn space(&self, rcvbuf: u32) -> u32 {
        self.win_from_space(rcvbuf.saturating_sub(self.rmem + self.backlog))
    }

    /// What is left of the window that was offered last (`tcp_receive_window()`).
    pub(super) fn window_left(&self) -> u32 {
        let edge = self.wup.plus(self.wnd);
        if edge.before(self.nxt) { 0 } else { edge.since(self.nxt) }
    }

    /// The window that the buffer allows now (`__tcp_select_window()`); `rcv_mss` is the size of the
    /// segments that the peer sends.
    pub(super) fn allowed_window(&mut self, opt: &RxOptions, rcvbuf: u32, rcv_mss: u32) -> u32 {
        let allowed = self.full_space(rcvbuf);
        let full = self.clamp.min(allowed);
        let mss = rcv_mss.min(full);
        if mss == 0 {
            return 0;
        }
        let mut free = self.space(rcvbuf);
        self.short_of_space = free < full >> 1;
        if self.short_of_space {
            free &= !((1 << opt.rcv_wscale) - 1);
            if free < allowed >> 4 || free < mss {
                return 0;
            }
        }
        free = free.min(self.ssthresh);
        if opt.rcv_wscale != 0 {
            return align(free, opt.rcv_wscale);
        }
        let window = self.wnd;
        if window.saturating_add(mss) <= free || window > free {
            free - free % mss
        } else if mss == full && free > window.saturating_add(full >> 1) {
            free
        } else {
            window
        }
    }

    /// Chooses the window of a segment that is about to be sent, in the unit of its header
    /// (`tcp_select_window()`). What was offered once is not taken back.
    pub(super) fn select(&mut self, opt: &RxOptions, rcvbuf: u32, rcv_mss: u32) -> u16 {
        let left = self.window_left();
        let allowed = self.allowed_window(opt, rcvbuf, rcv_mss);
        let window = if allowed < left { align(left, opt.rcv_wscale) } else { allowed };
        self.wnd = window;
        self.wup = self.nxt;
        let window = window.min(0xffff << opt.rcv_wscale) >> opt.rcv_wscale;
        u16::try_from(window).unwrap_or(u16::MAX)
    }

    /// Takes back what was offered: there is no memory (`tcp_select_window()`).
    pub(super) fn close_window(&mut self) -> u16 {
        (self.wnd, self.wup) = (0, self.nxt);
        0
    }

    /// Sets the most that is ever offered (`tcp_set_window_clamp()`).
    fn set_clamp(&mut self, clamp: u32) {
        let clamp = clamp.max(MIN_CLAMP);
        if clamp < self.clamp {
            self.ssthresh = self.ssthresh.min(clamp);
        } else if clamp > self.clamp {
            self.ssthresh = self.ssthresh.max(self.wnd.min(clamp));
        }
        self.clamp = clamp;
    }

    /// Learns from a segment how much of the buffer is overhead (`tcp_measure_rcv_mss()`).
    pub(super) fn learn_overhead(&mut self, len: u32, truesize: u32, rcvbuf: u32) {
        let ratio = ((len << 8) / truesize.max(1)).clamp(1, 255);
        if ratio != self.scaling_ratio {
            self.scaling_ratio = ratio;
            self.set_clamp(self.win_from_space(rcvbuf));
            self.adapt.space = self.adapt.space.min(self.clamp);
        }
    }

    /// Offers more after a segment that used its buffer well (`tcp_grow_window()`), and tells whether it
    /// did.
    pub(super) fn grow(
        &mut self,
        len: u32,
        truesize: u32,
        rcvbuf: u32,
        rmem_max: u32,
        mss: u32,
    ) -> bool {
        let room = self.clamp.min(self.space(rcvbuf)).saturating_sub(self.ssthresh);
        if room == 0 {
            return false;
        }
        let step = if self.win_from_space(truesize) <= len {
            2 * self.advmss
        } else if self.may_grow_slowly(len, truesize, rmem_max) {
            2 * mss
        } else {
            return false;
        };
        self.ssthresh += room.min(step.max(2 * len));
        true
    }

    /// The smaller the window is against the largest one, the more overhead is put up with
    /// (`__tcp_grow_window()`).
    fn may_grow_slowly(&self, len: u32, truesize: u32, rmem_max: u32) -> bool {
        let mut truesize = self.win_from_space(truesize) >> 1;
        let mut window = self.win_from_space(rmem_max) >> 1;
        while self.ssthresh <= window {
            if truesize <= len {
                return true;
            }
            truesize >>= 1;
            window >>= 1;
        }
        false
    }

    /// Sets the window's limits when the connection is established (`tcp_init_buffer_space()`).
    pub(super) fn init_space(&mut self, rcvbuf: u32, now: SimTime) {
        let most = self.full_space(rcvbuf);
        self.clamp = self.clamp.min(most);
        // One segment is kept back for the program.
        if self.clamp > 2 * self.advmss && self.clamp + self.advmss > most {
            self.clamp = (2 * self.advmss).max(most.saturating_sub(self.advmss));
        }
        self.ssthresh = self.ssthresh.min(self.clamp);
        let ten = super::congestion::INIT_CWND * self.advmss;
        self.adapt.space = self.ssthresh.min(self.wnd).min(ten);
        self.adapt.seq = self.copied;
        self.adapt.time = now;
    }

    /// Makes the buffer larger when the program reads as fast as the peer sends
    /// (`tcp_rcv_space_adjust()`); the new size, if it changes.
    pub(super) fn adapt(&mut self, rcvbuf: u32, rmem_max: u32, now: SimTime) -> Option<u32> {
        let rtt_us = self.adapt.rtt_us?;
        let elapsed_us = u64::try_from(now.since(self.adapt.time).as_micros()).unwrap_or(u64::MAX);
        if elapsed_us < rtt_us >> 3 {
            return None;
        }
        let unread = self.nxt.since(self.copied);
        let read = self.copied.since(self.adapt.seq).saturating_sub(unread);
        let grown = (read > self.adapt.space).then(|| self.grow_buffer(read, rcvbuf, rmem_max));
        self.adapt.seq = self.copied;
        self.adapt.time = now;
        grown.flatten()
    }

    /// Makes the buffer large enough for what is read in a round trip (`tcp_rcvbuf_grow()`).
    fn grow_buffer(&mut self, read: u32, rcvbuf: u32, rmem_max: u32) -> Option<u32> {
        let before = std::mem::replace(&mut self.adapt.space, read);
        // What is read now was sent a round trip ago; the sender may double its rate in each of them.
        let twice = u64::from(read) * 2;
        let more = twice * u64::from(read.saturating_sub(before)) / u64::from(before.max(1));
        let reach = self.ofo.back().map_or(0, |last| last.end_seq.since(self.nxt));
        let wanted = twice.saturating_add(more * 2).saturating_add(u64::from(reach));
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let space = self.space_from_win(wanted).min(rmem_max);
        if space <= rcvbuf {
            return None;
        }
        self.clamp = self.win_from_space(space);
        Some(space)
    }

    /// Takes a sample of the round trip as the receiver sees it, in microseconds
    /// (`tcp_rcv_rtt_update()`). One that was measured by windows counts only if it is less.
    pub(super) fn sample_rtt(&mut self, sample_us: u64, by_window: bool) {
        let sample = sample_us.max(1);
        let rtt = match self.adapt.rtt_us {
            None => sample << 3,
            Some(old) if by_window => old.min(sample << 3),
            Some(old) => old - (old >> 3) + sample,
        };
        self.adapt.rtt_us = Some(rtt);
    }

    /// Measures the round trip by how long the peer takes to fill a window (`tcp_rcv_rtt_measure()`).
    pub(super) fn measure_rtt(&mut self, now: SimTime) {
        if let Some((seq, since)) = self.adapt.window_edge {
            if self.nxt.before(seq) {
                return;
            }
            let us = u64::try_from(now.since(since).as_micros()).unwrap_or(u64::MAX);
            self.sample_rtt(us, true);
        }
        self.adapt.window_edge = Some((self.nxt.plus(self.wnd), now));
    }
}

/// What the receive buffer's growth depends on (`rcvq_space`, `rcv_rtt_est`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Adaptation {
    /// The most that the program has read in a round trip, in bytes.
    pub space: u32,
    /// Where the program was at the last look.
    pub seq: Seq,
    /// When that was.
    pub time: SimTime,
    /// The round trip in eighths of a microsecond.
    pub rtt_us: Option<u64>,
    /// The edge of the window that the round trip is measured by, and when it was set.
    window_edge: Option<(Seq, SimTime)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The windows of SYNs and SYN-ACKs that Linux 6.18 sends with its default buffers (128 KiB of at most
    /// 32 MiB) over links of MTU 1500 and 1450 and over loopback.
    #[test]
    fn syn_windows_are_those_of_linux() {
        for (mss, window) in [
            (1460, 64240),
            (1448, 65160),
            (1410, 64860),
            (1398, 64308),
            (65495, 65495),
            (65483, 65483),
        ] {
            let got = select_initial(65536, mss, true, 33_554_432);
            assert_eq!((got.window, got.scale), (window, 10), "{mss}");
        }
        assert_eq!(select_initial(65536, 1460, false, 33_554_432).scale, 0);
        assert_eq!(select_initial(65536, 1460, true, 6_291_456).scale, 7);
    }
}
