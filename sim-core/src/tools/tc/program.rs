//! `tc` as a program of the world.

use crate::tools::ip::batch::Batch;
use crate::tools::session::{Next, once};
use crate::tools::{Call, tc};
use crate::world::{Poll, Program, Sys};

/// Starts `tc`.
pub(crate) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Tc { call, batch: None })
}

#[derive(Clone, Debug)]
struct Tc {
    call: Call,
    batch: Option<Batch>,
}

impl Program for Tc {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        if let Some(batch) = &mut self.batch {
            return batch.poll(sys);
        }
        let (words, to_terminal) = (self.call.args(), self.call.to_terminal);
        match once(sys, |session| tc::run(session, words, to_terminal)) {
            (Some(Next::Batch(options)), _) => {
                self.batch.insert(Batch::new(options, tc::command)).poll(sys)
            }
            (Some(Next::Monitor(_) | Next::End) | None, end) => end,
        }
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}
