//! `traceroute` 2.1.2: the hops on the way to a host.

mod args;
mod options;
mod probe;

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::time::SimTime;
use crate::tools::Call;
use crate::tools::iputils::Ended;
use crate::tools::traceroute::args::Args;
use crate::tools::traceroute::probe::{Answer, Outcome, Probe, Prober};
use crate::world::{Poll, Program, Sys};

/// What an answer's time is lengthened by before it is multiplied (`DEF_WAIT_PREC`).
const PRECISION: Duration = Duration::from_millis(1);

pub(super) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Traceroute { call, session: None })
}

#[derive(Clone, Debug)]
struct Traceroute {
    call: Call,
    session: Option<Session>,
}

impl Program for Traceroute {
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
        match session.run(sys) {
            Ok(poll) => poll,
            Err((what, errno)) => {
                sys.stderr(format!("\n{what}: {errno}\n"));
                Poll::Exit(1)
            }
        }
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

/// A running traceroute.
#[derive(Clone, Debug)]
struct Session {
    args: Args,
    prober: Prober,
    /// In the order in which they were sent: all of one hop, then of the next.
    probes: Vec<Probe>,
    /// How many of them were printed.
    printed: usize,
    /// Who answered the probe printed last, on its line.
    last_from: Option<Ipv4Addr>,
    /// When the next probe may be sent.
    next_send: SimTime,
}

impl Session {
    fn open(sys: &mut Sys<'_>, words: &[String]) -> Result<Self, Ended> {
        let args = args::parse(words)?;
        sys.stdout(format!(
            "traceroute to {} ({}), {} hops max, {} byte packets",
            args.host,
            args.target,
            args.max_hops,
            args.packet_len()
        ));
        let prober = Prober::open(sys, &args).map_err(|(what, errno)| Ended {
            stderr: format!("\n{what}: {errno}\n"),
            status: 1,
            ..Ended::default()
        })?;
        let next_send = sys.now();
        Ok(Self { args, prober, probes: Vec::new(), printed: 0, last_from: None, next_send })
    }

    fn run(&mut self, sys: &mut Sys<'_>) -> Result<Poll, probe::Failed> {
        loop {
            self.prober.listen(sys, &mut self.probes);
            self.give_up(sys);
            self.print(sys);
            if self.printed >= self.total() {
                sys.stdout("\n");
                return Ok(Poll::Exit(0));
            }
            if self.send(sys)? == 0 {
                break;
            }
        }
        sys.set_alarm(self.next_alarm(sys));
        Ok(Poll::WaitBounded)
    }

    /// How many probes there will be, as far as is known: none beyond the hop that was the last.
    fn total(&self) -> usize {
        let per_hop = self.args.probes;
        let hops = usize::from(self.args.max_hops - self.args.first_hop) + 1;
        let reached = self.probes.iter().position(|probe| match &probe.outcome {
            Outcome::Answered(answer) => answer.is_final,
            Outcome::Waiting | Outcome::Lost => false,
        });
        reached.map_or(hops * per_hop, |at| (at / per_hop + 1) * per_hop)
    }

    /// Sends as many probes as may be under way at once; returns how many.
    fn send(&mut self, sys: &mut Sys<'_>) -> Result<usize, probe::Failed> {
        let waiting = |p: &&Probe| p.outcome == Outcome::Waiting;
        let under_way = self.probes.iter().filter(waiting).count();
        let room = self.args.simultaneous.saturating_sub(under_way);
        let mut sent = 0;
        while sent < room && self.probes.len() < self.total() && sys.now() >= self.next_send {
            let number = self.probes.len();
            let hop = u8::try_from(number / self.args.probes).unwrap_or(u8::MAX);
            let ttl = self.args.first_hop.saturating_add(hop);
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            let probe = self.prober.send(sys, &self.args, number, ttl)?;
            self.probes.push(probe);
            self.next_send = sys.now() + self.args.send_gap;
            sent += 1;
        }
        Ok(sent)
    }

    /// Stops waiting for probes whose time has run out.
    fn give_up(&mut self, sys: &mut Sys<'_>) {
        for at in 0..self.probes.len() {
            if self.probes[at].outcome == Outcome::Waiting && sys.now() >= self.deadline(at) {
                self.probes[at].outcome = Outcome::Lost;
                self.probes[at].close(sys);
            }
        }
    }

    /// Until when an answer is waited for (`get_timeout()`): not much longer than answers from the same
    /// hop or from later ones took.
    fn deadline(&self, at: usize) -> SimTime {
        let wait = &self.args.wait;
        let hop = at / self.args.probes * self.args.probes;
        let same_hop = &self.probes[hop..(hop + self.args.probes).min(self.probes.len())];
        let later = self.probes.get(hop + self.args.probes..).unwrap_or_default();
        let scaled = |probes: &[Probe], factor: u32| {
            let took = probes.iter().find_map(|probe| match &probe.outcome {
                Outcome::Answered(answer) => Some(answer.took),
                Outcome::Waiting | Outcome::Lost => None,
            });
            took.filter(|_| factor > 0).map(|took| (took + PRECISION) * factor / 1000)
        };
        let patience = scaled(same_hop, wait.here).or_else(|| scaled(later, wait.near));
        self.probes[at].sent_at + patience.map_or(wait.max, |p| p.min(wait.max))
    }

    fn next_alarm(&self, sys: &Sys<'_>) -> Option<SimTime> {
        let waiting = (0..self.probes.len())
            .filter(|at| self.probes[*at].outcome == Outcome::Waiting)
            .map(|at| self.deadline(at));
        let pause = (self.next_send > sys.now()).then_some(self.next_send);
        waiting.chain(pause).min()
    }

    /// Prints the probes whose turn has come and whose fate is known.
    fn print(&mut self, sys: &mut Sys<'_>) {
        while let Some(probe) = self.probes.get(self.printed) {
            if self.printed >= self.total() || probe.outcome == Outcome::Waiting {
                return;
            }
            let mut text = String::new();
            if self.printed.is_multiple_of(self.args.probes) {
                let hop = usize::from(self.args.first_hop) + self.printed / self.args.probes;
                text = format!("\n{hop:2} ");
                self.last_from = None;
            }
            match &probe.outcome {
                Outcome::Answered(answer) => {
                    text += &self.describe(answer);
                    self.last_from = Some(answer.from);
                }
                Outcome::Waiting | Outcome::Lost => text += " *",
            }
            sys.stdout(text);
            self.printed += 1;
        }
    }

    fn describe(&self, answer: &Answer) -> String {
        let from = match answer.from {
            from if self.last_from == Some(from) => String::new(),
            from if self.args.numeric => format!(" {from}"),
            // The one name that is known without a resolver.
            from if from.is_loopback() && from == Ipv4Addr::LOCALHOST => {
                format!(" localhost ({from})")
            }
            from => format!(" {from} ({from})"),
        };
        let us = answer.took.as_micros();
        format!("{from}  {}.{:03} ms{}", us / 1000, us % 1000, answer.note)
    }
}
