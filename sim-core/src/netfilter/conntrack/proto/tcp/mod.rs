//! TCP (`net/netfilter/nf_conntrack_proto_tcp.c`): the state of a connection as a bystander sees it.

pub mod table;
mod window;

use crate::netfilter::conntrack::event::Event;
use crate::netfilter::conntrack::proto::{ProtoCx, ProtoState, Ruling};
use crate::netfilter::conntrack::{Conn, Dir, Status};
use crate::packet::{Ipv4, Tcp, TcpFlags};
use crate::sysctl::Sysctl;
use crate::time::HZ;

pub use table::{Kind, Next, State};
use window::{Fit, at_least_one, before, end_of};

/// Marks of one side (`IP_CT_TCP_FLAG_*`), with Linux' numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flags(pub u8);

impl Flags {
    /// The side scales its windows.
    pub const WINDOW_SCALE: Self = Self(0x01);
    /// The side takes selective acknowledgments.
    pub const SACK_PERM: Self = Self(0x02);
    /// The side sent the first FIN.
    pub const CLOSE_INIT: Self = Self(0x04);
    /// Windows of the side are not judged: its connection was joined in the middle.
    pub const BE_LIBERAL: Self = Self(0x08);
    /// The side has sent what is not acknowledged yet.
    pub const DATA_UNACKNOWLEDGED: Self = Self(0x10);
    /// [`Seen::max_ack`] holds something.
    pub const MAXACK_SET: Self = Self(0x20);
    /// Of [`Last`] only: a challenge ACK may answer the SYN that was let through (RFC 5961).
    pub const EXP_CHALLENGE_ACK: Self = Self(0x40);
    /// Of [`Last`] only: both sides have sent a SYN.
    pub const SIMULTANEOUS_OPEN: Self = Self(0x80);

    /// Whether any of `bits` is set.
    #[must_use]
    pub const fn has(self, bits: Self) -> bool {
        self.0 & bits.0 != 0
    }

    /// Sets `bits`.
    pub const fn set(&mut self, bits: Self) {
        self.0 |= bits.0;
    }

    /// Clears `bits`.
    pub const fn clear(&mut self, bits: Self) {
        self.0 &= !bits.0;
    }

    /// Clears all but `bits`.
    pub const fn keep(&mut self, bits: Self) {
        self.0 &= bits.0;
    }
}

/// What was seen of one side (`struct ip_ct_tcp_state`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// The sequence number behind all it has sent (`td_end`).
    pub end: u32,
    /// The sequence number up to which it may send: acknowledgment and window of the other side (`td_maxend`).
    pub max_end: u32,
    /// The largest window it has offered; 0 if nothing was seen (`td_maxwin`).
    pub max_win: u32,
    /// The highest number it has acknowledged (`td_maxack`).
    pub max_ack: u32,
    /// Its window scale (`td_scale`).
    pub scale: u8,
    /// Its marks.
    pub flags: Flags,
}

/// The last segment that mattered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Last {
    /// Its direction.
    pub dir: Dir,
    /// What it was.
    pub kind: Kind,
    /// Its sequence number.
    pub seq: u32,
    /// What it acknowledged.
    pub ack: u32,
    /// The sequence number behind it.
    pub end: u32,
    /// Its window, unscaled.
    pub win: u16,
    /// The window scale of a SYN.
    pub scale: u8,
    /// The marks of a SYN.
    pub flags: Flags,
}

impl Default for Last {
    fn default() -> Self {
        Self {
            dir: Dir::Original,
            kind: Kind::None,
            seq: 0,
            ack: 0,
            end: 0,
            win: 0,
            scale: 0,
            flags: Flags::default(),
        }
    }
}

/// What TCP remembers (`struct ip_ct_tcp`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TcpConn {
    /// Each side, by [`Dir::index`].
    pub seen: [Seen; 2],
    /// The state.
    pub state: State,
    /// The last segment that mattered.
    pub last: Last,
    /// How often the same ACK was sent again.
    pub retrans: u8,
}

