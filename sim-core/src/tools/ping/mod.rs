//! `ping` of iputils 20221126, as root runs it: on a raw socket.

mod args;
mod icmp_text;
mod options_text;
mod probe;
mod stats;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::errno::Errno;
use crate::id::SocketId;
use crate::socket::{ErrorOrigin, ExtendedError};
use crate::time::SimTime;
use crate::tools::Call;
use crate::tools::iputils::Ended;
use crate::tools::ping::args::Args;
use crate::tools::ping::probe::{Heard, Reply};
use crate::tools::ping::stats::{Report, Stats};
use crate::world::{Poll, Program, Signal, Sys};

/// How long to wait for the first answer after the last request (`MAXWAIT`).
const LINGER: Duration = Duration::from_secs(10);
/// How soon to try again when a request could not be sent, and the pace of a flood that nobody
/// answers (`MIN_INTERVAL_MS`).
const MIN_INTERVAL: Duration = Duration::from_millis(10);
/// The pace of a flood in which every request is answered at once: packets take no time here, and
/// without a pace time would stand still.
const FLOOD_INTERVAL: Duration = Duration::from_micros(10);

/// What `-v` says of the sockets.
const VERBOSE_START: &str = "ping: sock4.fd: 3 (socktype: SOCK_RAW), sock6.fd: 4 (socktype: SOCK_RAW), \
                             hints.ai_family: AF_UNSPEC\n\n";

pub(super) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Ping { call, session: None })
}

#[derive(Clone, Debug)]
struct Ping {
    call: Call,
    session: Option<Box<Session>>,
}

