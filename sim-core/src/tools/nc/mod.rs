//! `nc` of netcat-openbsd 1.219: standard input to a peer over TCP or UDP, and what comes from it to
//! standard output.

mod args;
mod relay;
mod session;
#[cfg(test)]
mod tests;
mod tos;

use crate::tools::Call;
use crate::tools::nc::session::Session;
use crate::world::{Poll, Program, Sys};

pub(super) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Netcat { call, session: None })
}

#[derive(Clone, Debug)]
struct Netcat {
    call: Call,
    session: Option<Session>,
}

impl Program for Netcat {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let outcome = match &mut self.session {
            Some(session) => session.run(sys),
            None => Session::open(sys, self.call.args())
                .and_then(|session| self.session.insert(session).run(sys)),
        };
        outcome.unwrap_or_else(|ended| {
            sys.stdout(&ended.stdout);
            sys.stderr(&ended.stderr);
            Poll::Exit(ended.status)
        })
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}
