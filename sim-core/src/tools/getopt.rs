//! `getopt(3)` and `getopt_long(3)` as glibc does them: operands may stand between options.

/// An element of a command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Word<'a> {
    /// An option, with its argument if it takes one.
    Option(char, Option<&'a str>),
    /// Not an option.
    Operand(&'a str),
}

/// An option that is spelled out: its name, the letter that stands for it, and whether it takes an
/// argument.
pub type LongOption = (&'static str, char, bool);

/// What is wrong with an option; prints as glibc's message without the command's name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OptionError {
    /// There is no such option.
    #[error("invalid option -- '{0}'")]
    Unknown(char),
    /// It needs an argument, and the line ends.
    #[error("option requires an argument -- '{0}'")]
    NoArgument(char),
    /// There is no such option that is spelled out.
    #[error("unrecognized option '--{0}'")]
    UnknownLong(String),
    /// Several options begin so.
    #[error("option '--{0}' is ambiguous; possibilities:{1}")]
    Ambiguous(String, String),
    /// It is spelled out, needs an argument, and the line ends.
    #[error("option '--{0}' requires an argument")]
    NoLongArgument(&'static str),
    /// It is spelled out and takes no argument.
    #[error("option '--{0}' doesn't allow an argument")]
    Argument(&'static str),
}

/// Takes a command line apart.
#[derive(Clone, Debug)]
pub struct Getopt<'a> {
    /// The options, each followed by `:` if it takes an argument.
    spec: &'static str,
    long: &'static [LongOption],
    words: &'a [String],
    /// What is left of a word with several options.
    cluster: &'a str,
    only_operands: bool,
}

impl<'a> Getopt<'a> {
    /// Reads `words`, the command's own name not among them.
    #[must_use]
    pub fn new(spec: &'static str, words: &'a [String]) -> Self {
        Self { spec, long: &[], words, cluster: "", only_operands: false }
    }

    /// Knows options that are spelled out too; of their names a beginning is enough.
    #[must_use]
    pub fn with_long(self, long: &'static [LongOption]) -> Self {
        Self { long, ..self }
    }

    fn long_option(&mut self, word: &'a str) -> Result<Word<'a>, OptionError> {
        let (text, value) = match word.split_once('=') {
            Some((text, value)) => (text, Some(value)),
            None => (word, None),
        };
        let (name, letter, takes) = self.find_long(text, word)?;
        if value.is_some() && !takes {
            return Err(OptionError::Argument(name));
        }
        if !takes || value.is_some() {
            return Ok(Word::Option(letter, value));
        }
        let (argument, words) =
            self.words.split_first().ok_or(OptionError::NoLongArgument(name))?;
        self.words = words;
        Ok(Word::Option(letter, Some(argument)))
    }

    /// The option that is called `text`, or the only one whose name begins so.
    fn find_long(&self, text: &str, word: &str) -> Result<LongOption, OptionError> {
        let begins = || self.long.iter().filter(|(name, ..)| name.starts_with(text));
        let exact = self.long.iter().find(|(name, ..)| *name == text);
        let Some(first) = exact.or_else(|| begins().next()) else {
            return Err(OptionError::UnknownLong(word.to_owned()));
        };
        if exact.is_none() && begins().any(|(_, letter, _)| *letter != first.1) {
            let names = begins().map(|(name, ..)| format!(" '--{name}'")).collect();
            return Err(OptionError::Ambiguous(text.to_owned(), names));
        }
        Ok(*first)
    }

    fn option(&mut self) -> Result<Word<'a>, OptionError> {
        let mut letters = self.cluster.chars();
        let Some(letter) = letters.next() else { return Err(OptionError::Unknown('-')) };
        let rest = letters.as_str();
        let at = if letter == ':' { None } else { self.spec.find(letter) };
        let Some(at) = at else {
            self.cluster = rest;
            return Err(OptionError::Unknown(letter));
        };
        if !self.spec[at + letter.len_utf8()..].starts_with(':') {
            self.cluster = rest;
            return Ok(Word::Option(letter, None));
        }
        self.cluster = "";
        if !rest.is_empty() {
            return Ok(Word::Option(letter, Some(rest)));
        }
        let (argument, words) = self.words.split_first().ok_or(OptionError::NoArgument(letter))?;
        self.words = words;
        Ok(Word::Option(letter, Some(argument)))
    }
}

impl<'a> Iterator for Getopt<'a> {
    type Item = Result<Word<'a>, OptionError>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.cluster.is_empty() {
            return Some(self.option());
        }
        let (word, words) = self.words.split_first()?;
        self.words = words;
        if self.only_operands {
            return Some(Ok(Word::Operand(word)));
        }
        match word.strip_prefix('-') {
            Some("-") => {
                self.only_operands = true;
                self.next()
            }
            Some(text) if text.starts_with('-') && !self.long.is_empty() => {
                Some(self.long_option(&text[1..]))
            }
            Some(cluster) if !cluster.is_empty() => {
                self.cluster = cluster;
                Some(self.option())
            }
            Some(_) | None => Some(Ok(Word::Operand(word))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Vec<String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Getopt::new("ab:c", &words)
            .map(|word| match word {
                Ok(Word::Option(letter, None)) => format!("-{letter}"),
                Ok(Word::Option(letter, Some(argument))) => format!("-{letter}={argument}"),
                Ok(Word::Operand(word)) => word.to_owned(),
                Err(error) => error.to_string(),
            })
            .collect()
    }

    #[test]
    fn options_cluster_and_take_arguments_from_the_same_or_the_next_word() {
        assert_eq!(parse("-ac -b1 -b 2 -ab3"), ["-a", "-c", "-b=1", "-b=2", "-a", "-b=3"]);
    }

    #[test]
    fn operands_may_stand_anywhere_until_two_dashes_end_the_options() {
        assert_eq!(parse("x -a - -- -c y"), ["x", "-a", "-", "-c", "y"]);
    }

    #[test]
    fn bad_options_are_named() {
        assert_eq!(parse("-z"), ["invalid option -- 'z'"]);
        assert_eq!(parse("-:"), ["invalid option -- ':'"]);
        assert_eq!(parse("-b"), ["option requires an argument -- 'b'"]);
    }

    #[test]
    fn spelled_out_options_may_be_shortened_while_they_are_clear() {
        const LONG: &[LongOption] =
            &[("all", 'a', false), ("family", 'b', true), ("fast", 'c', false)];
        let parse = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let mut options = Getopt::new("ab:c", &words).with_long(LONG);
            options.next().unwrap().map_or_else(|e| e.to_string(), |word| format!("{word:?}"))
        };
        assert_eq!(parse("--al"), "Option('a', None)");
        assert_eq!(parse("--fam=x"), "Option('b', Some(\"x\"))");
        assert_eq!(parse("--family x"), "Option('b', Some(\"x\"))");
        let ambiguous = "option '--fa' is ambiguous; possibilities: '--family' '--fast'";
        assert_eq!(parse("--fa"), ambiguous);
        assert_eq!(parse("--nope=3"), "unrecognized option '--nope=3'");
        assert_eq!(parse("--family"), "option '--family' requires an argument");
        assert_eq!(parse("--all=1"), "option '--all' doesn't allow an argument");
    }
}
