//! A SYN that was answered and waits for its ACK (`struct request_sock`).

use crate::errno::Errno;
use crate::family::V4;
use crate::id::{NetnsId, SocketId};
use crate::kernel::{Flight, Kernel, Place, Timer, TimerId};
use crate::netns::mib::{IpMib, LinuxMib, TcpMib};
use crate::netns::stack::{self, Decision};
use crate::packet::build::{
    ChecksumMode, Ipv4Params, PseudoHeader, TcpOptionBytes, TcpOptionParams, TcpParams, push_ipv4,
    push_tcp,
};
use crate::packet::{IpProto, TcpFlags};
use crate::route::FlowKey;
use crate::socket::PmtuDiscovery;
use crate::socket::flow::{self, Routed};
use crate::socket::options::SentOptions;
use crate::socket::output;
use crate::socket::output::LeavingOptions;
use crate::socket::tcp::options::{RxOptions, clock_ms};
use crate::socket::tcp::receive::{self as demux, to_socket};
use crate::socket::tcp::reset::{self, RateLimit, Reply};
use crate::socket::tcp::segment::Segment;
use crate::socket::tcp::seq::Seq;
use crate::socket::tcp::sk::sysctl;
use crate::socket::tcp::timer::HZ;
use crate::socket::tcp::timewait::in_window;
use crate::socket::tcp::{FourTuple, Sk, TcpEntry};
use crate::sysctl::Sysctl;
use crate::time::SimTime;
use crate::trace::{DropReason, Observer};

/// The longest time between two SYN-ACKs, in jiffies.
const MAX_TIMEOUT: u64 = 120 * HZ;

/// A connection request.
#[derive(Clone, Debug)]
pub struct RequestSock {
    /// The listening socket.
    pub listener: SocketId,
    /// The connection's addresses.
    pub tuple: FourTuple,
    /// The number of the peer's SYN.
    pub(super) rcv_isn: Seq,
    /// The number of this side's SYN.
    pub(super) snt_isn: Seq,
    /// What the peer's SYN offered and this side takes.
    pub(super) opt: RxOptions,
    /// The window that was offered.
    pub(super) rcv_wnd: u32,
    /// The MSS that was offered, without options.
    pub(super) advmss: u32,
    /// The largest window that the peer has offered.
    pub(super) snd_wnd: u32,
    /// Whether ECN was agreed on.
    pub(super) ecn_ok: bool,
    /// The IPv4 options that answer those of the SYN.
    pub(super) ip_options: Option<SentOptions>,
    /// The mark of the SYN.
    pub(super) mark: u32,
    /// When the SYN-ACK was sent first.
    pub(super) sent_at: SimTime,
    /// How often the timer ran out.
    pub(super) timeouts: u32,
    /// How often the SYN-ACK was sent again.
    pub(super) retransmits: u32,
    /// This side's clock in the first and in the last SYN-ACK.
    clocks: (u32, u32),
    /// The ACK came, but there was no room for the connection.
    acked: bool,
    limit: RateLimit,
    timer: Option<TimerId>,
}

impl RequestSock {
    /// When the SYN-ACK is sent again.
    #[must_use]
    pub fn expires(&self) -> Option<SimTime> {
        self.timer.map(TimerId::set_to)
    }

    /// A request that was not answered yet, and whose window and MSS are still to be chosen.
    pub(super) fn new(
        listener: SocketId,
        segment: &Segment,
        snt_isn: Seq,
        opt: RxOptions,
        mark: u32,
        now: SimTime,
    ) -> Self {
        Self {
            listener,
            tuple: segment.tuple(),
            rcv_isn: segment.seq,
            snt_isn,
            opt,
            rcv_wnd: 0,
            advmss: 0,
            snd_wnd: segment.window,
            ecn_ok: false,
            ip_options: None,
            mark,
            sent_at: now,
            timeouts: 0,
            retransmits: 0,
            clocks: (0, 0),
            acked: false,
            limit: RateLimit::default(),
            timer: None,
        }
    }

    /// The number that is expected next.
    pub(super) fn rcv_nxt(&self) -> Seq {
        self.rcv_isn.plus(1)
    }

    /// The time to the next SYN-ACK, in jiffies (`tcp_reqsk_timeout()`).
    fn timeout(&self) -> u64 {
        (HZ << self.timeouts.min(16)).min(MAX_TIMEOUT)
    }
}

