//! The random cases on which the real kernel and the simulator have agreed, and what they agreed on.
//!
//! `generated.txt` keeps, of each seed from 0 on, a hash of the case and one of the kernel's answer. A machine
//! that cannot ask a kernel still sees whether the simulator says what the kernel said; and an answer that
//! differs because the generator draws something else now is told from one that is wrong.

use std::fmt::Write as _;
use std::num::ParseIntError;

use sim_core::case::Normal;
use sim_core::case::golden;
use thiserror::Error;

use crate::generate::{self, CaseText};
use crate::simulator::simulate;

/// What stands in `generated.txt` above its rows.
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
}

/// A text that is no record.
#[derive(Debug, Error)]
pub enum RecordedError {
    /// The first line is not the header.
    #[error("the first line does not start with `{HEADER}`")]
    NoHeader,
    /// A line that is not `CASE ANSWER`.
    #[error("line {0} is not `CASE ANSWER`")]
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
    /// Hashes a case and the answer to it.
    ///
    /// # Panics
    /// Never: an answer is made of what JSON can hold.
    #[must_use]
    pub fn new(case: &CaseText, answer: &Normal) -> Self {
        // Where it was observed is no part of the answer.
        let nowhere = Normal { kernel: String::new(), ..answer.clone() };
        let text = golden::write(&nowhere).expect("an answer is made of what JSON can hold");
        Self { case: hash_of_case(case), answer: crc32fast::hash(text.as_bytes()) }
    }
}

/// The hash of a case's two texts.
#[must_use]
pub fn hash_of_case(case: &CaseText) -> u32 {
    let texts = [case.setup.join("\n"), case.packets.join("\n")];
    crc32fast::hash(texts.join("\n--\n").as_bytes())
}

impl Recorded {
    /// The row of a seed, if the generator still draws the same case and the simulator still gives the same answer:
    /// then there is nothing new to ask the kernel.
    #[must_use]
    pub fn still_holds(&self, seed: u64) -> Option<Row> {
        let row = self.rows.get(usize::try_from(seed).ok()?)?;
        let case = generate::case(seed);
        let answer = (hash_of_case(&case) == row.case)
            .then(|| simulate(&case.parse().ok()?).ok())
            .flatten()?;
        (Row::new(&case, &answer) == *row).then_some(*row)
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
        for Row { case, answer } in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{case:08x} {answer:08x}");
        }
        text
    }
}

fn row(line: usize, text: &str) -> Result<Row, RecordedError> {
    let (case, answer) = text.split_once(' ').ok_or(RecordedError::Row(line))?;
    let number = |word: &str| {
        u32::from_str_radix(word, 16).map_err(|error| RecordedError::Number { line, error })
    };
    Ok(Row { case: number(case)?, answer: number(answer)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_was_written_reads_as_it_was() {
        let rows = vec![Row { case: 1, answer: 0xffff_ffff }, Row { case: 2, answer: 0 }];
        let record = Recorded { system: "Linux 6.18.44, iproute2-6.1.0".to_owned(), rows };
        assert_eq!(Recorded::parse(&record.text()).unwrap(), record);
    }

    #[test]
    fn what_is_no_record_is_refused_with_its_line() {
        let error = |text: &str| Recorded::parse(text).unwrap_err().to_string();
        assert_eq!(error("1 2"), "the first line does not start with `# observed on `");
        assert_eq!(error("# observed on x\n00000001 2\n3"), "line 3 is not `CASE ANSWER`");
        assert_eq!(error("# observed on x\nz 2"), "line 2: invalid digit found in string");
    }
}
