//! The Transmission Control Protocol (RFC 9293) as Linux speaks it (`net/ipv4/tcp*.c`).
//!
//! ```text
//!   seq options segment       numbers, options, a received segment taken apart
//!   receive                   which socket a segment is for (tcp_v4_rcv)
//!   listen request            from SYN to accepted connection
//!   connect close icmp        the other ways into and out of a connection
//!   input ack                 what a segment does to a connection
//!   window queue delack       receiving: what is offered, kept, acknowledged and when
//!   send output transmit      sending: what is cut into segments when, and the segments
//!   secret                    where sequence numbers begin
//!   rtt congestion            how long to wait and how much to send
//!   sack rack recovery        what was lost
//!   retransmit                sending it again
//!   timer timewait reset      what happens later, and after the end
//!   dump                      what `ss` shows
//! ```
//!
//! A connection is a plain value, [`TcpSock`]. Parts that need no more than themselves are methods on their
//! own structure; what sends segments, arms timers or wakes programs is a method on `Sk`, the
//! connection within its kernel.

mod ack;
mod close;
mod congestion;
mod connect;
mod delack;
pub mod dump;
mod ecn;
mod icmp;
mod input;
mod listen;
mod options;
mod output;
mod queue;
mod rack;
mod receive;
mod recovery;
mod request;
mod reset;
mod retransmit;
mod rtt;
mod sack;
mod secret;
mod segment;
mod send;
mod send_queue;
mod seq;
mod sk;
mod timer;
mod timewait;
mod transmit;
mod window;

#[cfg(test)]
mod replay;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::id::SocketId;
use crate::kernel::Flight;
use crate::socket::{Readiness, SockOpt, SockOptions, Socket};
use crate::sysctl::{Sysctl, Sysctls};

pub use close::{close, shutdown};
pub use connect::connect;
pub use icmp::icmp_error;
pub use listen::{Listener, accept, listen};
pub use queue::recv;
pub use receive::receive;
pub use request::RequestSock;
pub use reset::ChallengeLimit;
pub use secret::TcpKeys;
pub use send::send;
pub use seq::Seq;
pub use timer::{TcpTimer, expire, expire_request, expire_time_wait};
pub use timewait::TimeWaitSock;

pub use congestion::Congestion;
pub use delack::AckState;
pub use ecn::Ecn;
pub use options::RxOptions;
pub use queue::Receiver;
pub use recovery::{CaState, Recovery};
pub use reset::RateLimit;
pub use rtt::Rtt;
pub use send_queue::Sender;
pub use timer::{Timers, WriteTimer};
pub use window::Adaptation;

use sk::Sk;

/// The states of RFC 9293 with the numbers of the kernel.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum TcpState {
    /// Both directions are open.
    Established = 1,
    /// A SYN was sent.
    SynSent = 2,
    /// A SYN was received and answered.
    SynRecv = 3,
    /// This side has sent its FIN.
    FinWait1 = 4,
    /// This side's FIN was acknowledged.
    FinWait2 = 5,
    /// What is left of a connection that this side closed first.
    TimeWait = 6,
    /// There is no connection.
    #[default]
    Close = 7,
    /// The other side has sent its FIN.
    CloseWait = 8,
    /// The other side was first, and this side has sent its FIN too.
    LastAck = 9,
    /// Connections are accepted.
    Listen = 10,
    /// Both sides have sent their FIN at the same time.
    Closing = 11,
}

impl TcpState {
    /// Whether there is a peer whose address `getpeername(2)` tells.
    #[must_use]
    pub const fn has_peer(self) -> bool {
        !matches!(self, Self::Close | Self::SynSent | Self::Listen)
    }

    /// Whether the connection is only being opened.
    #[must_use]
    pub const fn is_opening(self) -> bool {
        matches!(self, Self::SynSent | Self::SynRecv)
    }

    /// What a program hears of a reset (`tcp_reset()`).
    const fn reset_error(self) -> Errno {
        if matches!(self, Self::SynSent) {
            Errno::ECONNREFUSED
        } else if matches!(self, Self::CloseWait) {
            Errno::EPIPE
        } else {
            Errno::ECONNRESET
        }
    }

    /// Whether both sides know of the connection (`TCPF_ESTABLISHED` and what follows).
    #[must_use]
    pub const fn is_synchronized(self) -> bool {
        !matches!(self, Self::Close | Self::SynSent | Self::SynRecv | Self::Listen)
    }

    /// Whether this side may still send data.
    #[must_use]
    pub const fn can_send(self) -> bool {
        matches!(self, Self::Established | Self::CloseWait)
    }

    /// Whether this side has sent its FIN, or never opened.
    #[must_use]
    pub const fn is_closing(self) -> bool {
        !matches!(self, Self::Established | Self::SynSent | Self::SynRecv | Self::CloseWait)
    }
}

/// What names a connection within a namespace.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FourTuple {
    /// The local address.
    pub saddr: Ipv4Addr,
    /// The local port.
    pub sport: u16,
    /// The peer's address.
    pub daddr: Ipv4Addr,
    /// The peer's port.
    pub dport: u16,
}

/// What is found at a [`FourTuple`].
#[derive(Clone, Debug)]
pub enum TcpEntry {
    /// A socket.
    Socket(SocketId),
    /// A SYN that was answered, waiting for its ACK.
    Request(Box<RequestSock>),
}

