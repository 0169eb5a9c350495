//! `ip` as a program of the world.

use crate::tools::ip::batch::Batch;
use crate::tools::monitor::Monitor;
use crate::tools::session::{Next, once};
use crate::tools::{Call, ip};
use crate::world::{Poll, Program, Sys};

/// Starts `ip`.
pub(crate) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Ip { call, batch: None, monitor: None })
}

#[derive(Clone, Debug)]
struct Ip {
    call: Call,
    batch: Option<Batch>,
    monitor: Option<Monitor>,
}

impl Program for Ip {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        if let Some(monitor) = &mut self.monitor {
            return monitor.poll(sys);
        }
        if let Some(batch) = &mut self.batch {
            return batch.poll(sys);
        }
        let (words, to_terminal) = (self.call.args(), self.call.to_terminal);
        match once(sys, |session| ip::run(session, words, to_terminal)) {
            (Some(Next::Batch(options)), _) => {
                self.batch.insert(Batch::new(options, ip::command)).poll(sys)
            }
            (Some(Next::Monitor(monitor)), _) => self.monitor.insert(monitor).poll(sys),
            (Some(Next::End) | None, end) => end,
        }
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}
