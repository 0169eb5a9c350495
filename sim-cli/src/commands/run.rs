//! `kubewire run`: runs a scenario or a test of rules, and shows what its packets met.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use sim_kube::reading::Mistake;
use sim_kube::scenario::{self, FileMistake, Report, Stopped, json, print};

use crate::commands::written;
use crate::error::{CliError, ErrorKind, FilePlace};

/// Runs a scenario or a test of rules, and prints what its packets met, there and back
#[derive(Debug, Args)]
pub struct Run {
    /// The scenario, or the test of rules
    file: PathBuf,
    /// Print only what is not as expected
    #[arg(long)]
    quiet: bool,
    /// How what came of it is printed
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "quiet")]
    format: Format,
}

/// A form of what is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: one document
    Json,
}

/// A file that was run.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) report: Report,
    /// What the file holds.
    pub(super) text: String,
}

impl Run {
    /// Runs the file; whether all was as expected.
    ///
    /// # Errors
    /// All that is wrong with the files, or what failed.
    pub fn run(&self, mut out: impl Write) -> Result<bool, Vec<CliError>> {
        let ran = run(&self.file)?;
        let done = match self.format {
            Format::Text => ran.print(self.quiet, &mut out),
            Format::Json => out.write_all(json::report(&ran.report, &ran.text).as_bytes()),
        };
        written(done.and_then(|()| out.flush())).map_err(|error| vec![error])?;
        Ok(ran.report.is_good())
    }
}

impl Ran {
    /// Writes what is printed of it.
    fn print(&self, quiet: bool, out: &mut impl Write) -> io::Result<()> {
        self.report.notes.iter().try_for_each(|note| writeln!(out, "note: {note}"))?;
        for (i, step) in self.report.steps.iter().enumerate() {
            if quiet && step.failures.is_empty() && step.notes.is_empty() {
                continue;
            }
            writeln!(out, "step {}: {}", i + 1, step.title)?;
            if !quiet {
                out.write_all(print::walks(i + 1, &step.done.walks).as_bytes())?;
            }
            for line in step.done.output.lines() {
                writeln!(out, "  | {line}")?;
            }
            writeln!(out, "  result: {}", step.done.result)?;
            step.notes.iter().try_for_each(|note| writeln!(out, "  note: {note}"))?;
            for failure in &step.failures {
                let (line, _) = json::place(&self.text, failure.span.start);
                writeln!(out, "  NOT AS EXPECTED (line {line}): {}", failure.what)?;
                writeln!(out, "    expected: {}", failure.expected)?;
                // What has several lines goes on below.
                writeln!(out, "    seen:     {}", failure.seen.replace('\n', "\n              "))?;
                if let Some(fault) = &failure.fault {
                    writeln!(out, "    because:  {fault}")?;
                }
            }
        }
        writeln!(out, "{}", if self.report.is_good() { "passed" } else { "failed" })
    }
}

/// Reads a file with all that it names, and runs it.
pub(super) fn run(path: &Path) -> Result<Ran, Vec<CliError>> {
    let text = fs::read_to_string(path).map_err(|error| vec![CliError::file(path, &error)])?;
    run_text(path, text)
}

/// Runs a file that holds `text`.
pub(super) fn run_text(path: &Path, text: String) -> Result<Ran, Vec<CliError>> {
    let mut read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| CliError::file(path, &error).message)
    };
    let loaded = scenario::load(path, &text, &mut read).map_err(in_files)?;
    match loaded.run(path, &text) {
        Ok(report) => Ok(Ran { report, text }),
        Err(Stopped::Mistakes(found)) => Err(in_files(found)),
        Err(Stopped::Cluster(error)) => {
            let message = format!("{}: {error}", path.display());
            Err(vec![CliError::new(ErrorKind::Internal, message)])
        }
    }
}

fn in_files(found: Vec<FileMistake>) -> Vec<CliError> {
    found.into_iter().map(|found| placed(&found.path, &found.text, found.mistake)).collect()
}

/// Mistakes in a file as the user sees them.
pub(super) fn placed_all(path: &Path, text: &str, found: Vec<Mistake>) -> Vec<CliError> {
    found.into_iter().map(|mistake| placed(path, text, mistake)).collect()
}

/// A mistake in a file as the user sees it.
pub(super) fn placed(path: &Path, text: &str, mistake: Mistake) -> CliError {
    let error = CliError::new(ErrorKind::User, &mistake.message).at(FilePlace {
        path: path.display().to_string(),
        line: 1,
        text: text.to_owned(),
        span: mistake.span,
        label: String::new(),
    });
    match mistake.help {
        None => error,
        Some(help) => error.hint(help),
    }
}
