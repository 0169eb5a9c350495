//! Runs a case in the simulator, the way the real kernel runs it.

mod command;
mod look;
mod netfilter;
mod shared;
mod sockets;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use crate::errno::Errno;
use crate::id::NetnsId;
use crate::time::SimTime;
use crate::trace::record::What;
use crate::trace::{Keep, Recorder};
use crate::world::{World, journal};

use command::{Outcome, find_netns, namespaces};
use netfilter::Monitors;
pub use netfilter::sum_statistics;
use sockets::Sockets;
use wire::Wire;

use super::ROOT_NETNS;
use super::format::{Action, Case, Command, Step};
use super::observed::{CommandObserved, DropObserved, Observed};

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
    /// Nothing can be captured.
    #[error("cannot capture: {0}")]
    Capture(Errno),
}

/// How long the kernel's side takes from the end of the setup to the first step: entries that were set up
/// are that old.
const SETTLE: Duration = Duration::from_millis(50);

/// Runs a case in a new world made from `seed`.
///
/// # Errors
/// The first command of the setup that fails, or a step that is not modelled.
pub fn run(case: &Case, seed: u64) -> Result<Observed, RunError> {
    run_in(World::new(seed), case).map(|(observed, _)| observed)
}

/// Runs a case as [`run`] does; also answers the lines of a shell script that builds what the case has
/// built in the end.
///
/// # Errors
/// As [`run`].
pub fn run_with_script(case: &Case, seed: u64) -> Result<(Observed, String), RunError> {
    let mut world = World::new(seed);
    world.keep_journal();
    let (observed, mut world) = run_in(world, case)?;
    Ok((observed, journal::script(&world.take_journal())))
}

fn run_in(mut world: World, case: &Case) -> Result<(Observed, World), RunError> {
    for command in &case.setup {
        set_up(&mut world, case, command)?;
    }
    let settled = world.now() + SETTLE;
    world.run_until(settled);
    let mut run = Run::begin(world, case)?;
    for step in &case.steps {
        run.step(step)?;
    }
    run.pass_until(run.begun + Duration::from_micros(case.end_us()));
    run.look()
}

fn set_up(world: &mut World, case: &Case, command: &Command) -> Result<(), RunError> {
    let (netns, argv) = command.inside_netns();
    let run = command::Run { argv, stdin: command.stdin.as_deref(), files: &case.files };
    let outcome = run.execute(world, netns.unwrap_or(ROOT_NETNS))?;
    if outcome.rc == 0 {
        return Ok(());
    }
    let output = outcome.stdout + &outcome.stderr;
    Err(RunError::Setup { line: command.line, text: command.text.clone(), rc: outcome.rc, output })
}

/// A case under way.
struct Run<'a> {
    case: &'a Case,
    world: World,
    begun: SimTime,
    /// The line of the last step that had begun.
    current: usize,
    wire: Wire,
    sockets: Sockets,
    commands: Vec<CommandObserved>,
    drops: Vec<DropObserved>,
    /// What tables told of traced packets, by namespace.
    traces: BTreeMap<String, Vec<String>>,
    monitors: Monitors,
    /// Counters at the start.
    before: BTreeMap<NetnsId, look::Counters>,
}

impl<'a> Run<'a> {
    fn begin(world: World, case: &'a Case) -> Result<Self, RunError> {
        let mut run = Self {
            case,
            begun: world.now(),
            world,
            current: 0,
            wire: Wire::default(),
            sockets: Sockets::default(),
            commands: Vec::new(),
            drops: Vec::new(),
            traces: BTreeMap::new(),
            monitors: Monitors::default(),
            before: BTreeMap::new(),
        };
        run.monitors = Monitors::start(&mut run.world, &case.directives);
        for (_, id) in namespaces(&run.world) {
            run.before.insert(id, look::counters(&run.world, id));
        }
        run.capture()?;
        run.world.set_recorder(Some(Recorder::new(Keep::Drops)));
        Ok(run)
    }

