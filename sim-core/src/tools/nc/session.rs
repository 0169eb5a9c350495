//! Finding the peer: a port that answers, or whoever comes to a port of ours.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::errno::Errno;
use crate::id::SocketId;
use crate::libc::services;
use crate::socket::{SockOpt, SocketType};
use crate::time::SimTime;
use crate::tools::iputils::Ended;
use crate::tools::nc::args::{self, Args, fatal};
use crate::tools::nc::relay::{Relay, Turn};
use crate::world::{Poll, Sys};

/// How many seconds a UDP port is asked whether somebody is there, unless `-w` says.
const SCAN_SECONDS: u64 = 3;
const SECOND: Duration = Duration::from_secs(1);
/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1;

/// What a netcat is at.
#[derive(Clone, Debug)]
enum Phase {
    /// It is about to try the next port.
    NextPort,
    /// It waits for the answer of a port, until then.
    Connecting { to: SocketAddrV4, until: Option<SimTime> },
    /// It asks a port whether somebody is there: so many times yet, next at that time.
    Asking { to: SocketAddrV4, left: u64, next: SimTime },
    /// It waits for the first datagram or for a connection.
    Listening,
    /// It carries data.
    Carrying(Relay),
    /// It only waits for the end of `-q`.
    Leaving(SimTime),
    /// It has nothing more to do.
    Done,
}

/// A running netcat.
#[derive(Clone, Debug)]
pub(super) struct Session {
    args: Args,
    ports: VecDeque<u16>,
    /// The socket that listens.
    listener: Option<SocketId>,
    /// The socket that has, or gets, a peer.
    socket: Option<SocketId>,
    phase: Phase,
    /// The exit status, if nothing more happens.
    status: u8,
    /// How often something was received (`-W`).
    received: u32,
}

impl Session {
    pub(super) fn open(sys: &mut Sys<'_>, words: &[String]) -> Result<Self, Ended> {
        let args = args::parse(words)?;
        let mut session = Self {
            ports: VecDeque::new(),
            listener: None,
            socket: None,
            phase: Phase::NextPort,
            status: 1,
            received: 0,
            args,
        };
        if session.args.listen {
            session.listen(sys)?;
        } else {
            session.ports = session.args.ports()?.into();
            if session.args.shuffle {
                session.shuffle(sys);
            }
        }
        Ok(session)
    }

    pub(super) fn run(&mut self, sys: &mut Sys<'_>) -> Result<Poll, Ended> {
        loop {
            let poll = match std::mem::replace(&mut self.phase, Phase::Done) {
                Phase::NextPort => self.try_next(sys)?,
                Phase::Connecting { to, until } => self.await_connection(sys, to, until),
                Phase::Asking { to, left, next } => self.ask(sys, to, left, next),
                Phase::Listening => self.take_peer(sys)?,
                Phase::Carrying(relay) => self.carry(sys, relay),
                Phase::Leaving(at) if sys.now() < at => self.wait(sys, Phase::Leaving(at), at),
                Phase::Leaving(_) => Some(Poll::Exit(0)),
                Phase::Done => Some(Poll::Exit(self.status)),
            };
            if let Some(poll) = poll {
                return Ok(poll);
            }
        }
    }

    /// Goes on with `phase` when something has come, at the latest at `at`.
    fn wait(&mut self, sys: &mut Sys<'_>, phase: Phase, at: SimTime) -> Option<Poll> {
        self.phase = phase;
        sys.set_alarm(Some(at));
        Some(Poll::WaitBounded)
    }

    /// Puts the ports into a random order (Fisher and Yates).
    fn shuffle(&mut self, sys: &mut Sys<'_>) {
        for last in (1..self.ports.len()).rev() {
            let bound = u32::try_from(last + 1).unwrap_or(u32::MAX);
            self.ports.swap(last, sys.random("nc.ports").below(bound) as usize);
        }
    }

    fn open_socket(&self, sys: &mut Sys<'_>) -> Result<SocketId, Ended> {
        let kind = if self.args.udp { SocketType::Udp } else { SocketType::Tcp };
        sys.socket(kind).map_err(|errno| fatal(format_args!("socket: {errno}")))
    }

    /// Sets the options that were asked for (`set_common_sockopts()`).
    fn set_options(&self, sys: &mut Sys<'_>, socket: SocketId) -> Result<(), Ended> {
        let args = &self.args;
        let options = [
            (args.broadcast.then_some(SockOpt::Broadcast(true)), ""),
            (args.tos.map(SockOpt::Tos), "set IP ToS: "),
            (args.rcvbuf.map(SockOpt::RcvBuf), "set TCP receive buffer size: "),
            (args.sndbuf.map(SockOpt::SndBuf), "set TCP send buffer size: "),
            (args.ttl.map(|ttl| SockOpt::Ttl(Some(ttl))), "set IP TTL: "),
        ];
        for (option, what) in options {
            let Some(option) = option else { continue };
            sys.set_option(socket, option).map_err(|errno| fatal(format_args!("{what}{errno}")))?;
        }
        Ok(())
    }

