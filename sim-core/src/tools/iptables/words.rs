//! The words of a command line as glibc's `getopt_long(3)` hands them out in order (`-` and `:` begin the list of
//! letters), while extensions bring options of their own.

/// Whether an option takes an argument.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Takes {
    /// None.
    Nothing,
    /// One that has to follow.
    Argument,
    /// One that may stand in the same word.
    Optional,
}

/// An option that is spelled out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Long<I> {
    /// Its name.
    pub(super) name: &'static str,
    /// Whether it takes an argument.
    pub(super) takes: Takes,
    /// What it is.
    pub(super) id: I,
}

/// What comes next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Word<I> {
    /// An option and its argument.
    Option(I, Option<String>),
    /// A word that is no option.
    Operand(String),
    /// There is no such option, or not clearly one.
    Unknown,
    /// An option without the argument that it needs.
    NoArgument,
}

/// A position in a command line.
#[derive(Debug)]
pub(super) struct Words<'a> {
    letters: &'static str,
    words: &'a [String],
    /// The place of the next word (`optind`).
    pub(super) at: usize,
    /// How far a word with several letters was read; 0 if there is none.
    inside: usize,
    /// Where that word is. Who sets [`at`](Self::at) back does not end it (`nextchar` of getopt).
    letters_at: usize,
}

impl<'a> Words<'a> {
    /// Begins at the first of `words`. `letters` are the short options, each followed by a colon if it takes an
    /// argument, by two if it may take one.
    pub(super) fn new(letters: &'static str, words: &'a [String]) -> Self {
        Self { letters, words, at: 0, inside: 0, letters_at: 0 }
    }

    /// The word before the next one (`argv[optind - 1]`).
    pub(super) fn last(&self) -> &'a str {
        self.at.checked_sub(1).and_then(|at| self.words.get(at)).map_or("", String::as_str)
    }

    /// Whether words are left.
    pub(super) fn is_left(&self) -> bool {
        self.at < self.words.len()
    }

    /// Takes the next word if it is neither an option nor an inversion (`xs_has_arg()`).
    pub(super) fn argument(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.at)?;
        if word.starts_with(['-', '!']) {
            return None;
        }
        self.at += 1;
        Some(word)
    }

    /// Reads the next word; `None` at the end.
    pub(super) fn next<I: Copy + Eq>(
        &mut self,
        long: &[Long<I>],
        letter: impl Fn(char) -> Option<I>,
    ) -> Option<Word<I>> {
        if self.inside == 0 {
            let word = self.words.get(self.at)?;
            if word == "--" {
                self.at += 1;
                return None;
            }
            if let Some(text) = word.strip_prefix("--") {
                self.at += 1;
                return Some(self.long(text, long));
            }
            if word.len() < 2 || !word.starts_with('-') {
                self.at += 1;
                return Some(Word::Operand(word.clone()));
            }
            (self.inside, self.letters_at) = (1, self.at);
        }
        Some(self.short(letter))
    }

    fn long<I: Copy + Eq>(&mut self, text: &str, long: &[Long<I>]) -> Word<I> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let exact = long.iter().find(|option| option.name == name);
        let mut begins = long.iter().filter(|option| option.name.starts_with(name));
        let found = exact.or_else(|| {
            let first = begins.next()?;
            let same = |other: &Long<I>| other.id == first.id && other.takes == first.takes;
            begins.all(same).then_some(first)
        });
        let Some(option) = found else { return Word::Unknown };
        match (option.takes, value) {
            (Takes::Nothing, Some(_)) => Word::Unknown,
            (Takes::Argument, None) => match self.words.get(self.at) {
                None => Word::NoArgument,
                Some(word) => {
                    self.at += 1;
                    Word::Option(option.id, Some(word.clone()))
                }
            },
            (Takes::Nothing | Takes::Argument | Takes::Optional, value) => {
                Word::Option(option.id, value.map(str::to_owned))
            }
        }
    }

    fn short<I>(&mut self, letter: impl Fn(char) -> Option<I>) -> Word<I> {
        let word = &self.words[self.letters_at];
        let rest = &word[self.inside..];
        let Some(c) = rest.chars().next() else {
            self.end_word();
            return Word::Unknown;
        };
        let rest = &rest[c.len_utf8()..];
        self.inside += c.len_utf8();
        if rest.is_empty() {
            self.end_word();
        }
        let place = self.letters.find(c).filter(|_| c != ':' && c != '-');
        let (Some(place), Some(id)) = (place, letter(c)) else { return Word::Unknown };
        let after = &self.letters[place + c.len_utf8()..];
        if !after.starts_with(':') {
            return Word::Option(id, None);
        }
        if !rest.is_empty() {
            let value = rest.to_owned();
            self.end_word();
            return Word::Option(id, Some(value));
        }
        if after.starts_with("::") {
            return Word::Option(id, None);
        }
        match self.words.get(self.at) {
            None => Word::NoArgument,
            Some(word) => {
                self.at += 1;
                Word::Option(id, Some(word.clone()))
            }
        }
    }

    fn end_word(&mut self) {
        self.at += 1;
        self.inside = 0;
    }
}