/// What the program's side of the socket has done about connecting (`socket_state`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ConnectState {
    /// Nothing, or it failed (`SS_UNCONNECTED`).
    #[default]
    Unconnected,
    /// The answer is awaited (`SS_CONNECTING`).
    Connecting,
    /// It is done (`SS_CONNECTED`).
    Connected,
}

/// A TCP socket (`struct tcp_sock`).
#[derive(Clone, Debug)]
pub struct TcpSock {
    /// Its state.
    pub state: TcpState,
    /// How far `connect(2)` has come.
    pub connecting: ConnectState,
    /// What a listening socket has.
    pub listener: Option<Box<Listener>>,
    /// The listener in whose accept queue it waits.
    pub parent: Option<SocketId>,
    /// Whether no program has it any more (`SOCK_DEAD`).
    pub orphaned: bool,
    /// A system call works on it: segments wait (`sk_lock.owned`).
    pub owned: bool,
    /// Segments that arrived during a system call (`sk_backlog`).
    pub backlog: VecDeque<Flight>,
    /// An ACK is due when the system call ends (`TCP_ACK_DEFERRED`).
    pub ack_deferred: bool,
    /// An ICMP error that is told if nothing better comes (`sk_err_soft`).
    pub soft_error: Option<Errno>,
    /// What the peer's options said and what was agreed on.
    pub opt: RxOptions,
    /// The sending direction.
    pub tx: Sender,
    /// The receiving direction.
    pub rx: Receiver,
    /// When ACKs are due.
    pub ack: AckState,
    /// The estimate of the round trip.
    pub rtt: Rtt,
    /// How much may be in flight.
    pub ca: Congestion,
    /// What has passed.
    pub count: dump::TcpCounts,
    /// What is known of losses.
    pub loss: Recovery,
    /// Explicit congestion notification.
    pub ecn: Ecn,
    /// What is to happen later.
    pub timers: Timers,
    /// How long it stays in FIN-WAIT-2 without a program, in jiffies (`linger2`).
    pub fin_timeout: u64,
    /// How often segments out of window are answered.
    pub limit: RateLimit,
    /// The first number of the connection that a SYN to an ended one begins (`tcp_tw_isn`).
    pub reuse_isn: Option<Seq>,
}

impl TcpSock {
    /// A fresh socket (`tcp_init_sock()`).
    #[must_use]
    pub fn new(sysctl: &Sysctls, opts: &mut SockOptions) -> Self {
        let initial = |key: Sysctl| {
            let [_, initial, _] = sysctl.numbers(key);
            u32::try_from(initial).unwrap_or(0)
        };
        opts.rcvbuf = initial(Sysctl::TcpRmem);
        opts.sndbuf = initial(Sysctl::TcpWmem);
        Self {
            state: TcpState::Close,
            connecting: ConnectState::Unconnected,
            listener: None,
            parent: None,
            orphaned: false,
            owned: false,
            backlog: VecDeque::new(),
            ack_deferred: false,
            soft_error: None,
            opt: RxOptions::default(),
            tx: Sender::default(),
            rx: Receiver::default(),
            ack: AckState::default(),
            rtt: Rtt::default(),
            count: dump::TcpCounts::default(),
            ca: Congestion::new(sysctl.text(Sysctl::TcpCongestionControl) == "reno"),
            loss: Recovery::default(),
            ecn: Ecn::default(),
            timers: Timers::default(),
            fin_timeout: timer::seconds(sysctl.get(Sysctl::TcpFinTimeout)),
            limit: RateLimit::default(),
            reuse_isn: None,
        }
    }

    /// Sets one of the options that only TCP has.
    ///
    /// # Errors
    /// `EINVAL` for a value that it does not take, `ENOPROTOOPT` for another option.
    pub fn set_option(&mut self, option: &SockOpt) -> Result<(), Errno> {
        if let SockOpt::NoDelay(on) = *option {
            self.tx.nodelay = on;
        } else if let SockOpt::QuickAck(on) = *option {
            self.ack.set_quick(on);
        } else if let SockOpt::MaxSeg(mss) = *option {
            if mss != 0 && !(48..=32767).contains(&mss) {
                return Err(Errno::EINVAL);
            }
            self.opt.user_mss = (mss != 0).then_some(mss);
        } else {
            return Err(Errno::ENOPROTOOPT);
        }
        Ok(())
    }

    /// Whether something was sent that is sent again until it is acknowledged or given up. Probes of a
    /// closed window are not: they go on for as long as they are answered.
    #[must_use]
    pub fn awaits_ack(&self) -> bool {
        self.timers.write.is_some_and(|what| what != WriteTimer::Probe)
    }

    /// What `poll(2)` says (`tcp_poll()`).
    #[must_use]
    pub fn poll(&self, socket: &Socket) -> Readiness {
        if let Some(listener) = &self.listener {
            return Readiness {
                readable: !listener.accept_queue.is_empty(),
                ..Readiness::default()
            };
        }
        let closed = socket.shutdown == super::Shutdown::BOTH || self.state == TcpState::Close;
        let error = socket.error.is_some() || !socket.error_queue.is_empty();
        let mut ready = Readiness {
            hung_up: closed,
            peer_closed: socket.shutdown.read,
            readable: socket.shutdown.read || error,
            writable: error,
            error,
        };
        if !self.state.is_opening() {
            ready.readable |= self.rx.readable();
            ready.writable |= socket.shutdown.write || self.tx.is_writable(socket.opts.sndbuf);
        }
        ready
    }
}
