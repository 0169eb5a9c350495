//! What is left of a connection after its end (`net/ipv4/tcp_minisocks.c`).

use crate::id::SocketId;
use crate::kernel::{Flight, Kernel, Timer, TimerId};
use crate::netns::mib::LinuxMib;
use crate::packet::TcpFlags;
use crate::socket::queue::ReceiveQueue;
use crate::socket::tcp::options::{RxOptions, clock_ms};
use crate::socket::tcp::reset::{self, RateLimit, Reply};
use crate::socket::tcp::segment::Segment;
use crate::socket::tcp::seq::Seq;
use crate::socket::tcp::sk::sysctl;
use crate::socket::tcp::timer::HZ;
use crate::socket::tcp::{FourTuple, Sk, TcpEntry, TcpState};
use crate::socket::{ErrorQueue, Protocol, Shutdown, Socket, call};
use crate::sysctl::Sysctl;
use crate::time::SimTime;
use crate::trace::{DropReason, Observer};

/// How long it stays, in jiffies: 60 seconds (`TCP_TIMEWAIT_LEN`).
pub(super) const TIMEWAIT_LEN: u64 = 60 * HZ;
/// How far the first number of a connection that follows at once lies beyond the last one's.
const NEXT_ISN: u32 = 65535 + 2;

/// What is kept of a connection (`struct tcp_timewait_sock`).
#[derive(Clone, Debug)]
pub struct TimeWaitSock {
    /// FIN-WAIT-2 or TIME-WAIT.
    pub substate: TcpState,
    rcv_nxt: Seq,
    snd_nxt: Seq,
    rcv_wnd: u32,
    opt: RxOptions,
    limit: RateLimit,
    timer: Option<TimerId>,
}

impl TimeWaitSock {
    /// The number that is expected next (`tw_rcv_nxt`).
    #[cfg(test)]
    pub(super) fn rcv_nxt(&self) -> Seq {
        self.rcv_nxt
    }

    /// When its time is over.
    #[must_use]
    pub fn expires(&self) -> Option<SimTime> {
        self.timer.map(TimerId::set_to)
    }
}

/// What a segment does to it (`enum tcp_tw_status`).
enum Status {
    /// Nothing.
    Success,
    /// It is answered with an ACK.
    Ack,
    /// It does not belong here, and is answered with an ACK now and then (`TCP_TW_ACK_OOW`).
    AckOutOfWindow,
    /// It is answered with a reset, and that is the end.
    Reset,
    /// It begins a new connection, from this number on.
    Syn(Seq),
    /// That is the end.
    Kill,
}

impl<O: Observer> Sk<'_, O> {
    /// How long an orphan waits for the peer's FIN, in jiffies (`tcp_fin_time()`).
    pub(super) fn fin_time(&self) -> u64 {
        let rto = self.t().rtt.rto;
        self.t().fin_timeout.max((rto << 2) - (rto >> 1))
    }

    /// Replaces the connection by what has to be kept of it (`tcp_time_wait()`). `timeout` is in jiffies.
    pub(super) fn enter_time_wait(&mut self, substate: TcpState, timeout: u64) {
        let tuple = self.tuple();
        let socket = self.sock();
        let tp = socket.tcp();
        let rto = (tp.rtt.rto << 2) - (tp.rtt.rto >> 1);
        let timeout = if substate == TcpState::TimeWait { TIMEWAIT_LEN } else { timeout.max(rto) };
        let left = TimeWaitSock {
            substate,
            rcv_nxt: tp.rx.nxt,
            snd_nxt: tp.tx.nxt,
            rcv_wnd: tp.rx.window_left(),
            opt: tp.opt,
            limit: RateLimit::default(),
            timer: None,
        };
        let kept = Socket {
            netns: socket.netns,
            owner: None,
            opts: socket.opts.clone(),
            inet: socket.inet,
            memberships: Vec::new(),
            error: None,
            error_queue: ErrorQueue::default(),
            receive_queue: ReceiveQueue::default(),
            drops: 0,
            confirm_neigh: false,
            held: None,
            shutdown: Shutdown::BOTH,
            protocol: Protocol::TcpTimeWait(Box::new(left)),
        };
        let (netns, port) = (kept.netns, kept.inet.sport);
        let id = self.k.sockets.insert(kept);
        self.k.netns[netns].sockets.tcp_bound.insert(port, id);
        self.done();
        let short = timeout <= 4 * HZ;
        self.k.netns[netns].mib.linux.inc(if short {
            LinuxMib::TimeWaitKilled
        } else {
            LinuxMib::TimeWaited
        });
        self.k.netns[netns].sockets.tcp_connections.insert(tuple, TcpEntry::Socket(id));
        reschedule(self.k, id, timeout);
    }
}

