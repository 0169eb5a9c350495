//! Whether a segment fits what the other side can take (`tcp_in_window()`), after Guido van Rooij's "Real Stateful
//! TCP Packet Filtering in IP Filter". With `S` the sender of a segment and `R` its receiver, it fits if
//!
//! ```text
//!   seq              <= S.max_end                     no data beyond R's window
//!   seq + len        >= S.end - R.max_win             no data that R had long ago
//!   (s)ack           <= R.end                         no data acknowledged that R never sent
//!   (s)ack           >= R.end - max(66000, S.max_win) no acknowledgment from long ago
//! ```

use crate::netfilter::conntrack::Dir;
use crate::netfilter::conntrack::proto::tcp::{Flags, Kind, Seen, State, TcpConn};
use crate::packet::Tcp;
use crate::packet::tcp_options::{SackBlocks, TcpOption};

/// How far behind an acknowledgment may be at least, in bytes (`MAXACKWINCONST`).
const MAX_ACK_WIN: u32 = 66_000;
/// The largest window scale (RFC 7323).
const MAX_SCALE: u8 = 14;

/// What tracking says of a segment (`enum nf_ct_tcp_action`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fit {
    /// It fits.
    Accept,
    /// It may be old or early: it goes through and changes nothing.
    Ignore,
    /// It does not fit.
    Invalid,
}

/// Whether `a` comes before `b`, modulo 2^32.
pub(super) const fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}

/// Whether `a` comes after `b`, modulo 2^32.
const fn after(a: u32, b: u32) -> bool {
    before(b, a)
}

/// The sequence number behind a segment (`segment_seq_plus_len()`).
pub(super) fn end_of(segment: &Tcp<'_>) -> u32 {
    segment.seq().wrapping_add(segment.seq_len())
}

/// A window as it is kept: never closed.
pub(super) fn at_least_one(window: u32) -> u32 {
    window.max(1)
}

impl Seen {
    /// Reads the options of a SYN; without any, what is known stays (`tcp_options()`).
    pub(super) fn read_options(&mut self, segment: &Tcp<'_>) {
        if segment.options().is_empty() {
            return;
        }
        self.scale = 0;
        self.flags.keep(Flags::BE_LIBERAL);
        for option in segment.options_iter() {
            match option {
                TcpOption::SackPermitted => self.flags.set(Flags::SACK_PERM),
                TcpOption::WindowScale(scale) => {
                    self.scale = scale.min(MAX_SCALE);
                    self.flags.set(Flags::WINDOW_SCALE);
                }
                TcpOption::Nop
                | TcpOption::Mss(_)
                | TcpOption::Sack(_)
                | TcpOption::Timestamps { .. }
                | TcpOption::Other { .. } => {}
            }
        }
    }

    /// Forgets all but whether it is judged liberally (`nf_ct_tcp_state_reset()`).
    pub(super) fn reset(&mut self) {
        let mut flags = self.flags;
        flags.keep(Flags::BE_LIBERAL);
        *self = Self { flags, ..Self::default() };
    }
}

/// The highest sequence number that a segment acknowledges, selectively or not (`tcp_sack()`).
fn highest_ack(segment: &Tcp<'_>) -> u32 {
    let mut highest = segment.ack();
    let sack = segment
        .options_iter()
        .find_map(|option| if let TcpOption::Sack(blocks) = option { Some(blocks) } else { None });
    for (_, right) in sack.iter().flat_map(SackBlocks::iter) {
        if after(right, highest) {
            highest = right;
        }
    }
    highest
}

/// The numbers of a segment, as they are judged.
struct Numbers {
    seq: u32,
    ack: u32,
    sack: u32,
    end: u32,
    win: u32,
}

/// Both sides as the segment's sender sees them.
struct Sides<'a> {
    sender: &'a mut Seen,
    receiver: &'a mut Seen,
}

impl TcpConn {
    fn sides(&mut self, dir: Dir) -> Sides<'_> {
        let [original, reply] = &mut self.seen;
        match dir {
            Dir::Original => Sides { sender: original, receiver: reply },
            Dir::Reply => Sides { sender: reply, receiver: original },
        }
    }

    /// Judges a segment by the windows of both sides, and learns from it.
    pub(super) fn fit(&mut self, segment: &Tcp<'_>, dir: Dir, kind: Kind, liberal: bool) -> Fit {
        let state = self.state;
        let mut sides = self.sides(dir);
        let mut numbers = sides.numbers(segment);
        if sides.learn_start(segment, &numbers, dir, state) {
            return Fit::Accept;
        }
        let flags = segment.flags();
        // What acknowledges nothing is taken to acknowledge all, and so are the resets of TCPs that set ACK and
        // leave the number at 0.
        if !flags.ack() || (flags.rst() && numbers.ack == 0) {
            numbers.ack = sides.receiver.end;
            numbers.sack = sides.receiver.end;
        }
        // A reset that answers a SYN.
        if flags.rst() && numbers.seq == 0 && state == State::SynSent {
            numbers.seq = sides.sender.end;
            numbers.end = sides.sender.end;
        }
        let fit = sides.judge(&numbers);
        if fit != Fit::Accept {
            let liberal = liberal || sides.sender.flags.has(Flags::BE_LIBERAL);
            return if liberal { Fit::Accept } else { fit };
        }
        sides.learn(segment, &mut numbers);
        if kind == Kind::Ack {
            self.count_retransmissions(&numbers, segment.window(), dir);
        }
        Fit::Accept
    }

    /// Counts how often the same ACK was sent.
    fn count_retransmissions(&mut self, numbers: &Numbers, win: u16, dir: Dir) {
        let last = &mut self.last;
        let same = last.dir == dir
            && last.seq == numbers.seq
            && last.ack == numbers.ack
            && last.end == numbers.end
            && last.win == win;
        if same {
            self.retrans = self.retrans.wrapping_add(1);
            return;
        }
        last.dir = dir;
        last.seq = numbers.seq;
        last.ack = numbers.ack;
        last.end = numbers.end;
        last.win = win;
        self.retrans = 0;
    }
}

