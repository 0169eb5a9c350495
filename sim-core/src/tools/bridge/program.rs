//! `bridge` as a program of the world.

use crate::tools::bridge;
use crate::tools::{Call, ip};
use crate::world::{Poll, Program, Sys};

/// Starts `bridge`.
pub(crate) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Bridge { call })
}

#[derive(Clone, Debug)]
struct Bridge {
    call: Call,
}

impl Program for Bridge {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let words = self.call.args();
        ip::program::once(sys, |session| bridge::run(session, words)).1
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}
