//! Listening: from a SYN to an accepted connection (`net/ipv4/inet_connection_sock.c`).

use std::collections::VecDeque;

use crate::errno::Errno;
use crate::id::SocketId;
use crate::ip::options::echo;
use crate::kernel::{Flight, Kernel};
use crate::netns::mib::{LinuxMib, TcpMib};
use crate::route::RouteType;
use crate::socket::flow;
use crate::socket::options::SentOptions;
use crate::socket::queue::ReceiveQueue;
use crate::socket::tcp::ecn::{ECN_MASK, SYN_ECN};
use crate::socket::tcp::options::{RxOptions, TCP_MSS_DEFAULT, TSTAMP_ALIGNED};
use crate::socket::tcp::rack::micros;
use crate::socket::tcp::request::{self, RequestSock};
use crate::socket::tcp::segment::Segment;
use crate::socket::tcp::seq::len32;
use crate::socket::tcp::sk::sysctl;
use crate::socket::tcp::window::select_initial;
use crate::socket::tcp::{ConnectState, Sk, TcpEntry, TcpSock, TcpState, connect, reset, secret};
use crate::socket::{ErrorQueue, InetSock, Protocol, Shutdown, Socket, bind};
use crate::sysctl::Sysctl;
use crate::trace::{DropReason, Observer};

/// What a listening socket has (`struct request_sock_queue`).
#[derive(Clone, Debug, Default)]
pub struct Listener {
    /// How many connections may wait to be accepted (`sk_max_ack_backlog`).
    pub backlog: u32,
    /// Those that wait, oldest first (`icsk_accept_queue`).
    pub accept_queue: VecDeque<SocketId>,
    /// How many requests wait for their ACK (`qlen`).
    pub requests: u32,
    /// Those whose SYN-ACK was sent only once (`young`).
    pub(super) young: u32,
}

impl Listener {
    /// Whether no connection more can wait (`sk_acceptq_is_full()`): one more than asked for may.
    pub(super) fn is_full(&self) -> bool {
        len32(self.accept_queue.len()) > self.backlog
    }

    /// Whether no request more can wait (`inet_csk_reqsk_queue_is_full()`).
    fn has_too_many_requests(&self) -> bool {
        self.requests >= self.backlog
    }

    /// How often a SYN-ACK is sent again: less often when many wait (`reqsk_timer_handler()`).
    pub(super) fn synack_retries(&self, asked: u32) -> u32 {
        let mut retries = asked;
        if self.requests << 1 > self.backlog.max(8) {
            let mut young = self.young << 1;
            while retries > 2 && self.requests >= young {
                retries -= 1;
                young <<= 1;
            }
        }
        retries
    }
}

/// Has a socket accept connections (`listen(2)`).
///
/// # Errors
/// `EINVAL` for a connected socket, `EADDRINUSE` when another socket listens at its port.
pub fn listen(k: &mut Kernel, id: SocketId, backlog: u32) -> Result<(), Errno> {
    let socket = k.sockets.get(id).ok_or(Errno::EBADF)?;
    let Protocol::Tcp(tcp) = &socket.protocol else { return Err(Errno::EOPNOTSUPP) };
    let netns = socket.netns;
    let most = sysctl(k, netns, Sysctl::CoreSomaxconn);
    let backlog = backlog.min(most);
    let unused = tcp.state == TcpState::Close && tcp.connecting == ConnectState::Unconnected;
    if let Some(listener) = &mut k.sockets[id].tcp_mut().listener {
        listener.backlog = backlog;
        return Ok(());
    }
    if !unused {
        return Err(Errno::EINVAL);
    }
    if k.sockets[id].inet.sport == 0 {
        bind::autobind(k, id).map_err(|_| Errno::EADDRINUSE)?;
    }
    k.sockets[id].tcp_mut().state = TcpState::Listen;
    if bind::conflicts(k, id, k.sockets[id].inet.sport) {
        k.sockets[id].tcp_mut().state = TcpState::Close;
        return Err(Errno::EADDRINUSE);
    }
    let port = k.sockets[id].inet.sport;
    let listener = Listener { backlog, ..Listener::default() };
    k.sockets[id].tcp_mut().listener = Some(Box::new(listener));
    k.netns[netns].sockets.tcp_listening.insert(port, id);
    Ok(())
}