/// Sets when it goes, in jiffies from now (`inet_twsk_reschedule()`).
fn reschedule(k: &mut Kernel, id: SocketId, timeout: u64) {
    let now = k.now;
    let Some(left) = time_wait(k, id) else { return };
    if let Some(old) = left.timer.take() {
        k.timers.disarm(old);
    }
    let timer = k.timers.arm_jiffies(now, now.jiffies() + timeout, Timer::TcpTimeWait(id));
    if let Some(left) = time_wait(k, id) {
        left.timer = Some(timer);
    }
}

fn time_wait(k: &mut Kernel, id: SocketId) -> Option<&mut TimeWaitSock> {
    let Protocol::TcpTimeWait(left) = &mut k.sockets.get_mut(id)?.protocol else { return None };
    Some(left)
}

/// Its time is over.
pub(super) fn expire(k: &mut Kernel, id: SocketId) {
    if time_wait(k, id).is_some() {
        kill(k, id);
    }
}

/// Removes it (`inet_twsk_deschedule_put()`).
pub(super) fn kill(k: &mut Kernel, id: SocketId) {
    if let Some(timer) = time_wait(k, id).and_then(|left| left.timer.take()) {
        k.timers.disarm(timer);
    }
    let socket = &k.sockets[id];
    let (inet, netns) = (socket.inet, socket.netns);
    let tuple =
        FourTuple { saddr: inet.saddr, sport: inet.sport, daddr: inet.daddr, dport: inet.dport };
    let table = &mut k.netns[netns].sockets.tcp_connections;
    if matches!(table.get(&tuple), Some(TcpEntry::Socket(other)) if *other == id) {
        table.swap_remove(&tuple);
    }
    call::remove(k, id);
}

/// Handles a segment for a connection that has ended; the first number of the new connection that it
/// begins, if it does.
///
/// # Errors
/// Why it was dropped.
pub(super) fn receive<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    f: &Flight,
    segment: &Segment,
    o: &mut O,
) -> Result<Option<Seq>, DropReason> {
    let now = k.now;
    let Some(left) = time_wait(k, id) else { return Ok(None) };
    let mut again = None;
    let paws = left.rejects_clock(segment, now);
    let both_ended = left.substate != TcpState::FinWait2;
    let status = if both_ended {
        left.in_time_wait(segment, paws, now, &mut again)
    } else {
        left.in_fin_wait2(segment, paws, now, &mut again)
    };
    if paws && both_ended {
        k.netns[f.netns].mib.linux.inc(LinuxMib::PawsTimeWait);
    }
    if let Some(timeout) = again {
        reschedule(k, id, timeout);
    }
    match status {
        Status::Syn(isn) => return Ok(Some(isn)),
        Status::Success => {}
        Status::Kill => kill(k, id),
        Status::Ack => acknowledge(k, id, f, segment, o),
        Status::AckOutOfWindow => acknowledge_limited(k, id, f, segment, o),
        Status::Reset => {
            let opts = &k.sockets[id].opts;
            let from = (opts.mark, opts.bound_dev);
            reset::send(k, f, segment, from, o);
            kill(k, id);
        }
    }
    Ok(None)
}

/// Sends the last ACK once more, if that was not done a moment ago (`tcp_timewait_check_oow_rate_limit()`).
pub(super) fn acknowledge_limited<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    f: &Flight,
    segment: &Segment,
    o: &mut O,
) {
    let (now, ratelimit) = (k.now, sysctl(k, f.netns, Sysctl::TcpInvalidRatelimit));
    let Some(left) = time_wait(k, id) else { return };
    let counts = segment.is_pure_ack() || segment.flags.syn();
    if !(counts && left.limit.is_exceeded(now, ratelimit)) {
        acknowledge(k, id, f, segment, o);
    }
}

