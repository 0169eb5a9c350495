//! The machine that has the rules, and what comes of packets there.

use std::net::SocketAddrV4;
use std::ops::Range;

use sim_core::errno::Errno;
use sim_core::id::NetnsId;
use sim_core::packet::{IpProto, Ipv4};
use sim_core::socket::{SockOpt, SocketType};
use sim_core::trace::record::{Record, What};
use sim_core::world::World;

use super::super::act::STRANGER;
use super::super::expect::{check_walk, fault};
use super::super::packet::{Content, Packet};
use super::super::print;
use super::super::report::{Done, Failure, Report, StepReport};
use super::super::run::{RunError, Why, device};
use super::super::tape::Tape;
use super::super::walk::{Met, Verdict, Walk, Walks};
use super::{Row, RuleTest};
use crate::host::{CallError, Host, IptablesBackend};
use crate::proxy::service::Protocol;
use crate::reading::Placed;
use crate::topology;
use crate::workload::Server;

/// The namespace of the machine.
const MACHINE: &str = "machine";
/// The other end of an interface's wire.
const PEER: &str = "peer";
/// Why the kernel drops packets for which nobody listens.
const NO_SOCKET: &str = "NO_SOCKET";
/// The place of packets that were delivered to the machine, whatever its sockets make of them.
const DELIVERED: &str = "protocol";
/// What reads rules. Those of an earlier file stay.
const RESTORE: [&str; 2] = ["iptables-restore", "-n"];

/// Why rules cannot be loaded.
pub(super) struct Refused {
    /// What the command says.
    pub(super) message: String,
    /// The line that it names, counted from 1.
    line: Option<usize>,
}

impl Refused {
    /// The place of the line in a text, in bytes; the rules begin at `begin`.
    pub(super) fn span(&self, text: &str, begin: usize) -> Range<usize> {
        let Some(line) = self.line else { return begin..begin };
        let before: usize =
            text[begin..].split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let start = begin + before;
        let length = text[start..].lines().next().unwrap_or_default().trim_end().len();
        start..start + length
    }
}

/// A machine of their own that rules are loaded into, to see whether they can be.
pub(super) struct Trial {
    world: World,
    backend: IptablesBackend,
}

impl Trial {
    pub(super) fn new(backend: IptablesBackend) -> Self {
        Self { world: World::new(0), backend }
    }

    /// Loads rules besides those that are there.
    pub(super) fn load(&mut self, rules: &str) -> Result<(), Refused> {
        let netns = self.world.initial_netns();
        let mut host = Host { world: &mut self.world, netns, iptables: self.backend };
        let words = |error: CallError| Refused { message: error.to_string(), line: None };
        let outcome = host.run(&RESTORE, rules).map_err(words)?;
        if outcome.status == 0 {
            return Ok(());
        }
        let message = outcome.stderr.trim_end().to_owned();
        let line = line(&message);
        Err(Refused { message, line })
    }
}

/// The line that `iptables-restore` complains about: `line 3 failed`, or `Error occurred at line: 3`.
fn line(message: &str) -> Option<usize> {
    let (_, rest) = message.rsplit_once("line")?;
    let digits = rest.trim_start_matches([':', ' ']);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// Makes the machine and sends the packets.
pub(super) fn run(test: &RuleTest, tape: Tape<'_>) -> Result<Report, RunError> {
    let mut lab = Lab::new(test, tape)?;
    let steps = lab.rows(&test.packets);
    lab.tape.pass_on(&mut lab.world);
    Ok(Report { name: test.name.clone(), steps: steps?, ..Report::default() })
}

struct Lab<'a> {
    world: World,
    netns: NetnsId,
    tape: Tape<'a>,
}

