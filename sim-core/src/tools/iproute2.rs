//! The programs of iproute2: each reads its words, and may then go on with a batch or as a monitor.

use crate::tools::Call;
use crate::tools::failure::Result;
use crate::tools::ip::batch::{Batch, Command};
use crate::tools::monitor::Monitor;
use crate::tools::session::{Next, Session, once};
use crate::world::{Poll, Program, Sys};

/// Runs a tool with the words after its name, up to where it goes on with something else; whether standard output is a
/// terminal is said last.
pub(crate) type Run = fn(&mut Session<'_>, &[String], bool) -> Result<Next>;

/// Starts a tool; `command` is what it does with a line of a batch.
pub(crate) fn start(call: Call, run: Run, command: Command) -> Box<dyn Program> {
    Box::new(Iproute2 { call, run, command, batch: None, monitor: None })
}

#[derive(Clone, Debug)]
struct Iproute2 {
    call: Call,
    run: Run,
    command: Command,
    batch: Option<Batch>,
    monitor: Option<Monitor>,
}

impl Program for Iproute2 {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        if let Some(monitor) = &mut self.monitor {
            return monitor.poll(sys);
        }
        if let Some(batch) = &mut self.batch {
            return batch.poll(sys);
        }
        let (words, to_terminal) = (self.call.args(), self.call.to_terminal);
        match once(sys, |session| (self.run)(session, words, to_terminal)) {
            (Some(Next::Batch(options)), _) => {
                self.batch.insert(Batch::new(options, self.command)).poll(sys)
            }
            (Some(Next::Monitor(monitor)), _) => self.monitor.insert(monitor).poll(sys),
            (Some(Next::End) | None, end) => end,
        }
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}
