//! Carrying data between standard input and output and a socket (`readwrite()`).

use std::time::Duration;

use crate::errno::Errno;
use crate::id::SocketId;
use crate::socket::{Protocol, Readiness, Shutdown};
use crate::time::SimTime;
use crate::tools::nc::args::Args;
use crate::world::{Stdin, Sys};

/// How much is read or written at once, in bytes.
const BUFSIZE: usize = 16_384;

/// How far the carrying has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// Nothing can be done now, nor will anything be by itself before that time.
    Wait(Option<SimTime>),
    /// It is over.
    Over,
    /// It is over, and the whole command ends so much later.
    Quit(Duration),
}

/// The four ends and what is between them. An end that is no longer watched stays so.
#[derive(Clone, Debug)]
pub(super) struct Relay {
    net: SocketId,
    stdin: bool,
    net_out: bool,
    net_in: bool,
    /// What was read from standard input and not sent yet.
    input: Vec<u8>,
    /// The CR and LF that stand for a line feed and were not sent yet.
    line_end: &'static [u8],
    /// Until when it sleeps after a line.
    asleep: Option<SimTime>,
    /// When something happened last.
    active: SimTime,
    buffer: Vec<u8>,
}

impl Relay {
    pub(super) fn new(net: SocketId, args: &Args, now: SimTime) -> Self {
        Self {
            net,
            stdin: !args.no_stdin,
            net_out: true,
            net_in: true,
            input: Vec::new(),
            line_end: b"",
            asleep: None,
            active: now,
            buffer: Vec::new(),
        }
    }

    /// Carries what there is. Peers after this one are not waited for any more if it clears `args.keep`.
    pub(super) fn run(&mut self, sys: &mut Sys<'_>, args: &mut Args, received: &mut u32) -> Turn {
        loop {
            if let Some(until) = self.asleep.filter(|until| sys.now() < *until) {
                return Turn::Wait(Some(until));
            }
            self.asleep = None;
            if self.is_over(args.listen) {
                let after = args.quit.filter(|after| !after.is_zero());
                return after.map_or(Turn::Over, Turn::Quit);
            }
            if self.turn(sys, args, received) {
                self.active = sys.now();
                continue;
            }
            let end = args.idle.map(|idle| self.active + idle);
            if end.is_some_and(|end| sys.now() >= end) {
                return Turn::Over;
            }
            return Turn::Wait(end);
        }
    }

    /// Whether something that was sent is bound to be answered.
    pub(super) fn awaits_ack(&self, sys: &Sys<'_>) -> bool {
        let socket = sys.world.kernel.sockets.get(self.net);
        socket.is_some_and(|socket| match &socket.protocol {
            Protocol::Tcp(tcp) => tcp.awaits_ack(),
            Protocol::TcpTimeWait(_)
            | Protocol::Udp
            | Protocol::Ping
            | Protocol::Raw(_)
            | Protocol::Packet(_) => false,
        })
    }

    fn has_input(&self) -> bool {
        !self.input.is_empty() || !self.line_end.is_empty()
    }

    fn is_over(&self, listen: bool) -> bool {
        // Standard output is watched for as long as something may come from the socket.
        let silent = !self.net_in && !self.net_out;
        silent || (!self.net_in && !self.has_input() && (listen || !self.stdin))
    }

    /// Does what can be done at once; false if that is nothing.
    fn turn(&mut self, sys: &mut Sys<'_>, args: &mut Args, received: &mut u32) -> bool {
        let ready = sys.poll(self.net);
        let mut busy = self.note_ends(sys, args, ready);
        busy |= self.stdin && !self.has_input() && self.read_input(sys);
        if self.net_out && self.has_input() && ready.writable {
            busy |= self.write(sys, args);
        }
        if self.net_in && ready.readable {
            busy |= self.read(sys, args, received);
        }
        if busy && !self.stdin && !self.has_input() {
            self.input_is_gone(sys, args);
        }
        busy
    }

    /// Takes errors and the end of a connection into account.
    fn note_ends(&mut self, sys: &mut Sys<'_>, args: &Args, ready: Readiness) -> bool {
        let before = (self.net_in, self.net_out);
        if ready.error {
            (self.net_in, self.net_out) = (false, false);
        }
        if ready.hung_up {
            self.net_in &= ready.readable;
            self.close_output(sys, args);
        }
        if !self.net_out {
            self.stdin = false;
        }
        before != (self.net_in, self.net_out)
    }

