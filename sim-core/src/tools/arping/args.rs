//! The command line of `arping`, with the messages of iputils 20221126.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::libc::inet_aton;
use crate::tools::getopt::{Getopt, Word};
use crate::tools::iputils::{Ended, integer};

const USAGE: &str = include_str!("usage.txt");
const VERSION: &str = include_str!("version.txt");

/// What a command line asks for.
#[derive(Clone, Debug)]
pub(super) struct Args {
    pub(super) target: Ipv4Addr,
    pub(super) quit_on_reply: bool,
    pub(super) quiet: bool,
    pub(super) keep_broadcasting: bool,
    /// `-D`: asks whether the address is taken.
    pub(super) duplicate_detection: bool,
    /// `-U` and `-A`: tells one's own address; nobody is expected to answer.
    pub(super) unsolicited: bool,
    /// `-A`: tells it as an answer.
    pub(super) answer: bool,
    pub(super) count: Option<u64>,
    pub(super) timeout: Option<Duration>,
    pub(super) interval: Duration,
    pub(super) device: Option<String>,
    pub(super) source: Option<Ipv4Addr>,
}

pub(super) fn fatal(status: u8, message: impl std::fmt::Display) -> Ended {
    Ended::message("arping", status, message)
}

/// Reads the words after `arping`.
pub(super) fn parse(words: &[String]) -> Result<Args, Ended> {
    let mut args = Args {
        target: Ipv4Addr::UNSPECIFIED,
        quit_on_reply: false,
        quiet: false,
        keep_broadcasting: false,
        duplicate_detection: false,
        unsolicited: false,
        answer: false,
        count: None,
        timeout: None,
        interval: Duration::from_secs(1),
        device: None,
        source: None,
    };
    let mut operands = Vec::new();
    for word in Getopt::new("h?bfDUAqc:w:i:s:I:V", words) {
        match word {
            Err(error) => return Err(fatal(2, error).with_usage(USAGE)),
            Ok(Word::Operand(operand)) => operands.push(operand),
            Ok(Word::Option(letter, None)) => args.flag(letter)?,
            Ok(Word::Option(letter, Some(value))) => args.value(letter, value)?,
        }
    }
    let [target] = operands[..] else { return Err(Ended::usage(USAGE)) };
    args.target = resolve(target)?;
    Ok(args)
}

/// There is no resolver that could know a name.
fn resolve(name: &str) -> Result<Ipv4Addr, Ended> {
    inet_aton(name)
        .ok_or_else(|| fatal(2, format_args!("{name}: Temporary failure in name resolution")))
}

impl Args {
    fn flag(&mut self, letter: char) -> Result<(), Ended> {
        match letter {
            'b' => self.keep_broadcasting = true,
            'f' => self.quit_on_reply = true,
            'D' => (self.duplicate_detection, self.quit_on_reply) = (true, true),
            'U' => self.unsolicited = true,
            'A' => (self.unsolicited, self.answer) = (true, true),
            'q' => self.quiet = true,
            'V' => return Err(Ended::output(VERSION)),
            _ => return Err(Ended::usage(USAGE)),
        }
        Ok(())
    }

    fn value(&mut self, letter: char, value: &str) -> Result<(), Ended> {
        let number = |first| integer("arping", value, first..=i64::from(i32::MAX));
        match letter {
            'c' => self.count = Some(number(1)?),
            'w' => {
                let seconds: u64 = number(0)?;
                self.timeout = (seconds > 0).then(|| Duration::from_secs(seconds));
            }
            'i' => self.interval = Duration::from_secs(number(0)?).max(Duration::from_secs(1)),
            's' => self.source = Some(resolve(value)?),
            // -I, the only one left.
            _ => self.device = Some(value.to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on iputils 20221126.
    #[test]
    fn bad_arguments_are_refused_in_the_real_words() {
        for (line, status, message) in [
            ("-c x 10.0.0.2", 1, "arping: invalid argument: 'x'\n"),
            (
                "-c 0 10.0.0.2",
                1,
                "arping: invalid argument: '0': out of range: 1 <= value <= 2147483647\n",
            ),
            ("nohost", 2, "arping: nohost: Temporary failure in name resolution\n"),
            ("", 2, USAGE),
            ("10.0.0.2 10.0.0.3", 2, USAGE),
        ] {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let ended = parse(&words).unwrap_err();
            assert_eq!((ended.status, ended.stderr.as_str()), (status, message), "{line}");
        }
    }
}
