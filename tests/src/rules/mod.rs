//! Random command lines of iptables: what the real tools say about them, and what the simulator's do.

mod draw;
mod real;
mod simulated;
mod words;

use std::fmt::Write as _;

pub use draw::session;
pub use real::{NoTools, Tools};
pub use simulated::simulate;

/// A command line with its standard input.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Line {
    /// The words.
    pub argv: Vec<String>,
    /// What it reads.
    pub stdin: String,
}

/// What a command said.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Said {
    /// Standard output, dates taken out.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit status.
    pub status: i32,
}

/// How one session compares.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Every command said the same.
    Equal,
    /// The simulator said by name that it does not do something; until then all was equal.
    NotModelled(String),
    /// A command differed; the text shows how.
    Different(String),
}

/// The mark by which a date is known.
fn without_dates(text: &str) -> String {
    let undated = |line: &str| match line.split_once(" on ") {
        Some((front, _)) if line.starts_with("# ") => format!("{front}\n"),
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(undated).collect()
}

/// Compares what was said about each command, up to the first that differs.
#[must_use]
pub fn compare(lines: &[Line], real: &[Said], simulated: &[Said]) -> Outcome {
    for ((line, real), simulated) in lines.iter().zip(real).zip(simulated) {
        if let Some((_, what)) = simulated.stderr.split_once("kubewire: ") {
            return Outcome::NotModelled(what.trim_end().to_owned());
        }
        if real != simulated {
            return Outcome::Different(describe(line, real, simulated));
        }
    }
    Outcome::Equal
}

fn describe(line: &Line, real: &Said, simulated: &Said) -> String {
    let mut text = format!("$ {}\n", quoted(&line.argv));
    for line in line.stdin.lines() {
        writeln!(text, "<{line}").expect("a string");
    }
    let pairs = [
        ("stdout", &real.stdout, &simulated.stdout),
        ("stderr", &real.stderr, &simulated.stderr),
        ("status", &format!("{}\n", real.status), &format!("{}\n", simulated.status)),
    ];
    for (what, real, simulated) in pairs {
        if real == simulated {
            continue;
        }
        let (ours, theirs): (Vec<&str>, Vec<&str>) =
            (simulated.lines().collect(), real.lines().collect());
        writeln!(text, "--- {what} of the real one\n+++ {what} here").expect("a string");
        for line in theirs.iter().filter(|line| !ours.contains(line)) {
            writeln!(text, "-{line}").expect("a string");
        }
        for line in ours.iter().filter(|line| !theirs.contains(line)) {
            writeln!(text, "+{line}").expect("a string");
        }
    }
    text
}

/// Words as a shell reads them.
fn quoted(argv: &[String]) -> String {
    argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
