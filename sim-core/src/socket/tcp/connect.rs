//! Opening a connection (`tcp_v4_connect()`, `tcp_connect()`).

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::errno::Errno;
use crate::id::{NetnsId, SocketId};
use crate::kernel::{Flight, Kernel};
use crate::netns::mib::{LinuxMib, TcpMib};
use crate::packet::TcpFlags;
use crate::route::RouteType;
use crate::socket::flow::{self, Routed, Target};
use crate::socket::tcp::ecn::SYN_ECN;
use crate::socket::tcp::options::{TCP_MSS_DEFAULT, TSTAMP_ALIGNED};
use crate::socket::tcp::rtt::TIMEOUT_INIT;
use crate::socket::tcp::segment::Segment;
use crate::socket::tcp::send_queue::Chunk;
use crate::socket::tcp::seq::{Seq, len32};
use crate::socket::tcp::timer::WriteTimer;
use crate::socket::tcp::transmit::Outgoing;
use crate::socket::tcp::window::select_initial;
use crate::socket::tcp::{ConnectState, FourTuple, Sk, TcpEntry, TcpState, reset, secret};
use crate::socket::{Shutdown, bind};
use crate::sysctl::Sysctl;
use crate::trace::{DropReason, Observer};

/// The least MSS that is advertised, in bytes (`net.ipv4.route.min_adv_mss`).
const MIN_ADVMSS: u32 = 256;
/// The largest MSS that is advertised, in bytes.
const MAX_ADVMSS: u32 = 65535 - 40;

/// The MSS that a path MTU allows the peer (`ipv4_default_advmss()`).
pub(super) fn advertised_mss(mtu: u32) -> u32 {
    mtu.saturating_sub(40).clamp(MIN_ADVMSS, MAX_ADVMSS)
}

/// Begins to connect, or tells how far that has come (`inet_stream_connect()`).
///
/// # Errors
/// `EINPROGRESS` when it has begun, `EALREADY` while it goes on, `EISCONN` afterwards; how an attempt has
/// ended; what routing answers, `EADDRNOTAVAIL` when no port is left.
pub fn connect<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    to: SocketAddrV4,
    o: &mut O,
) -> Result<(), Errno> {
    let mut sk = Sk::open(k, id, o).ok_or(Errno::EOPNOTSUPP)?;
    sk.lock();
    let answer = sk.connect_locked(to);
    sk.release();
    let Some(mut sk) = Sk::open(k, id, o) else { return answer };
    if answer == Err(Errno::EINPROGRESS) { sk.connect_outcome() } else { answer }
}

