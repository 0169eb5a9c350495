//! What the user is told when a command cannot do its work.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// Whose fault it is. It decides the exit status, as in `sysexits.h` where that has one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ErrorKind {
    /// The user's words or files are wrong.
    User,
    /// The command of a lab is not there.
    NotFound,
    /// The command of a lab cannot be run.
    NotExecutable,
    /// The simulator's two kernels, or a run and what it was to give, differ.
    Differs,
    /// The machine did not let the program do something.
    Machine,
    /// The program is at fault.
    Internal,
}

impl ErrorKind {
    /// The exit status of the program.
    #[must_use]
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Differs => 1,
            Self::User => 2,
            Self::Internal => 70,
            Self::Machine => 74,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
        }
    }
}

/// An error as the user sees it: what is wrong, where, and what could be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CliError {
    /// Whose fault it is.
    pub kind: ErrorKind,
    /// What is wrong, in one sentence without an end.
    pub message: String,
    /// The place in a file that is at fault.
    pub place: Option<Box<FilePlace>>,
    /// What could be done about it.
    pub hints: Vec<String>,
}

/// A place in a text that the user wrote.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilePlace {
    /// The file's name, as the user gave it.
    pub path: String,
    /// The number of the first line of `text`, from 1.
    pub line: usize,
    /// The text around the place.
    pub text: String,
    /// The place in `text`, in bytes.
    pub span: Range<usize>,
    /// What is wrong there.
    pub label: String,
}

impl CliError {
    /// An error with nothing but a message.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: None, hints: Vec::new() }
    }

    /// An operation of the machine on the file `path` failed. That a file is not there, or not for the
    /// user, is for the user to mend.
    #[must_use]
    pub fn file(path: &Path, error: &io::Error) -> Self {
        let users_fault = matches!(
            error.kind(),
            io::ErrorKind::NotFound
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::NotADirectory
        );
        let kind = if users_fault { ErrorKind::User } else { ErrorKind::Machine };
        Self::new(kind, format!("{}: {}", path.display(), reason(error)))
    }

    /// Adds advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds the place in a file.
    #[must_use]
    pub fn at(mut self, place: FilePlace) -> Self {
        self.place = Some(Box::new(place));
        self
    }

    /// The exit status of the program.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.exit_status())
    }

    /// The error as text for a terminal, in `color` or not, with its line feed.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let Some(place) = &self.place else { return self.to_string() };
        let snippet = Snippet::source(place.text.as_str())
            .path(place.path.as_str())
            .line_start(place.line)
            .fold(true)
            .annotation(AnnotationKind::Primary.span(place.span.clone()).label(&place.label));
        let mut group = Level::ERROR.primary_title(self.message.as_str()).element(snippet);
        for hint in &self.hints {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        let report: [Group<'_>; 1] = [group];
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        format!("{}\n", renderer.render(&report))
    }
}

/// The error without the place, in the way Unix commands complain.
impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kubewire: {}", self.message)?;
        self.hints.iter().try_for_each(|hint| writeln!(f, "  {hint}"))
    }
}

impl std::error::Error for CliError {}

/// What `strerror(3)` says about an error of the machine; the library's own words for others.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_a_file_shows_the_line() {
        let error = CliError::new(ErrorKind::User, "this is no record")
            .at(FilePlace {
                path: "trace.jsonl".into(),
                line: 7,
                text: "{\"time\"".into(),
                span: 6..7,
                label: "the object ends too early".into(),
            })
            .hint("was the file cut short?");
        assert_eq!(
            error.render(false),
            "error: this is no record\n \
             --> trace.jsonl:7:7\n  \
             |\n\
             7 | {\"time\"\n  \
             |       ^ the object ends too early\n  \
             |\n  \
             = help: was the file cut short?\n"
        );
    }

    #[test]
    fn the_machine_is_quoted_without_its_number() {
        let missing = io::Error::from_raw_os_error(2);
        let error = CliError::file(Path::new("x"), &missing).hint("make it");
        assert_eq!(error.render(true), "kubewire: x: No such file or directory\n  make it\n");
        assert_eq!(error.kind.exit_status(), 2);
    }
}
