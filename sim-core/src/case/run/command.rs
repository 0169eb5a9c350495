//! Runs the tools that a case names.

use crate::id::NetnsId;
use crate::time::SimTime;
use crate::tools::{self, Call};
use crate::world::{Output, Poll, World};

use super::super::ROOT_NETNS;
use super::RunError;

/// What a command said.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) rc: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a tool to its end.
pub(super) fn execute(
    world: &mut World,
    netns: &str,
    argv: &[String],
) -> Result<Outcome, RunError> {
    let failed = |why: &str| RunError::Command { command: argv.join(" "), why: why.to_owned() };
    let netns = find_netns(world, netns).ok_or_else(|| failed("no such namespace"))?;
    let name = argv.first().ok_or_else(|| failed("no command"))?;
    let tool = tools::find(name).ok_or_else(|| failed("no such tool"))?;
    let call = Call { argv: argv.to_vec(), to_terminal: false, columns: None };
    let id = world.spawn_program(tool.name, netns, (tool.start)(call));
    world.feed(id, None);
    let mut outcome = Outcome::default();
    loop {
        let process = world.process_mut(id).ok_or_else(|| failed("it is gone"))?;
        let state = process.state;
        for output in process.output.drain(..) {
            match output {
                Output::Stdout(bytes) => outcome.stdout += &String::from_utf8_lossy(&bytes),
                Output::Stderr(bytes) => outcome.stderr += &String::from_utf8_lossy(&bytes),
                Output::Open { .. } | Output::Read(_) | Output::Write(..) => {
                    return Err(failed("it wants a file, and a case has none"));
                }
                Output::Exec { argv, .. } => {
                    return Err(failed(&format!("it wants to run {}", argv.join(" "))));
                }
            }
        }
        match state {
            Poll::Exit(rc) => {
                world.reap(id);
                outcome.rc = i32::from(rc);
                return Ok(outcome);
            }
            Poll::WaitBounded => {
                if !world.step_until(SimTime::from_nanos(u64::MAX)) {
                    return Err(failed("it waits for ever"));
                }
            }
            Poll::WaitUnbounded => return Err(failed("it does not end by itself")),
        }
    }
}

/// Finds a namespace of a case by its name.
pub(super) fn find_netns(world: &World, name: &str) -> Option<NetnsId> {
    if name == ROOT_NETNS { Some(world.initial_netns()) } else { world.netns_by_name(name) }
}

/// All namespaces of a case with their names.
pub(super) fn namespaces(world: &World) -> Vec<(String, NetnsId)> {
    let named = world.netns_names().map(|(name, id)| (name.to_owned(), id));
    named.chain([(ROOT_NETNS.to_owned(), world.initial_netns())]).collect()
}
