//! `tracepath` of iputils 20221126: the hops on the way to a host, and the path's MTU.

mod args;
mod error_text;
#[cfg(test)]
mod tests;

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::errno::Errno;
use crate::id::SocketId;
use crate::socket::{PmtuDiscovery, SockOpt, SocketType};
use crate::time::SimTime;
use crate::tools::Call;
use crate::tools::iputils::Ended;
use crate::tools::tracepath::args::{Args, OVERHEAD};
use crate::world::{Poll, Program, Sys};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many probes a hop is sent before it is passed over.
const PROBES_PER_HOP: u8 = 3;
/// How often sending is tried.
const SEND_TRIES: u8 = 10;
/// How many ports are used in turn.
const PORTS: u16 = 64;
/// What a probe begins with: the hop (4 bytes), 4 bytes nothing, the time in seconds and nanoseconds
/// (8 bytes each).
const STAMP_LEN: usize = 24;

pub(super) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Tracepath { call, session: None })
}

#[derive(Clone, Debug)]
struct Tracepath {
    call: Call,
    session: Option<Session>,
}

impl Program for Tracepath {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let session = match &mut self.session {
            Some(session) => session,
            None => match Session::open(sys, self.call.args()) {
                Ok(session) => self.session.insert(session),
                Err(ended) => {
                    sys.stdout(&ended.stdout);
                    sys.stderr(&ended.stderr);
                    return Poll::Exit(ended.status);
                }
            },
        };
        session.run(sys)
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

/// What a look into the error queue has brought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Progress {
    /// Nothing was there.
    None,
    /// Somebody on the way answered.
    Some,
    /// The path ends here.
    End,
}

/// A probe that was sent and not yet answered.
#[derive(Clone, Copy, Debug)]
struct Sent {
    hop: u8,
    at: SimTime,
}

/// A running tracepath.
#[derive(Clone, Debug)]
struct Session {
    args: Args,
    socket: SocketId,
    /// The length of the next probe with its headers, in bytes.
    mtu: u32,
    /// The hop that is probed.
    hop: u8,
    /// How many probes it has been sent in vain.
    tries: u8,
    /// The port of the next probe, counted from the first one.
    slot: u16,
    /// The probes under way, by port.
    sent: [Option<Sent>; PORTS as usize],
    /// Until when an answer is waited for, and how long a probe was when that one was begun.
    waiting: Option<(SimTime, u32)>,
    hops_to: Option<u8>,
    hops_back: Option<u8>,
    buffer: Vec<u8>,
}

impl Session {
    fn open(sys: &mut Sys<'_>, words: &[String]) -> Result<Self, Ended> {
        let args = args::parse(words)?;
        let socket = open_socket(sys)
            .map_err(|errno| Ended::message("tracepath", 1, format_args!("socket: {errno}")))?;
        Ok(Self {
            socket,
            mtu: args.length,
            hop: 1,
            tries: 0,
            slot: 0,
            sent: [None; PORTS as usize],
            waiting: None,
            hops_to: None,
            hops_back: None,
            buffer: Vec::new(),
            args,
        })
    }

    fn run(&mut self, sys: &mut Sys<'_>) -> Poll {
        while self.hop > 0 && self.hop <= self.args.max_hops {
            let (progress, mtu) = match self.waiting {
                None => {
                    let mtu = self.mtu;
                    match self.send(sys) {
                        Some(progress) => (progress, mtu),
                        None => {
                            self.waiting = Some((sys.now() + PATIENCE, mtu));
                            continue;
                        }
                    }
                }
                Some((until, mtu)) => {
                    let state = sys.poll(self.socket);
                    if !state.readable && !state.error && sys.now() < until {
                        sys.set_alarm(Some(until));
                        return Poll::WaitBounded;
                    }
                    self.waiting = None;
                    (self.listen(sys), mtu)
                }
            };
            if self.advance(sys, progress, mtu) {
                return self.finish(sys);
            }
        }
        sys.stdout(format!("     Too many hops: pmtu {}\n", self.mtu));
        self.finish(sys)
    }

