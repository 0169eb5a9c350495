//! What `ss` shows of TCP sockets (`tcp_diag`, `struct tcp_info`).

use std::net::SocketAddrV4;

use crate::id::{NetnsId, SocketId};
use crate::kernel::Kernel;
use crate::socket::Protocol;
use crate::socket::tcp::timer::WriteTimer;
use crate::socket::tcp::{TcpEntry, TcpState, TcpTimer};
use crate::time::SimTime;

/// The timer that `ss -o` shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ShownTimer {
    /// `on`: something is sent again.
    On,
    /// `keepalive`: an orphan waits in FIN-WAIT-2.
    KeepAlive,
    /// `timewait`.
    TimeWait,
    /// `persist`: a closed window is probed.
    Persist,
}

/// One socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TcpDump {
    /// The socket; none for a request.
    pub id: Option<SocketId>,
    /// Its state.
    pub state: TcpState,
    /// Bytes that the program has not read; for a listener, connections that it has not accepted.
    pub recv_q: u32,
    /// Bytes that were not acknowledged; for a listener, how many connections may wait.
    pub send_q: u32,
    /// The local address.
    pub local: SocketAddrV4,
    /// The peer.
    pub peer: SocketAddrV4,
    /// The timer that runs, when it fires, and how often it has.
    pub timer: Option<(ShownTimer, SimTime, u32)>,
    /// What `ss -i` adds, for a connection.
    pub info: Option<TcpInfo>,
}

/// What `ss -i` shows, in its units.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TcpInfo {
    /// Both ends send timestamps.
    pub timestamps: bool,
    /// Both ends understand SACK.
    pub sack: bool,
    /// Both ends want ECN.
    pub ecn: bool,
    /// The window scales, sent and received, if both ends scale.
    pub wscale: Option<(u8, u8)>,
    /// The retransmission timeout in milliseconds.
    pub rto_ms: u64,
    /// The round trip and its deviation in microseconds, once measured.
    pub rtt_us: Option<(u64, u64)>,
    /// The delay of ACKs in milliseconds.
    pub ato_ms: u64,
    /// The size of segments sent, in bytes.
    pub mss: u32,
    /// The path MTU in bytes.
    pub pmtu: u32,
    /// The size of segments received, in bytes.
    pub rcv_mss: u32,
    /// The size of segments advertised, in bytes.
    pub advmss: u32,
    /// The congestion window in segments.
    pub cwnd: u32,
    /// The slow start threshold in segments, once there is one.
    pub ssthresh: Option<u32>,
    /// Segments that are out.
    pub unacked: u32,
    /// Segments that were sent again: now, and at all.
    pub retrans: (u32, u32),
    /// The peer's window in bytes.
    pub snd_wnd: u32,
    /// How much is offered at most for now, in bytes.
    pub rcv_ssthresh: u32,
    /// What the program reads in a round trip, in bytes.
    pub rcv_space: u32,
    /// The receive buffer in use and its size, in bytes.
    pub rmem: (u32, u32),
    /// The send buffer in use and its size, in bytes.
    pub wmem: (u32, u32),
}

/// All TCP sockets of a namespace, in the order in which they were made, then its requests by their
/// addresses.
#[must_use]
pub fn dump(k: &Kernel, netns: NetnsId) -> Vec<TcpDump> {
    let mut found: Vec<TcpDump> = k
        .sockets
        .iter()
        .filter(|(_, s)| s.netns == netns)
        .filter_map(|(id, _)| one(k, id))
        .collect();
    let mut requests: Vec<TcpDump> =
        k.netns[netns].sockets.tcp_connections.values().filter_map(request).collect();
    requests.sort_by_key(|request| (request.local, request.peer));
    found.append(&mut requests);
    found
}