impl TcpConn {
    /// Whether the connection is being closed (`tcp_can_early_drop()`).
    #[must_use]
    pub const fn is_closing(&self) -> bool {
        matches!(
            self.state,
            State::FinWait | State::LastAck | State::TimeWait | State::Close | State::CloseWait
        )
    }

    /// Whether a mark is set on either side.
    fn either_has(&self, flags: Flags) -> bool {
        self.seen.iter().any(|side| side.flags.has(flags))
    }
}

/// The combinations of flags that make sense, next to PSH, ECE and CWR.
const VALID_FLAGS: [TcpFlags; 9] = {
    const fn with(flags: TcpFlags, other: TcpFlags) -> TcpFlags {
        flags.with(other)
    }
    [
        TcpFlags::SYN,
        with(TcpFlags::SYN, TcpFlags::URG),
        with(TcpFlags::SYN, TcpFlags::ACK),
        TcpFlags::RST,
        with(TcpFlags::RST, TcpFlags::ACK),
        with(TcpFlags::FIN, TcpFlags::ACK),
        with(TcpFlags::FIN, TcpFlags::ACK).with(TcpFlags::URG),
        TcpFlags::ACK,
        with(TcpFlags::ACK, TcpFlags::URG),
    ]
};

/// Whether the segment is whole, right, and its flags make sense (`tcp_error()`).
pub(super) fn check(ip: &Ipv4<'_>, payload: &[u8], sum: bool) -> bool {
    let Ok(segment) = Tcp::parse(payload) else { return false };
    let ignored = TcpFlags::PSH.with(TcpFlags::ECE).with(TcpFlags::CWR);
    (!sum || segment.checksum_ok(ip.src(), ip.dst()))
        && VALID_FLAGS.contains(&segment.flags().without(ignored))
}

/// Begins with a SYN, or in the middle of a connection if `nf_conntrack_tcp_loose` is on (`tcp_new()`).
pub(super) fn begin(conn: &mut Conn, payload: &[u8], cx: &ProtoCx<'_>) -> bool {
    let Ok(segment) = Tcp::parse(payload) else { return false };
    let mut tcp = TcpConn::default();
    let max_win = at_least_one(segment.window().into());
    let end = end_of(&segment);
    match table::next(Dir::Original, Kind::of(segment.flags()), State::None) {
        Next::To(State::SynSent) => {
            tcp.seen[0] = Seen { end, max_end: end, max_win, ..Seen::default() };
            tcp.seen[0].read_options(&segment);
        }
        Next::To(_) if cx.sysctl.is_on(Sysctl::NfConntrackTcpLoose) => {
            tcp.seen[0] =
                Seen { end, max_end: end.wrapping_add(max_win), max_win, ..Seen::default() };
            // Its options are not known: it may use SACK, and scale its windows by any factor.
            for side in &mut tcp.seen {
                side.flags = Flags(Flags::SACK_PERM.0 | Flags::BE_LIBERAL.0);
            }
        }
        Next::To(_) | Next::Ignore | Next::Invalid => return false,
    }
    conn.proto = ProtoState::Tcp(tcp);
    true
}

/// What the state table makes of a segment, after its special cases.
enum Verdict {
    /// The windows are to be asked before the state changes from the first to the second.
    Judge(State, State),
    /// The state changes, whatever the windows say.
    Take(State, State),
    /// Nothing changes.
    Leave(Ruling),
}

/// A segment on its way through the tables.
struct Step<'a> {
    tcp: &'a mut TcpConn,
    status: Status,
    segment: &'a Tcp<'a>,
    kind: Kind,
    dir: Dir,
    cx: &'a ProtoCx<'a>,
}

