//! A command run to its end, for whoever drives a world and has no shell.

use crate::id::NetnsId;
use crate::time::SimTime;
use crate::tools::{self, Call};
use crate::world::{Output, Poll, World};

/// How often a command may become another one (`ip netns exec A ip netns exec B ...`).
const MAX_EXEC: usize = 16;

/// What a command said.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Outcome {
    /// Its exit status.
    pub status: u8,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// A command that cannot be run to its end.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CommandError {
    /// No word was given.
    #[error("no command")]
    Empty,
    /// Nothing is called so.
    #[error("`{0}` is not modelled")]
    Unknown(String),
    /// It wants to read or write a file of the user's machine.
    #[error("it wants a file, and there are none")]
    File,
    /// It waits for what nobody will do.
    #[error("it waits for ever")]
    Stuck,
    /// It goes on until somebody ends it.
    #[error("it does not end by itself")]
    Endless,
    /// It becomes another command again and again.
    #[error("it becomes another command too often")]
    Nested,
}

impl World {
    /// Runs a command with empty standard input in `netns` until it has ended; virtual time passes as
    /// the command waits. `argv` holds its words, the tool's name first.
    ///
    /// # Errors
    /// When there is no such tool, or it does not end by itself; then it is ended, and what it has
    /// done remains.
    pub fn run_command(
        &mut self,
        netns: NetnsId,
        argv: &[String],
    ) -> Result<Outcome, CommandError> {
        self.run_command_on(netns, argv, &[])
    }

    /// Runs a command as [`Self::run_command`] does, with `input` as its standard input.
    ///
    /// # Errors
    /// As there.
    pub fn run_command_on(
        &mut self,
        netns: NetnsId,
        argv: &[String],
        input: &[u8],
    ) -> Result<Outcome, CommandError> {
        let mut outcome = Outcome::default();
        let (mut netns, mut argv) = (netns, argv.to_vec());
        for _ in 0..MAX_EXEC {
            match self.run_once((netns, argv), input, &mut outcome)? {
                None => return Ok(outcome),
                Some(next) => (netns, argv) = next,
            }
        }
        Err(CommandError::Nested)
    }

    /// Runs one tool; answers what it becomes, if it becomes another.
    fn run_once(
        &mut self,
        (netns, argv): (NetnsId, Vec<String>),
        input: &[u8],
        outcome: &mut Outcome,
    ) -> Result<Option<(NetnsId, Vec<String>)>, CommandError> {
        let name = argv.first().ok_or(CommandError::Empty)?;
        let tool = tools::find(name).ok_or_else(|| CommandError::Unknown(name.clone()))?;
        let call = Call { argv, to_terminal: false, columns: None };
        let id = self.spawn_program(tool.name, netns, (tool.start)(call));
        if !input.is_empty() {
            self.feed(id, Some(input));
        }
        self.feed(id, None);
        let ended = self.await_program(id, outcome);
        self.reap(id);
        ended
    }

    fn await_program(
        &mut self,
        id: crate::id::ProcId,
        outcome: &mut Outcome,
    ) -> Result<Option<(NetnsId, Vec<String>)>, CommandError> {
        loop {
            let Some(process) = self.process_mut(id) else { return Ok(None) };
            let state = process.state;
            for piece in std::mem::take(&mut process.output) {
                match piece {
                    Output::Stdout(bytes) => outcome.stdout += &String::from_utf8_lossy(&bytes),
                    Output::Stderr(bytes) => outcome.stderr += &String::from_utf8_lossy(&bytes),
                    Output::Exec { netns, argv } => return Ok(Some((netns, argv))),
                    Output::Open { .. } | Output::Read(_) | Output::Write(..) => {
                        return Err(CommandError::File);
                    }
                }
            }
            match state {
                Poll::Exit(status) => {
                    outcome.status = status;
                    return Ok(None);
                }
                Poll::WaitBounded if self.step_until(SimTime::from_nanos(u64::MAX)) => {}
                Poll::WaitBounded => return Err(CommandError::Stuck),
                Poll::WaitUnbounded => return Err(CommandError::Endless),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &str) -> (World, Result<Outcome, CommandError>) {
        let mut world = World::new(0);
        let argv: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let outcome = world.run_command(world.initial_netns(), &argv);
        (world, outcome)
    }

    #[test]
    fn virtual_time_passes_while_a_command_waits() {
        let (world, outcome) = run("sleep 1h");
        assert_eq!(outcome, Ok(Outcome::default()));
        assert_eq!(world.now(), SimTime::from_millis(3_600_000));
    }

    #[test]
    fn what_does_not_end_by_itself_is_ended_and_said() {
        let (world, outcome) = run("sleep inf");
        assert_eq!(outcome, Err(CommandError::Endless));
        assert_eq!(world.processes().count(), 0);
    }

    #[test]
    fn an_unknown_command_is_named() {
        assert_eq!(run("frobnicate").1, Err(CommandError::Unknown("frobnicate".into())));
    }
}
