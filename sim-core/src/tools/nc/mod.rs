//! `nc` of netcat-openbsd 1.219: standard input to a UDP peer, and what comes from it to standard output.

mod args;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::errno::Errno;
use crate::id::SocketId;
use crate::socket::{Shutdown, SockOpt, SocketType};
use crate::time::SimTime;
use crate::tools::Call;
use crate::tools::iputils::Ended;
use crate::tools::nc::args::{Args, fatal};
use crate::world::{Poll, Program, Stdin, Sys};

/// How much input is sent at once, in bytes.
const CHUNK: usize = 16_384;
/// How many seconds a UDP port is asked whether somebody is there, unless `-w` says.
const SCAN_SECONDS: u64 = 3;
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Netcat { call, session: None })
}

#[derive(Clone, Debug)]
struct Netcat {
    call: Call,
    session: Option<Session>,
}

impl Program for Netcat {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let outcome = match &mut self.session {
            Some(session) => session.run(sys),
            None => Session::open(sys, self.call.args())
                .and_then(|session| self.session.insert(session).run(sys)),
        };
        outcome.unwrap_or_else(|ended| {
            sys.stdout(&ended.stdout);
            sys.stderr(&ended.stderr);
            Poll::Exit(ended.status)
        })
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

/// What a netcat is at.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// It is about to try a port.
    Port(u16),
    /// It asks a port whether somebody is there: so many times yet, next at that time.
    Asking { port: u16, left: u64, next: SimTime },
    /// It waits for the first datagram of a peer.
    Listening,
    /// It carries data between standard input and output and the socket.
    Carrying,
}

/// A running netcat.
#[derive(Clone, Debug)]
struct Session {
    args: Args,
    last_port: u16,
    socket: Option<SocketId>,
    phase: Phase,
    /// The exit status, if nothing more happens.
    status: u8,
    stdin_open: bool,
    /// When something happened last.
    active: SimTime,
    /// When it ends because the input has ended (`-q`).
    quit_at: Option<SimTime>,
    buffer: Vec<u8>,
}

impl Session {
    fn open(sys: &mut Sys<'_>, words: &[String]) -> Result<Self, Ended> {
        let args = args::parse(words)?;
        let ports = args.ports()?;
        let mut session = Self {
            last_port: *ports.end(),
            socket: None,
            phase: Phase::Port(*ports.start()),
            status: 0,
            stdin_open: !args.no_stdin,
            active: sys.now(),
            quit_at: None,
            buffer: Vec::new(),
            args,
        };
        if session.args.listen {
            session.listen(sys, *ports.start())?;
        }
        Ok(session)
    }

    fn run(&mut self, sys: &mut Sys<'_>) -> Result<Poll, Ended> {
        loop {
            match self.phase {
                Phase::Port(port) if port > self.last_port || port == 0 => {
                    return Ok(Poll::Exit(self.status));
                }
                Phase::Port(port) => self.try_port(sys, port)?,
                Phase::Asking { next, .. } if sys.now() < next => {
                    sys.set_alarm(Some(next));
                    return Ok(Poll::WaitBounded);
                }
                Phase::Asking { port, left, next } => self.ask(sys, port, left, next),
                Phase::Listening => {
                    if !self.take_peer(sys)? {
                        return Ok(Poll::WaitUnbounded);
                    }
                }
                Phase::Carrying => return Ok(self.carry(sys)),
            }
        }
    }

    fn open_socket(&self, sys: &mut Sys<'_>) -> Result<SocketId, Ended> {
        let failed = |errno: Errno| fatal(format_args!("socket: {errno}"));
        let socket = sys.socket(SocketType::Udp).map_err(failed)?;
        if self.args.broadcast {
            sys.set_option(socket, SockOpt::Broadcast(true)).map_err(failed)?;
        }
        Ok(socket)
    }