/// Takes the oldest connection that waits (`accept(2)`). The caller owns the new socket.
///
/// # Errors
/// `EAGAIN` when there is none, `EINVAL` for a socket that does not listen.
pub fn accept(k: &mut Kernel, id: SocketId) -> Result<SocketId, Errno> {
    let socket = k.sockets.get_mut(id).ok_or(Errno::EBADF)?;
    let Protocol::Tcp(tcp) = &mut socket.protocol else { return Err(Errno::EOPNOTSUPP) };
    let listener = tcp.listener.as_mut().ok_or(Errno::EINVAL)?;
    let child = listener.accept_queue.pop_front().ok_or(Errno::EAGAIN)?;
    let tcp = k.sockets[child].tcp_mut();
    tcp.parent = None;
    tcp.connecting = ConnectState::Connected;
    Ok(child)
}

/// Lets a new connection wait to be accepted (`inet_csk_reqsk_queue_add()`).
pub(super) fn queue_child(k: &mut Kernel, listener: SocketId, child: SocketId) {
    if let Some(queue) = &mut k.sockets[listener].tcp_mut().listener {
        queue.accept_queue.push_back(child);
        k.wake(listener);
    }
}

impl<O: Observer> Sk<'_, O> {
    /// A segment for a listening socket.
    pub(super) fn in_listen(&mut self, segment: &Segment, f: &Flight) -> Result<(), DropReason> {
        let flags = segment.flags;
        if flags.ack() {
            reset::send_for(self, segment, f);
            return Err(DropReason::TcpFlags);
        }
        if flags.rst() {
            return Err(DropReason::TcpReset);
        }
        if !flags.syn() || flags.fin() {
            return Err(DropReason::TcpFlags);
        }
        let group = f
            .dst
            .is_some_and(|dst| matches!(dst.kind, RouteType::Broadcast | RouteType::Multicast));
        if group {
            return self.refuse(DropReason::NotSpecified);
        }
        self.request(segment, f)
    }

    fn refuse(&mut self, reason: DropReason) -> Result<(), DropReason> {
        self.mib(LinuxMib::ListenDrops);
        Err(reason)
    }

    /// Answers a SYN and keeps it in mind (`tcp_conn_request()`).
    fn request(&mut self, segment: &Segment, f: &Flight) -> Result<(), DropReason> {
        let Some(listener) = &self.t().listener else { return Err(DropReason::NoSocket) };
        let (crowded, full) = (listener.has_too_many_requests(), listener.is_full());
        if crowded && self.t().reuse_isn.is_none() {
            self.mib(LinuxMib::ReqQFullDrop);
            return self.refuse(DropReason::NotSpecified);
        }
        if full {
            self.mib(LinuxMib::ListenOverflows);
            return self.refuse(DropReason::NotSpecified);
        }
        let netns = f.netns;
        let tuple = segment.tuple();
        let reused = self.t().reuse_isn;
        let isn = reused.unwrap_or_else(|| secret::isn(self.k, &tuple));
        let mut opt = self.negotiate(segment);
        opt.ts_offset = connect::ts_offset(self.k, netns, tuple.saddr, tuple.daddr);
        let (now, mark) = (self.k.now, self.sock().opts.mark);
        let mut request = RequestSock::new(self.id, segment, isn, opt, mark, now);
        request.ip_options = echo(self.k, f).as_ref().and_then(SentOptions::answering);
        let Ok(routed) = request::route(self.k, &request) else {
            return self.refuse(DropReason::IpOutNoRoutes);
        };
        let mtu = len32(flow::mtu(self.k, &routed.dst));
        request.advmss = opt.clamp_mss(connect::advertised_mss(mtu));
        self.offer_window(&mut request);
        request.ecn_ok = segment.flags.contains(SYN_ECN)
            && segment.tos & ECN_MASK == 0
            && self.sysctl(Sysctl::TcpEcn) != 0;
        request::insert(self.k, netns, request);
        // A SYN-ACK that cannot leave is sent again later.
        let _sent = request::send_synack(self.k, netns, tuple, self.o);
        Ok(())
    }

    /// Takes what both sides offer (`tcp_openreq_init()`).
    fn negotiate(&self, segment: &Segment) -> RxOptions {
        let sysctl = &self.k.netns[self.sock().netns].sysctl;
        let on = |key: Sysctl| sysctl.is_on(key);
        let user_mss = self.t().opt.user_mss;
        let offered = &segment.options;
        let mut opt = RxOptions { user_mss, ..RxOptions::default() };
        let mss = offered.mss.map_or(TCP_MSS_DEFAULT, u32::from);
        opt.mss_clamp = opt.clamp_mss(mss);
        if let Some((value, _)) = offered.timestamps
            && on(Sysctl::TcpTimestamps)
        {
            opt.tstamp_ok = true;
            opt.ts_recent = value;
        }
        opt.sack_ok = offered.sack_permitted && on(Sysctl::TcpSack);
        if let Some(scale) = offered.window_scale
            && on(Sysctl::TcpWindowScaling)
        {
            opt.wscale_ok = true;
            opt.snd_wscale = scale;
        }
        opt
    }

    /// Chooses the window of a SYN-ACK (`tcp_openreq_init_rwin()`).
    fn offer_window(&self, request: &mut RequestSock) {
        let opts = &self.sock().opts;
        let space = self.t().rx.full_space(opts.rcvbuf);
        let timestamps = if request.opt.tstamp_ok { TSTAMP_ALIGNED } else { 0 };
        let mss = request.advmss.saturating_sub(timestamps);
        let most = if opts.rcvbuf_locked { 0 } else { self.rmem_max() };
        let offer = select_initial(space, mss, request.opt.wscale_ok, most);
        request.rcv_wnd = offer.window;
        request.opt.rcv_wscale = offer.scale;
    }

    /// Takes the round trip of the SYN-ACK (`tcp_synack_rtt_meas()`).
    pub(super) fn take_synack_rtt(&mut self, request: &RequestSock) {
        if request.retransmits == 0 {
            let us = micros(self.k.now, request.sent_at);
            let tp = self.tp();
            let (una, nxt) = (tp.tx.una, tp.tx.nxt);
            tp.rtt.sample(us, una, nxt);
        }
    }

    /// The peer has acknowledged the SYN-ACK (SYN-RECEIVED in `tcp_rcv_state_process()`).
    pub(super) fn establish_passive(&mut self, segment: &Segment) {
        self.init_transfer();
        let tp = self.tp();
        tp.rx.copied = tp.rx.nxt;
        tp.loss.retrans_stamp = None;
        self.set_state(TcpState::Established);
        let now = self.k.now.jiffies();
        let tp = self.tp();
        tp.tx.una = segment.ack;
        tp.tx.wnd = segment.window << tp.opt.snd_wscale;
        tp.tx.wl1 = segment.seq;
        tp.tx.last_data = now;
        tp.ack.guess_mss(tp.rx.advmss, tp.tx.mss, tp.rx.wnd);
        if tp.connecting == ConnectState::Connecting {
            tp.connecting = ConnectState::Connected;
        }
        self.k.wake(self.id);
        if self.sock().shutdown.write {
            self.shutdown_write();
        }
    }

    /// Sets what depends on an established connection (`tcp_init_transfer()`).
    pub(super) fn init_transfer(&mut self) {
        let now = self.k.now;
        let socket = self.sock_mut();
        socket.confirm_neigh = true;
        let rcvbuf = socket.opts.rcvbuf;
        let tp = self.tp();
        tp.tx.reno = !tp.opt.sack_ok;
        tp.rtt.fall_back();
        tp.ca.cwnd = super::congestion::INIT_CWND;
        if tp.loss.total_retrans > 1 && tp.loss.undo_marker.is_none() {
            tp.ca.cwnd = 1;
        }
        tp.ca.cwnd_stamp = now.jiffies();
        tp.rx.init_space(rcvbuf, now);
        self.expand_sndbuf();
    }

    /// The listening socket goes: so do the connections that nobody has accepted
    /// (`inet_csk_listen_stop()`).
    pub(super) fn stop_listening(&mut self) {
        let (id, netns, port) = (self.id, self.sock().netns, self.sock().inet.sport);
        self.k.netns[netns].sockets.tcp_listening.remove(port, id);
        let Some(listener) = self.tp().listener.take() else { return };
        self.tp().state = TcpState::Close;
        for child in listener.accept_queue {
            if let Some(mut sk) = Sk::open(self.k, child, self.o) {
                sk.in_process = true;
                sk.abort();
            }
        }
    }
}

