//! Runs a case in the simulator, the way the real kernel runs it.

mod sockets;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::id::NetnsId;
use crate::link::LinkStats;
use crate::time::SimTime;
use crate::tools::Outcome;
use crate::trace::record::Record;
use crate::trace::record::What;
use crate::trace::{self, Keep, Recorder};
use crate::world::World;

use sockets::Sockets;

use super::ROOT_NETNS;
use super::format::{Action, Case, Command, Step, to_hex};
use super::observed::{
    CommandObserved, DevObserved, DevStats, Direction, FrameObserved, NetnsObserved, Observed,
};

/// A case that could not be run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RunError {
    /// A command of the setup failed.
    #[error("setup.sh:{line}: `{text}` failed ({rc}): {output}")]
    Setup {
        /// The line.
        line: usize,
        /// The command.
        text: String,
        /// Its exit code.
        rc: i32,
        /// What it wrote.
        output: String,
    },
    /// A step cannot be done.
    #[error("packets.txt:{line}: {why}")]
    Step {
        /// The line.
        line: usize,
        /// Why not.
        why: String,
    },
    /// A command cannot be run at all.
    #[error("`{command}`: {why}")]
    Command {
        /// The command.
        command: String,
        /// Why not.
        why: String,
    },
}

/// How long the kernel's side takes from the end of the setup to the first step: entries that were set up
/// are that old.
const SETTLE: Duration = Duration::from_millis(50);

/// Runs a case in a new world made from `seed`.
///
/// # Errors
/// The first command of the setup that fails, or a step that is not modelled.
pub fn run(case: &Case, seed: u64) -> Result<Observed, RunError> {
    let mut world = World::new(seed);
    for command in &case.setup {
        set_up(&mut world, command)?;
    }
    let settled = world.now() + SETTLE;
    world.run_until(settled);
    world.set_recorder(Some(Recorder::new(Keep::Frames)));
    let mut run = Run::begin(world, case);
    for step in &case.steps {
        run.step(step)?;
    }
    run.pass_until(run.begun + Duration::from_micros(case.end_us()));
    run.look()
}

fn set_up(world: &mut World, command: &Command) -> Result<(), RunError> {
    let (netns, argv) = command.inside_netns();
    let outcome = execute(world, netns.unwrap_or(ROOT_NETNS), argv)?;
    if outcome.status == 0 {
        return Ok(());
    }
    let output = outcome.stdout + &outcome.stderr;
    Err(RunError::Setup {
        line: command.line,
        text: command.text.clone(),
        rc: outcome.status.into(),
        output,
    })
}

/// Runs a tool to its end.
fn execute(world: &mut World, netns: &str, argv: &[String]) -> Result<Outcome, RunError> {
    let failed = |why: String| RunError::Command { command: argv.join(" "), why };
    let netns = find_netns(world, netns).ok_or_else(|| failed("no such namespace".to_owned()))?;
    world.run_command(netns, argv).map_err(|error| failed(error.to_string()))
}

fn find_netns(world: &World, name: &str) -> Option<NetnsId> {
    if name == ROOT_NETNS { Some(world.initial_netns()) } else { world.netns_by_name(name) }
}

/// A case under way.
struct Run<'a> {
    case: &'a Case,
    world: World,
    begun: SimTime,
    /// The line of the last step that had begun.
    current: usize,
    sockets: Sockets,
    commands: Vec<CommandObserved>,
    /// By namespace, in order, each with its device.
    frames: BTreeMap<String, Vec<(String, FrameObserved)>>,
    /// Counters at the start, by namespace.
    before: BTreeMap<String, Counters>,
}

/// The counters of a namespace.
#[derive(Debug, Default)]
struct Counters {
    snmp: BTreeMap<String, i64>,
    devs: BTreeMap<String, LinkStats>,
}

impl<'a> Run<'a> {
    fn begin(world: World, case: &'a Case) -> Self {
        let mut run = Self {
            case,
            begun: world.now(),
            world,
            current: 0,
            sockets: Sockets::default(),
            commands: Vec::new(),
            frames: BTreeMap::new(),
            before: BTreeMap::new(),
        };
        for (name, id) in run.namespaces() {
            let counters = run.counters(id);
            run.before.insert(name, counters);
        }
        run
    }

    fn namespaces(&self) -> Vec<(String, NetnsId)> {
        let named = self.world.netns_names().map(|(name, id)| (name.to_owned(), id));
        named.chain([(ROOT_NETNS.to_owned(), self.world.initial_netns())]).collect()
    }

    fn counters(&self, netns: NetnsId) -> Counters {
        let kernel = &self.world.kernel;
        let Some(ns) = kernel.netns.get(netns) else { return Counters::default() };
        let mut snmp = BTreeMap::new();
        ns.mib.for_each(|group, counter, value| {
            snmp.insert(format!("{group}.{counter}"), i64::try_from(value).unwrap_or(i64::MAX));
        });
        let devs = ns.links.values().map(|dev| &kernel.devs[*dev]);
        Counters { snmp, devs: devs.map(|dev| (dev.name.to_string(), dev.stats)).collect() }
    }