impl<O: Observer> Sk<'_, O> {
    fn connect_locked(&mut self, to: SocketAddrV4) -> Result<(), Errno> {
        match self.t().connecting {
            ConnectState::Connected => return Err(Errno::EISCONN),
            ConnectState::Connecting => return self.connect_goes_on(),
            ConnectState::Unconnected => {}
        }
        if self.t().state != TcpState::Close {
            return Err(Errno::EISCONN);
        }
        let before = self.sock().inet;
        let answer = self.begin(to);
        if answer.is_err() {
            let port_bound = self.sock().inet.port_locked;
            if self.sock().inet.sport != 0 && !port_bound {
                bind::release_port(self.k, self.id);
            }
            let sport = self.sock().inet.sport;
            self.sock_mut().inet = before;
            self.sock_mut().inet.sport = sport;
            return answer;
        }
        self.tp().connecting = ConnectState::Connecting;
        Err(Errno::EINPROGRESS)
    }

    /// An attempt was made before.
    fn connect_goes_on(&mut self) -> Result<(), Errno> {
        if self.t().state.is_opening() { Err(Errno::EALREADY) } else { self.connect_outcome() }
    }

    /// How the attempt has ended, or that it has not.
    fn connect_outcome(&mut self) -> Result<(), Errno> {
        if self.t().state.is_opening() {
            return Err(Errno::EINPROGRESS);
        }
        if self.t().state == TcpState::Close {
            self.tp().connecting = ConnectState::Unconnected;
            let socket = self.sock_mut();
            socket.shutdown = Shutdown::default();
            return Err(socket.error.take().unwrap_or(Errno::ECONNABORTED));
        }
        self.tp().connecting = ConnectState::Connected;
        Ok(())
    }

    /// Finds the way, takes a port and sends the SYN (`tcp_v4_connect()`).
    fn begin(&mut self, to: SocketAddrV4) -> Result<(), Errno> {
        let routed = self.find_way(to, flow::route_asked_twice)?;
        let inet = &mut self.sock_mut().inet;
        if inet.saddr.is_unspecified() {
            inet.saddr = routed.saddr;
        }
        if inet.rcv_saddr.is_unspecified() {
            inet.rcv_saddr = routed.saddr;
        }
        (inet.daddr, inet.dport) = (routed.daddr, to.port());
        inet.connected = true;
        self.take_tuple()?;
        // The way may depend on the port.
        let routed = self.find_way(to, flow::route_held)?;
        let ip_id = self.k.rng.stream("ip.id").next_u16();
        self.sock_mut().inet.id = ip_id;
        let tuple = self.tuple();
        let isn = secret::isn(self.k, &tuple);
        self.tp().opt.ts_offset = self.ts_offset(tuple.saddr, tuple.daddr);
        self.tp().opt.mss_clamp = TCP_MSS_DEFAULT;
        self.set_state(TcpState::SynSent);
        self.init_syn(isn, len32(flow::mtu(self.k, &routed.dst)));
        self.send_syn();
        Ok(())
    }

    fn find_way(&mut self, to: SocketAddrV4, ask: flow::Ask) -> Result<Routed, Errno> {
        let key = flow::flow_key(self.sock(), Target { daddr: *to.ip(), dport: to.port() });
        let routed = ask(self.k, self.id, &key);
        let routed = flow::counted(self.k, self.id, routed)?;
        if matches!(routed.dst.kind, RouteType::Multicast | RouteType::Broadcast) {
            return Err(Errno::ENETUNREACH);
        }
        Ok(routed)
    }

    /// The displacement of this side's clock.
    pub(super) fn ts_offset(&mut self, saddr: Ipv4Addr, daddr: Ipv4Addr) -> u32 {
        let netns = self.sock().netns;
        ts_offset(self.k, netns, saddr, daddr)
    }

    /// Enters the connection into the table, with a port of its own if it has none
    /// (`inet_hash_connect()`).
    fn take_tuple(&mut self) -> Result<(), Errno> {
        if self.sock().inet.sport == 0 {
            let port = self.free_port().ok_or(Errno::EADDRNOTAVAIL)?;
            let netns = self.sock().netns;
            self.sock_mut().inet.sport = port;
            self.k.netns[netns].sockets.tcp_bound.insert(port, self.id);
        }
        let (tuple, netns, id) = (self.tuple(), self.sock().netns, self.id);
        let table = &mut self.k.netns[netns].sockets.tcp_connections;
        if table.contains_key(&tuple) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        table.insert(tuple, TcpEntry::Socket(id));
        Ok(())
    }

    /// A port for which the connection is not there yet, and that nobody has bound to: even distances from
    /// the first port of the range before odd ones (`__inet_hash_connect()`).
    fn free_port(&mut self) -> Option<u16> {
        let netns = self.sock().netns;
        let (low, high) = self.k.netns[netns].sysctl.local_ports();
        let count = u32::from(high.checked_sub(low)?) + 1;
        let count = if count > 1 { count & !1 } else { 1 };
        let first = self.k.rng.stream("tcp.port").below(count) & !1;
        let even = (0..count).step_by(2).map(|step| (first + step) % count);
        let odd = (0..count).step_by(2).map(|step| (first + 1 + step) % count);
        even.chain(odd).find_map(|offset| {
            let port = u16::try_from(u32::from(low) + offset).ok()?;
            let tables = &self.k.netns[netns].sockets;
            let bound = tables.tcp_bound.at(port);
            let taken = bound.iter().any(|id| self.k.sockets[*id].inet.port_locked)
                || tables.tcp_connections.contains_key(&FourTuple { sport: port, ..self.tuple() });
            (!taken).then_some(port)
        })
    }

    /// Sets what a SYN offers (`tcp_connect_init()`).
    fn init_syn(&mut self, isn: Seq, mtu: u32) {
        let sysctl = &self.k.netns[self.sock().netns].sysctl;
        let timestamps = sysctl.is_on(Sysctl::TcpTimestamps);
        let scaling = sysctl.is_on(Sysctl::TcpWindowScaling);
        let opts = &self.sock().opts;
        let (rcvbuf, locked) = (opts.rcvbuf, opts.rcvbuf_locked);
        let most = if locked { 0 } else { self.rmem_max() };
        self.sync_mss(mtu);
        let tp = self.tp();
        if timestamps {
            // Until the answer is there, timestamps are counted on.
            tp.tx.mss = tp.tx.mss.saturating_sub(TSTAMP_ALIGNED);
        }
        tp.rx.advmss = tp.opt.clamp_mss(advertised_mss(mtu));
        tp.ack.guess_mss(tp.rx.advmss, tp.tx.mss, tp.rx.wnd);
        let space = tp.rx.full_space(rcvbuf);
        tp.rx.clamp = if locked { space } else { u32::MAX };
        let offer = select_initial(space, tp.rx.advmss, scaling, most);
        tp.rx.wnd = offer.window;
        tp.rx.ssthresh = offer.window;
        tp.opt.rcv_wscale = offer.scale;
        tp.rx.nxt = Seq(0);
        tp.rx.wup = Seq(0);
        tp.rx.copied = Seq(0);
        tp.tx.wnd = 0;
        tp.tx.max_wnd = 0;
        tp.tx.start(isn);
        tp.rtt.rto = TIMEOUT_INIT;
        tp.loss.retransmits = 0;
        self.sock_mut().error = None;
    }

    /// Sends the SYN and waits for its answer (`tcp_connect()`).
    fn send_syn(&mut self) {
        let ecn = self.k.netns[self.sock().netns].sysctl.get(Sysctl::TcpEcn) == 1;
        let (now, clock) = (self.k.now, self.clock());
        let tp = self.tp();
        tp.ecn.ok = ecn;
        tp.loss.retrans_stamp = Some(clock);
        let flags = if ecn { TcpFlags::SYN | SYN_ECN } else { TcpFlags::SYN };
        let mut syn = Chunk::bare(tp.tx.write_seq, flags);
        syn.sent_at = now;
        syn.segs = 1;
        let out = Outgoing::of(&syn);
        tp.tx.push(syn);
        // The SYN is sent again if it does not leave now.
        let _sent = self.transmit(&out);
        let tx = &mut self.tp().tx;
        tx.advance();
        tx.pushed = tx.write_seq;
        self.tcp_mib(TcpMib::ActiveOpens);
        let rto = self.t().rtt.rto;
        self.arm_write(WriteTimer::Retransmit, rto);
    }

    /// A segment for a socket that has sent its SYN (`tcp_rcv_synsent_state_process()`).
    pub(super) fn in_syn_sent(&mut self, segment: &Segment, f: &Flight) -> Result<(), DropReason> {
        let saved = self.t().opt;
        self.note_syn_options(segment);
        let result = if segment.flags.ack() {
            self.syn_was_acked(segment, f)
        } else if segment.flags.rst() {
            Err(DropReason::TcpReset)
        } else if segment.flags.syn() {
            self.syn_crossed(segment);
            return Ok(());
        } else {
            Err(DropReason::TcpFlags)
        };
        if result.is_err() {
            self.tp().opt = saved;
        }
        result
    }

    /// Takes what the peer's SYN offers, as far as this side offered it too.
    fn note_syn_options(&mut self, segment: &Segment) {
        let sysctl = &self.k.netns[self.sock().netns].sysctl;
        let timestamps = sysctl.is_on(Sysctl::TcpTimestamps);
        let scaling = sysctl.is_on(Sysctl::TcpWindowScaling);
        let sack = sysctl.is_on(Sysctl::TcpSack);
        let offered = segment.options;
        let opt = &mut self.tp().opt;
        opt.saw_tstamp = false;
        if let Some(mss) = offered.mss {
            opt.mss_clamp = opt.clamp_mss(u32::from(mss));
        }
        if let Some((value, echo)) = offered.timestamps.filter(|_| timestamps) {
            opt.saw_tstamp = true;
            opt.rcv_tsval = value;
            opt.rcv_tsecr = if echo == 0 { 0 } else { echo.wrapping_sub(opt.ts_offset) };
        }
        opt.sack_ok = offered.sack_permitted && sack;
        opt.wscale_ok = offered.window_scale.is_some() && scaling;
        opt.snd_wscale = offered.window_scale.filter(|_| scaling).unwrap_or(0);
    }

    fn syn_was_acked(&mut self, segment: &Segment, f: &Flight) -> Result<(), DropReason> {
        let clock = self.clock();
        let tp = self.t();
        let acceptable = segment.ack.after(tp.tx.una) && !segment.ack.after(tp.tx.nxt);
        if !acceptable {
            if tp.loss.retransmits == 0 {
                self.arm_write(WriteTimer::Retransmit, 2);
            }
            reset::send_for(self, segment, f);
            return Err(DropReason::TcpInvalidAckSequence);
        }
        let first = Seq(tp.loss.retrans_stamp.unwrap_or(clock));
        let echo = Seq(tp.opt.rcv_tsecr);
        if tp.opt.saw_tstamp && echo.0 != 0 && !echo.between(first, Seq(clock)) {
            self.mib(LinuxMib::PawsActiveRejected);
            reset::send_for(self, segment, f);
            return Err(DropReason::TcpRfc7323Paws);
        }
        if segment.flags.rst() {
            self.done_with_error(Errno::ECONNREFUSED);
            return Ok(());
        }
        if !segment.flags.syn() {
            return Err(DropReason::TcpFlags);
        }
        self.establish_active(segment);
        Ok(())
    }

    /// The SYN was answered with a SYN.
    fn establish_active(&mut self, segment: &Segment) {
        let now = self.k.now;
        let tp = self.tp();
        tp.ecn.receive_syn_ack(segment.flags);
        tp.tx.wl1 = segment.seq;
        // What it acknowledges was checked.
        let _valid = self.ack(segment, super::ack::AckFlags::default());
        let tp = self.tp();
        let next = segment.seq.plus(1);
        (tp.rx.nxt, tp.rx.wup, tp.rx.copied) = (next, next, next);
        tp.count.first_byte = next;
        tp.tx.wnd = segment.window;
        if !tp.opt.wscale_ok {
            tp.opt.snd_wscale = 0;
            tp.opt.rcv_wscale = 0;
            tp.rx.clamp = tp.rx.clamp.min(0xffff);
        }
        if tp.opt.saw_tstamp {
            tp.opt.tstamp_ok = true;
            tp.rx.advmss = tp.rx.advmss.saturating_sub(TSTAMP_ALIGNED);
            tp.store_ts_recent(now);
        }
        let mtu = tp.tx.pmtu;
        self.sync_mss(mtu);
        let tp = self.tp();
        tp.ack.guess_mss(tp.rx.advmss, tp.tx.mss, tp.rx.wnd);
        tp.ack.last_data = now.jiffies();
        self.set_state(TcpState::Established);
        self.init_transfer();
        self.tp().tx.last_data = now.jiffies();
        self.k.wake(self.id);
        if self.t().ack.pingpong {
            let tp = self.tp();
            tp.ack.scheduled = true;
            tp.ack.enter_quick(tp.rx.wnd, super::delack::MAX_QUICKACKS);
            let due = now.jiffies() + 50;
            self.tp().timers.delack_due = Some(due);
            self.arm(super::TcpTimer::DelayedAck, due);
            return;
        }
        self.send_ack();
        self.data_send_check();
    }

    /// Both sides have sent a SYN at the same time.
    fn syn_crossed(&mut self, segment: &Segment) {
        let now = self.k.now;
        self.set_state(TcpState::SynRecv);
        let tp = self.tp();
        if tp.opt.saw_tstamp {
            tp.opt.tstamp_ok = true;
            tp.store_ts_recent(now);
        }
        let next = segment.seq.plus(1);
        (tp.rx.nxt, tp.rx.wup, tp.rx.copied) = (next, next, next);
        tp.count.first_byte = next;
        tp.tx.wnd = segment.window;
        tp.tx.wl1 = segment.seq;
        tp.tx.max_wnd = segment.window;
        tp.ecn.ok &= segment.flags.contains(SYN_ECN);
        let mtu = tp.tx.pmtu;
        self.sync_mss(mtu);
        let tp = self.tp();
        tp.ack.guess_mss(tp.rx.advmss, tp.tx.mss, tp.rx.wnd);
        let ecn = if tp.ecn.ok { TcpFlags::ECE } else { TcpFlags::NONE };
        let Some(syn) = tp.tx.rtx_at_mut(0) else { return };
        syn.flags = TcpFlags::SYN | TcpFlags::ACK | ecn;
        syn.sent_at = now;
        let out = Outgoing::of(syn);
        self.send_or_forget(&out);
    }
}

/// The displacement of the clock that connections between two hosts show.
pub(super) fn ts_offset(k: &mut Kernel, netns: NetnsId, saddr: Ipv4Addr, daddr: Ipv4Addr) -> u32 {
    if k.netns[netns].sysctl.get(Sysctl::TcpTimestamps) == 1 {
        secret::ts_offset(k, saddr, daddr)
    } else {
        0
    }
}
