//! `kubewire trace`: reads what `--trace` of `kubewire lab` or `kubewire run` wrote.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use sim_core::trace::record::Record;
use sim_core::trace::sink::{json, text};

use crate::commands::written;
use crate::error::{CliError, ErrorKind, FilePlace};

/// Reads a trace that `kubewire lab --trace` or `kubewire run --trace` wrote
#[derive(Debug, Args)]
pub struct Trace {
    #[command(subcommand)]
    command: TraceCommand,
}

#[derive(Debug, Subcommand)]
enum TraceCommand {
    Show(Show),
}

/// Prints a trace, one event a line
#[derive(Debug, Args)]
struct Show {
    /// The trace
    file: PathBuf,
    /// The form of the lines
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// A form that a trace can be printed in.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// JSON lines, as in the file
    Json,
}

impl Trace {
    /// Prints the trace to `out`.
    ///
    /// # Errors
    /// The file cannot be read or is no trace, or `out` does not take it.
    pub fn run(&self, out: impl Write) -> Result<(), CliError> {
        let TraceCommand::Show(show) = &self.command;
        show.run(out)
    }
}

impl Show {
    fn run(&self, out: impl Write) -> Result<(), CliError> {
        let file = File::open(&self.file).map_err(|error| CliError::file(&self.file, &error))?;
        let mut out = BufWriter::new(out);
        let mut printer = text::Printer::default();
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|error| CliError::file(&self.file, &error))?;
            if line.trim().is_empty() {
                continue;
            }
            let record = read(&line).map_err(|e| no_record(&self.file, number + 1, line, &e))?;
            let text = match self.format {
                Format::Text => printer.line(&record),
                Format::Json => json::line(&record),
            };
            if let Err(error) = out.write_all(text.as_bytes()) {
                return written(Err(error));
            }
        }
        written(out.flush())
    }
}

fn read(line: &str) -> Result<Record, serde_json::Error> {
    serde_json::from_str(line)
}

fn no_record(path: &Path, number: usize, line: String, error: &serde_json::Error) -> CliError {
    let at = error.column().saturating_sub(1).min(line.len());
    let start = (0..=at).rev().find(|n| line.is_char_boundary(*n)).unwrap_or(0);
    let length = line[start..].chars().next().map_or(0, char::len_utf8);
    let label = error.to_string();
    let label = label.split(" at line ").next().unwrap_or_default().to_owned();
    CliError::new(ErrorKind::User, "this line is no event of a trace")
        .at(FilePlace {
            path: path.display().to_string(),
            line: number,
            span: start..start + length,
            text: line,
            label,
        })
        .hint("`kubewire lab` and `kubewire run` write traces with `--trace FILE`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(content: &str, format: Format) -> Result<String, CliError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("trace.jsonl");
        std::fs::write(&file, content).unwrap();
        let mut out = Vec::new();
        Show { file, format }.run(&mut out).map(|()| String::from_utf8(out).unwrap())
    }

    const LINE: &str = "{\"time_ns\":1,\"flow\":2,\"netns\":\"-\",\"dev\":\"lo\",\
        \"event\":\"consumed\",\"by\":\"icmp echo\"}\n";

    #[test]
    fn json_comes_out_as_it_went_in() {
        assert_eq!(show(&format!("{LINE}\n{LINE}"), Format::Json).unwrap(), LINE.repeat(2));
        assert_eq!(show(LINE, Format::Text).unwrap().lines().count(), 1);
    }

    #[test]
    fn a_line_that_is_no_event_is_shown_with_its_number() {
        for bad in ["{", "é", "{\"time_ns\":1}", "[1,2]", "\"", "{\"time_ns\":-1,\"flow\":2}"] {
            let error = show(&format!("{LINE}{bad}\n"), Format::Json).unwrap_err();
            let place = error.place.clone().unwrap();
            assert_eq!((place.line, place.text.as_str()), (2, bad));
            assert!(error.render(false).contains("trace.jsonl:2:"), "{}", error.render(false));
        }
    }
}