/// A segment (`nf_conntrack_tcp_packet()`).
pub(super) fn packet(conn: &mut Conn, payload: &[u8], dir: Dir, cx: &ProtoCx<'_>) -> Ruling {
    let Ok(segment) = Tcp::parse(payload) else { return Ruling::Invalid };
    let kind = Kind::of(segment.flags());
    let mut tcp = if let ProtoState::Tcp(tcp) = &conn.proto { *tcp } else { TcpConn::default() };
    let mut step = Step { tcp: &mut tcp, status: conn.status, segment: &segment, kind, dir, cx };
    let (old, new) = match step.verdict() {
        Verdict::Take(old, new) => (old, new),
        Verdict::Leave(ruling) => {
            conn.proto = ProtoState::Tcp(tcp);
            return ruling;
        }
        Verdict::Judge(old, new) => {
            let liberal = cx.sysctl.is_on(Sysctl::NfConntrackTcpBeLiberal);
            let fit = tcp.fit(&segment, dir, kind, liberal);
            if fit == Fit::Invalid {
                shorten(conn, &mut tcp, dir, kind, cx);
            }
            match fit {
                Fit::Accept => (old, new),
                Fit::Ignore | Fit::Invalid => {
                    conn.proto = ProtoState::Tcp(tcp);
                    return if fit == Fit::Ignore { Ruling::Accept } else { Ruling::Invalid };
                }
            }
        }
    };
    tcp.last.kind = kind;
    tcp.last.dir = dir;
    tcp.state = new;
    if old != new && new == State::FinWait {
        tcp.seen[dir.index()].flags.set(Flags::CLOSE_INIT);
    }
    conn.proto = ProtoState::Tcp(tcp);
    settle(conn, &tcp, old, cx)
}

/// How long the entry lives, and what is told, now that a segment was taken.
fn settle(conn: &mut Conn, tcp: &TcpConn, old: State, cx: &ProtoCx<'_>) -> Ruling {
    let kind = tcp.last.kind;
    let mut timeout = lifetime(tcp, cx);
    if old != tcp.state {
        conn.note(Event::ProtoInfo);
    }
    if !conn.status.has(Status::SEEN_REPLY) {
        if kind == Kind::Rst {
            return Ruling::Kill;
        }
        // Who sends SYN after SYN and gets no answer does not keep the entry alive.
        if kind == Kind::Syn && old == State::SynSent {
            return Ruling::Accept;
        }
        if tcp.state == State::Established {
            timeout = timeout.min(cx.timeout(Sysctl::NfConntrackTcpTimeoutUnacknowledged));
        }
    } else if !conn.status.has(Status::ASSURED)
        && matches!(old, State::SynRecv | State::Established)
        && tcp.state == State::Established
    {
        conn.status.set(Status::ASSURED);
        conn.note(Event::Assured);
    }
    conn.refresh(cx.jiffies(), timeout);
    Ruling::Accept
}

/// How long an entry lives in this state, in jiffies.
fn lifetime(tcp: &TcpConn, cx: &ProtoCx<'_>) -> u64 {
    let of_state = state_timeout(tcp.state, cx);
    let retrans = cx.timeout(Sysctl::NfConntrackTcpTimeoutMaxRetrans);
    let unacknowledged = cx.timeout(Sysctl::NfConntrackTcpTimeoutUnacknowledged);
    let max_retrans = cx.sysctl.get(Sysctl::NfConntrackTcpMaxRetrans);
    if i64::from(tcp.retrans) >= max_retrans && of_state > retrans {
        retrans
    } else if tcp.last.kind == Kind::Rst {
        cx.timeout(Sysctl::NfConntrackTcpTimeoutClose)
    } else if tcp.either_has(Flags::DATA_UNACKNOWLEDGED) && of_state > unacknowledged {
        unacknowledged
    } else if tcp.last.win == 0 && of_state > retrans {
        retrans
    } else {
        of_state
    }
}

/// The setting that tells how long an entry lives in `state`, in jiffies.
fn state_timeout(state: State, cx: &ProtoCx<'_>) -> u64 {
    cx.timeout(match state {
        State::SynSent => Sysctl::NfConntrackTcpTimeoutSynSent,
        State::SynRecv => Sysctl::NfConntrackTcpTimeoutSynRecv,
        State::Established => Sysctl::NfConntrackTcpTimeoutEstablished,
        State::FinWait => Sysctl::NfConntrackTcpTimeoutFinWait,
        State::CloseWait => Sysctl::NfConntrackTcpTimeoutCloseWait,
        State::LastAck => Sysctl::NfConntrackTcpTimeoutLastAck,
        State::TimeWait => Sysctl::NfConntrackTcpTimeoutTimeWait,
        State::Close => Sysctl::NfConntrackTcpTimeoutClose,
        // There is no setting for these; the kernel has the default of SYN_SENT.
        State::None | State::SynSent2 => return 120 * HZ,
    })
}

