//! `-batch`: commands from a file (`do_batch()`).

use crate::tools::argv::Args;
use crate::tools::failure::{Failure, Result};
use crate::tools::input::{Input, Piece};
use crate::tools::ip::options::Options;
use crate::tools::session::{Next, Session, once};
use crate::world::{Poll, Sys};

/// What runs a line: its first word names the object.
pub(crate) type Command = fn(&mut Session<'_>, &Options, &str, &mut Args<'_>) -> Result<()>;

/// The most words of a line.
const MAX_ARGS: usize = 512;

/// A file of commands that is being worked off.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    options: Options,
    command: Command,
    input: Input,
    /// What was read and is not yet a whole line.
    text: Vec<u8>,
    /// The lines so far.
    line: usize,
    status: u8,
}

/// A line is over, or the input.
enum Line {
    Whole(String),
    Incomplete,
}

impl Batch {
    /// Works off the file that `options` name.
    pub(crate) fn new(options: Options, command: Command) -> Self {
        let input = Input::new(options.batch.as_deref().unwrap_or("-"));
        Self { options, command, input, text: Vec::new(), line: 0, status: 0 }
    }

    /// Works on until something is missing.
    pub(crate) fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        loop {
            let at_end = match self.input.read(sys) {
                Piece::Data(bytes) => {
                    self.text.extend(bytes);
                    false
                }
                Piece::Pending => return Poll::WaitUnbounded,
                Piece::End => true,
                Piece::Failed(why) => {
                    let name = self.input.name();
                    sys.stderr(format!("Cannot open file \"{name}\" for reading: {why}\n"));
                    return Poll::Exit(1);
                }
            };
            while let Line::Whole(line) = self.next_line(at_end, sys) {
                if let Some(end) = self.run(&line, sys) {
                    return end;
                }
            }
            if at_end {
                return Poll::Exit(self.status);
            }
        }
    }

    /// Takes a line with all its continuations, remarks cut off (`getcmdline()`).
    fn next_line(&mut self, at_end: bool, sys: &mut Sys<'_>) -> Line {
        let mut line = String::new();
        let (mut taken, mut lines) = (0, 0);
        loop {
            let rest = &self.text[taken..];
            let end = rest.iter().position(|b| *b == b'\n').map(|at| at + 1);
            let end = match end {
                Some(end) => end,
                None if at_end && !rest.is_empty() => rest.len(),
                None if at_end && lines > 0 => {
                    sys.stderr("Missing continuation line\n");
                    self.text.clear();
                    return Line::Incomplete;
                }
                None => return Line::Incomplete,
            };
            let piece = String::from_utf8_lossy(&rest[..end]).into_owned();
            taken += end;
            lines += 1;
            line.push_str(piece.split('#').next().unwrap_or_default());
            match line.strip_suffix("\\\n") {
                Some(start) => line.truncate(start.len()),
                None => break,
            }
        }
        self.text.drain(..taken);
        self.line += lines;
        Line::Whole(line)
    }

    /// Runs a line; how the process ends, if it does.
    fn run(&mut self, line: &str, sys: &mut Sys<'_>) -> Option<Poll> {
        let words = match words(line) {
            Ok(words) => words,
            Err(complaint) => {
                sys.stderr(complaint);
                return Some(Poll::Exit(1));
            }
        };
        let (object, rest) = words.split_first()?;
        let (options, command) = (&self.options, self.command);
        let mut exits = None;
        let (done, _) = once(sys, |session| {
            session.netns = options.netns.unwrap_or(session.netns);
            let outcome = command(session, options, object, &mut Args::new(rest))
                .and_then(|()| session.run_exec())
                .and_then(|()| session.refuse_monitor());
            if let Err(failure) = &outcome {
                exits = failure.exits.then_some(failure.code);
            }
            outcome
        });
        if let Some(code) = exits {
            return Some(Poll::Exit(code));
        }
        if done.is_none() {
            let name = self.input.name();
            sys.stderr(format!("Command failed {name}:{}\n", self.line));
            self.status = 1;
            if !self.options.force {
                return Some(Poll::Exit(1));
            }
        }
        None
    }
}

/// The words of a line: a word that begins with a quote goes up to the next one (`makeargs()`).
fn words(line: &str) -> std::result::Result<Vec<String>, &'static str> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches(blank);
    while !rest.is_empty() {
        if words.len() == MAX_ARGS - 1 {
            return Err("Too many arguments to command\n");
        }
        let quoted = rest.strip_prefix(['\'', '"']);
        let (word, after) = match quoted {
            Some(inside) => inside
                .split_once(if rest.starts_with('"') { '"' } else { '\'' })
                .ok_or("Unterminated quoted string\n")?,
            None => rest.split_at(rest.find(blank).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start_matches(blank);
    }
    Ok(words)
}

impl Session<'_> {
    /// A monitor would never let the next line begin.
    fn refuse_monitor(&mut self) -> Result<()> {
        match self.monitor.take() {
            Some(_) => Err(Failure::not_modelled("\"monitor\" in a batch")),
            None => Ok(()),
        }
    }

    /// Runs the command that this one would become, as a child of it; only what ends at once can be.
    pub(crate) fn run_exec(&mut self) -> Result<()> {
        let Some((netns, argv)) = self.exec.take() else { return Ok(()) };
        let (name, words) = argv.split_first().map_or(("", &[][..]), |(n, w)| (n.as_str(), w));
        let mut child = Session::new(self.world, netns);
        let outcome = match name {
            "ip" => crate::tools::ip::run(&mut child, words, false).and_then(ends),
            "bridge" => crate::tools::bridge::run(&mut child, words, false).and_then(ends),
            _ => {
                let what = format!("\"{name}\" as a child of ip");
                Err(Failure::not_modelled(&what))
            }
        };
        let Session { stdout, stderr, .. } = child;
        self.stdout += &stdout;
        self.stderr += &stderr;
        outcome.map_err(|failure| Failure { exits: false, ..failure })
    }
}

/// Only what ends at once can be a child.
fn ends(next: Next) -> Result<()> {
    match next {
        Next::End => Ok(()),
        Next::Batch(_) => Err(Failure::not_modelled("a batch in a batch")),
        Next::Monitor(..) => Err(Failure::not_modelled("\"monitor\" in a batch")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_ends_with_its_quote() {
        assert_eq!(
            words(" a  'b c'd \"e\"\n"),
            Ok(["a", "b c", "d", "e"].iter().map(|w| (*w).to_owned()).collect())
        );
        assert!(words("'a").is_err());
        assert_eq!(words("\n"), Ok(Vec::new()));
    }
}