    /// Says who or what is at an address.
    fn report(&self, sys: &mut Sys<'_>, what: &str, at: SocketAddrV4) {
        if self.args.verbose {
            let is_named = *at.ip() == Ipv4Addr::LOCALHOST && !self.args.numeric;
            let host = if is_named { "localhost".to_owned() } else { at.ip().to_string() };
            sys.stderr(format!("{what} on {host} {}\n", at.port()));
        }
    }

    /// Binds the socket of a listener (`local_listen()`).
    fn listen(&mut self, sys: &mut Sys<'_>) -> Result<(), Ended> {
        self.status = 0;
        let port = self.args.listening_port()?;
        let addr = match &self.args.host {
            Some(host) => self.args.resolve(host, "")?,
            None => Ipv4Addr::UNSPECIFIED,
        };
        let socket = self.open_socket(sys)?;
        sys.set_option(socket, SockOpt::ReuseAddr(true)).map_err(fatal)?;
        sys.set_option(socket, SockOpt::ReusePort(true)).map_err(fatal)?;
        self.set_options(sys, socket)?;
        sys.bind(socket, SocketAddrV4::new(addr, port)).map_err(fatal)?;
        if !self.args.udp {
            sys.listen(socket, BACKLOG).map_err(|e| fatal(format_args!("listen: {e}")))?;
        }
        if let Ok(at) = sys.local_addr(socket) {
            self.report(sys, if self.args.udp { "Bound" } else { "Listening" }, at);
        }
        self.listener = Some(socket);
        self.phase = Phase::Listening;
        Ok(())
    }

    /// Waits for a peer.
    fn take_peer(&mut self, sys: &mut Sys<'_>) -> Result<Option<Poll>, Ended> {
        let Some(listener) = self.listener else { return Ok(None) };
        let taken = match (self.args.udp, self.args.keep) {
            (true, true) => Ok(listener),
            (true, false) => self.take_sender(sys, listener)?,
            (false, _) => sys.accept(listener),
        };
        match taken {
            Ok(socket) => {
                self.socket = Some(socket).filter(|socket| *socket != listener);
                if let (false, Ok(peer)) = (self.args.udp, sys.peer_addr(socket)) {
                    self.report(sys, "Connection received", peer);
                }
                self.phase = Phase::Carrying(Relay::new(socket, &self.args, sys.now()));
                Ok(None)
            }
            Err(Errno::EAGAIN) => {
                self.phase = Phase::Listening;
                sys.set_alarm(None);
                Ok(Some(Poll::WaitUnbounded))
            }
            Err(errno) => Err(fatal(format_args!("accept: {errno}"))),
        }
    }

    /// Waits for the first datagram, and leaves it there; its sender is the peer from then on.
    fn take_sender(
        &self,
        sys: &mut Sys<'_>,
        socket: SocketId,
    ) -> Result<Result<SocketId, Errno>, Ended> {
        let from = match sys.peek_from(socket) {
            Ok(datagram) => datagram.from,
            Err(Errno::EAGAIN) => return Ok(Err(Errno::EAGAIN)),
            Err(errno) => return Err(fatal(format_args!("recvfrom: {errno}"))),
        };
        sys.connect(socket, from).map_err(|e| fatal(format_args!("connect: {e}")))?;
        self.report(sys, "Connection received", from);
        Ok(Ok(socket))
    }

    /// Begins to connect to the next port (`remote_connect()`).
    fn try_next(&mut self, sys: &mut Sys<'_>) -> Result<Option<Poll>, Ended> {
        self.close(sys);
        let Some(port) = self.ports.pop_front() else { return Ok(None) };
        let host = self.args.host.clone().unwrap_or_default();
        let addr = self.args.resolve(&host, &format!(" for host \"{host}\" port {port}"))?;
        let socket = self.open_socket(sys)?;
        self.socket = Some(socket);
        self.bind_source(sys, socket)?;
        self.set_options(sys, socket)?;
        let to = SocketAddrV4::new(addr, port);
        let wait = self.args.idle.filter(|idle| !idle.is_zero());
        match sys.connect(socket, to) {
            Ok(()) => self.reached(sys, to),
            Err(Errno::EINPROGRESS) => {
                self.phase = Phase::Connecting { to, until: wait.map(|wait| sys.now() + wait) };
            }
            Err(errno) => self.failed(sys, to, "failed", errno),
        }
        Ok(None)
    }

    fn bind_source(&self, sys: &mut Sys<'_>, socket: SocketId) -> Result<(), Ended> {
        let (source, port) = (&self.args.source, &self.args.source_port);
        if source.is_none() && port.is_none() {
            return Ok(());
        }
        let port = port.as_ref().map_or(Ok(0), |port| self.args.service(port))?;
        let source = source
            .as_ref()
            .map_or(Ok(Ipv4Addr::UNSPECIFIED), |source| self.args.resolve(source, ""))?;
        sys.bind(socket, SocketAddrV4::new(source, port))
            .map_err(|errno| fatal(format_args!("bind failed: {errno}")))
    }

