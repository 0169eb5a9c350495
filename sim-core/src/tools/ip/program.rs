//! `ip` as a program of the world.

use crate::tools::Call;
use crate::tools::failure::Result;
use crate::tools::ip::{self, options::Options};
use crate::tools::session::Session;
use crate::world::{Poll, Program, Sys};

/// Starts `ip`.
pub(crate) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Ip { call })
}

#[derive(Clone, Debug)]
struct Ip {
    call: Call,
}

impl Program for Ip {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let words = self.call.args();
        once(sys, |session| -> Result<Options> { ip::run(session, words) }).1
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

/// Runs a command that ends at once, and writes what it has to say.
pub(crate) fn once<T>(
    sys: &mut Sys<'_>,
    run: impl FnOnce(&mut Session<'_>) -> Result<T>,
) -> (Option<T>, Poll) {
    let netns = sys.netns();
    let mut session = Session::new(sys.world, netns);
    let outcome = run(&mut session);
    let Session { mut stdout, mut stderr, exec, .. } = session;
    let (value, code) = match outcome {
        Ok(value) => (Some(value), 0),
        Err(failure) => {
            stdout += &failure.stdout;
            stderr += &failure.stderr;
            (None, failure.code)
        }
    };
    if !stdout.is_empty() {
        sys.stdout(stdout);
    }
    if !stderr.is_empty() {
        sys.stderr(stderr);
    }
    if let Some((netns, argv)) = exec {
        sys.exec(netns, argv);
    }
    (value, Poll::Exit(code))
}
