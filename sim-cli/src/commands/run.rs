//! `kubewire run`: runs a scenario or a test of rules, and shows what its packets met.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use sim_core::trace::record::Record;
use sim_kube::scenario::{self, Loaded, Report, Sink, json, print};

use crate::commands::written;
use crate::error::CliError;
use crate::mistakes;
use crate::recording::{Outputs, Recording};

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
    #[command(flatten)]
    outputs: Outputs,
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
        let ran = self.recorded()?;
        let done = match self.format {
            Format::Text => ran.print(self.quiet, &mut out),
            Format::Json => out.write_all(json::report(&ran.report, &ran.text).as_bytes()),
        };
        written(done.and_then(|()| out.flush())).map_err(|error| vec![error])?;
        Ok(ran.report.is_good())
    }

    /// Runs the file, and writes down what happens. Nothing is written if its files are wrong.
    fn recorded(&self) -> Result<Ran, Vec<CliError>> {
        let (path, text) = (&self.file, mistakes::read(&self.file).map_err(|error| vec![error])?);
        let loaded = load(path, &text)?;
        let recording = Recording::start(&self.outputs, None);
        let mut recording = recording.map_err(|error| vec![error])?;
        let mut push = |records: &[Record]| recording.push(records);
        let sink = self.outputs.keep().map(|_| &mut push as Sink<'_>);
        let ran = run(path, text, &loaded, sink);
        match (ran, recording.finish()) {
            (ran, Ok(())) => ran,
            (Ok(_), Err(error)) => Err(vec![error]),
            (Err(mut errors), Err(error)) => {
                errors.push(error);
                Err(errors)
            }
        }
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

/// Runs a file that holds `text`.
pub(super) fn run_text(path: &Path, text: String) -> Result<Ran, Vec<CliError>> {
    let loaded = load(path, &text)?;
    run(path, text, &loaded, None)
}

/// Reads all that a file names.
fn load(path: &Path, text: &str) -> Result<Loaded, Vec<CliError>> {
    scenario::load(path, text, &mut mistakes::read_named).map_err(mistakes::in_files)
}

fn run(
    path: &Path,
    text: String,
    loaded: &Loaded,
    sink: Option<Sink<'_>>,
) -> Result<Ran, Vec<CliError>> {
    let report = loaded.run(path, &text, sink);
    let report = report.map_err(|stopped| mistakes::stopped(path, stopped))?;
    Ok(Ran { report, text })
}
