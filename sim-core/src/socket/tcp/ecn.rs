//! Explicit congestion notification (RFC 3168).

use crate::packet::TcpFlags;

/// The ECN bits of a type of service byte.
pub(super) const ECN_MASK: u8 = 3;
/// A sender that understands ECN (`INET_ECN_ECT_0`).
pub(super) const ECT_0: u8 = 2;
/// A router met congestion (`INET_ECN_CE`).
const CE: u8 = 3;

/// Both flags of a SYN that asks for ECN.
pub(super) const SYN_ECN: TcpFlags = TcpFlags::ECE.with(TcpFlags::CWR);

/// What a connection knows about ECN (`ecn_flags`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ecn {
    /// Both ends want it (`TCP_ECN_OK`).
    pub ok: bool,
    /// Congestion is reported until the peer has reduced its window (`TCP_ECN_DEMAND_CWR`).
    pub(super) demand_cwr: bool,
    /// The next data tell that the window was reduced (`TCP_ECN_QUEUE_CWR`).
    pub(super) queue_cwr: bool,
    /// The peer has sent a packet that a router could have marked (`TCP_ECN_SEEN`).
    seen: bool,
}

impl Ecn {
    /// Takes the answer to a SYN that asked for ECN (`tcp_ecn_rcv_synack()`).
    pub(super) fn receive_syn_ack(&mut self, flags: TcpFlags) {
        let granted = flags.contains(TcpFlags::ECE) && !flags.intersects(TcpFlags::CWR);
        self.ok &= granted;
    }

    /// Looks at the ECN bits of a packet with data (`tcp_data_ecn_check()`), and tells whether the next ACKs
    /// are urgent.
    pub(super) fn check_data(&mut self, tos: u8) -> bool {
        if !self.ok {
            return false;
        }
        match tos & ECN_MASK {
            0 => self.seen,
            CE => {
                self.seen = true;
                !std::mem::replace(&mut self.demand_cwr, true)
            }
            _ => {
                self.seen = true;
                false
            }
        }
    }

    /// Adds the flags of a segment that is sent, and tells the ECN bits of its packet (`tcp_ecn_send()`).
    pub(super) fn send(&mut self, flags: &mut TcpFlags, new_data: bool) -> u8 {
        if !self.ok {
            return 0;
        }
        if self.demand_cwr {
            *flags = *flags | TcpFlags::ECE;
        }
        if !new_data {
            return 0;
        }
        if std::mem::take(&mut self.queue_cwr) {
            *flags = *flags | TcpFlags::CWR;
        }
        ECT_0
    }

    /// Has the next data tell that the window was reduced (`tcp_ecn_queue_cwr()`).
    pub(super) fn reduce(&mut self) {
        self.queue_cwr = self.ok;
    }

    /// Whether a segment reports congestion (`tcp_ecn_rcv_ecn_echo()`).
    pub(super) fn is_echo(&self, flags: TcpFlags) -> bool {
        self.ok && flags.intersects(TcpFlags::ECE) && !flags.syn()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn congestion_is_reported_until_the_peer_says_that_it_has_slowed_down() {
        let mut ecn = Ecn { ok: true, ..Ecn::default() };
        assert!(!ecn.check_data(ECT_0));
        assert!(ecn.check_data(CE));
        let mut flags = TcpFlags::ACK;
        assert_eq!(ecn.send(&mut flags, false), 0);
        assert_eq!(flags, TcpFlags::ACK | TcpFlags::ECE);
        assert!(!ecn.check_data(CE), "known already");
    }

    #[test]
    fn only_new_data_can_be_marked_and_the_reduction_is_told_once() {
        let mut ecn = Ecn { ok: true, ..Ecn::default() };
        ecn.reduce();
        let mut flags = TcpFlags::ACK;
        assert_eq!(ecn.send(&mut flags, true), ECT_0);
        assert!(flags.contains(TcpFlags::CWR));
        let mut flags = TcpFlags::ACK;
        assert_eq!((ecn.send(&mut flags, true), flags), (ECT_0, TcpFlags::ACK));
    }
}