/// Makes the socket of a connection that was requested (`tcp_create_openreq_child()`).
pub(super) fn make_child(k: &mut Kernel, request: &RequestSock) -> SocketId {
    let ip_id = k.rng.stream("ip.id").next_u16();
    let parent = &k.sockets[request.listener];
    let netns = parent.netns;
    let tuple = request.tuple;
    let mut opts = parent.opts.clone();
    opts.mark = request.mark;
    opts.ip_options.clone_from(&request.ip_options);
    let mut tcp = TcpSock::new(&k.netns[netns].sysctl, &mut parent.opts.clone());
    child_state(&mut tcp, parent.tcp(), request, k.now.jiffies());
    let child = k.sockets.insert(Socket {
        netns,
        owner: None,
        opts,
        inet: InetSock {
            rcv_saddr: tuple.saddr,
            saddr: tuple.saddr,
            sport: tuple.sport,
            daddr: tuple.daddr,
            dport: tuple.dport,
            connected: true,
            id: ip_id,
            addr_locked: true,
            port_locked: false,
        },
        memberships: Vec::new(),
        error: None,
        error_queue: ErrorQueue::default(),
        receive_queue: ReceiveQueue::default(),
        drops: 0,
        confirm_neigh: false,
        held: None,
        shutdown: Shutdown::default(),
        protocol: Protocol::Tcp(Box::new(tcp)),
    });
    let tables = &mut k.netns[netns].sockets;
    tables.tcp_bound.insert(tuple.sport, child);
    tables.tcp_connections.insert(tuple, TcpEntry::Socket(child));
    k.netns[netns].mib.tcp.inc(TcpMib::PassiveOpens);
    let mtu = request::route(k, request).map_or(1500, |routed| len32(flow::mtu(k, &routed.dst)));
    let least = sysctl(k, netns, Sysctl::TcpMinSndMss);
    let tcp = k.sockets[child].tcp_mut();
    tcp.tx.pmtu = mtu;
    tcp.tx.mss = tcp.mss_for_mtu(mtu, least);
    child
}

