//! The server's end of one shim.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use sim_core::id::ProcId;
use sim_core::tools::Catches;

use super::proc::{self, Descent};
use crate::lab::protocol::{Decoder, Hello, PIECE, ProtocolError, ToServer, ToShim};

/// How much a shim may have sent that was not acted on yet, in messages.
const MAX_INBOX: usize = 64;
/// How much may wait for a shim before its program is stopped, in bytes.
const MAX_OUTBOX: usize = 1 << 16;

/// A connected shim.
#[derive(Debug)]
pub(super) struct Client {
    stream: UnixStream,
    /// Its process.
    pub(super) pid: i32,
    /// Tells which of two commands was started first; known once it has said hello.
    pub(super) started: Descent,
    decoder: Decoder,
    inbox: VecDeque<ToServer>,
    outbox: VecDeque<u8>,
    pub(super) state: State,
    /// It will say no more.
    silent: bool,
    /// Nothing can be sent to it any more.
    gone: bool,
    /// It broke the rules, and how; it is not listened to any more.
    broke: Option<ProtocolError>,
}

/// How far the server is with a shim.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// It has not said yet what it wants.
    Fresh,
    /// Its program runs, and handles these signals.
    Running(ProcId, Catches),
    /// It became a command of the user's, which keeps the connection open without knowing, and so do
    /// all that it starts: as long as it is open, a process is in the namespace that the program keeps.
    Away(ProcId),
    /// All was said.
    Leaving,
}

impl Client {
    /// Takes a new connection.
    pub(super) fn new(stream: UnixStream) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        let pid = getsockopt(&stream, PeerCredentials)?.pid();
        Ok(Self {
            stream,
            pid,
            started: Descent::default(),
            decoder: Decoder::default(),
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            state: State::Fresh,
            silent: false,
            gone: false,
            broke: None,
        })
    }

    /// Whether it waits for its program to be started.
    pub(super) fn is_fresh(&self) -> bool {
        self.state == State::Fresh && !self.inbox.is_empty()
    }

    /// Finds out where it comes from.
    pub(super) fn trace_descent(&mut self) {
        self.started = proc::descent(self.pid);
    }

    /// The program that runs for it.
    pub(super) fn program(&self) -> Option<ProcId> {
        match self.state {
            State::Running(id, _) => Some(id),
            State::Fresh | State::Away(_) | State::Leaving => None,
        }
    }

    /// What goes from the world with it.
    pub(super) fn possession(&self) -> Option<ProcId> {
        match self.state {
            State::Running(id, _) | State::Away(id) => Some(id),
            State::Fresh | State::Leaving => None,
        }
    }

    /// Whether it can be forgotten.
    pub(super) fn is_done(&self) -> bool {
        match self.state {
            State::Fresh | State::Running(..) | State::Away(_) => false,
            State::Leaving => self.gone || self.outbox.is_empty(),
        }
    }

    /// Whether nothing can come from it any more, and all that it said has been acted on.
    pub(super) fn is_lost(&self) -> bool {
        (self.silent || self.gone || self.broke.is_some()) && self.inbox.is_empty()
    }

    /// Ends the talk with a lost shim.
    pub(super) fn abandon(&mut self) {
        self.state = State::Leaving;
        if let Some(error) = self.broke.take() {
            self.send(&ToShim::Refused(error.to_string()));
        }
    }

    /// Whether the server should listen to it.
    pub(super) fn wants_reading(&self) -> bool {
        !self.silent
            && !self.gone
            && self.broke.is_none()
            && self.state != State::Leaving
            && self.inbox.len() < MAX_INBOX
    }

    /// Whether something waits for it.
    pub(super) fn wants_writing(&self) -> bool {
        !self.gone && !self.outbox.is_empty()
    }

    /// Whether so much waits for it that its program has to wait, as one does that writes to a full pipe.
    pub(super) fn is_congested(&self) -> bool {
        !self.gone && self.outbox.len() > MAX_OUTBOX
    }

    /// Puts a message down for it.
    pub(super) fn send(&mut self, message: &ToShim) {
        if !self.gone {
            self.outbox.extend(message.frame());
        }
    }

    /// Puts the last message down for it.
    pub(super) fn dismiss(&mut self, message: &ToShim) {
        self.send(message);
        self.state = State::Leaving;
    }

    /// Sends what the socket takes.
    pub(super) fn flush(&mut self) {
        while self.wants_writing() {
            match self.stream.write(self.outbox.as_slices().0) {
                Ok(sent) => drop(self.outbox.drain(..sent)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.gone = true,
            }
        }
    }

    /// Reads what has arrived; false if that is nothing.
    pub(super) fn receive(&mut self) -> bool {
        let mut piece = [0; PIECE];
        let mut heard = false;
        while self.wants_reading() {
            match self.stream.read(&mut piece) {
                Ok(0) => self.silent = true,
                Ok(n) => self.decode(&piece[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return heard,
                Err(_) => self.gone = true,
            }
            heard = true;
        }
        heard
    }

    /// Cuts bytes into messages. Whoever sends something else is not listened to any more.
    fn decode(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes);
        loop {
            let frame = match self.decoder.next_frame() {
                Ok(None) => return,
                Ok(Some((kind, content))) => ToServer::parse(kind, content),
                Err(error) => Err(error),
            };
            match frame {
                Ok(message) => self.inbox.push_back(message),
                Err(error) => {
                    self.broke = Some(error);
                    return;
                }
            }
        }
    }

    /// Takes the first message, which has to say how the shim was called.
    pub(super) fn take_hello(&mut self) -> Option<Result<Hello, String>> {
        if self.state != State::Fresh {
            return None;
        }
        let first = self.inbox.pop_front()?;
        Some(match first {
            ToServer::Hello(hello) => Ok(hello),
            ToServer::Stdin(_) | ToServer::Signal(_) | ToServer::File(..) => {
                Err("the first message must be a hello".into())
            }
        })
    }

    /// Takes the oldest message of a shim whose program runs.
    pub(super) fn take_message(&mut self) -> Option<ToServer> {
        match self.state {
            State::Running(..) => self.inbox.pop_front(),
            // Whoever inherited the connection has nothing to say.
            State::Away(_) => {
                self.inbox.clear();
                None
            }
            State::Fresh | State::Leaving => None,
        }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