    fn close_output(&mut self, sys: &mut Sys<'_>, args: &Args) {
        if std::mem::take(&mut self.net_out) && args.shut_down {
            // A socket that has no peer cannot be shut down, which is no matter.
            sys.shutdown(self.net, Shutdown::WRITE).unwrap_or_default();
        }
    }

    fn close_input(&mut self, sys: &mut Sys<'_>) {
        if std::mem::take(&mut self.net_in) {
            sys.shutdown(self.net, Shutdown::READ).unwrap_or_default();
        }
    }

    fn read_input(&mut self, sys: &mut Sys<'_>) -> bool {
        match sys.read_stdin() {
            Stdin::Empty => return false,
            Stdin::Data(data) => self.input = data,
            Stdin::Eof => self.stdin = false,
        }
        true
    }

    /// Everything that was to be sent is sent.
    fn input_is_gone(&mut self, sys: &mut Sys<'_>, args: &mut Args) {
        self.close_output(sys, args);
        if (args.listen || args.udp) && self.net_in && args.quit.is_some() {
            self.close_input(sys);
            args.keep = false;
        }
    }

    /// Sends a piece of the input, or a line of it; false if there was no room (`drainbuf()`).
    fn write(&mut self, sys: &mut Sys<'_>, args: &Args) -> bool {
        if !self.line_end.is_empty() {
            let sent = sys.send(self.net, self.line_end);
            return self.wrote(sys, args, sent, |relay, count| {
                relay.line_end = relay.line_end.get(count..).unwrap_or_default();
                relay.line_end.is_empty()
            });
        }
        let piece = &self.input[..self.input.len().min(BUFSIZE)];
        let by_line = args.crlf || args.interval.is_some();
        let feed = piece.iter().position(|byte| *byte == b'\n').filter(|_| by_line);
        let Some(feed) = feed else {
            let sent = sys.send(self.net, piece);
            return self.wrote(sys, args, sent, |relay, count| {
                relay.input.drain(..count);
                false
            });
        };
        let converts = args.crlf && !piece[..feed].ends_with(b"\r");
        if !converts {
            let sent = sys.send(self.net, &piece[..=feed]);
            return self.wrote(sys, args, sent, |relay, count| {
                relay.input.drain(..count);
                count > feed
            });
        }
        let sent = if feed == 0 { Ok(0) } else { sys.send(self.net, &piece[..feed]) };
        self.wrote(sys, args, sent, |relay, count| {
            let whole = count == feed;
            relay.input.drain(..count + usize::from(whole));
            relay.line_end = if whole { b"\r\n" } else { b"" };
            false
        })
    }

    /// Notes what was sent; `advance` takes it out of the input and tells whether a line has ended.
    fn wrote(
        &mut self,
        sys: &Sys<'_>,
        args: &Args,
        sent: Result<usize, Errno>,
        advance: impl FnOnce(&mut Self, usize) -> bool,
    ) -> bool {
        match sent {
            Ok(count) => {
                if advance(self, count) {
                    self.asleep = args.interval.map(|interval| sys.now() + interval);
                }
                true
            }
            Err(Errno::EAGAIN) => false,
            Err(_) => {
                self.net_out = false;
                true
            }
        }
    }

    /// Takes what has come; false if that is nothing.
    fn read(&mut self, sys: &mut Sys<'_>, args: &Args, received: &mut u32) -> bool {
        let mut buffer = std::mem::take(&mut self.buffer);
        let count = if args.udp {
            sys.recv_from(self.net, &mut buffer).map(|_| buffer.len().min(BUFSIZE))
        } else {
            sys.recv(self.net, &mut buffer, BUFSIZE)
        };
        match count {
            Err(Errno::EAGAIN) => return false,
            Err(_) => self.net_in = false,
            Ok(0) => self.close_input(sys),
            Ok(count) => sys.stdout(&buffer[..count]),
        }
        self.buffer = buffer;
        *received = received.saturating_add(1);
        if args.receive_limit.is_some_and(|limit| *received >= limit) {
            self.close_input(sys);
            self.stdin = false;
        }
        true
    }
}