impl Program for Ping {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let session = match &mut self.session {
            Some(session) => session,
            None => match Session::open(sys, self.call.args()) {
                Ok(session) => self.session.insert(Box::new(session)),
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

/// A running ping.
#[derive(Clone, Debug)]
struct Session {
    args: Args,
    to: SocketAddrV4,
    socket: SocketId,
    ident: u16,
    pattern: Vec<u8>,
    stats: Stats,
    /// When the first and the last request were sent.
    sent: Option<(SimTime, SimTime)>,
    /// Time saved up for requests; each costs an interval.
    tokens: Duration,
    /// When to try to send again.
    next_send: SimTime,
    deadline: Option<SimTime>,
    /// When to stop waiting after the last request.
    give_up: Option<SimTime>,
    last_route: Vec<u8>,
    buffer: Vec<u8>,
}

impl Session {
    fn open(sys: &mut Sys<'_>, words: &[String]) -> Result<Self, Ended> {
        let args = args::parse(words)?;
        sys.stderr(&args.warnings);
        if args.verbose {
            let family = "ai->ai_family: AF_INET, ai->ai_canonname";
            sys.stderr(VERBOSE_START);
            sys.stdout(format!("{family}: '{}'\n", args.target.0));
        }
        // Address zero means this host.
        let target = match args.target.1 {
            Ipv4Addr::UNSPECIFIED => Ipv4Addr::LOCALHOST,
            address => address,
        };
        let source = probe::source_address(sys, &args, target)?;
        let socket = probe::open_raw(sys, &args)?;
        let ident = args.ident.unwrap_or_else(|| sys.random("ping.ident").next_u16());
        sys.stdout(header(&args, target, source));
        let now = sys.now();
        Ok(Self {
            to: SocketAddrV4::new(target, 0),
            socket,
            ident,
            pattern: args.pattern.clone().unwrap_or_else(|| (0..=255).collect()),
            stats: Stats::default(),
            sent: None,
            tokens: Duration::ZERO,
            next_send: now,
            deadline: args.deadline.map(|d| now + d),
            give_up: None,
            last_route: Vec::new(),
            buffer: Vec::new(),
            args,
        })
    }

    fn run(&mut self, sys: &mut Sys<'_>) -> Poll {
        while let Some(signal) = sys.take_signal() {
            match signal {
                Signal::Interrupt => return self.finish(sys),
                Signal::Quit => sys.stderr(self.stats.status(self.timing())),
            }
        }
        let ringing = [self.deadline, self.give_up];
        if ringing.into_iter().flatten().any(|end| sys.now() >= end) {
            self.listen(sys);
            return self.finish(sys);
        }
        loop {
            self.listen(sys);
            if self.is_complete() {
                return self.finish(sys);
            }
            if self.all_sent() || sys.now() < self.next_send {
                break;
            }
            let wait = self.send(sys);
            self.next_send = sys.now() + wait;
        }
        self.wait(sys)
    }

    /// Whether enough has come back (`main_loop()`).
    fn is_complete(&self) -> bool {
        let answered = self.stats.received + self.stats.errors;
        self.args.count.is_some_and(|count| answered >= count)
            || self.deadline.is_some() && self.stats.errors > 0
    }

    /// Whether no further request is due; with a deadline requests go on beyond the count.
    fn all_sent(&self) -> bool {
        self.deadline.is_none() && self.args.count.is_some_and(|n| self.stats.transmitted >= n)
    }

    fn wait(&mut self, sys: &mut Sys<'_>) -> Poll {
        if self.all_sent() && self.give_up.is_none() {
            self.give_up = Some(sys.now() + self.patience());
        }
        let next = (!self.all_sent()).then_some(self.next_send);
        sys.set_alarm([next, self.deadline, self.give_up].into_iter().flatten().min());
        if self.args.count.is_some() || self.deadline.is_some() {
            Poll::WaitBounded
        } else {
            Poll::WaitUnbounded
        }
    }

    /// How long to wait for answers after the last request (`schedule_exit()`).
    fn patience(&self) -> Duration {
        if self.stats.received > 0 {
            (self.stats.longest() * 2).max(self.args.interval)
        } else {
            self.args.linger.filter(|d| !d.is_zero()).unwrap_or(LINGER)
        }
    }

    /// Sends a request if there is time saved up for it; returns how long to wait (`pinger()`).
    fn send(&mut self, sys: &mut Sys<'_>) -> Duration {
        let interval = self.args.interval;
        let burst = interval * self.args.preload;
        match self.sent {
            None => self.tokens = burst,
            Some((_, last)) => {
                self.tokens = (self.tokens + sys.now().since(last)).min(burst);
                if self.tokens < interval {
                    return interval - self.tokens;
                }
            }
        }
        if interval.is_zero() && self.stats.in_flight() >= self.args.preload.into() {
            let stalled = self.sent.is_some_and(|(_, last)| sys.now().since(last) < MIN_INTERVAL);
            if stalled {
                return FLOOD_INTERVAL;
            }
        }
        self.note_outstanding(sys);
        self.tokens = self.tokens.saturating_sub(interval);
        let (first, _) = self.sent.unwrap_or_else(|| (sys.now(), sys.now()));
        self.sent = Some((first, sys.now()));
        let refused = self.send_request(sys);
        let rest = interval.saturating_sub(self.tokens);
        match refused {
            None => {
                if self.args.flood && !self.args.quiet {
                    sys.stdout(".");
                }
                if interval.is_zero() { FLOOD_INTERVAL } else { rest }
            }
            Some(errno) => self.could_not_send(sys, errno),
        }
    }

    fn send_request(&mut self, sys: &mut Sys<'_>) -> Option<Errno> {
        let sequence = self.stats.last_sequence().wrapping_add(1);
        self.stats.expect(sequence);
        let now_us = sys.now().as_micros();
        let request = probe::request(self.ident, sequence, self.args.size, &self.pattern, now_us);
        let refused = sys.send_to(self.socket, &request, Some(self.to)).err();
        if refused.is_none() {
            self.stats.transmitted += 1;
        }
        refused
    }

    /// `-O`: says that the request before is still unanswered.
    fn note_outstanding(&self, sys: &mut Sys<'_>) {
        let stats = &self.stats;
        if self.args.outstanding && stats.transmitted > 0 && stats.in_flight() > 0 {
            self.stamp(sys);
            sys.stdout(format!("no answer yet for icmp_seq={}\n", stats.last_sequence()));
        }
    }

    /// A request was refused before it left. An ICMP error that waits explains it, else the request
    /// counts as sent and lost.
    fn could_not_send(&mut self, sys: &mut Sys<'_>, errno: Errno) -> Duration {
        match self.read_error(sys) {
            Some(ErrorOrigin::Icmp) => {
                self.tokens += self.args.interval;
                MIN_INTERVAL
            }
            told => {
                self.stats.transmitted += 1;
                if told.is_none() && !self.args.quiet {
                    if self.args.flood {
                        sys.stdout("E");
                    } else {
                        sys.stderr(format!("ping: sendmsg: {errno}\n"));
                    }
                }
                self.tokens = Duration::ZERO;
                self.args.interval.max(FLOOD_INTERVAL)
            }
        }
    }

    /// Reads all that the socket has.
    fn listen(&mut self, sys: &mut Sys<'_>) {
        loop {
            let mut buffer = std::mem::take(&mut self.buffer);
            let received = sys.recv_from(self.socket, &mut buffer);
            match received {
                Ok(_) => match probe::hear(&buffer, self.ident) {
                    Heard::Reply(reply) => self.reply(sys, &reply),
                    Heard::Notice { from, sequence, icmp_type, code, info } => {
                        self.notice(
                            sys,
                            from,
                            sequence,
                            &icmp_text::describe(icmp_type, code, info),
                        );
                    }
                    Heard::Other => {}
                },
                Err(_) => {
                    if self.read_error(sys).is_none() {
                        self.buffer = buffer;
                        return;
                    }
                }
            }
            self.buffer = buffer;
            if self.is_complete() {
                return;
            }
        }
    }

    fn reply(&mut self, sys: &mut Sys<'_>, reply: &Reply<'_>) {
        let taken = self.timing().then(|| self.round_trip(sys, reply)).flatten();
        if !reply.checksum_ok {
            self.stats.checksum_errors += 1;
        }
        self.stats.acknowledge(reply.sequence);
        if let Some(taken) = taken {
            self.stats.time(taken);
        }
        let duplicate = self.stats.reply(reply.sequence);
        if self.args.adaptive {
            self.next_send = self.next_send.min(sys.now());
        }
        if self.args.quiet {
            return;
        }
        if self.args.flood {
            sys.stdout("\x08 \x08");
            return;
        }
        self.stamp(sys);
        let ident =
            if self.args.verbose { format!(" ident={}", self.ident) } else { String::new() };
        let time = taken.map(|t| format!(" time={} ms", stats::round_trip(t))).unwrap_or_default();
        let options = options_text::print(reply.options, &mut self.last_route);
        sys.stdout(format!(
            "{} bytes from {}: icmp_seq={}{ident} ttl={}{time}{}{}{}{options}\n",
            reply.message.len(),
            reply.from,
            reply.sequence,
            reply.ttl,
            if self.args.audible { "\x07" } else { "" },
            if duplicate { " (DUP!)" } else { "" },
            if reply.checksum_ok { "" } else { " (BAD CHECKSUM!)" },
        ));
    }

    fn round_trip(&self, sys: &Sys<'_>, reply: &Reply<'_>) -> Option<Duration> {
        let sent = probe::sent_at(reply.message)?;
        Some(Duration::from_micros(sys.now().as_micros().saturating_sub(sent)))
    }

    /// A message that is no error: the request is still under way.
    fn notice(&self, sys: &mut Sys<'_>, from: Ipv4Addr, sequence: u16, text: &str) {
        if !self.args.quiet && !self.args.flood {
            self.stamp(sys);
            sys.stdout(format!("From {from}: icmp_seq={sequence} {text}\n"));
        }
    }

    /// Reads one entry of the error queue and says who noticed it (`ping4_receive_error_msg()`).
    fn read_error(&mut self, sys: &mut Sys<'_>) -> Option<ErrorOrigin> {
        let error = sys.recv_error(self.socket).ok()?;
        match error.origin {
            ErrorOrigin::Local => self.local_error(sys, &error),
            ErrorOrigin::Icmp => self.icmp_error(sys, &error),
        }
        Some(error.origin)
    }

    fn local_error(&mut self, sys: &mut Sys<'_>, error: &ExtendedError) {
        self.stats.errors += 1;
        if self.args.quiet {
        } else if self.args.flood {
            sys.stdout("E");
        } else if error.errno == Errno::EMSGSIZE {
            sys.stderr(format!("ping: local error: message too long, mtu={}\n", error.info));
        } else {
            sys.stderr(format!("ping: local error: {}\n", error.errno));
        }
    }

    fn icmp_error(&mut self, sys: &mut Sys<'_>, error: &ExtendedError) {
        let sequence = probe::own_sequence(&error.payload, self.ident);
        let (Some(sequence), true) = (sequence, error.destination.ip() == self.to.ip()) else {
            return;
        };
        self.stats.errors += 1;
        self.stats.acknowledge(sequence);
        if self.args.quiet {
        } else if self.args.flood {
            sys.stdout("\x08E");
        } else {
            self.stamp(sys);
            let from = error.offender.map_or(Ipv4Addr::UNSPECIFIED, |o| *o.from.ip());
            let text = icmp_text::describe(error.icmp_type, error.icmp_code, error.info);
            sys.stdout(format!("From {from} icmp_seq={sequence} {text}\n"));
        }
    }

    /// `-D`: the time in front of a line.
    fn stamp(&self, sys: &mut Sys<'_>) {
        if self.args.timestamps {
            let us = sys.now().unix_micros();
            sys.stdout(format!("[{}.{:06}] ", us / 1_000_000, us % 1_000_000));
        }
    }

    /// Whether requests have room for the time.
    fn timing(&self) -> bool {
        self.args.size >= probe::TIMEVAL
    }

    fn finish(&self, sys: &mut Sys<'_>) -> Poll {
        let report = Report {
            took: self.sent.map_or(Duration::ZERO, |(first, last)| last.since(first)),
            timing: self.timing(),
            gaps: self.args.interval.is_zero(),
        };
        sys.stdout(self.stats.summary(&self.args.target.0, &report));
        let received = self.stats.received;
        let short = self.deadline.is_some() && self.args.count.is_some_and(|n| received < n);
        Poll::Exit(u8::from(received == 0 || short))
    }
}

/// The first lines.
fn header(args: &Args, target: Ipv4Addr, source: Ipv4Addr) -> String {
    let pattern = args.pattern.as_ref().map(|pattern| {
        let hex: String = pattern.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("PATTERN: 0x{hex}\n")
    });
    let from = (args.device.is_some() || args.source.is_some()).then(|| {
        let device = args.device.map(|d| d.to_string()).unwrap_or_default();
        format!("from {source} {device}: ")
    });
    let options = if args.ip_option.is_some() { probe::OPTION_LEN } else { 0 };
    let whole = args.size + probe::ICMP_HLEN + 20 + options;
    format!(
        "{}PING {} ({target}) {}{}({whole}) bytes of data.\n",
        pattern.unwrap_or_default(),
        args.target.0,
        from.unwrap_or_default(),
        args.size,
    )
}
