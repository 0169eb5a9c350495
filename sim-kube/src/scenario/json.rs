//! What came of a file, as JSON.
//!
//! | field | what |
//! |---|---|
//! | `name` | what the file calls itself |
//! | `passed` | whether all was as it was expected |
//! | `notes` | what is wrong in the cluster from the beginning, if something is: pods that wait, plugins that do not work |
//! | `steps` | what was done, in order: see below |
//!
//! A step has `flow` (its number, from 1), `title`, `line` (of the file, from 1), `result`, `output`, the walks `request`
//! and `answer` if packets were sent, and `failures`: a list of `line`, `column` (in characters, from 1), `what`,
//! `expected`, `seen` and `fault`, the rule or route that is the reason. It has `notes` of what is wrong since then.
//!
//! A walk has `sent` (its header when it began), `stops`, `verdict` with what belongs to it, `at` (the namespace where it
//! ended) and `seen` (its header then). A stop has `netns`, `dev` and `event`, with what belongs to that.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

use super::report::{Failure, Report, StepReport};
use super::walk::Walk;

#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    passed: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
    steps: Vec<Step<'a>>,
}

#[derive(Serialize)]
struct Step<'a> {
    flow: usize,
    title: &'a str,
    line: usize,
    result: &'a str,
    output: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a Walk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a Walk>,
    failures: Vec<Wrong<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
}

#[derive(Serialize)]
struct Wrong<'a> {
    line: usize,
    column: usize,
    what: &'a str,
    expected: &'a str,
    seen: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a str>,
}

/// Writes what came of a file that holds `text`; one document, with a line for each item of
/// a list.
#[must_use]
pub fn report(report: &Report, text: &str) -> String {
    let steps = report.steps.iter().enumerate().map(|(i, step)| self::step(i + 1, step, text));
    let file = File {
        name: &report.name,
        passed: report.is_good(),
        notes: &report.notes,
        steps: steps.collect(),
    };
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Lines::default());
    file.serialize(&mut serializer).expect("a report has nothing that JSON has not");
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("JSON is text")
}

/// A line for each item of a list, and nothing else: so that a line says one thing that a packet met.
#[derive(Default)]
struct Lines {
    depth: usize,
    has_items: bool,
}

impl Lines {
    fn line<W: Write + ?Sized>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b"  "))
    }
}

impl Formatter for Lines {
    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.has_items = false;
        writer.write_all(b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        if self.has_items {
            self.line(writer)?;
        }
        writer.write_all(b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        self.line(writer)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_items = true;
        Ok(())
    }

    fn begin_object_key<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

fn step<'a>(flow: usize, step: &'a StepReport, text: &str) -> Step<'a> {
    let StepReport { title, span, done, failures, notes } = step;
    Step {
        flow,
        title,
        line: place(text, span.start).0,
        result: done.result,
        output: &done.output,
        request: done.walks.request.as_ref(),
        answer: done.walks.answer.as_ref(),
        failures: failures.iter().map(|failure| wrong(failure, text)).collect(),
        notes,
    }
}

fn wrong<'a>(failure: &'a Failure, text: &str) -> Wrong<'a> {
    let Failure { span, what, expected, seen, fault } = failure;
    let (line, column) = place(text, span.start);
    Wrong { line, column, what, expected, seen, fault: fault.as_deref() }
}

/// The line and the character of it where a place of a text is, both counted from 1.
#[must_use]
pub fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters() {
        assert_eq!(place("ab\nüx = 1\n", 0), (1, 1));
        assert_eq!(place("ab\nüx = 1\n", 5), (2, 2));
        assert_eq!(place("ab\nüx = 1\n", 99), (3, 1));
    }
}