impl Sides<'_> {
    fn numbers(&self, segment: &Tcp<'_>) -> Numbers {
        let sack = if self.receiver.flags.has(Flags::SACK_PERM) {
            highest_ack(segment)
        } else {
            segment.ack()
        };
        let (seq, ack) = (segment.seq(), segment.ack());
        Numbers { seq, ack, sack, end: end_of(segment), win: segment.window().into() }
    }

    /// Learns where a side starts, or starts anew. True if that is all that the segment is good for: it is a SYN of
    /// the side that answers.
    fn learn_start(&mut self, segment: &Tcp<'_>, n: &Numbers, dir: Dir, state: State) -> bool {
        let (syn, ack) = (segment.flags().syn(), segment.flags().ack());
        if self.sender.max_win == 0 {
            if syn {
                self.start(segment, n, dir);
                return !ack;
            }
            self.join(n);
        } else if syn
            && after(n.end, self.sender.end)
            && matches!(state, State::SynSent | State::SynRecv)
        {
            // The side has started again, with another sequence number.
            self.start(segment, n, dir);
            return dir == Dir::Reply && !ack;
        }
        false
    }

    /// Takes the sender's start from its SYN (`tcp_init_sender()`). Windows are scaled only if both sides say so.
    fn start(&mut self, segment: &Tcp<'_>, n: &Numbers, dir: Dir) {
        self.sender.end = n.end;
        self.sender.max_end = n.end;
        self.sender.max_win = at_least_one(n.win);
        self.sender.read_options(segment);
        let both = [&self.sender, &self.receiver]
            .into_iter()
            .all(|side| side.flags.has(Flags::WINDOW_SCALE));
        if dir == Dir::Reply && !both {
            self.sender.scale = 0;
            self.receiver.scale = 0;
        }
    }

    /// Takes the sender's start from the middle of a connection.
    fn join(&mut self, n: &Numbers) {
        self.sender.end = n.end;
        self.sender.max_win = at_least_one(n.win << self.sender.scale);
        self.sender.max_end = n.end.wrapping_add(self.sender.max_win);
        if self.receiver.max_win == 0 {
            // Nothing of the other side was seen yet: it has sent what is acknowledged here.
            self.receiver.end = n.sack;
            self.receiver.max_end = n.sack;
        } else if n.sack == self.receiver.end.wrapping_add(1) {
            // It probably answers a keepalive.
            self.receiver.end = n.sack;
        }
    }

    /// The bound behind which an acknowledgment is too old.
    fn oldest_ack(&self) -> u32 {
        let window = self.sender.max_win.max(MAX_ACK_WIN);
        self.receiver.end.wrapping_sub(window).wrapping_sub(1)
    }

    /// Whether the segment ends within what the receiver can take, as far as its window is known.
    fn ends_in_window(&self, end: u32) -> bool {
        let oldest = self.sender.end.wrapping_sub(self.receiver.max_win).wrapping_sub(1);
        after(end, oldest)
    }

    fn judge(&mut self, n: &Numbers) -> Fit {
        let ack_was_sent = before(n.sack, self.receiver.end.wrapping_add(1));
        let ack_is_recent = after(n.sack, self.oldest_ack());
        if !before(n.seq, self.sender.max_end.wrapping_add(1)) {
            let over = n.end.wrapping_sub(self.sender.max_end).wrapping_add(1);
            let a_little = self.receiver.max_win != 0
                && self.ends_in_window(n.end)
                && ack_is_recent
                && over <= self.receiver.max_win
                && ack_was_sent;
            if !a_little {
                return Fit::Invalid;
            }
            // If it passes all the same and is acknowledged, that acknowledgment has to fit.
            self.sender.end = n.end;
            self.sender.flags.set(Flags::DATA_UNACKNOWLEDGED);
            return Fit::Ignore;
        }
        if !ack_was_sent {
            return Fit::Invalid;
        }
        let in_window = self.receiver.max_win == 0 || self.ends_in_window(n.end);
        if in_window && ack_is_recent { Fit::Accept } else { Fit::Ignore }
    }

    /// Learns from a segment that fits.
    fn learn(&mut self, segment: &Tcp<'_>, n: &mut Numbers) {
        let flags = segment.flags();
        if !flags.syn() {
            n.win <<= self.sender.scale;
        }
        let window = n.win.wrapping_add(n.sack.wrapping_sub(n.ack));
        self.sender.max_win = self.sender.max_win.max(window);
        if after(n.end, self.sender.end) {
            self.sender.end = n.end;
            self.sender.flags.set(Flags::DATA_UNACKNOWLEDGED);
        }
        if flags.ack() {
            let first = !self.sender.flags.has(Flags::MAXACK_SET);
            if first || after(n.ack, self.sender.max_ack) {
                self.sender.max_ack = n.ack;
                self.sender.flags.set(Flags::MAXACK_SET);
            }
        }
        if self.receiver.max_win != 0 && after(n.end, self.sender.max_end) {
            let over = n.end.wrapping_sub(self.sender.max_end);
            self.receiver.max_win = self.receiver.max_win.wrapping_add(over);
        }
        let edge = n.sack.wrapping_add(n.win);
        if after(edge, self.receiver.max_end.wrapping_sub(1)) {
            self.receiver.max_end = n.sack.wrapping_add(at_least_one(n.win));
        }
        if n.ack == self.receiver.end {
            self.receiver.flags.clear(Flags::DATA_UNACKNOWLEDGED);
        }
    }
}