    /// Binds the socket of a listener (`local_listen()`).
    fn listen(&mut self, sys: &mut Sys<'_>, port: u16) -> Result<(), Ended> {
        let addr = match &self.args.host {
            Some(host) => self.args.resolve(host, "")?,
            None => Ipv4Addr::UNSPECIFIED,
        };
        let socket = self.open_socket(sys)?;
        sys.set_option(socket, SockOpt::ReuseAddr(true)).map_err(fatal)?;
        sys.bind(socket, SocketAddrV4::new(addr, port)).map_err(fatal)?;
        if self.args.verbose {
            sys.stderr(format!("Bound on {addr} {port}\n"));
        }
        self.socket = Some(socket);
        self.phase = if self.args.keep { Phase::Carrying } else { Phase::Listening };
        Ok(())
    }

    /// Waits for the first datagram; its sender is the peer from then on.
    fn take_peer(&mut self, sys: &mut Sys<'_>) -> Result<bool, Ended> {
        let Some(socket) = self.socket else { return Ok(false) };
        let mut buffer = std::mem::take(&mut self.buffer);
        let first = sys.recv_from(socket, &mut buffer);
        self.buffer = buffer;
        let from = match first {
            Ok(datagram) => datagram.from,
            Err(Errno::EAGAIN) => return Ok(false),
            Err(errno) => return Err(fatal(format_args!("recvfrom: {errno}"))),
        };
        sys.connect(socket, from).map_err(|e| fatal(format_args!("connect: {e}")))?;
        if self.args.verbose {
            sys.stderr(format!("Connection received on {} {}\n", from.ip(), from.port()));
        }
        sys.stdout(&self.buffer);
        self.active = sys.now();
        self.phase = Phase::Carrying;
        Ok(true)
    }

    /// Connects to a port (`remote_connect()`).
    fn try_port(&mut self, sys: &mut Sys<'_>, port: u16) -> Result<(), Ended> {
        let host = self.args.host.clone().unwrap_or_default();
        let to = self.args.resolve(&host, &format!(" for host \"{host}\" port {port}"))?;
        let socket = self.open_socket(sys)?;
        self.socket = Some(socket);
        self.bind_source(sys, socket)?;
        if let Err(errno) = sys.connect(socket, SocketAddrV4::new(to, port)) {
            if self.args.verbose {
                sys.stderr(format!("nc: connect to {host} port {port} (udp) failed: {errno}\n"));
            }
            self.fail(sys, port);
        } else if self.args.verbose {
            self.ask_first(sys, port);
        } else {
            self.reached(sys, port);
        }
        Ok(())
    }

    fn bind_source(&self, sys: &mut Sys<'_>, socket: SocketId) -> Result<(), Ended> {
        let (source, port) = (&self.args.source, &self.args.source_port);
        if source.is_none() && port.is_none() {
            return Ok(());
        }
        let no_service = |_| fatal("getaddrinfo: Servname not supported for ai_socktype");
        let port = port.as_ref().map_or(Ok(0), |port| port.parse::<u16>().map_err(no_service))?;
        let source = source
            .as_ref()
            .map_or(Ok(Ipv4Addr::UNSPECIFIED), |source| self.args.resolve(source, ""))?;
        sys.bind(socket, SocketAddrV4::new(source, port))
            .map_err(|errno| fatal(format_args!("bind failed: {errno}")))
    }

    /// Sends the two datagrams that tell a closed port (`udptest()`).
    fn ask_first(&mut self, sys: &mut Sys<'_>, port: u16) {
        let is_sent = self.send(sys, b"X").is_ok();
        if !is_sent || self.send(sys, b"X") == Err(Errno::ECONNREFUSED) {
            return self.fail(sys, port);
        }
        let left = self.args.idle.map_or(SCAN_SECONDS, |idle| idle.as_secs());
        self.phase = Phase::Asking { port, left, next: sys.now() + SECOND };
        if left == 0 {
            self.reached(sys, port);
        }
    }

