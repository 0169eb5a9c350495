//! How the commands of iptables end before their work is done (`basic_exit_err()`, `exit_tryhelp()`).

use crate::netfilter::xtables::extension::Problem;
use crate::netfilter::xtables::table::Variant;
use crate::tools::failure::Failure;

use super::put;

/// Who speaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker<'a> {
    /// The program's name in its messages.
    pub(super) program: &'a str,
    /// Its engine.
    pub(super) variant: Variant,
    /// The line of the file that it is at.
    pub(super) line: Option<usize>,
}

impl Speaker<'_> {
    /// The version as it is printed.
    pub(super) fn version(self) -> &'static str {
        match self.variant {
            Variant::Nft => "1.8.9 (nf_tables)",
            Variant::Legacy => "1.8.9 (legacy)",
        }
    }

    fn says(self, text: &str) -> String {
        format!("{} v{}: {text}\n", self.program, self.version())
    }

    /// Where to read on.
    fn try_help(self) -> String {
        let line = match self.line {
            Some(line) => format!("Error occurred at line: {line}\n"),
            None => String::new(),
        };
        let program = self.program;
        format!("{line}Try `{program} -h' or '{program} --help' for more information.\n")
    }

    /// The words are wrong (`PARAMETER_PROBLEM`).
    pub(super) fn parameter(self, text: &str) -> Failure {
        Failure::exits(2, self.says(text) + &self.try_help())
    }

    /// The words are wrong, and what is said about it is said without a name.
    pub(super) fn bad(self, text: &str) -> Failure {
        Failure::exits(2, text.to_owned() + &self.try_help())
    }

    /// Something else is wrong (`OTHER_PROBLEM`).
    pub(super) fn other(self, text: &str) -> Failure {
        Failure::exits(1, self.says(text))
    }

    /// There is no such thing in this kernel (`VERSION_PROBLEM`).
    pub(super) fn too_old(self, text: &str) -> Failure {
        let more = format!("Perhaps {} or your kernel needs to be upgraded.\n", self.program);
        Failure::exits(3, self.says(text) + &more)
    }

    /// The kernel refused (`RESOURCE_PROBLEM`).
    pub(super) fn refused(self, text: &str) -> Failure {
        Failure::exits(4, self.says(text))
    }

    /// The real tool can do this and the model cannot: `text` is what the real one says when it cannot either.
    pub(super) fn not_modelled(self, text: &str, what: &str) -> Failure {
        let mut failure = self.parameter(text);
        put(&mut failure.stderr, format_args!("kubewire: {what} is not modelled\n"));
        failure
    }

    /// What an extension says.
    pub(super) fn problem(self, problem: &Problem) -> Failure {
        match problem {
            Problem::Parameter(text) => self.parameter(text),
            Problem::Other(text) => self.other(text),
            Problem::NotModelled(what) => {
                self.not_modelled(&format!("{what} is not supported"), what)
            }
        }
    }
}