impl<'a> Lab<'a> {
    fn new(test: &RuleTest, tape: Tape<'a>) -> Result<Self, RunError> {
        let mut world = World::new(0);
        tape.start(&mut world);
        let at = |span: &Range<usize>| {
            let span = span.clone();
            move |error: CallError| RunError::new(&span, error)
        };
        topology::add_namespace(&mut world, MACHINE)
            .map_err(|error| RunError::new(&(0..0), error))?;
        for interface in &test.interfaces {
            let name = interface.name.as_str();
            let beyond = format!("beyond-{name}");
            topology::add_namespace(&mut world, &beyond)
                .map_err(|error| RunError::new(&interface.span, error))?;
            let mut host = host(&mut world, MACHINE, test.backend);
            let wire = ["type", "veth", "peer", "name", PEER, "netns", &beyond];
            let wrong = at(&interface.span);
            host.must_run(&[&["ip", "link", "add", "name", name][..], &wire].concat(), "")
                .map_err(&wrong)?;
            // Nobody is on the wire who could be asked for addresses of the link layer.
            host.must_run(&["ip", "link", "set", "dev", name, "arp", "off", "up"], "")
                .map_err(&wrong)?;
            for address in &interface.addresses {
                let argv = ["ip", "addr", "add", &address.to_string(), "dev", name];
                host.must_run(&argv, "").map_err(&wrong)?;
            }
            let mut host = self::host(&mut world, &beyond, test.backend);
            host.must_run(&["ip", "link", "set", PEER, "up"], "").map_err(&wrong)?;
        }
        let mut host = host(&mut world, MACHINE, test.backend);
        for route in &test.routes {
            let to = route.to.to_string();
            let mut argv = vec!["ip", "route", "add", &to];
            argv.extend(route.via.iter().flat_map(|via| ["via", via.value.as_str()]));
            argv.extend(route.dev.iter().flat_map(|dev| ["dev", dev.value.as_str()]));
            host.must_run(&argv, "").map_err(at(&route.span))?;
        }
        for (name, value) in &test.sysctls {
            let argv = ["sysctl", "-w", &format!("{name}={}", value.value)];
            host.must_run(&argv, "").map_err(at(&value.span))?;
        }
        for rules in &test.rules {
            host.must_run(&RESTORE, &rules.value).map_err(at(&rules.span))?;
        }
        let netns = host.netns;
        Ok(Self { world, netns, tape })
    }

    /// Sends all packets, each at its time.
    fn rows(&mut self, rows: &[Row]) -> Result<Vec<StepReport>, RunError> {
        let mut steps = Vec::new();
        for row in rows {
            let end = self.world.now() + row.after;
            self.world.run_until(end);
            steps.push(self.row(row)?);
        }
        Ok(steps)
    }

    /// Sends a packet, and its answer if one is wanted.
    fn row(&mut self, row: &Row) -> Result<StepReport, RunError> {
        self.serve(row)?;
        let (mut walks, records) = self.send(row.from.as_ref(), &row.packet, row)?;
        let Some(walk) = walks.request.clone() else {
            return Err(RunError::new(&row.span, Why::Unseen(row.packet.to_string())));
        };
        let mut failures = Vec::new();
        check_walk(&row.expect, &walk, &mut failures);
        if let Some(out) = &row.out {
            failures.extend(other_interface(out, &walk));
        }
        if let Some(wanted) = &row.answer {
            // The machine answers by itself.
            if matches!(walk.verdict, Verdict::Sent { .. }) {
                walks.answer = self.answer(row, &walk, &records)?;
            }
            check_answer(wanted, &walk, walks.answer.as_ref(), &mut failures);
        }
        let title = if row.name.is_empty() { row.packet.to_string() } else { row.name.clone() };
        let done = Done { result: walk.verdict.word(), output: String::new(), walks };
        Ok(StepReport { title, span: row.span.clone(), done, failures, notes: Vec::new() })
    }

    /// Has somebody listen where a packet is going to be delivered, for the kernel would refuse it.
    fn serve(&mut self, row: &Row) -> Result<(), RunError> {
        let protocol = match row.packet.content {
            Content::Tcp(_) => Protocol::Tcp,
            Content::Udp => Protocol::Udp,
            Content::Sctp(_) | Content::EchoRequest | Content::EchoReply | Content::Other(_) => {
                return Ok(());
            }
        };
        // This is a trial that never happened, so nobody gets to see its records.
        let tape = Tape::default();
        let mut elsewhere = Lab { world: self.world.clone(), netns: self.netns, tape };
        let (walks, records) = elsewhere.send(row.from.as_ref(), &row.packet, row)?;
        let Some(seen) = walks.request.and_then(|walk| walk.seen) else { return Ok(()) };
        let is_refused = records.iter().any(
            |record| matches!(&record.what, What::Dropped { reason, .. } if reason == NO_SOCKET),
        );
        if is_refused {
            let server = Server::new(MACHINE, protocol, seen.to.port());
            self.world.spawn_program("server", self.netns, Box::new(server));
            self.world.run_programs();
        }
        Ok(())
    }

    /// Has the one whom a packet was sent on to answer it.
    fn answer(
        &mut self,
        row: &Row,
        walk: &Walk,
        records: &[Record],
    ) -> Result<Option<Walk>, RunError> {
        let (Verdict::Sent { dev }, Some(seen)) = (&walk.verdict, walk.seen) else {
            return Ok(None);
        };
        let packet = Packet { id: echo_id(records).unwrap_or(row.packet.id), ..row.packet.clone() };
        let Some(packet) = packet.answer(seen.to, seen.from) else { return Ok(None) };
        let from = Placed { value: dev.clone(), span: row.span.clone() };
        let (walks, _) = self.send(Some(&from), &packet, row)?;
        Ok(walks.request)
    }