    /// Captures in every namespace there is by now.
    fn capture(&mut self) -> Result<(), RunError> {
        let ids: Vec<NetnsId> = namespaces(&self.world).into_iter().map(|(_, id)| id).collect();
        self.wire.capture(&mut self.world, &ids).map_err(RunError::Capture)
    }

    fn step(&mut self, step: &Step) -> Result<(), RunError> {
        self.pass_until(self.begun + Duration::from_micros(step.at_us));
        if step.action == Action::Wait {
            return Ok(());
        }
        self.current = step.line;
        let failed = |why: &str| RunError::Step { line: step.line, why: why.to_owned() };
        let netns = find_netns(&self.world, &step.netns);
        let netns = netns.ok_or_else(|| failed("no such namespace"))?;
        match &step.action {
            Action::Tx(frame) => {
                let name = step.dev.parse().map_err(|_| failed("no such device"))?;
                let dev = self.world.kernel.netns[netns].names.get(&name).copied();
                let dev = dev.ok_or_else(|| failed("no such device"))?;
                self.wire.inject(&mut self.world, dev, frame).map_err(|why| failed(&why))?;
            }
            Action::Sh(command) => {
                let (argv, stdin) = (&command.argv, command.stdin.as_deref());
                let run = command::Run { argv, stdin, files: &self.case.files };
                let Outcome { rc, stdout, stderr } = run.execute(&mut self.world, &step.netns)?;
                self.commands.push(CommandObserved { line: command.line, rc, stdout, stderr });
                self.capture()?;
            }
            Action::Wait => {}
            Action::Raw(_)
            | Action::Udp { .. }
            | Action::UdpEcho(_)
            | Action::TcpListen(_)
            | Action::TcpConnect { .. }
            | Action::TcpSend { .. }
            | Action::TcpClose { .. } => {
                let netns = (step.netns.as_str(), netns);
                self.sockets.act(&mut self.world, netns, &step.action).map_err(failed)?;
            }
            Action::NfqBind { queue } => self.world.bind_queue(netns, *queue),
            Action::NfqAccept { queue, count } => {
                self.world.release_queued(netns, *queue, *count);
            }
        }
        self.take_in();
        Ok(())
    }

    /// Lets time pass; what happens is still the doing of the last step.
    fn pass_until(&mut self, end: SimTime) {
        while self.world.step_until(end) {
            self.take_in();
        }
        self.world.run_until(end);
    }

    /// Serves the sockets, and takes in what was seen since the last time.
    fn take_in(&mut self) {
        self.sockets.serve(&mut self.world);
        self.wire.drain(&mut self.world, self.current, self.begun);
        for record in self.world.take_records() {
            if let What::Traced { text, .. } = &record.what
                && self.case.directives.trace.as_deref() == Some("xtables")
            {
                let lines = self.traces.entry(record.netns.clone()).or_default();
                lines.extend(text.lines().map(str::to_owned));
            }
            if let What::Dropped { reason, .. } = record.what {
                let since = record.time_ns.saturating_sub(self.begun.as_nanos()) / 1000;
                self.drops.push(DropObserved {
                    step: self.current,
                    t_us: i64::try_from(since).unwrap_or(i64::MAX),
                    place: format!("{}/{}", record.netns, record.dev),
                    reason,
                });
            }
        }
    }

    fn look(mut self) -> Result<(Observed, World), RunError> {
        let mut netns = BTreeMap::new();
        for (name, id) in namespaces(&self.world) {
            let before = self.before.remove(&id).unwrap_or_default();
            let frames = self.wire.take(id);
            let mut seen =
                look::netns(&mut self.world, (&name, id), &before, frames, &mut self.monitors)?;
            if let Some(trace) = self.traces.remove(&name) {
                seen.netfilter.trace = trace;
            }
            netns.insert(name, seen);
        }
        let observed = Observed {
            format: 1,
            case: self.case.name.clone(),
            kernel: concat!("kubewire ", env!("CARGO_PKG_VERSION")).to_owned(),
            injected: self.case.injected(),
            netns,
            commands: self.commands,
            sockets: self.sockets.events,
            drops: self.drops,
            notes: Vec::new(),
        };
        Ok((observed, self.world))
    }
}