    /// Decides what to probe next; tells whether that is nothing. `mtu` is how long a probe was before the
    /// last one: a hop is probed anew with another length.
    fn advance(&mut self, sys: &mut Sys<'_>, progress: Progress, mtu: u32) -> bool {
        if mtu != self.mtu {
            self.tries = 0;
            return false;
        }
        match progress {
            Progress::End => return true,
            Progress::Some => {}
            Progress::None => {
                self.tries += 1;
                if self.tries < PROBES_PER_HOP {
                    return false;
                }
                sys.stdout(format!("{:2}:  no reply\n", self.hop));
            }
        }
        self.tries = 0;
        // After the last of 255 hops there is none: 0.
        self.hop = self.hop.wrapping_add(1);
        false
    }

    /// Sends a probe; answers how it went if it could not be sent.
    fn send(&mut self, sys: &mut Sys<'_>) -> Option<Progress> {
        let mut tries = 0;
        while tries < SEND_TRIES {
            let data = self.probe(sys.now());
            let port = self.args.first_port.wrapping_add(self.slot);
            let to = SocketAddrV4::new(self.args.target, port);
            self.sent[usize::from(self.slot)] = Some(Sent { hop: self.hop, at: sys.now() });
            let sent = sys
                .set_option(self.socket, SockOpt::Ttl(Some(self.hop)))
                .and_then(|()| sys.send_to(self.socket, &data, Some(to)));
            if sent.is_ok() {
                self.slot = (self.slot + 1) % PORTS;
                return None;
            }
            self.sent[usize::from(self.slot)] = None;
            match self.read_errors(sys) {
                Progress::End => return Some(Progress::End),
                Progress::Some => tries = 0,
                Progress::None => tries += 1,
            }
        }
        sys.stdout(format!("{:2}:  send failed\n", self.hop));
        Some(Progress::End)
    }

    /// The data of a probe.
    fn probe(&self, now: SimTime) -> Vec<u8> {
        let len = (self.mtu as usize).saturating_sub(OVERHEAD);
        let mut data = vec![0; len.max(STAMP_LEN)];
        data[..4].copy_from_slice(&u32::from(self.hop).to_le_bytes());
        let nanos = now.as_nanos();
        data[8..16].copy_from_slice(&(nanos / 1_000_000_000).to_le_bytes());
        data[16..24].copy_from_slice(&(nanos % 1_000_000_000).to_le_bytes());
        data.truncate(len);
        data
    }

    /// Hears what came back.
    fn listen(&mut self, sys: &mut Sys<'_>) -> Progress {
        let mut buffer = std::mem::take(&mut self.buffer);
        let answer = sys.recv_from(self.socket, &mut buffer);
        let has_data = answer.is_ok() && !buffer.is_empty();
        self.buffer = buffer;
        if has_data {
            sys.stdout(format!("{:2}?: reply received 8)\n", self.hop));
            return Progress::End;
        }
        self.read_errors(sys)
    }

    /// Prints all errors that are there.
    fn read_errors(&mut self, sys: &mut Sys<'_>) -> Progress {
        let mut progress = Progress::None;
        while let Ok(error) = sys.recv_error(self.socket) {
            progress = Progress::Some;
            if self.print_error(sys, &error) {
                return Progress::End;
            }
        }
        progress
    }

    fn finish(&self, sys: &mut Sys<'_>) -> Poll {
        let hops = |what: &str, hops: Option<u8>| match hops {
            Some(hops) => format!("{what} {hops} "),
            None => String::new(),
        };
        let to = hops("hops", self.hops_to);
        let back = hops("back", self.hops_back);
        sys.stdout(format!("     Resume: pmtu {} {to}{back}\n", self.mtu));
        Poll::Exit(0)
    }
}

fn open_socket(sys: &mut Sys<'_>) -> Result<SocketId, Errno> {
    let socket = sys.socket(SocketType::Udp)?;
    sys.set_option(socket, SockOpt::MtuDiscover(PmtuDiscovery::Do))?;
    sys.set_option(socket, SockOpt::RecvErr(true))?;
    Ok(socket)
}