    /// Sends a packet: in by an interface, or from the machine itself.
    fn send(
        &mut self,
        from: Option<&Placed<String>>,
        packet: &Packet,
        row: &Row,
    ) -> Result<(Walks, Vec<Record>), RunError> {
        self.tape.begin(&mut self.world);
        let sent = match from {
            Some(name) => {
                let dev = device(&self.world, self.netns, name)?;
                let frame = packet.frame(self.world.kernel.devs[dev].addr.octets(), STRANGER);
                self.world.inject(dev, &frame);
                Ok(())
            }
            None => self.send_here(packet),
        };
        let mut records = self.tape.end(&mut self.world);
        records.retain(|record| record.netns == MACHINE);
        let mut walks = Walks::find(&records, MACHINE);
        if let (None, Err(errno)) = (&walks.request, sent) {
            return Err(RunError::new(&row.span, Why::NotSent(packet.to_string(), errno)));
        }
        walks.request.iter_mut().chain(&mut walks.answer).for_each(end);
        Ok((walks, records))
    }

    /// Has the machine itself send a packet as it is (`IP_HDRINCL`).
    fn send_here(&mut self, packet: &Packet) -> Result<(), Errno> {
        let socket = self.world.socket(self.netns, SocketType::Raw(IpProto(255)))?;
        self.world.set_option(socket, SockOpt::HdrIncl(true))?;
        let sent = self.world.send_to(socket, &packet.bytes(), Some(packet.to));
        self.world.close_socket(socket);
        sent.map(drop)
    }
}

fn host<'w>(world: &'w mut World, name: &str, iptables: IptablesBackend) -> Host<'w> {
    let netns = world.netns_by_name(name).expect("the namespace was just made");
    Host { world, netns, iptables }
}

/// That a packet did not leave by the interface that it should leave by.
fn other_interface(out: &Placed<String>, walk: &Walk) -> Option<Failure> {
    let is_there = matches!(&walk.verdict, Verdict::Sent { dev } if *dev == out.value);
    (!is_there).then(|| Failure {
        span: out.span.clone(),
        what: "the interface that it leaves by".to_owned(),
        expected: format!("`{}`", out.value),
        seen: print::verdict(&walk.verdict),
        fault: fault(walk),
    })
}

/// Says how a packet ended for one who looks at the machine only: it was delivered there, or it was sent.
fn end(walk: &mut Walk) {
    let left = walk.stops.last().filter(|stop| stop.what == Met::Left);
    let is_delivered = walk
        .stops
        .iter()
        .any(|stop| matches!(&stop.what, Met::Place { place } if place == DELIVERED));
    walk.verdict = match (&walk.verdict, left) {
        (Verdict::Lost, Some(stop)) => Verdict::Sent { dev: stop.dev.clone() },
        (Verdict::Consumed { .. }, _) => Verdict::Delivered,
        (Verdict::DroppedByKernel { .. }, _) if is_delivered => Verdict::Delivered,
        (other, _) => other.clone(),
    };
}

/// The identifier of the last echo request in what was recorded.
fn echo_id(records: &[Record]) -> Option<u16> {
    records.iter().rev().find_map(|record| {
        let What::Arrived { protocol: 0x0800, hex, .. } = &record.what else { return None };
        let ip = Ipv4::parse(hex).ok()?;
        let header = ip.payload().first_chunk::<8>()?;
        (ip.proto() == IpProto::ICMP).then(|| u16::from_be_bytes([header[4], header[5]]))
    })
}

/// The answer has to end as it should, and to look as if the one had sent it whom the packet was sent to.
fn check_answer(
    wanted: &Placed<String>,
    request: &Walk,
    answer: Option<&Walk>,
    failures: &mut Vec<Failure>,
) {
    let failure = |what: &str, expected: String, seen: String, fault| Failure {
        span: wanted.span.clone(),
        what: what.to_owned(),
        expected,
        seen,
        fault,
    };
    let Some(answer) = answer.filter(|_| request.verdict.is_called("accepted")) else {
        let seen = "that nobody answers such a packet, or nobody got it".to_owned();
        return failures.push(failure("the answer", wanted.value.clone(), seen, None));
    };
    let fault = fault(answer);
    if !answer.verdict.is_called(&wanted.value) {
        let seen = print::verdict(&answer.verdict);
        return failures.push(failure("the answer's end", wanted.value.clone(), seen, fault));
    }
    let (Some(sent), Some(seen)) = (request.sent, answer.seen) else { return };
    let is_accepted = answer.verdict.is_called("accepted");
    if is_accepted && (seen.from, seen.to) != (sent.to, sent.from) {
        let ends = |from: SocketAddrV4, to: SocketAddrV4| format!("{from} > {to}");
        let (expected, seen) = (ends(sent.to, sent.from), ends(seen.from, seen.to));
        failures.push(failure("the answer's addresses", expected, seen, fault));
    }
}