/// The request at a tuple.
pub(super) fn find(k: &Kernel, netns: NetnsId, tuple: FourTuple) -> Option<&RequestSock> {
    match k.netns[netns].sockets.tcp_connections.get(&tuple)? {
        TcpEntry::Request(request) => Some(request),
        TcpEntry::Socket(_) => None,
    }
}

fn find_mut(k: &mut Kernel, netns: NetnsId, tuple: FourTuple) -> Option<&mut RequestSock> {
    match k.netns[netns].sockets.tcp_connections.get_mut(&tuple)? {
        TcpEntry::Request(request) => Some(request),
        TcpEntry::Socket(_) => None,
    }
}

/// Keeps a request and arms its timer (`reqsk_queue_hash_req()`).
pub(super) fn insert(k: &mut Kernel, netns: NetnsId, request: RequestSock) {
    let tuple = request.tuple;
    if let Some(listener) = k.sockets.get_mut(request.listener)
        && let Some(listener) = &mut listener.tcp_mut().listener
    {
        listener.requests += 1;
        listener.young += 1;
    }
    let table = &mut k.netns[netns].sockets.tcp_connections;
    table.insert(tuple, TcpEntry::Request(Box::new(request)));
    arm(k, netns, tuple);
}

fn arm(k: &mut Kernel, netns: NetnsId, tuple: FourTuple) {
    let now = k.now;
    let Some(request) = find_mut(k, netns, tuple) else { return };
    let (old, timeout) = (request.timer.take(), request.timeout());
    if let Some(old) = old {
        k.timers.disarm(old);
    }
    let what = Timer::TcpRequest(netns, tuple);
    let timer = k.timers.arm_jiffies(now, now.jiffies() + timeout, what);
    if let Some(request) = find_mut(k, netns, tuple) {
        request.timer = Some(timer);
    }
}

/// Forgets a request (`inet_csk_reqsk_queue_drop()`).
pub(super) fn remove(k: &mut Kernel, netns: NetnsId, tuple: FourTuple) -> Option<RequestSock> {
    find(k, netns, tuple)?;
    let table = &mut k.netns[netns].sockets.tcp_connections;
    let Some(TcpEntry::Request(request)) = table.swap_remove(&tuple) else { return None };
    if let Some(timer) = request.timer {
        k.timers.disarm(timer);
    }
    if let Some(listener) = k.sockets.get_mut(request.listener)
        && let Some(listener) = &mut listener.tcp_mut().listener
    {
        listener.requests = listener.requests.saturating_sub(1);
        if request.timeouts == 0 {
            listener.young = listener.young.saturating_sub(1);
        }
    }
    Some(*request)
}

/// The SYN-ACK was not acknowledged in time (`reqsk_timer_handler()`).
pub(super) fn expire<O: Observer>(k: &mut Kernel, netns: NetnsId, tuple: FourTuple, o: &mut O) {
    let Some(request) = find_mut(k, netns, tuple) else { return };
    request.timer = None;
    let (id, timeouts, acked) = (request.listener, request.timeouts, request.acked);
    let most = k
        .sockets
        .get(id)
        .and_then(|s| s.tcp().listener.as_deref())
        .map(|listener| listener.synack_retries(sysctl(k, netns, Sysctl::TcpSynackRetries)));
    if most.is_some() {
        k.netns[netns].mib.linux.inc(LinuxMib::Timeouts);
    }
    let expired = most.is_none_or(|most| timeouts >= most);
    if expired || !(retransmit(k, netns, tuple, o) || acked) {
        remove(k, netns, tuple);
        return;
    }
    if timeouts == 0
        && let Some(listener) = &mut k.sockets[id].tcp_mut().listener
    {
        listener.young = listener.young.saturating_sub(1);
    }
    if let Some(request) = find_mut(k, netns, tuple) {
        request.timeouts += 1;
    }
    arm(k, netns, tuple);
}

/// Sends the SYN-ACK once more (`tcp_rtx_synack()`); whether it left.
fn retransmit<O: Observer>(k: &mut Kernel, netns: NetnsId, tuple: FourTuple, o: &mut O) -> bool {
    if send_synack(k, netns, tuple, o).is_err() {
        return false;
    }
    if let Some(request) = find_mut(k, netns, tuple) {
        request.retransmits += 1;
    }
    let mib = &mut k.netns[netns].mib;
    mib.tcp.inc(TcpMib::RetransSegs);
    mib.linux.inc(LinuxMib::SynRetrans);
    true
}

