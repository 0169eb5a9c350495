//! What `ss` shows of TCP sockets (`tcp_diag`, `struct tcp_info`).

use std::net::SocketAddrV4;

use crate::id::{NetnsId, SocketId};
use crate::kernel::Kernel;
use crate::packet::Skb;
use crate::socket::tcp::seq::{Seq, len32};
use crate::socket::tcp::timer::WriteTimer;
use crate::socket::tcp::{TcpEntry, TcpState, TcpTimer};
use crate::socket::{Protocol, Socket};
use crate::time::SimTime;

/// The largest MTU that the kernel tells of, in bytes.
const IP_MAX_MTU: u32 = 0xffff;

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
    /// The timer that runs, what it is set to, and how often it has fired.
    pub timer: Option<(ShownTimer, SimTime, u32)>,
    /// What `ss -i` adds, for a connection.
    pub info: Option<TcpInfo>,
}

/// What has passed over a connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TcpCounts {
    /// Segments that were received.
    pub segs_in: u32,
    /// Those of them that had data.
    pub data_segs_in: u32,
    /// Segments that were sent, again or not.
    pub segs_out: u32,
    /// Those of them that had data.
    pub data_segs_out: u32,
    /// Bytes that were sent, again or not.
    pub bytes_sent: u64,
    /// Bytes that were sent again.
    pub bytes_retrans: u64,
    /// When an ACK came last, in jiffies (`rcv_tstamp`).
    pub(super) last_ack: u64,
    /// The number of the first byte of the peer's.
    pub(super) first_byte: Seq,
}

impl TcpCounts {
    /// Counts a segment whose packet's data start at the TCP header (`tcp_segs_in()`).
    pub(super) fn receive(&mut self, skb: &Skb) {
        let data = skb.data();
        let header = data.get(12).map_or(0, |offset| usize::from(offset >> 4) * 4);
        let len = data.len().saturating_sub(header);
        let segs = match usize::from(skb.meta.gso_size) {
            0 => 1,
            size => len32(len.div_ceil(size)).max(1),
        };
        self.segs_in += segs;
        if len > 0 {
            self.data_segs_in += segs;
        }
    }
}

/// What `ss -i` shows, in its units.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TcpInfo {
    /// The name of its congestion control.
    pub congestion: &'static str,
    /// How often the timeout was doubled.
    pub backoff: u32,
    /// Bytes that were acknowledged, SYN and FIN among them.
    pub bytes_acked: u64,
    /// Bytes that were received, FIN among them; those of the last 4 GiB.
    pub bytes_received: u64,
    /// What has passed.
    pub count: TcpCounts,
    /// How long ago data were sent, data were received, an ACK was received, in milliseconds.
    pub last_ms: [u64; 3],
    /// The rate at which segments are sent at most, in bytes a second, once the round trip is known.
    pub pacing_rate: Option<u64>,
    /// Segments that are taken as lost.
    pub lost: u32,
    /// Segments that the peer has reported.
    pub sacked: u32,
    /// How many segments may overtake another.
    pub reordering: u32,
    /// The round trip as the receiver sees it, in microseconds.
    pub rcv_rtt_us: Option<u64>,
    /// Bytes that were not sent yet.
    pub not_sent: u32,
    /// The least round trip of late, in microseconds.
    pub min_rtt_us: Option<u64>,
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
        timer: request.expires().map(|at| (ShownTimer::On, at, request.retransmits)),
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
            dump.timer = left.expires().map(|at| (ShownTimer::TimeWait, at, 0));
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
                dump.info = Some(info(tcp, socket, k.now));
            }
        }
        Protocol::Udp | Protocol::Ping | Protocol::Raw(_) | Protocol::Packet(_) => return None,
    }
    Some(dump)
}

fn timer(tcp: &super::TcpSock) -> Option<(ShownTimer, SimTime, u32)> {
    let timers = &tcp.timers;
    if let (Some(what), Some(at)) = (timers.write, timers.expires(TcpTimer::Write)) {
        return Some(match what {
            WriteTimer::Probe => (ShownTimer::Persist, at, tcp.loss.probes_out),
            WriteTimer::Retransmit | WriteTimer::LossProbe | WriteTimer::Reorder => {
                (ShownTimer::On, at, tcp.loss.retransmits)
            }
        });
    }
    timers.expires(TcpTimer::FinWait2).map(|at| (ShownTimer::KeepAlive, at, 0))
}

/// The rate at which segments are sent at most, in bytes a second: twice what the window allows in slow
/// start, a fifth more afterwards (`tcp_update_pacing_rate()`).
fn pacing_rate(tcp: &super::TcpSock) -> Option<u64> {
    let slow_start = tcp.ca.cwnd < tcp.ca.ssthresh / 2;
    let percent = if slow_start { 200 } else { 120 };
    let window = u64::from(tcp.ca.cwnd.max(tcp.tx.packets_out));
    let rate = u64::from(tcp.tx.mss) * (10_000 << 3) * percent * window;
    (tcp.rtt.srtt_us > 0).then(|| rate / tcp.rtt.srtt_us)
}

fn info(tcp: &super::TcpSock, socket: &Socket, now: SimTime) -> TcpInfo {
    let opt = &tcp.opt;
    let (rcvbuf, sndbuf) = (socket.opts.rcvbuf, socket.opts.sndbuf);
    let ago = |jiffies: u64| now.jiffies().saturating_sub(jiffies) * 4;
    TcpInfo {
        congestion: if tcp.ca.is_reno() { "reno" } else { "cubic" },
        backoff: tcp.rtt.backoff,
        bytes_acked: tcp.tx.bytes_acked,
        bytes_received: tcp.rx.nxt.since(tcp.count.first_byte).into(),
        count: tcp.count,
        last_ms: [tcp.tx.last_data, tcp.ack.last_data, tcp.count.last_ack].map(ago),
        pacing_rate: pacing_rate(tcp),
        lost: tcp.tx.lost_out,
        sacked: tcp.tx.sacked_out,
        reordering: tcp.loss.reordering,
        rcv_rtt_us: tcp.rx.adapt.rtt_us.map(|us| us >> 3),
        not_sent: tcp.tx.write_seq.since(tcp.tx.nxt),
        min_rtt_us: tcp.rtt.min_us,
        timestamps: opt.tstamp_ok,
        sack: opt.sack_ok,
        ecn: tcp.ecn.ok,
        wscale: opt.wscale_ok.then_some((opt.snd_wscale, opt.rcv_wscale)),
        rto_ms: tcp.rtt.rto * 4,
        rtt_us: (tcp.rtt.srtt_us > 0).then_some((tcp.rtt.srtt_us >> 3, tcp.rtt.mdev_us >> 2)),
        ato_ms: tcp.ack.ato * 4,
        mss: tcp.tx.mss,
        pmtu: tcp.tx.pmtu.min(IP_MAX_MTU),
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