fn child_state(tcp: &mut TcpSock, parent: &TcpSock, request: &RequestSock, now: u64) {
    tcp.parent = Some(request.listener);
    tcp.opt = request.opt;
    tcp.opt.ts_recent_stamp = now / 250 + 1;
    tcp.ecn.ok = request.ecn_ok;
    tcp.fin_timeout = parent.fin_timeout;
    let next = request.snt_isn.plus(1);
    tcp.tx.start(next);
    tcp.tx.nodelay = parent.tx.nodelay;
    tcp.tx.ip_options_len =
        request.ip_options.as_ref().map_or(0, |options| len32(options.bytes.len()));
    tcp.tx.wnd = request.snd_wnd;
    tcp.tx.max_wnd = request.snd_wnd;
    tcp.tx.wl1 = request.rcv_isn;
    tcp.rx.nxt = request.rcv_nxt();
    tcp.rx.wup = request.rcv_nxt();
    tcp.rx.copied = request.rcv_nxt();
    // The SYN.
    tcp.count.segs_in = 1;
    tcp.count.first_byte = request.rcv_nxt();
    tcp.rx.wnd = request.rcv_wnd;
    tcp.rx.ssthresh = request.rcv_wnd;
    tcp.rx.clamp = u32::MAX;
    let timestamps = if request.opt.tstamp_ok { TSTAMP_ALIGNED } else { 0 };
    tcp.rx.advmss = request.advmss.saturating_sub(timestamps);
    if !request.opt.wscale_ok {
        tcp.opt.rcv_wscale = 0;
        tcp.rx.clamp = 0xffff;
    }
    tcp.ack.last_data = now;
    tcp.ack.guess_mss(tcp.rx.advmss, TCP_MSS_DEFAULT, tcp.rx.wnd);
}
