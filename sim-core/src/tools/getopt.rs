//! `getopt(3)` with short options, as glibc does it: operands may stand between options.

/// An element of a command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Word<'a> {
    /// An option, with its argument if it takes one.
    Option(char, Option<&'a str>),
    /// Not an option.
    Operand(&'a str),
}

/// What is wrong with an option; prints as glibc's message without the command's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OptionError {
    /// There is no such option.
    #[error("invalid option -- '{0}'")]
    Unknown(char),
    /// It needs an argument, and the line ends.
    #[error("option requires an argument -- '{0}'")]
    NoArgument(char),
}

/// Takes a command line apart.
#[derive(Clone, Debug)]
pub struct Getopt<'a> {
    /// The options, each followed by `:` if it takes an argument.
    spec: &'static str,
    words: &'a [String],
    /// What is left of a word with several options.
    cluster: &'a str,
    only_operands: bool,
}

impl<'a> Getopt<'a> {
    /// Reads `words`, the command's own name not among them.
    #[must_use]
    pub fn new(spec: &'static str, words: &'a [String]) -> Self {
        Self { spec, words, cluster: "", only_operands: false }
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
}