    /// Waits for a connection's coming into being (`connect_with_timeout()`).
    fn await_connection(
        &mut self,
        sys: &mut Sys<'_>,
        to: SocketAddrV4,
        until: Option<SimTime>,
    ) -> Option<Poll> {
        let socket = self.socket?;
        match sys.connect(socket, to) {
            Ok(()) => self.reached(sys, to),
            Err(Errno::EALREADY) if until.is_some_and(|until| sys.now() >= until) => {
                self.failed(sys, to, "timed out", Errno::EINPROGRESS);
            }
            Err(Errno::EALREADY) => {
                self.phase = Phase::Connecting { to, until };
                sys.set_alarm(until);
                return Some(Poll::WaitBounded);
            }
            Err(errno) => self.failed(sys, to, "failed", errno),
        }
        None
    }

    /// Nobody answered at a port: on to the next one.
    fn failed(&mut self, sys: &mut Sys<'_>, to: SocketAddrV4, how: &str, errno: Errno) {
        if self.args.verbose {
            let place = self.place(to, " port");
            let transport = self.args.transport().name();
            sys.stderr(format!("nc: connect to {place} ({transport}) {how}: {errno}\n"));
        }
        self.phase = Phase::NextPort;
    }

    /// How a host is called: by its address too, if it was called otherwise.
    fn place(&self, to: SocketAddrV4, port: &str) -> String {
        let host = self.args.host.as_deref().unwrap_or_default();
        let addr = to.ip().to_string();
        if self.args.numeric || host == addr {
            format!("{host}{port} {}", to.port())
        } else {
            format!("{host} ({addr}){port} {}", to.port())
        }
    }

    /// There is a connection. With UDP that means nothing, so two datagrams ask whether a port is closed.
    fn reached(&mut self, sys: &mut Sys<'_>, to: SocketAddrV4) {
        self.status = 0;
        if !self.args.verbose || !self.args.udp {
            return self.answered(sys, to);
        }
        let is_sent = self.send_one(sys).is_ok();
        if !is_sent || self.send_one(sys) == Err(Errno::ECONNREFUSED) {
            return self.is_closed();
        }
        let left = self.args.idle.map_or(SCAN_SECONDS, |idle| idle.as_secs());
        self.phase = Phase::Asking { to, left, next: sys.now() + SECOND };
        if left == 0 {
            self.answered(sys, to);
        }
    }

    /// Asks a UDP port once more, a second later (`udptest()`).
    fn ask(
        &mut self,
        sys: &mut Sys<'_>,
        to: SocketAddrV4,
        left: u64,
        next: SimTime,
    ) -> Option<Poll> {
        if sys.now() < next {
            return self.wait(sys, Phase::Asking { to, left, next }, next);
        }
        if self.send_one(sys) == Err(Errno::ECONNREFUSED) {
            self.is_closed();
        } else if left > 1 {
            self.phase = Phase::Asking { to, left: left - 1, next: next + SECOND };
        } else {
            self.answered(sys, to);
        }
        None
    }

    fn send_one(&self, sys: &mut Sys<'_>) -> Result<usize, Errno> {
        self.socket.map_or(Err(Errno::EBADF), |socket| sys.send(socket, b"X"))
    }

    fn is_closed(&mut self) {
        self.status = 1;
        self.phase = Phase::NextPort;
    }

    fn answered(&mut self, sys: &mut Sys<'_>, to: SocketAddrV4) {
        if self.args.verbose {
            let transport = self.args.transport();
            let service = services::name(to.port(), transport).filter(|_| !self.args.numeric);
            let (place, name) = (self.place(to, ""), transport.name());
            let service = service.unwrap_or("*");
            sys.stderr(format!("Connection to {place} port [{name}/{service}] succeeded!\n"));
        }
        self.phase = match self.socket {
            Some(socket) if !self.args.scan => {
                Phase::Carrying(Relay::new(socket, &self.args, sys.now()))
            }
            _ => Phase::NextPort,
        };
    }

    /// Carries data in both directions.
    fn carry(&mut self, sys: &mut Sys<'_>, mut relay: Relay) -> Option<Poll> {
        match relay.run(sys, &mut self.args, &mut self.received) {
            Turn::Wait(at) => {
                let bounded = at.is_some() || relay.awaits_ack(sys);
                self.phase = Phase::Carrying(relay);
                sys.set_alarm(at);
                return Some(if bounded { Poll::WaitBounded } else { Poll::WaitUnbounded });
            }
            Turn::Over if !self.args.listen => self.phase = Phase::NextPort,
            Turn::Over => {
                self.close(sys);
                self.phase = if self.args.keep { Phase::Listening } else { Phase::Done };
            }
            Turn::Quit(after) => {
                self.close(sys);
                let end = self.args.idle.map_or(after, |idle| idle.min(after));
                self.phase = Phase::Leaving(sys.now() + end);
            }
        }
        None
    }

    /// Closes the socket that has a peer.
    fn close(&mut self, sys: &mut Sys<'_>) {
        if let Some(socket) = self.socket.take() {
            sys.close(socket);
        }
    }
}