/// The way of a SYN-ACK (`inet_csk_route_req()`).
///
/// # Errors
/// What routing answers.
pub(super) fn route(k: &mut Kernel, request: &RequestSock) -> Result<Routed, Errno> {
    let socket = k.sockets.get(request.listener).ok_or(Errno::EHOSTUNREACH)?;
    let first_hop = request.ip_options.as_ref().and_then(|options| options.parsed.faddr);
    let key = FlowKey::<V4> {
        src: request.tuple.saddr,
        oif: socket.opts.bound_dev,
        mark: request.mark,
        tos: socket.opts.tos,
        proto: IpProto::TCP.0,
        sport: request.tuple.sport,
        dport: request.tuple.dport,
        ..FlowKey::to(first_hop.unwrap_or(request.tuple.daddr))
    };
    let netns = socket.netns;
    let routed = flow::route(k, netns, &key);
    if routed.is_err() {
        k.netns[netns].mib.ip.inc(IpMib::OutNoRoutes);
    }
    Ok(Routed { daddr: request.tuple.daddr, ..routed? })
}

/// Sends the answer to a SYN (`tcp_v4_send_synack()`).
///
/// # Errors
/// What routing answers.
pub(super) fn send_synack<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    tuple: FourTuple,
    o: &mut O,
) -> Result<(), Errno> {
    let clock = clock_ms(k.now);
    let request = find(k, netns, tuple).ok_or(Errno::EHOSTUNREACH)?.clone();
    let routed = route(k, &request)?;
    let opt = &request.opt;
    let options = TcpOptionBytes::new(&TcpOptionParams {
        mss: u16::try_from(request.advmss).ok(),
        sack_permitted: opt.sack_ok,
        timestamps: opt.timestamps(clock),
        window_scale: opt.wscale_ok.then_some(opt.rcv_wscale),
        sack: &[],
    });
    let ecn = if request.ecn_ok { TcpFlags::ECE } else { TcpFlags::NONE };
    let params = TcpParams {
        src_port: tuple.sport,
        dst_port: tuple.dport,
        seq: request.snt_isn.0,
        ack: request.rcv_nxt().0,
        flags: TcpFlags::SYN | TcpFlags::ACK | ecn,
        window: u16::try_from(request.rcv_wnd).unwrap_or(u16::MAX),
        urgent_pointer: 0,
        options,
        checksum: ChecksumMode::Complete,
    };
    let mut skb = k.skb();
    push_tcp(&mut skb, &params, PseudoHeader::V4 { src: tuple.saddr, dst: tuple.daddr });
    let opts = &k.sockets[request.listener].opts;
    let df = opts.pmtu != PmtuDiscovery::Dont;
    let leaving = LeavingOptions::new(k, request.ip_options.as_ref(), &routed);
    let ip = Ipv4Params {
        ttl: output::select_ttl(k, request.listener, &routed.dst),
        tos: opts.tos,
        id: 0,
        df,
        options: leaving.bytes(),
        ..Ipv4Params::new(tuple.saddr, leaving.first_hop, IpProto::TCP)
    };
    push_ipv4(&mut skb, &ip);
    skb.meta.mark = request.mark;
    let flight = output::flight(k, request.listener, skb, routed.dst, Place::LocalOut, o);
    k.spawn(flight);
    k.netns[netns].mib.tcp.inc(TcpMib::OutSegs);
    if let Some(request) = find_mut(k, netns, tuple) {
        let clock = clock.wrapping_add(request.opt.ts_offset);
        if request.retransmits == 0 && request.clocks == (0, 0) {
            request.clocks.0 = clock;
        }
        request.clocks.1 = clock;
    }
    Ok(())
}

/// What a segment does to a request.
enum Verdict {
    /// Nothing more.
    Done(DropReason),
    /// The SYN came again: so does its answer.
    Repeat,
    /// The listening socket has to judge it.
    ToListener,
    /// It is answered with an ACK.
    Answer(DropReason),
    /// It is a reset that may be forged, and is answered with a challenge (RFC 5961, section 3.2).
    Challenge,
    /// Its answer would come too soon after another.
    Limited(LinuxMib, DropReason),
    /// It is answered with a reset, unless it is one, and that is the end.
    Kill,
    /// The connection is there.
    Accept,
}