fn request(entry: &TcpEntry) -> Option<TcpDump> {
    let TcpEntry::Request(request) = entry else { return None };
    let tuple = request.tuple;
    Some(TcpDump {
        id: None,
        state: TcpState::SynRecv,
        recv_q: 0,
        send_q: 0,
        local: SocketAddrV4::new(tuple.saddr, tuple.sport),
        peer: SocketAddrV4::new(tuple.daddr, tuple.dport),
        timer: request.fires_at().map(|at| (ShownTimer::On, at, request.retransmits)),
        info: None,
    })
}

fn one(k: &Kernel, id: SocketId) -> Option<TcpDump> {
    let socket = k.sockets.get(id)?;
    let inet = &socket.inet;
    let mut dump = TcpDump {
        id: Some(id),
        state: TcpState::Close,
        recv_q: 0,
        send_q: 0,
        local: SocketAddrV4::new(inet.rcv_saddr, inet.sport),
        peer: SocketAddrV4::new(inet.daddr, inet.dport),
        timer: None,
        info: None,
    };
    match &socket.protocol {
        Protocol::TcpTimeWait(left) => {
            dump.state = left.substate;
            dump.timer = left.ends_at().map(|at| (ShownTimer::TimeWait, at, 0));
        }
        Protocol::Tcp(tcp) => {
            dump.state = tcp.state;
            if let Some(listener) = &tcp.listener {
                dump.recv_q = u32::try_from(listener.accept_queue.len()).unwrap_or(u32::MAX);
                dump.send_q = listener.backlog;
            } else if tcp.state != TcpState::Close {
                dump.recv_q = tcp.rx.unread();
                dump.send_q = tcp.tx.unacked();
                dump.timer = timer(tcp);
                dump.info = Some(info(tcp, socket.opts.rcvbuf, socket.opts.sndbuf));
            }
        }
        Protocol::Udp | Protocol::Ping | Protocol::Raw(_) | Protocol::Packet(_) => return None,
    }
    Some(dump)
}

fn timer(tcp: &super::TcpSock) -> Option<(ShownTimer, SimTime, u32)> {
    let timers = &tcp.timers;
    if let (Some(what), Some(at)) = (timers.write, timers.fires_at(TcpTimer::Write)) {
        return Some(match what {
            WriteTimer::Probe => (ShownTimer::Persist, at, tcp.loss.probes_out),
            WriteTimer::Retransmit | WriteTimer::LossProbe | WriteTimer::Reorder => {
                (ShownTimer::On, at, tcp.loss.retransmits)
            }
        });
    }
    timers.fires_at(TcpTimer::FinWait2).map(|at| (ShownTimer::KeepAlive, at, 0))
}

fn info(tcp: &super::TcpSock, rcvbuf: u32, sndbuf: u32) -> TcpInfo {
    let opt = &tcp.opt;
    TcpInfo {
        timestamps: opt.tstamp_ok,
        sack: opt.sack_ok,
        ecn: tcp.ecn.ok,
        wscale: opt.wscale_ok.then_some((opt.snd_wscale, opt.rcv_wscale)),
        rto_ms: tcp.rtt.rto * 4,
        rtt_us: (tcp.rtt.srtt_us > 0).then_some((tcp.rtt.srtt_us >> 3, tcp.rtt.mdev_us >> 2)),
        ato_ms: tcp.ack.ato * 4,
        mss: tcp.tx.mss,
        pmtu: tcp.tx.pmtu,
        rcv_mss: tcp.ack.rcv_mss,
        advmss: tcp.rx.advmss,
        cwnd: tcp.ca.cwnd,
        ssthresh: (!tcp.ca.is_initial()).then_some(tcp.ca.ssthresh),
        unacked: tcp.tx.packets_out,
        retrans: (tcp.tx.retrans_out, tcp.loss.total_retrans),
        snd_wnd: tcp.tx.wnd,
        rcv_ssthresh: tcp.rx.ssthresh,
        rcv_space: tcp.rx.adapt.space,
        rmem: (tcp.rx.rmem, rcvbuf),
        wmem: (tcp.tx.queued, sndbuf),
    }
}
