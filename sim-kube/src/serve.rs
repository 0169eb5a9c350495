//! A server of TCP: it listens, and answers what its clients say.

use std::net::SocketAddrV4;

use sim_core::errno::Errno;
use sim_core::id::SocketId;
use sim_core::socket::{SockOpt, SocketType};
use sim_core::world::Sys;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 128;
/// How many connections a server keeps at once; what comes beyond is closed.
const MAX_CONNECTIONS: usize = 1024;
/// How much is read at once, in bytes.
const CHUNK: usize = 65_536;

/// What a server does with what a client has said so far.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// It waits for more.
    Wait,
    /// It says this and listens on.
    Say(Vec<u8>),
    /// It says this and hangs up.
    SayLast(Vec<u8>),
}

/// What a client has said.
#[derive(Debug)]
pub(crate) struct Heard<'a> {
    /// What is not answered yet; the answer takes away what it is to.
    pub(crate) bytes: &'a mut Vec<u8>,
    /// Whether the client says no more.
    pub(crate) is_end: bool,
    pub(crate) client: Option<SocketAddrV4>,
}

/// A listening socket and its connections, each with what the server remembers of it.
#[derive(Clone, Debug)]
pub(crate) struct Listener<T> {
    socket: SocketId,
    connections: Vec<Connection<T>>,
}

/// A connection.
#[derive(Clone, Debug)]
struct Connection<T> {
    socket: SocketId,
    memory: T,
    heard: Vec<u8>,
    /// Whether the client says no more.
    is_end: bool,
    /// What is still to be written.
    left: Vec<u8>,
    /// Whether nothing follows that.
    is_last: bool,
}

impl<T: Default> Listener<T> {
    /// Opens a socket and listens at `at`.
    ///
    /// # Errors
    /// Why it cannot; no socket is left then.
    pub(crate) fn open(sys: &mut Sys<'_>, at: SocketAddrV4) -> Result<Self, Errno> {
        let socket = sys.socket(SocketType::Tcp)?;
        let listening = sys
            .set_option(socket, SockOpt::ReuseAddr(true))
            .and_then(|()| sys.bind(socket, at))
            .and_then(|()| sys.listen(socket, BACKLOG));
        match listening {
            Ok(()) => Ok(Self { socket, connections: Vec::new() }),
            Err(errno) => {
                sys.close(socket);
                Err(errno)
            }
        }
    }

    /// Takes new connections and answers what there is to answer.
    pub(crate) fn serve(
        &mut self,
        sys: &mut Sys<'_>,
        answer: &mut impl FnMut(&mut T, Heard<'_>) -> Answer,
    ) {
        while let Ok(socket) = sys.accept(self.socket) {
            if self.connections.len() < MAX_CONNECTIONS {
                self.connections.push(Connection::new(socket));
            } else {
                sys.close(socket);
            }
        }
        self.connections.retain_mut(|connection| connection.serve(sys, answer));
    }

    /// Listens no more, and ends all connections.
    pub(crate) fn close(self, sys: &mut Sys<'_>) {
        sys.close(self.socket);
        for connection in self.connections {
            sys.close(connection.socket);
        }
    }
}

impl<T: Default> Connection<T> {
    fn new(socket: SocketId) -> Self {
        let (heard, left) = (Vec::new(), Vec::new());
        Self { socket, memory: T::default(), heard, is_end: false, left, is_last: false }
    }

    /// Reads and answers what there is; whether the connection goes on.
    fn serve(
        &mut self,
        sys: &mut Sys<'_>,
        answer: &mut impl FnMut(&mut T, Heard<'_>) -> Answer,
    ) -> bool {
        loop {
            // What was said is answered before more is read: a client that reads nothing waits.
            let done = if !self.left.is_empty() {
                sys.send(self.socket, &self.left).map(|sent| drop(self.left.drain(..sent)))
            } else if self.is_last {
                sys.close(self.socket);
                return false;
            } else {
                self.hear(sys, answer)
            };
            match done {
                Ok(()) => {}
                Err(Errno::EAGAIN) => return true,
                Err(_) => {
                    sys.close(self.socket);
                    return false;
                }
            }
        }
    }

    /// Answers what was heard, or else reads more.
    fn hear(
        &mut self,
        sys: &mut Sys<'_>,
        answer: &mut impl FnMut(&mut T, Heard<'_>) -> Answer,
    ) -> Result<(), Errno> {
        let client = sys.peer_addr(self.socket).ok();
        let heard = Heard { bytes: &mut self.heard, is_end: self.is_end, client };
        match answer(&mut self.memory, heard) {
            Answer::Say(bytes) => self.left = bytes,
            Answer::SayLast(bytes) => (self.left, self.is_last) = (bytes, true),
            Answer::Wait if self.is_end => self.is_last = true,
            Answer::Wait => {
                let mut data = Vec::new();
                self.is_end = sys.recv(self.socket, &mut data, CHUNK)? == 0;
                self.heard.append(&mut data);
            }
        }
        Ok(())
    }
}
