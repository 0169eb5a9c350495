//! Sending again (`tcp_retransmit_skb()`, `tcp_xmit_retransmit_queue()`).

use crate::netns::mib::{LinuxMib, TcpMib};
use crate::packet::TcpFlags;
use crate::socket::tcp::ecn::SYN_ECN;
use crate::socket::tcp::options::clock_ms;
use crate::socket::tcp::output::Nagle;
use crate::socket::tcp::recovery::{CaState, Resend};
use crate::socket::tcp::timer::WriteTimer;
use crate::socket::tcp::transmit::Outgoing;
use crate::socket::tcp::{Sk, TcpState};
use crate::trace::Observer;

impl<O: Observer> Sk<'_, O> {
    /// Sends what the state after an ACK asks for (`tcp_xmit_recovery()`).
    pub(super) fn resend(&mut self, resend: Resend) {
        match resend {
            Resend::None => return,
            _ if self.t().state == TcpState::SynSent => return,
            Resend::Lost => {}
            Resend::New => {
                let mss = self.current_mss();
                self.push_with(mss, Nagle::Off);
                let tp = self.tp();
                if tp.tx.nxt.after(tp.loss.high_seq) {
                    return;
                }
                tp.loss.frto = false;
            }
        }
        self.retransmit_lost();
    }

    /// Sends again what is lost, as far as the congestion window allows
    /// (`tcp_xmit_retransmit_queue()`).
    pub(super) fn retransmit_lost(&mut self) {
        let mut rearm = false;
        let mut at = 0;
        while let Some(chunk) = self.t().tx.rtx_at(at) {
            let wanted = chunk.lost && !chunk.sacked && !chunk.retrans;
            let tx = &self.t().tx;
            let room = self.t().ca.cwnd.saturating_sub(tx.in_flight());
            if room == 0 || tx.retrans_out >= tx.lost_out {
                break;
            }
            if wanted {
                let Some(segs) = self.retransmit(at, room) else { break };
                let tp = self.tp();
                if tp.loss.in_cwnd_reduction() {
                    tp.loss.prr_out += segs;
                }
                rearm |= at == 0 && tp.timers.write != Some(WriteTimer::Reorder);
            }
            at += 1;
        }
        if rearm {
            let rto = self.t().rtt.rto;
            self.arm_write(WriteTimer::Retransmit, rto);
        }
    }

    /// Sends an entry again and counts it (`tcp_retransmit_skb()`); how many segments it had, `None` if
    /// it could not be sent.
    pub(super) fn retransmit(&mut self, at: usize, segs: u32) -> Option<u32> {
        let sent = self.retransmit_uncounted(at, segs);
        let tp = self.tp();
        if sent.is_some()
            && let Some(chunk) = tp.tx.rtx_at_mut(at)
            && !chunk.retrans
        {
            chunk.retrans = true;
            tp.tx.retrans_out += chunk.segs.max(1);
        }
        // What had no way was last sent before.
        if let Some(chunk) = tp.tx.rtx_at(at) {
            let stamp = clock_ms(chunk.sent_at);
            tp.loss.retrans_stamp.get_or_insert(stamp);
        }
        let counted = tp.tx.rtx_at(at).map_or(0, |chunk| chunk.segs.max(1));
        tp.loss.undo_retrans += counted;
        sent
    }

    /// Sends at most `segs` segments of an entry again (`__tcp_retransmit_skb()`).
    pub(super) fn retransmit_uncounted(&mut self, at: usize, segs: u32) -> Option<u32> {
        // Without a way there is nothing to count (`inet_sk_rebuild_header()`).
        if let Err(errno) = self.route() {
            self.tp().soft_error = Some(errno);
            return None;
        }
        let mss = self.current_mss();
        let tx = &mut self.tp().tx;
        let (una, end) = (tx.una, tx.wnd_end());
        let chunk = tx.rtx_at(at)?;
        let mut room = if end.after(chunk.seq) { end.since(chunk.seq) } else { 0 };
        if room == 0 {
            // Only the first may serve as a probe of a closed window.
            if chunk.seq != una && !chunk.seq.before(una) {
                return None;
            }
            room = mss;
        }
        let mut len = mss.saturating_mul(segs);
        if len > room {
            len = if room >= mss { room / mss * mss } else { room };
        }
        if chunk.len() > len {
            tx.split(at, len);
        } else {
            self.fit_to_mss(at, mss, room.min(mss));
        }
        let now = self.k.now;
        let chunk = self.tp().tx.rtx_at_mut(at)?;
        if chunk.flags.contains(TcpFlags::SYN) {
            // A router may dislike ECN: it is not asked for twice.
            chunk.flags = chunk.flags.without(SYN_ECN);
        }
        chunk.sent_at = now;
        chunk.ever_retrans = true;
        let out = Outgoing::of(chunk);
        let syn = out.flags.syn();
        if syn {
            self.tp().ecn.ok &= out.flags.ack();
            self.mib(LinuxMib::SynRetrans);
        }
        let netns = self.sock().netns;
        self.k.netns[netns].mib.tcp.add(TcpMib::RetransSegs, u64::from(out.segs));
        let tp = self.tp();
        tp.loss.total_retrans += out.segs;
        tp.count.bytes_retrans += u64::from(out.len);
        if self.transmit(&out).is_err() {
            self.mib_add(LinuxMib::RetransFail, u64::from(out.segs));
            return None;
        }
        Some(out.segs)
    }

    /// Counts an entry's segments anew, and fills a small one from those behind it
    /// (`tcp_retrans_try_collapse()`).
    fn fit_to_mss(&mut self, at: usize, mss: u32, room: u32) {
        let tx = &mut self.tp().tx;
        tx.recount(at, mss);
        tx.collapse(at, room);
    }

    /// Sends again what has become too long for the path, and may not be cut on the way
    /// (`tcp_simple_retransmit()`).
    pub(super) fn simple_retransmit(&mut self, mss: u32) {
        let tp = self.tp();
        for at in 0..tp.tx.rtx_len() {
            let too_long = tp.tx.rtx_at(at).is_some_and(|chunk| {
                let segment = if chunk.segs > 1 { chunk.mss } else { chunk.len() };
                segment > mss
            });
            if too_long {
                tp.mark_lost(at);
            }
        }
        self.count_lost_again();
        let tp = self.tp();
        if tp.tx.lost_out == 0 {
            return;
        }
        if tp.loss.state != CaState::Loss {
            tp.loss.high_seq = tp.tx.nxt;
            tp.ca.ssthresh = tp.ca.ssthresh.max((tp.ca.cwnd >> 1) + (tp.ca.cwnd >> 2));
            tp.loss.undo_marker = None;
            tp.loss.state = CaState::Loss;
        }
        self.retransmit_lost();
    }
}