/// A FIN or RST that fits no window, and an answer in kind from the other side: both ends may know better, and the
/// entry does not live as long (`nf_tcp_handle_invalid()`).
fn shorten(conn: &mut Conn, tcp: &mut TcpConn, dir: Dir, kind: Kind, cx: &ProtoCx<'_>) {
    if !conn.status.has(Status::ASSURED)
        || conn.status.has(Status::FIXED_TIMEOUT)
        || !matches!(kind, Kind::Fin | Kind::Rst)
    {
        return;
    }
    let last = &mut tcp.last;
    if last.dir == dir || !matches!(last.kind, Kind::Fin | Kind::Rst) {
        last.kind = kind;
        last.dir = dir;
        return;
    }
    let left = conn.timeout.saturating_sub(cx.jiffies());
    let timeout = cx.timeout(Sysctl::NfConntrackTcpTimeoutUnacknowledged);
    if left >= 120 * HZ && left > timeout {
        conn.timeout = cx.jiffies() + timeout;
    }
}

/// Closes a connection of which this host has answered a segment with a reset (`nf_conntrack_tcp_set_closing()`).
pub fn set_closing(conn: &mut Conn, cx: &ProtoCx<'_>) {
    if !conn.status.has(Status::CONFIRMED) {
        return;
    }
    let ProtoState::Tcp(tcp) = &mut conn.proto else { return };
    let old = std::mem::replace(&mut tcp.state, State::Close);
    if old == State::Close || conn.status.has(Status::FIXED_TIMEOUT) {
        return;
    }
    conn.timeout = cx.jiffies() + cx.timeout(Sysctl::NfConntrackTcpTimeoutClose);
    conn.note(Event::ProtoInfo);
}

