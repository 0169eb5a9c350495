//! `sysctl` as a program of the world.

use crate::tools::Call;
use crate::tools::input::{Input, Piece};
use crate::tools::session::once;
use crate::tools::sysctl::args::{self, Options};
use crate::tools::sysctl::run;
use crate::world::{Poll, Program, Sys};

/// The file that `-p` reads when none is named.
const DEFAULT_FILE: &str = "/etc/sysctl.conf";

/// Starts `sysctl`.
pub(crate) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Sysctl { call, loading: None })
}

#[derive(Clone, Debug)]
struct Sysctl {
    call: Call,
    loading: Option<Loading>,
}

/// Files that are being read, one after the other.
#[derive(Clone, Debug)]
struct Loading {
    options: Options,
    files: Vec<String>,
    input: Option<Input>,
    text: Vec<u8>,
    status: u8,
}

impl Program for Sysctl {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        if let Some(loading) = &mut self.loading {
            return loading.go_on(sys);
        }
        let words = self.call.args();
        let (options, end) = once(sys, |_| args::read(words));
        let Some(options) = options else { return end };
        if !options.load {
            let (status, end) = once(sys, |session| run::run(session, &options));
            return status.map_or(end, Poll::Exit);
        }
        let mut files = options.operands.clone();
        if files.is_empty() {
            files.push(DEFAULT_FILE.to_owned());
        }
        let loading = Loading { options, files, input: None, text: Vec::new(), status: 0 };
        self.loading.insert(loading).go_on(sys)
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

impl Loading {
    /// Reads on until something is missing.
    fn go_on(&mut self, sys: &mut Sys<'_>) -> Poll {
        while let Some(name) = self.files.first().cloned() {
            match self.read(sys, &name) {
                Some(true) => {
                    let text = String::from_utf8_lossy(&self.text).into_owned();
                    let (status, _) =
                        once(sys, |session| Ok(run::load(session, &self.options, &name, &text)));
                    self.status |= status.unwrap_or(1);
                }
                Some(false) => self.status = 1,
                None => return Poll::WaitUnbounded,
            }
            self.files.remove(0);
            self.text.clear();
            self.input = None;
        }
        Poll::Exit(self.status)
    }

    /// Reads a file to its end; false if it cannot be read, `None` if there is more to come.
    fn read(&mut self, sys: &mut Sys<'_>, name: &str) -> Option<bool> {
        loop {
            match self.input.get_or_insert_with(|| Input::new(name)).read(sys) {
                Piece::Data(bytes) => self.text.extend(bytes),
                Piece::Pending => return None,
                Piece::End => return Some(true),
                Piece::Failed(why) => {
                    sys.stderr(format!("sysctl: cannot open \"{name}\": {why}\n"));
                    return Some(false);
                }
            }
        }
    }
}