impl Verdict {
    /// Why the segment is dropped, where the request alone decides that.
    const fn reason(&self) -> Option<DropReason> {
        match self {
            Self::Done(reason) | Self::Answer(reason) | Self::Limited(_, reason) => Some(*reason),
            Self::Repeat | Self::ToListener | Self::Challenge | Self::Kill | Self::Accept => None,
        }
    }
}

/// Handles a segment for a request (`tcp_check_req()`).
///
/// # Errors
/// Why it was dropped.
pub(super) fn receive<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    segment: &Segment,
    o: &mut O,
) -> Decision<()> {
    let (netns, tuple) = (f.netns, segment.tuple());
    let now = k.now;
    let ratelimit = sysctl(k, netns, Sysctl::TcpInvalidRatelimit);
    let Some(request) = find_mut(k, netns, tuple) else { return Err(DropReason::NoSocket) };
    let listener = request.listener;
    let verdict = request.judge(segment, now, ratelimit);
    if k.sockets.get(listener).is_none_or(|s| s.tcp().listener.is_none()) {
        // The listening socket was closed: another one may have taken its place.
        remove(k, netns, tuple);
        return demux::receive(k, f, o);
    }
    match verdict.reason() {
        Some(DropReason::TcpRfc7323Paws) => {
            k.netns[netns].mib.linux.inc(LinuxMib::PawsEstabRejected);
        }
        Some(DropReason::TcpRfc7323Tsecr) => {
            k.netns[netns].mib.linux.inc(LinuxMib::TsEcrRejected);
        }
        _ => {}
    }
    match verdict {
        Verdict::Done(reason) => Err(reason),
        Verdict::Repeat => {
            if retransmit(k, netns, tuple, o) {
                arm(k, netns, tuple);
            }
            Err(DropReason::NotSpecified)
        }
        Verdict::ToListener => to_socket(k, listener, f, o),
        Verdict::Answer(reason) => {
            answer(k, f, segment, o);
            Err(reason)
        }
        Verdict::Challenge => {
            k.netns[netns].mib.linux.inc(LinuxMib::ChallengeAck);
            answer(k, f, segment, o);
            Err(DropReason::NotSpecified)
        }
        Verdict::Limited(counter, reason) => {
            k.netns[netns].mib.linux.inc(counter);
            Err(reason)
        }
        Verdict::Kill => {
            k.netns[netns].mib.tcp.inc(TcpMib::AttemptFails);
            kill(k, f, segment, o);
            Err(DropReason::NotSpecified)
        }
        Verdict::Accept => accept(k, listener, f, segment, o),
    }
}

impl RequestSock {
    fn judge(&mut self, segment: &Segment, now: SimTime, ratelimit: u32) -> Verdict {
        let flags = segment.flags;
        let kind = (flags.rst(), flags.syn(), flags.ack());
        let limited = |this: &mut Self| {
            (segment.is_pure_ack() || flags.syn()) && this.limit.is_exceeded(now, ratelimit)
        };
        let (paws, wrong_echo) = self.check_clock(segment);
        if segment.seq == self.rcv_isn && kind == (false, true, false) && !paws {
            return if limited(self) {
                Verdict::Limited(LinuxMib::AckSkippedSynRecv, DropReason::NotSpecified)
            } else {
                Verdict::Repeat
            };
        }
        let edge = self.rcv_nxt().plus(self.rcv_wnd);
        let unacceptable = if paws {
            Some(DropReason::TcpRfc7323Paws)
        } else if wrong_echo {
            Some(DropReason::TcpRfc7323Tsecr)
        } else if !in_window(segment, self.rcv_nxt(), edge) {
            Some(DropReason::TcpOverwindow)
        } else {
            None
        };
        if flags.rst() {
            return if let Some(reason) = unacceptable {
                Verdict::Done(reason)
            } else if segment.seq == self.rcv_nxt() {
                Verdict::Kill
            } else if limited(self) {
                Verdict::Limited(LinuxMib::AckSkippedChallenge, DropReason::NotSpecified)
            } else {
                Verdict::Challenge
            };
        }
        if flags.ack() && segment.ack != self.snt_isn.plus(1) {
            return Verdict::ToListener;
        }
        if let Some(reason) = unacceptable {
            return if limited(self) {
                Verdict::Limited(LinuxMib::AckSkippedSynRecv, reason)
            } else {
                Verdict::Answer(reason)
            };
        }
        if let Some((value, _)) = segment.options.timestamps
            && self.opt.tstamp_ok
            && !segment.seq.after(self.rcv_nxt())
        {
            self.opt.ts_recent = value;
        }
        if flags.syn() && segment.seq != self.rcv_isn {
            return Verdict::Kill;
        }
        if flags.ack() { Verdict::Accept } else { Verdict::Done(DropReason::NotSpecified) }
    }

