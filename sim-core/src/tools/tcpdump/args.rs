//! The command line of `tcpdump`.

use crate::packet::summary::{Dump, SummaryOptions};
use crate::tools::getopt::{Getopt, Word};
use crate::tools::iputils::Ended;
use crate::tools::tcpdump::filter::{self, Filter};

const USAGE: &str = include_str!("usage.txt");
const VERSION: &str = include_str!("version.txt");
/// The most bytes of a frame that are kept, unless asked otherwise.
pub(super) const MAX_SNAPLEN: usize = 262_144;

/// How the time of a frame is printed (`-t` and its repetitions).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Stamp {
    /// The time of day.
    #[default]
    TimeOfDay,
    /// Not at all.
    None,
    /// Seconds of Unix time.
    Unix,
    /// Since the frame before.
    SincePrevious,
    /// Date and time.
    DateAndTime,
    /// Since the first frame.
    SinceFirst,
}

/// Which frames are taken, by their direction (`-Q`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Way {
    In,
    Out,
    #[default]
    Both,
}

/// What a command line asks for.
#[derive(Clone, Debug)]
pub(super) struct Args {
    pub(super) interface: Option<String>,
    pub(super) summary: SummaryOptions,
    pub(super) count: Option<u64>,
    pub(super) write: Option<String>,
    pub(super) read: Option<String>,
    pub(super) snaplen: usize,
    pub(super) promiscuous: bool,
    pub(super) way: Way,
    pub(super) stamp: Stamp,
    pub(super) number: bool,
    pub(super) list: bool,
    /// `--print`: also to the terminal while writing to a file.
    pub(super) print: bool,
    pub(super) filter: Filter,
}

pub(super) fn fatal(message: impl std::fmt::Display) -> Ended {
    Ended::message("tcpdump", 1, message)
}

const OPTIONS: &str = "aAbB:c:C:dDeE:fF:G:hHi:Ij:JKlLm:M:nNOpqQ:r:s:StT:uUvV:w:W:xXy:Yz:Z:#";

/// Reads the words after `tcpdump`.
pub(super) fn parse(words: &[String]) -> Result<Args, Ended> {
    let mut args = Args {
        interface: None,
        summary: SummaryOptions::default(),
        count: None,
        write: None,
        read: None,
        snaplen: MAX_SNAPLEN,
        promiscuous: true,
        way: Way::Both,
        stamp: Stamp::TimeOfDay,
        number: false,
        list: false,
        print: false,
        filter: Filter::All,
    };
    let (long, short): (Vec<String>, Vec<String>) =
        words.iter().cloned().partition(|word| word.len() > 2 && word.starts_with("--"));
    for option in long {
        args.long(&option)?;
    }
    let mut expression: Vec<&str> = Vec::new();
    for word in Getopt::new(OPTIONS, &short) {
        match word {
            Err(error) => {
                return Err(fatal(error).with_usage(VERSION).with_usage(USAGE));
            }
            Ok(Word::Operand(word)) => expression.push(word),
            Ok(Word::Option(letter, None)) => args.flag(letter)?,
            Ok(Word::Option(letter, Some(value))) => args.value(letter, value)?,
        }
    }
    args.filter = filter::parse(&expression.join(" ")).map_err(fatal)?;
    Ok(args)
}

impl Args {
    fn long(&mut self, option: &str) -> Result<(), Ended> {
        match option {
            "--version" => return Err(Ended::output(VERSION)),
            "--help" => return Err(Ended::output(VERSION).and_output(USAGE)),
            "--number" => self.number = true,
            "--list-interfaces" => self.list = true,
            "--no-promiscuous-mode" => self.promiscuous = false,
            "--print" => self.print = true,
            "--immediate-mode" | "--micro" | "--packet-buffered" => {}
            _ => return Err(fatal(format_args!("{option} is not modelled"))),
        }
        Ok(())
    }

    fn flag(&mut self, letter: char) -> Result<(), Ended> {
        let twice = |dump, make: fn(bool) -> Dump| make(dump == make(false));
        match letter {
            'h' => return Err(Ended::output(VERSION).and_output(USAGE)),
            'A' => {
                let make = |link_header| Dump::Ascii { link_header };
                self.summary.dump = twice(self.summary.dump, make);
            }
            'x' => {
                let make = |link_header| Dump::Hex { link_header };
                self.summary.dump = twice(self.summary.dump, make);
            }
            'X' => {
                let make = |link_header| Dump::HexAscii { link_header };
                self.summary.dump = twice(self.summary.dump, make);
            }
            'D' => self.list = true,
            'e' => self.summary.link_header = true,
            'p' => self.promiscuous = false,
            'q' => self.summary.quiet = true,
            'S' => self.summary.absolute_seq = true,
            't' => self.stamp = self.stamp.next()?,
            'v' => self.summary.verbose = self.summary.verbose.saturating_add(1),
            '#' => self.number = true,
            // There are no names to look up, nothing is buffered, and the filter needs no optimising.
            'n' | 'N' | 'l' | 'U' | 'K' | 'O' | 'f' => {}
            _ => return Err(fatal(format_args!("-{letter} is not modelled"))),
        }
        Ok(())
    }

    fn value(&mut self, letter: char, value: &str) -> Result<(), Ended> {
        match letter {
            'i' => self.interface = Some(value.to_owned()),
            'c' => {
                let count = value.parse().ok().filter(|count| *count > 0);
                let invalid = || fatal(format_args!("invalid packet count {value}"));
                self.count = Some(count.ok_or_else(invalid)?);
            }
            's' => {
                let len = value.parse().ok().filter(|len| *len <= MAX_SNAPLEN);
                let len = len.ok_or_else(|| {
                    fatal(format_args!(
                        "invalid snaplen {value} (must be >= 0 and <= {MAX_SNAPLEN})"
                    ))
                })?;
                self.snaplen = if len == 0 { MAX_SNAPLEN } else { len };
            }
            'Q' => {
                self.way = match value {
                    "in" => Way::In,
                    "out" => Way::Out,
                    "inout" => Way::Both,
                    _ => return Err(fatal(format_args!("unknown capture direction `{value}'"))),
                }
            }
            'r' => self.read = Some(value.to_owned()),
            'w' => self.write = Some(value.to_owned()),
            // The size of a buffer that never fills, and a user to become.
            'B' | 'Z' => {}
            _ => return Err(fatal(format_args!("-{letter} is not modelled"))),
        }
        Ok(())
    }

    /// Whether frames are printed, and not only written to a file.
    pub(super) fn prints(&self) -> bool {
        self.write.is_none() || self.print
    }
}

impl Stamp {
    /// What one more `-t` makes of it.
    fn next(self) -> Result<Self, Ended> {
        Ok(match self {
            Self::TimeOfDay => Self::None,
            Self::None => Self::Unix,
            Self::Unix => Self::SincePrevious,
            Self::SincePrevious => Self::DateAndTime,
            Self::DateAndTime => Self::SinceFirst,
            Self::SinceFirst => {
                return Err(fatal("only -t, -tt, -ttt, -tttt and -ttttt are supported"));
            }
        })
    }
}