    fn step(&mut self, step: &Step) -> Result<(), RunError> {
        self.pass_until(self.begun + Duration::from_micros(step.at_us));
        if step.action == Action::Wait {
            return Ok(());
        }
        self.current = step.line;
        let failed = |why: &str| RunError::Step { line: step.line, why: why.to_owned() };
        match &step.action {
            Action::Tx(frame) => {
                let netns = find_netns(&self.world, &step.netns);
                let netns = netns.ok_or_else(|| failed("no such namespace"))?;
                let name = step.dev.parse().map_err(|_| failed("no such device"))?;
                let dev = self.world.kernel.netns[netns].names.get(&name).copied();
                self.world.inject(dev.ok_or_else(|| failed("no such device"))?, frame);
            }
            Action::Sh(command) => {
                let outcome = execute(&mut self.world, &step.netns, &command.argv)?;
                let Outcome { status, stdout, stderr } = outcome;
                let rc = i32::from(status);
                self.commands.push(CommandObserved { line: command.line, rc, stdout, stderr });
            }
            Action::Wait => {}
            Action::Raw(_)
            | Action::Udp { .. }
            | Action::UdpEcho(_)
            | Action::TcpListen(_)
            | Action::TcpConnect { .. }
            | Action::TcpSend { .. }
            | Action::TcpClose { .. } => {
                let netns = find_netns(&self.world, &step.netns);
                let netns =
                    (step.netns.as_str(), netns.ok_or_else(|| failed("no such namespace"))?);
                self.sockets.act(&mut self.world, netns, &step.action).map_err(failed)?;
            }
            Action::NfqBind { .. } | Action::NfqAccept { .. } => {
                return Err(failed("netfilter queues are not modelled"));
            }
        }
        self.sockets.serve(&mut self.world);
        self.take_frames();
        Ok(())
    }

    /// Lets time pass; what happens is still the doing of the last step.
    fn pass_until(&mut self, end: SimTime) {
        while self.world.step_until(end) {
            self.sockets.serve(&mut self.world);
        }
        self.world.run_until(end);
        self.take_frames();
    }

    fn take_frames(&mut self) {
        for record in self.world.take_records() {
            let Record { time_ns, netns, dev, what, .. } = record;
            let What::Frame { direction, pkt_type, hex, .. } = what else { continue };
            let list = self.frames.entry(netns).or_default();
            let since = time_ns.saturating_sub(self.begun.as_nanos());
            let frame = FrameObserved {
                n: list.len(),
                step: self.current,
                dir: match direction {
                    trace::Direction::In => Direction::In,
                    trace::Direction::Out => Direction::Out,
                },
                pkttype: pkt_type,
                t_us: i64::try_from(since / 1000).unwrap_or(i64::MAX),
                hex: to_hex(&hex),
            };
            list.push((dev, frame));
        }
    }

    fn look(mut self) -> Result<Observed, RunError> {
        let mut netns = BTreeMap::new();
        for (name, id) in self.namespaces() {
            let now = self.counters(id);
            let before = self.before.remove(&name).unwrap_or_default();
            let mut one = NetnsObserved {
                devs: devices(&before, &now, self.frames.remove(&name).unwrap_or_default()),
                snmp: grown(&before.snmp, now.snmp),
                ..NetnsObserved::default()
            };
            one.neigh = self.list(&name, "ip -j neigh show")?;
            one.addr = self.list(&name, "ip -j addr show")?;
            one.route = self.list(&name, "ip -j route show table all")?;
            one.rule = self.list(&name, "ip -j rule show")?;
            one.fdb = self.list(&name, "bridge -j fdb show")?;
            netns.insert(name, one);
        }
        Ok(Observed {
            format: 1,
            case: self.case.name.clone(),
            kernel: concat!("kubewire ", env!("CARGO_PKG_VERSION")).to_owned(),
            injected: self.case.injected(),
            netns,
            commands: self.commands,
            sockets: self.sockets.events,
            notes: Vec::new(),
        })
    }

    /// Lists a table with the tool that shows it.
    fn list(&mut self, netns: &str, command: &str) -> Result<Vec<Value>, RunError> {
        let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
        let outcome = execute(&mut self.world, netns, &argv)?;
        let failed = |why: String| RunError::Command { command: command.to_owned(), why };
        if outcome.status != 0 {
            return Err(failed(outcome.stderr));
        }
        if outcome.stdout.trim().is_empty() {
            return Ok(Vec::new());
        }
        serde_json::from_str(&outcome.stdout).map_err(|error| failed(error.to_string()))
    }
}

/// How much each counter grew.
fn grown(before: &BTreeMap<String, i64>, now: BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let grown = now.into_iter().map(|(name, count)| {
        let earlier = before.get(&name).copied().unwrap_or(0);
        (name, count - earlier)
    });
    grown.filter(|(_, count)| *count != 0).collect()
}

fn devices(
    before: &Counters,
    now: &Counters,
    frames: Vec<(String, FrameObserved)>,
) -> BTreeMap<String, DevObserved> {
    let mut devs: BTreeMap<String, DevObserved> = BTreeMap::new();
    for (name, stats) in &now.devs {
        let earlier = before.devs.get(name).copied().unwrap_or_default();
        let stats = stats_grown(&earlier, stats);
        devs.insert(name.clone(), DevObserved { stats, frames: Vec::new() });
    }
    for (dev, frame) in frames {
        devs.entry(dev).or_default().frames.push(frame);
    }
    devs
}

fn stats_grown(before: &LinkStats, now: &LinkStats) -> DevStats {
    DevStats {
        rx_packets: now.rx.packets.saturating_sub(before.rx.packets),
        rx_bytes: now.rx.bytes.saturating_sub(before.rx.bytes),
        rx_errors: now.rx.errors.saturating_sub(before.rx.errors),
        rx_dropped: now.rx.dropped.saturating_sub(before.rx.dropped),
        multicast: now.multicast.saturating_sub(before.multicast),
        tx_packets: now.tx.packets.saturating_sub(before.tx.packets),
        tx_bytes: now.tx.bytes.saturating_sub(before.tx.bytes),
        tx_errors: now.tx.errors.saturating_sub(before.tx.errors),
        tx_dropped: now.tx.dropped.saturating_sub(before.tx.dropped),
    }
}