    /// Whether a segment's clock is too old, and whether it echoes a clock that was never sent.
    fn check_clock(&self, segment: &Segment) -> (bool, bool) {
        let Some((value, echo)) = segment.options.timestamps.filter(|_| self.opt.tstamp_ok) else {
            return (false, false);
        };
        let paws = Seq(value).before(Seq(self.opt.ts_recent)) && self.opt.ts_recent != 0;
        let (first, last) = self.clocks;
        let wrong = echo != 0 && !Seq(echo).between(Seq(first), Seq(last));
        (paws, wrong)
    }
}

/// Answers a segment out of window (`tcp_v4_reqsk_send_ack()`).
fn answer<O: Observer>(k: &mut Kernel, f: &Flight, segment: &Segment, o: &mut O) {
    let clock = clock_ms(k.now);
    let Some(request) = find(k, f.netns, segment.tuple()) else { return };
    let opt = &request.opt;
    let reply = Reply {
        seq: request.snt_isn.plus(1),
        ack: request.rcv_nxt(),
        flags: TcpFlags::ACK,
        window: u16::try_from(request.rcv_wnd.min(0xffff) >> opt.rcv_wscale).unwrap_or(u16::MAX),
        timestamps: opt.timestamps(clock).filter(|(_, echo)| *echo != 0),
        tos: segment.tos,
        mark: request.mark,
        dev: None,
    };
    reset::answer(k, f, segment, &reply, "tcp ack", o);
}

/// Ends a request (`embryonic_reset` of `tcp_check_req()`).
fn kill<O: Observer>(k: &mut Kernel, f: &Flight, segment: &Segment, o: &mut O) {
    let tuple = segment.tuple();
    let listener = find(k, f.netns, tuple).map(|request| request.listener);
    if let Some(socket) = listener.and_then(|id| k.sockets.get(id)) {
        let from = (socket.opts.mark, socket.opts.bound_dev);
        reset::send(k, f, segment, from, o);
    }
    if remove(k, f.netns, tuple).is_some() {
        k.netns[f.netns].mib.linux.inc(LinuxMib::EmbryonicRsts);
    }
}

/// The ACK makes the request a connection, if the listener has room for it.
fn accept<O: Observer>(
    k: &mut Kernel,
    listener: SocketId,
    f: &mut Flight,
    segment: &Segment,
    o: &mut O,
) -> Decision<()> {
    let (netns, tuple) = (f.netns, segment.tuple());
    let full = k.sockets[listener].tcp().listener.as_ref().is_none_or(|l| l.is_full());
    if full {
        let mib = &mut k.netns[netns].mib.linux;
        mib.inc(LinuxMib::ListenOverflows);
        mib.inc(LinuxMib::ListenDrops);
        if k.netns[netns].sysctl.is_on(Sysctl::TcpAbortOnOverflow) {
            kill(k, f, segment, o);
        } else if let Some(request) = find_mut(k, netns, tuple) {
            request.acked = true;
        }
        return Err(DropReason::TcpListenOverflow);
    }
    let Some(request) = remove(k, netns, tuple) else { return Err(DropReason::NoSocket) };
    let child = super::listen::make_child(k, &request);
    let result = match Sk::open(k, child, o) {
        Some(mut sk) => {
            sk.set_state(super::TcpState::SynRecv);
            sk.take_synack_rtt(&request);
            sk.tp().count.receive(&f.skb);
            let result = sk.receive_segment(f);
            sk.finish();
            result
        }
        None => Ok(()),
    };
    if k.sockets.get(child).is_some() {
        super::listen::queue_child(k, listener, child);
    }
    result?;
    stack::emit(k, f, o, |_| crate::trace::Event::Delivered { socket: child });
    Ok(())
}