impl Step<'_> {
    fn verdict(&mut self) -> Verdict {
        let old = self.tcp.state;
        match table::next(self.dir, self.kind, old) {
            Next::Invalid => Verdict::Leave(Ruling::Invalid),
            Next::Ignore => self.ignore(),
            Next::To(State::SynSent) if matches!(old, State::TimeWait | State::Close) => {
                if self.reopens() { Verdict::Leave(Ruling::Repeat) } else { self.ignore() }
            }
            Next::To(State::TimeWait) if self.is_challenge_ack() => {
                self.tcp.last.flags.clear(Flags::EXP_CHALLENGE_ACK);
                Verdict::Leave(Ruling::Accept)
            }
            Next::To(State::SynSent2) => {
                self.tcp.last.flags.set(Flags::SIMULTANEOUS_OPEN);
                Verdict::Judge(old, State::SynSent2)
            }
            Next::To(State::SynRecv) if self.ends_simultaneous_open() => {
                Verdict::Judge(old, State::Established)
            }
            Next::To(State::Close) if self.kind == Kind::Rst => self.reset(),
            Next::To(new) => Verdict::Judge(old, new),
        }
    }

    /// Whether a SYN opens a closed or aborted connection anew.
    fn reopens(&self) -> bool {
        let last = &self.tcp.last;
        self.tcp.either_has(Flags::CLOSE_INIT) || (last.dir == self.dir && last.kind == Kind::Rst)
    }

    /// Whether an ACK answers a SYN that was let through, and not the FIN (RFC 5961).
    fn is_challenge_ack(&self) -> bool {
        let last = &self.tcp.last;
        self.tcp.state == State::LastAck
            && self.kind == Kind::Ack
            && last.dir != self.dir
            && last.kind == Kind::Syn
            && last.flags.has(Flags::EXP_CHALLENGE_ACK)
    }

    fn ends_simultaneous_open(&self) -> bool {
        self.dir == Dir::Reply
            && self.kind == Kind::Ack
            && self.tcp.last.flags.has(Flags::SIMULTANEOUS_OPEN)
    }

    /// Lets a segment through that may be right, as the entry may be out of date: a SYN from the side that began, a
    /// SYN with ACK or an ACK from the other one. If it is wrong, a reset will follow.
    fn ignore(&mut self) -> Verdict {
        let last = self.tcp.last;
        if self.kind == Kind::SynAck
            && last.kind == Kind::Syn
            && last.dir != self.dir
            && self.segment.ack() == last.end
        {
            return self.resynchronise(last);
        }
        self.remember();
        Verdict::Leave(Ruling::Accept)
    }

    /// A SYN with ACK answers a SYN that was let through: both ends know better than the entry.
    fn resynchronise(&mut self, mut last: Last) -> Verdict {
        last.flags.clear(Flags::EXP_CHALLENGE_ACK);
        self.tcp.last.flags = last.flags;
        let other = &mut self.tcp.seen[last.dir.index()];
        other.end = last.end;
        other.max_end = last.end;
        other.max_win = at_least_one(last.win.into());
        other.scale = last.scale;
        other.flags = last.flags;
        self.tcp.seen[self.dir.index()].reset();
        Verdict::Judge(State::SynSent, State::SynRecv)
    }

    /// Remembers a segment that was let through.
    fn remember(&mut self) {
        let (segment, old) = (self.segment, self.tcp.state);
        let last = &mut self.tcp.last;
        last.kind = self.kind;
        last.dir = self.dir;
        last.seq = segment.seq();
        last.end = end_of(segment);
        last.win = segment.window();
        if self.kind == Kind::Syn && self.dir == Dir::Original {
            let mut seen = Seen::default();
            seen.read_options(segment);
            last.scale = seen.scale;
            last.flags = seen.flags;
            if old == State::LastAck {
                last.flags.set(Flags::EXP_CHALLENGE_ACK);
            }
        }
        // A reset may follow that has this number.
        if old == State::SynSent && self.kind == Kind::Ack && self.dir == Dir::Reply {
            last.ack = segment.ack();
        }
    }

    /// Judges a reset, which has to be exact: who guesses numbers must not end a connection (RFC 5961).
    fn reset(&self) -> Verdict {
        let old = self.tcp.state;
        // The ports may be in use again already, and the numbers are out of date.
        if self.tcp.is_closing() {
            return Verdict::Take(old, State::Close);
        }
        let mut new = State::Close;
        let established = old == State::Established && self.status.has(Status::ASSURED);
        let peer = self.tcp.seen[self.dir.other().index()];
        let last = self.tcp.last;
        if peer.flags.has(Flags::MAXACK_SET) && last.kind != Kind::Syn {
            let seq = self.segment.seq();
            // Most likely it answers a SYN that was let through.
            if seq == 0 && !established {
                return Verdict::Judge(old, new);
            }
            let strict = !self.cx.sysctl.is_on(Sysctl::NfConntrackTcpIgnoreInvalidRst);
            if before(seq, peer.max_ack) && strict {
                return Verdict::Leave(Ruling::Invalid);
            }
            // It is the next byte, or follows the sender's last segment.
            let follows = last.kind == Kind::Ack && last.dir == self.dir && seq == last.end;
            if !established || seq == peer.max_ack || follows {
                return Verdict::Judge(old, new);
            }
            // The receiver may challenge it, and the connection may live on.
            new = old;
        }
        if self.answers_what_was_let_through(&last) {
            return Verdict::Take(old, new);
        }
        Verdict::Judge(old, new)
    }

    /// Whether a reset answers a SYN or an ACK that was let through.
    fn answers_what_was_let_through(&self, last: &Last) -> bool {
        // Seen on Linux 6.18: who sent the SYN does not reset by what lay behind it.
        let syn =
            self.status.has(Status::SEEN_REPLY) && last.kind == Kind::Syn && last.dir != self.dir;
        let half_open = !self.status.has(Status::ASSURED) && last.kind == Kind::Ack;
        let challenged = self.tcp.state == State::SynSent
            && last.kind == Kind::Ack
            && last.dir == Dir::Reply
            && self.segment.seq() == last.ack;
        ((syn || half_open) && self.segment.ack() == last.end) || challenged
    }
}

#[cfg(test)]
mod tests;
