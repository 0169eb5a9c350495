//! Looks at what netfilter holds: through its tools, as far as there are any.

use std::collections::BTreeMap;

use crate::id::{NetnsId, ProcId};
use crate::netfilter::xtables::matches::recent;
use crate::tools::{self, Call};
use crate::world::{Output, World};

use super::super::format::Directives;
use super::super::observed::NetfilterObserved;
use super::RunError;
use super::command::{Run, namespaces};

/// The commands that show what happens while it happens.
const EVENTS: &str = "conntrack -E -o extended";
const TRACE: &str = "xtables-monitor --trace";

/// Programs that write down what happens, in every namespace that there was at the start.
#[derive(Debug, Default)]
pub(super) struct Monitors {
    events: BTreeMap<NetnsId, ProcId>,
    traces: BTreeMap<NetnsId, ProcId>,
}

impl Monitors {
    /// Starts those that the case asks for.
    pub(super) fn start(world: &mut World, directives: &Directives) -> Self {
        let mut monitors = Self::default();
        for (_, netns) in namespaces(world) {
            if directives.ctevents {
                monitors.events.extend(Some(netns).zip(spawn(world, netns, EVENTS)));
            }
            if directives.trace.as_deref() == Some("xtables") {
                monitors.traces.extend(Some(netns).zip(spawn(world, netns, TRACE)));
            }
        }
        monitors
    }

    /// Ends those of a namespace: the events and the trace that they wrote.
    fn end(&mut self, world: &mut World, netns: NetnsId) -> (Vec<String>, Vec<String>) {
        let mut written = |monitor: Option<ProcId>| {
            let process = monitor.and_then(|id| world.reap(id));
            let mut text = String::new();
            for output in process.into_iter().flat_map(|process| process.output) {
                if let Output::Stdout(bytes) = output {
                    text += &String::from_utf8_lossy(&bytes);
                }
            }
            text.lines().map(str::to_owned).collect()
        };
        (written(self.events.remove(&netns)), written(self.traces.remove(&netns)))
    }
}

/// Starts a program that does not end by itself; none where there is no such tool.
fn spawn(world: &mut World, netns: NetnsId, command: &str) -> Option<ProcId> {
    let argv = words(command);
    let tool = tools::find(argv.first()?)?;
    let call = Call { argv, to_terminal: false, columns: None };
    Some(world.spawn_program(tool.name, netns, (tool.start)(call)))
}

fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

/// Reads what netfilter holds in a namespace.
pub(super) fn netfilter(
    world: &mut World,
    (name, id): (&str, NetnsId),
    monitors: &mut Monitors,
) -> Result<NetfilterObserved, RunError> {
    let conntrack = output(world, name, "conntrack -L -o extended")?;
    let statistics = output(world, name, "conntrack -S")?;
    let (ctevents, trace) = monitors.end(world, id);
    Ok(NetfilterObserved {
        conntrack: conntrack.lines().map(str::to_owned).collect(),
        conntrack_stats: sum_statistics(&statistics),
        iptables_save: rules_of(output(world, name, "iptables-save -c")?),
        iptables_legacy_save: rules_of(output(world, name, "iptables-legacy-save -c")?),
        xt_recent: recent::proc_text(&world.kernel, id),
        ctevents,
        trace,
    })
}

/// What a tool prints; nothing if there is no such tool.
fn output(world: &mut World, netns: &str, command: &str) -> Result<String, RunError> {
    let argv = words(command);
    if argv.first().is_none_or(|tool| tools::find(tool).is_none()) {
        return Ok(String::new());
    }
    let run = Run { argv: &argv, stdin: None, files: &BTreeMap::new() };
    let outcome = run.execute(world, netns)?;
    if outcome.rc == 0 {
        return Ok(outcome.stdout);
    }
    Err(RunError::Command { command: command.to_owned(), why: outcome.stderr })
}

/// What the rules of a namespace are, if there are any: comments alone are nothing.
fn rules_of(saved: String) -> String {
    let is_rules = saved.lines().any(|line| !line.is_empty() && !line.starts_with('#'));
    if is_rules { saved } else { String::new() }
}

/// Sums what `conntrack -S` prints over the CPUs; counters at 0 are left out.
#[must_use]
pub fn sum_statistics(text: &str) -> BTreeMap<String, i64> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for (name, count) in text.split_whitespace().filter_map(|word| word.split_once('=')) {
        if name != "cpu" {
            *sums.entry(name.to_owned()).or_default() += count.parse().unwrap_or(0);
        }
    }
    sums.retain(|_, count| *count != 0);
    sums
}
