//! The random cases on which the real kernel and the simulator have agreed, and what they agreed on.
//!
//! A record keeps, of each seed from 0 on, a hash of the case and one of the kernel's answer. A machine
//! that cannot ask a kernel still sees whether the simulator says what the kernel said; and an answer that
//! differs because the generator draws something else now is told from one that is wrong.

use std::fmt::Write as _;
use std::num::ParseIntError;

use sim_core::case::Normal;
use sim_core::case::golden;
use thiserror::Error;

use crate::generate::{CaseText, Topic};
use crate::simulator::simulate_otherwise;

/// What stands in a record above its rows.
const HEADER: &str = "# observed on ";

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The kernel and the tools that answered.
    pub system: String,
    /// The hashes of the seeds 0, 1, 2, ...
    pub rows: Vec<Row>,
}

/// What is kept of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of the texts of the case.
    pub case: u32,
    /// Of the kernel's normalised answer.
    pub answer: u32,
    /// In which of the worlds that differ by what is random there the simulator gave the same answer: nearly always
    /// in the first.
    pub world: u64,
}

/// Why what was recorded of a seed does not hold.
#[derive(Debug, Error)]
pub enum Stale {
    /// Nothing is.
    #[error("it was not recorded")]
    NotRecorded,
    /// The generator has changed.
    #[error("the generator draws another case now; record anew (tests/README.md says how)")]
    OtherCase,
    /// The simulator has changed.
    #[error("the simulator answers otherwise: `kubewire-differential` shows what differs")]
    OtherAnswer,
    /// The simulator cannot run the case.
    #[error("it could not be run: {0}")]
    NotRun(String),
}

/// A text that is no record.
#[derive(Debug, Error)]
pub enum RecordedError {
    /// The first line is not the header.
    #[error("the first line does not start with `{HEADER}`")]
    NoHeader,
    /// A line that is not `CASE ANSWER [WORLD]`.
    #[error("line {0} is not `CASE ANSWER [WORLD]`")]
    Row(usize),
    /// A number that is none.
    #[error("line {line}: {error}")]
    Number {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        error: ParseIntError,
    },
}

impl Row {
    /// Hashes a case and the answer to it, which the simulator gives in this world.
    ///
    /// # Panics
    /// Never: an answer is made of what JSON can hold.
    #[must_use]
    pub fn new(case: &CaseText, answer: &Normal, world: u64) -> Self {
        // Where it was observed is no part of the answer.
        let nowhere = Normal { kernel: String::new(), ..answer.clone() };
        let text = golden::write(&nowhere).expect("an answer is made of what JSON can hold");
        Self { case: hash_of_case(case), answer: crc32fast::hash(text.as_bytes()), world }
    }
}

/// The hash of a case's texts.
fn hash_of_case(case: &CaseText) -> u32 {
    let mut texts = vec![case.setup.join("\n"), case.packets.join("\n")];
    if !case.rules.is_empty() {
        texts.push(case.rules.join("\n"));
    }
    crc32fast::hash(texts.join("\n--\n").as_bytes())
}

impl Recorded {
    /// The row of a seed, if the generator still draws the same case and the simulator still gives the same answer:
    /// then there is nothing new to ask the kernel.
    ///
    /// # Errors
    /// What has changed.
    pub fn check(&self, topic: Topic, seed: u64) -> Result<Row, Stale> {
        let row = usize::try_from(seed).ok().and_then(|seed| self.rows.get(seed));
        let row = *row.ok_or(Stale::NotRecorded)?;
        let case = topic.case(seed);
        if hash_of_case(&case) != row.case {
            return Err(Stale::OtherCase);
        }
        let parsed = case.parse().map_err(|error| Stale::NotRun(error.to_string()))?;
        let answer = simulate_otherwise(&parsed, row.world).map_err(Stale::NotRun)?;
        if Row::new(&case, &answer, row.world) == row { Ok(row) } else { Err(Stale::OtherAnswer) }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, RecordedError> {
        let mut lines = text.lines().enumerate();
        let first = lines.next().and_then(|(_, line)| line.strip_prefix(HEADER));
        let system = first.ok_or(RecordedError::NoHeader)?.to_owned();
        let rows = lines.map(|(number, line)| row(number + 1, line)).collect::<Result<_, _>>()?;
        Ok(Self { system, rows })
    }

    /// Writes the record.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{HEADER}{}\n", self.system);
        for Row { case, answer, world } in &self.rows {
            let world = if *world == 0 { String::new() } else { format!(" {world}") };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{case:08x} {answer:08x}{world}");
        }
        text
    }
}

fn row(line: usize, text: &str) -> Result<Row, RecordedError> {
    let number = |error| RecordedError::Number { line, error };
    let hash = |word: &str| u32::from_str_radix(word, 16).map_err(number);
    let words: Vec<&str> = text.split(' ').collect();
    let (case, answer, world) = match *words.as_slice() {
        [case, answer] => (case, answer, "0"),
        [case, answer, world] => (case, answer, world),
        _ => return Err(RecordedError::Row(line)),
    };
    Ok(Row { case: hash(case)?, answer: hash(answer)?, world: world.parse().map_err(number)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_was_written_reads_as_it_was() {
        let rows = vec![
            Row { case: 1, answer: 0xffff_ffff, world: 0 },
            Row { case: 2, answer: 0, world: 3 },
        ];
        let record = Recorded { system: "Linux 6.18.44, iproute2-6.1.0".to_owned(), rows };
        assert_eq!(Recorded::parse(&record.text()).unwrap(), record);
    }

    #[test]
    fn what_is_no_record_is_refused_with_its_line() {
        let error = |text: &str| Recorded::parse(text).unwrap_err().to_string();
        assert_eq!(error("1 2"), "the first line does not start with `# observed on `");
        assert_eq!(error("# observed on x\n00000001 2\n3"), "line 3 is not `CASE ANSWER [WORLD]`");
        assert_eq!(error("# observed on x\nz 2"), "line 2: invalid digit found in string");
    }
}
