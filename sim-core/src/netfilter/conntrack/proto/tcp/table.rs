//! What each segment does to each state (`tcp_conntracks`).

use crate::netfilter::conntrack::Dir;
use crate::packet::TcpFlags;

/// The state of a connection (`enum tcp_conntrack`), with Linux' numbers.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum State {
    /// Nothing was seen.
    #[default]
    None,
    /// A SYN.
    SynSent,
    /// A SYN and its SYN with ACK.
    SynRecv,
    /// All of the handshake, or the middle of a connection.
    Established,
    /// A FIN.
    FinWait,
    /// A FIN and an ACK.
    CloseWait,
    /// FINs of both sides.
    LastAck,
    /// FINs of both sides and the last ACK.
    TimeWait,
    /// A RST.
    Close,
    /// SYNs of both sides.
    SynSent2,
}

impl State {
    /// All states, by number.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::SynSent,
        Self::SynRecv,
        Self::Established,
        Self::FinWait,
        Self::CloseWait,
        Self::LastAck,
        Self::TimeWait,
        Self::Close,
        Self::SynSent2,
    ];

    /// The name that tools print.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::Established => "ESTABLISHED",
            Self::FinWait => "FIN_WAIT",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::SynSent2 => "SYN_SENT2",
        }
    }
}

/// What a segment is, by the one flag that counts (`enum tcp_bit_set`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// SYN without ACK.
    Syn,
    /// SYN with ACK.
    SynAck,
    /// FIN.
    Fin,
    /// ACK.
    Ack,
    /// RST.
    Rst,
    /// None of these.
    None,
}

impl Kind {
    /// What a segment with these flags is (`get_conntrack_index()`).
    #[must_use]
    pub const fn of(flags: TcpFlags) -> Self {
        if flags.rst() {
            Self::Rst
        } else if flags.syn() {
            if flags.ack() { Self::SynAck } else { Self::Syn }
        } else if flags.fin() {
            Self::Fin
        } else if flags.ack() {
            Self::Ack
        } else {
            Self::None
        }
    }
}

/// What comes of a segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// The connection is in this state.
    To(State),
    /// It may be right or wrong, and the answer will tell: it goes through, and is remembered.
    Ignore,
    /// It is `INVALID`.
    Invalid,
}

/// By direction, kind of segment and state.
type Table = [[[Next; State::ALL.len()]; 6]; 2];

const SS: Next = Next::To(State::SynSent);
const SR: Next = Next::To(State::SynRecv);
const ES: Next = Next::To(State::Established);
const FW: Next = Next::To(State::FinWait);
const CW: Next = Next::To(State::CloseWait);
const LA: Next = Next::To(State::LastAck);
const TW: Next = Next::To(State::TimeWait);
const CL: Next = Next::To(State::Close);
const S2: Next = Next::To(State::SynSent2);
const IG: Next = Next::Ignore;
const IV: Next = Next::Invalid;

/// The columns are the states in their order: NONE, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT,
/// LAST_ACK, TIME_WAIT, CLOSE, SYN_SENT2.
#[rustfmt::skip]
const TRANSITIONS: Table = [
    // The side that began.
    [
        /* SYN     */ [SS, SS, IG, IG, IG, IG, IG, SS, SS, S2],
        /* SYN+ACK */ [IV, IV, SR, IV, IV, IV, IV, IV, IV, SR],
        /* FIN     */ [IV, IV, FW, FW, LA, LA, LA, TW, CL, IV],
        /* ACK     */ [ES, IV, ES, ES, CW, CW, TW, TW, CL, IV],
        /* RST     */ [IV, CL, CL, CL, CL, CL, CL, CL, CL, CL],
        /* none    */ [IV, IV, IV, IV, IV, IV, IV, IV, IV, IV],
    ],
    // The side that answers.
    [
        /* SYN     */ [IV, S2, IV, IV, IV, IV, IV, SS, IV, S2],
        /* SYN+ACK */ [IV, SR, IG, IG, IG, IG, IG, IG, IG, SR],
        /* FIN     */ [IV, IV, FW, FW, LA, LA, LA, TW, CL, IV],
        /* ACK     */ [IV, IG, SR, ES, CW, CW, TW, TW, CL, IG],
        /* RST     */ [IV, CL, CL, CL, CL, CL, CL, CL, CL, CL],
        /* none    */ [IV, IV, IV, IV, IV, IV, IV, IV, IV, IV],
    ],
];

/// What comes of a segment of this kind, sent in direction `dir`, in `state`.
#[must_use]
pub const fn next(dir: Dir, kind: Kind, state: State) -> Next {
    TRANSITIONS[dir.index()][kind as usize][state as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_stand_at_their_numbers() {
        for (number, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, number);
        }
    }

    #[test]
    fn a_segment_without_flags_is_invalid_in_every_state() {
        for dir in [Dir::Original, Dir::Reply] {
            for state in State::ALL {
                assert_eq!(next(dir, Kind::None, state), Next::Invalid);
            }
        }
    }
}