/// Sends the last ACK once more (`tcp_v4_timewait_ack()`).
fn acknowledge<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    f: &Flight,
    segment: &Segment,
    o: &mut O,
) {
    let clock = clock_ms(k.now);
    let opts = &k.sockets[id].opts;
    let (tos, mark, dev) = (opts.tos, opts.mark, opts.bound_dev);
    let Some(left) = time_wait(k, id) else { return };
    let opt = &left.opt;
    let reply = Reply {
        seq: left.snd_nxt,
        ack: left.rcv_nxt,
        flags: TcpFlags::ACK,
        window: u16::try_from(left.rcv_wnd >> opt.rcv_wscale).unwrap_or(u16::MAX),
        timestamps: opt.timestamps(clock).filter(|(_, echo)| *echo != 0),
        tos,
        mark,
        dev,
    };
    reset::answer(k, f, segment, &reply, "tcp ack", o);
}

impl TimeWaitSock {
    /// Notes the clock of a segment, and tells whether it is too old (`tcp_paws_reject()`).
    fn rejects_clock(&mut self, segment: &Segment, now: SimTime) -> bool {
        self.opt.note_timestamps(&segment.options);
        if !self.opt.saw_tstamp || self.opt.ts_recent_stamp == 0 || self.opt.ts_recent == 0 {
            return false;
        }
        let older = Seq(self.opt.rcv_tsval).before(Seq(self.opt.ts_recent));
        // A reset is believed after a while, whatever its clock.
        let forgets =
            segment.flags.rst() && now.as_millis() / 1000 >= self.opt.ts_recent_stamp + 60;
        older && !forgets
    }

    fn note_clock(&mut self, now: SimTime) {
        if self.opt.saw_tstamp {
            self.opt.ts_recent = self.opt.rcv_tsval;
            self.opt.ts_recent_stamp = now.as_millis() / 1000 + 1;
        }
    }

    /// The peer's FIN is still to come.
    fn in_fin_wait2(
        &mut self,
        segment: &Segment,
        paws: bool,
        now: SimTime,
        again: &mut Option<u64>,
    ) -> Status {
        let edge = self.rcv_nxt.plus(self.rcv_wnd);
        if paws || !in_window(segment, self.rcv_nxt, edge) {
            return if segment.flags.rst() { Status::Success } else { Status::AckOutOfWindow };
        }
        if segment.flags.rst() {
            return Status::Kill;
        }
        if segment.flags.syn() && !segment.seq.before(self.rcv_nxt) {
            return Status::Reset;
        }
        if !segment.flags.ack() || !segment.end_seq.after(self.rcv_nxt) || segment.is_pure_ack() {
            return Status::Success;
        }
        if !segment.flags.fin() || segment.end_seq != self.rcv_nxt.plus(1) {
            return Status::Reset;
        }
        self.substate = TcpState::TimeWait;
        self.rcv_nxt = segment.end_seq;
        self.note_clock(now);
        *again = Some(TIMEWAIT_LEN);
        Status::Ack
    }

    /// Both FINs have been acknowledged.
    fn in_time_wait(
        &mut self,
        segment: &Segment,
        paws: bool,
        now: SimTime,
        again: &mut Option<u64>,
    ) -> Status {
        let rst = segment.flags.rst();
        if !paws && segment.seq == self.rcv_nxt && (segment.is_pure_ack() || rst) {
            if rst {
                return Status::Kill;
            }
            *again = Some(TIMEWAIT_LEN);
            self.note_clock(now);
            return Status::Success;
        }
        let newer_clock =
            self.opt.saw_tstamp && Seq(self.opt.ts_recent).before(Seq(self.opt.rcv_tsval));
        let plain_syn = segment.flags.syn() && !rst && !segment.flags.ack();
        if plain_syn && !paws && (segment.seq.after(self.rcv_nxt) || newer_clock) {
            let isn = self.snd_nxt.plus(NEXT_ISN);
            return Status::Syn(if isn.0 == 0 { Seq(1) } else { isn });
        }
        if rst {
            return Status::Success;
        }
        if paws || segment.flags.ack() {
            *again = Some(TIMEWAIT_LEN);
        }
        Status::AckOutOfWindow
    }
}

/// Whether a segment touches a window (`tcp_in_window()`).
pub(super) fn in_window(segment: &Segment, start: Seq, end: Seq) -> bool {
    let (seq, end_seq) = (segment.seq, segment.end_seq);
    seq == start || (end_seq.after(start) && seq.before(end)) || (seq == end && seq == end_seq)
}
