//! The options of `sysctl`: GNU getopt with long names.

use crate::tools::failure::{Failure, Result};

/// What a call of `sysctl` asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Options {
    /// Everything is listed.
    pub(super) all: bool,
    /// `--deprecated`: lists have also what is out of use.
    pub(super) deprecated: bool,
    /// `-b`: no line feed behind a value.
    pub(super) binary: bool,
    /// `-e`: unknown names are passed over.
    pub(super) ignore: bool,
    /// `-N`: names without values.
    pub(super) names: bool,
    /// `-n`: values without names.
    pub(super) values: bool,
    /// `-q`: nothing is said about values that were set.
    pub(super) quiet: bool,
    /// `-w`: every word has to be a setting.
    pub(super) write: bool,
    /// `--dry-run`: nothing is set.
    pub(super) dry_run: bool,
    /// `-p`: the words are files with settings; an own list if the option names one.
    pub(super) load: bool,
    /// The words that are no options.
    pub(super) operands: Vec<String>,
}

const USAGE: &str = include_str!("../usage/sysctl.txt");
const VERSION: &str = "sysctl from procps-ng 4.0.2\n";

/// A long option, the letter it stands for, and whether it takes an argument.
const LONG: &[(&str, char, Argument)] = &[
    ("all", 'a', Argument::None),
    ("deprecated", 'D', Argument::None),
    ("dry-run", 'y', Argument::None),
    ("binary", 'b', Argument::None),
    ("ignore", 'e', Argument::None),
    ("names", 'N', Argument::None),
    ("values", 'n', Argument::None),
    ("load", 'p', Argument::Optional),
    ("quiet", 'q', Argument::None),
    ("write", 'w', Argument::None),
    ("system", 'S', Argument::None),
    ("pattern", 'r', Argument::Required),
    ("help", 'h', Argument::None),
    ("version", 'V', Argument::None),
];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Argument {
    None,
    Optional,
    Required,
}

/// Reads the command line.
pub(super) fn read(words: &[String]) -> Result<Options> {
    if words.is_empty() {
        return Err(Failure::exits(1, USAGE));
    }
    let mut options = Options::default();
    let mut words = words.iter();
    let mut file = None;
    while let Some(word) = words.next() {
        match word.strip_prefix('-') {
            Some("-") => {
                options.operands.extend(words.by_ref().cloned());
            }
            Some(long) if long.starts_with('-') => {
                let (letter, argument) = long_option(&long[1..], &mut words)?;
                options.apply(letter, argument, &mut file)?;
            }
            Some(cluster) if !cluster.is_empty() => {
                options.cluster(cluster, &mut words, &mut file)?;
            }
            Some(_) | None => options.operands.push(word.clone()),
        }
    }
    if let Some(file) = file {
        options.operands.insert(0, file);
    }
    Ok(options)
}

fn long_option<'a>(
    text: &'a str,
    words: &mut std::slice::Iter<'a, String>,
) -> Result<(char, Option<&'a str>)> {
    let (name, given) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let mut fitting = LONG.iter().filter(|(long, ..)| long.starts_with(name));
    let exact = LONG.iter().find(|(long, ..)| *long == name);
    let (long, letter, takes) = match (exact, fitting.next(), fitting.next()) {
        (Some(option), ..) | (None, Some(option), None) => option,
        (None, Some(_), Some(_)) => {
            let all = LONG.iter().filter(|(long, ..)| long.starts_with(name));
            let all: String = all.map(|(long, ..)| format!(" '--{long}'")).collect();
            return Err(bad(&format!("option '--{name}' is ambiguous; possibilities:{all}")));
        }
        (None, None, _) => return Err(bad(&format!("unrecognized option '--{name}'"))),
    };
    match (takes, given) {
        (Argument::None, Some(_)) => {
            Err(bad(&format!("option '--{long}' doesn't allow an argument")))
        }
        (Argument::Required, None) => match words.next() {
            Some(value) => Ok((*letter, Some(value))),
            None => Err(bad(&format!("option '--{long}' requires an argument"))),
        },
        (Argument::None | Argument::Optional | Argument::Required, given) => Ok((*letter, given)),
    }
}

impl Options {
    fn cluster<'a>(
        &mut self,
        cluster: &'a str,
        words: &mut std::slice::Iter<'a, String>,
        file: &mut Option<String>,
    ) -> Result<()> {
        let mut letters = cluster.chars();
        while let Some(letter) = letters.next() {
            let rest = letters.as_str();
            match letter {
                'p' | 'f' => {
                    let given = Some(rest).filter(|rest| !rest.is_empty());
                    return self.apply('p', given, file);
                }
                'r' => {
                    let given =
                        if rest.is_empty() { words.next().map(String::as_str) } else { Some(rest) };
                    if given.is_none() {
                        return Err(bad("option requires an argument -- 'r'"));
                    }
                    return self.apply('r', given, file);
                }
                'b' | 'n' | 'e' | 'N' | 'w' | 'q' | 'o' | 'x' | 'a' | 'A' | 'X' | 'V' | 'd'
                | 'h' => {
                    self.apply(letter, None, file)?;
                }
                _ => return Err(bad(&format!("invalid option -- '{letter}'"))),
            }
        }
        Ok(())
    }

    fn apply(
        &mut self,
        letter: char,
        argument: Option<&str>,
        file: &mut Option<String>,
    ) -> Result<()> {
        match letter {
            'a' | 'A' | 'X' => self.all = true,
            'D' => self.deprecated = true,
            'b' => self.binary = true,
            'e' => self.ignore = true,
            'N' => self.names = true,
            'n' => self.values = true,
            'q' => self.quiet = true,
            'w' => self.write = true,
            'y' => self.dry_run = true,
            'p' => {
                self.load = true;
                *file = argument.map(str::to_owned);
            }
            'r' => return Err(Failure::not_modelled("sysctl's --pattern")),
            'S' => return Err(Failure::not_modelled("sysctl's --system")),
            'd' | 'h' => return Err(Failure::exits_stdout(0, USAGE)),
            'V' => return Err(Failure::exits_stdout(0, VERSION)),
            // What else there is does nothing.
            _ => {}
        }
        Ok(())
    }
}

/// A wrong option: a complaint, the usage on standard output, and success all the same.
fn bad(complaint: &str) -> Failure {
    let mut failure = Failure::exits_stdout(0, USAGE);
    failure.stderr = format!("sysctl: {complaint}\n");
    failure
}
