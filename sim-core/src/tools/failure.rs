//! How a command ends before its work is done.

use crate::netlink::NetlinkError;

/// A command's early end: what it says on standard error, and its exit status.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Failure {
    /// What is written to standard output, line feeds included.
    pub(crate) stdout: String,
    /// What is written to standard error, line feeds included.
    pub(crate) stderr: String,
    /// The exit status.
    pub(crate) code: u8,
    /// Whether the whole process ends: `exit()` instead of a return, which also ends a batch.
    pub(crate) exits: bool,
}

/// The outcome of a part of a command.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// Returns from the command with `code`; a batch notes it and may go on.
    pub(crate) fn returns(code: u8, stderr: impl Into<String>) -> Self {
        Self { stdout: String::new(), stderr: stderr.into(), code, exits: false }
    }

    /// Ends the process with `code`, batch or not.
    pub(crate) fn exits(code: u8, stderr: impl Into<String>) -> Self {
        Self { stdout: String::new(), stderr: stderr.into(), code, exits: true }
    }

    /// Returns with a text on standard output, which is where some usages go.
    pub(crate) fn returns_stdout(code: u8, stdout: impl Into<String>) -> Self {
        Self { stdout: stdout.into(), stderr: String::new(), code, exits: false }
    }

    /// Ends the process with `code` and a text on standard output.
    pub(crate) fn exits_stdout(code: u8, stdout: impl Into<String>) -> Self {
        Self { stdout: stdout.into(), stderr: String::new(), code, exits: true }
    }

    /// The same words, but the process ends with `code`.
    pub(crate) fn exiting(self, code: u8) -> Self {
        Self { code, exits: true, ..self }
    }

    /// A word was expected and the line was over (`incomplete_command()`).
    pub(crate) fn incomplete() -> Self {
        Self::exits(255, "Command line is not complete. Try option \"help\"\n")
    }

    /// The word `arg` cannot stand here (`invarg()`).
    pub(crate) fn invalid(why: &str, arg: &str) -> Self {
        Self::exits(255, format!("Error: argument \"{arg}\" is wrong: {why}\n"))
    }

    /// `key` was given a value already (`duparg()`).
    pub(crate) fn duplicate(key: &str, arg: &str) -> Self {
        let text = format!("Error: duplicate \"{key}\": \"{arg}\" is the second value.\n");
        Self::exits(255, text)
    }

    /// `arg` was taken for a second `key` (`duparg2()`).
    pub(crate) fn garbage(key: &str, arg: &str) -> Self {
        let text = format!("Error: either \"{key}\" is duplicate, or \"{arg}\" is a garbage.\n");
        Self::exits(255, text)
    }

    /// There is no such device here (`nodev()`).
    pub(crate) fn no_device(name: &str) -> Self {
        Self::returns(1, format!("Cannot find device \"{name}\"\n"))
    }

    /// `value` is neither `on` nor `off`.
    pub(crate) fn on_off(key: &str, value: &str) -> Self {
        let text =
            format!("Error: argument of \"{key}\" must be \"on\" or \"off\", not \"{value}\"\n");
        Self::returns(1, text)
    }

    /// What the kernel answered, as libnetlink words it.
    pub(crate) fn kernel(code: u8, error: &NetlinkError) -> Self {
        Self::returns(code, answer(error))
    }

    /// The real tool could do this and the model cannot: its word for an incapable kernel, then what
    /// exactly is missing.
    pub(crate) fn not_modelled(what: &str) -> Self {
        let text = format!(
            "RTNETLINK answers: Operation not supported\nkubewire: {what} is not modelled\n"
        );
        Self::exits(2, text)
    }
}

/// A kernel's refusal in libnetlink's words.
pub(crate) fn answer(error: &NetlinkError) -> String {
    match &error.message {
        None => format!("RTNETLINK answers: {}\n", error.errno),
        Some(text) if text.ends_with('.') => format!("Error: {text}\n"),
        Some(text) => format!("Error: {text}.\n"),
    }
}