    /// Asks once more, a second later.
    fn ask(&mut self, sys: &mut Sys<'_>, port: u16, left: u64, at: SimTime) {
        if self.send(sys, b"X") == Err(Errno::ECONNREFUSED) {
            self.fail(sys, port);
        } else if left > 1 {
            self.phase = Phase::Asking { port, left: left - 1, next: at + SECOND };
        } else {
            self.reached(sys, port);
        }
    }

    fn send(&self, sys: &mut Sys<'_>, data: &[u8]) -> Result<usize, Errno> {
        self.socket.map_or(Err(Errno::EBADF), |socket| sys.send_to(socket, data, None))
    }

    /// A port does not answer: on to the next one.
    fn fail(&mut self, sys: &mut Sys<'_>, port: u16) {
        self.status = 1;
        self.next_port(sys, port);
    }

    fn next_port(&mut self, sys: &mut Sys<'_>, port: u16) {
        if let Some(socket) = self.socket.take() {
            sys.close(socket);
        }
        self.phase = Phase::Port(port.wrapping_add(1));
    }

    fn reached(&mut self, sys: &mut Sys<'_>, port: u16) {
        self.status = 0;
        if self.args.verbose {
            let host = self.args.host.as_deref().unwrap_or_default();
            sys.stderr(format!("Connection to {host} {port} port [udp/*] succeeded!\n"));
        }
        if self.args.scan {
            self.next_port(sys, port);
        } else {
            self.active = sys.now();
            self.phase = Phase::Carrying;
        }
    }

    /// Carries data in both directions (`readwrite()`).
    fn carry(&mut self, sys: &mut Sys<'_>) -> Poll {
        let Some(socket) = self.socket else { return Poll::Exit(self.status) };
        if self.quit_at.is_none() {
            self.receive(sys, socket);
            self.read_input(sys);
            // What the peer has answered meanwhile.
            self.receive(sys, socket);
        }
        if let Some(quit_at) = self.quit_at {
            if sys.now() >= quit_at {
                return Poll::Exit(0);
            }
            sys.set_alarm(Some(quit_at));
            return Poll::WaitBounded;
        }
        // A refusal ends everything, without a word.
        if sys.poll(socket).error && !self.args.keep {
            return Poll::Exit(0);
        }
        match self.args.idle.map(|idle| self.active + idle) {
            Some(end) if sys.now() >= end && !self.args.keep => Poll::Exit(0),
            Some(end) if !self.args.keep => {
                sys.set_alarm(Some(end));
                Poll::WaitBounded
            }
            _ => Poll::WaitUnbounded,
        }
    }

    fn receive(&mut self, sys: &mut Sys<'_>, socket: SocketId) {
        let mut buffer = std::mem::take(&mut self.buffer);
        while !sys.poll(socket).error && sys.recv_from(socket, &mut buffer).is_ok() {
            self.active = sys.now();
            sys.stdout(&buffer);
        }
        self.buffer = buffer;
    }

    fn read_input(&mut self, sys: &mut Sys<'_>) {
        while self.stdin_open {
            match sys.read_stdin() {
                Stdin::Empty => return,
                Stdin::Data(data) => {
                    self.active = sys.now();
                    for chunk in data.chunks(CHUNK) {
                        if self.send(sys, chunk).is_err() {
                            self.stdin_open = false;
                        }
                    }
                }
                Stdin::Eof => {
                    self.stdin_open = false;
                    self.input_ended(sys);
                }
            }
        }
    }

    fn input_ended(&mut self, sys: &mut Sys<'_>) {
        self.quit_at = self.args.quit.map(|after| sys.now() + after);
        let how = match (self.quit_at, self.args.shut_down) {
            (Some(_), _) => Shutdown::BOTH,
            (None, true) => Shutdown::WRITE,
            (None, false) => return,
        };
        if let Some(socket) = self.socket {
            // A socket that has no peer cannot be shut down, which is no matter.
            sys.shutdown(socket, how).unwrap_or_default();
        }
    }
}
