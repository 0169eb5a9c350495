//! Runs the tools that a case names.

use std::collections::BTreeMap;

use crate::id::{NetnsId, ProcId};
use crate::time::SimTime;
use crate::tools::{self, Call};
use crate::world::{FileAnswer, FileId, OpenMode, Output, Poll, World};

use super::super::ROOT_NETNS;
use super::RunError;

/// What a command said.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) rc: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// A command and what it may read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) argv: &'a [String],
    /// The file that is its standard input.
    pub(super) stdin: Option<&'a str>,
    /// All files, by name.
    pub(super) files: &'a BTreeMap<String, String>,
}

/// A running command.
struct Running<'a> {
    run: Run<'a>,
    id: ProcId,
    outcome: Outcome,
    /// What is left of each file that it has open.
    open: BTreeMap<u32, &'a [u8]>,
}

impl Run<'_> {
    /// Runs the command to its end.
    pub(super) fn execute(&self, world: &mut World, netns: &str) -> Result<Outcome, RunError> {
        let netns = find_netns(world, netns).ok_or_else(|| self.failed("no such namespace"))?;
        self.execute_in(world, netns)
    }

    fn execute_in(&self, world: &mut World, netns: NetnsId) -> Result<Outcome, RunError> {
        let name = self.argv.first().ok_or_else(|| self.failed("no command"))?;
        let tool = tools::find(name).ok_or_else(|| self.failed("no such tool"))?;
        let call = Call { argv: self.argv.to_vec(), to_terminal: false, columns: None };
        let id = world.spawn_program(tool.name, netns, (tool.start)(call));
        if let Some(file) = self.stdin {
            let text = self.files.get(file).ok_or_else(|| self.failed("its input is no file"))?;
            world.feed(id, Some(text.as_bytes()));
        }
        world.feed(id, None);
        let outcome = Outcome::default();
        Running { run: *self, id, outcome, open: BTreeMap::new() }.finish(world)
    }

    fn failed(&self, why: &str) -> RunError {
        RunError::Command { command: self.argv.join(" "), why: why.to_owned() }
    }
}

impl Running<'_> {
    fn finish(mut self, world: &mut World) -> Result<Outcome, RunError> {
        loop {
            let process = world.process_mut(self.id);
            let process = process.ok_or_else(|| self.run.failed("it is gone"))?;
            let state = process.state;
            let output: Vec<Output> = process.output.drain(..).collect();
            let mut answered = false;
            for one in output {
                match one {
                    Output::Stdout(bytes) => {
                        self.outcome.stdout += &String::from_utf8_lossy(&bytes);
                    }
                    Output::Stderr(bytes) => {
                        self.outcome.stderr += &String::from_utf8_lossy(&bytes);
                    }
                    Output::Open { file, path, mode } => {
                        self.open(world, file, &path, mode)?;
                        answered = true;
                    }
                    Output::Read(file) => {
                        self.read(world, file);
                        answered = true;
                    }
                    Output::Write(..) => {
                        return Err(self
                            .run
                            .failed("it wants to write, and a case keeps no files"));
                    }
                    Output::Exec { netns, argv } => {
                        world.reap(self.id);
                        return Run { argv: &argv, ..self.run }.execute_in(world, netns);
                    }
                }
            }
            match state {
                _ if answered => {}
                Poll::Exit(rc) => {
                    world.reap(self.id);
                    self.outcome.rc = i32::from(rc);
                    return Ok(self.outcome);
                }
                Poll::WaitBounded => {
                    if !world.step_until(SimTime::from_nanos(u64::MAX)) {
                        return Err(self.run.failed("it waits for ever"));
                    }
                }
                Poll::WaitUnbounded => {
                    return Err(self.run.failed("it does not end by itself"));
                }
            }
        }
    }

    fn open(
        &mut self,
        world: &mut World,
        file: FileId,
        path: &str,
        mode: OpenMode,
    ) -> Result<(), RunError> {
        if mode != OpenMode::Read {
            return Err(self.run.failed("it wants to write, and a case keeps no files"));
        }
        let answer = match self.run.files.get(path) {
            Some(text) => {
                self.open.insert(file.0, text.as_bytes());
                FileAnswer::Opened
            }
            None => FileAnswer::Failed("No such file or directory".to_owned()),
        };
        world.file_answer(self.id, file, answer);
        Ok(())
    }

    fn read(&mut self, world: &mut World, file: FileId) {
        let rest = self.open.get_mut(&file.0).map(core::mem::take).unwrap_or_default();
        world.file_answer(self.id, file, FileAnswer::Data(rest.to_vec()));
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
