//! The words of a command line, read from left to right.

use crate::tools::failure::{Failure, Result};

/// A position in a command line.
#[derive(Clone, Debug)]
pub(crate) struct Args<'a> {
    words: &'a [String],
}

impl<'a> Args<'a> {
    /// Starts at the first of `words`.
    pub(crate) fn new(words: &'a [String]) -> Self {
        Self { words }
    }

    /// The words not yet read.
    pub(crate) fn rest(&self) -> &'a [String] {
        self.words
    }

    /// The next word, which stays unread.
    pub(crate) fn peek(&self) -> Option<&'a str> {
        self.words.first().map(String::as_str)
    }

    /// Reads the next word.
    pub(crate) fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    /// Reads the word that has to follow (`NEXT_ARG()`).
    pub(crate) fn value(&mut self) -> Result<&'a str> {
        self.next().ok_or_else(Failure::incomplete)
    }

    /// Reads the next word if it is `word`.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        if found {
            self.next();
        }
        found
    }

    /// Reads the switch that has to follow; `key` is named if it is neither `on` nor `off`.
    pub(crate) fn on_off(&mut self, key: &str) -> Result<bool> {
        match self.value()? {
            "on" => Ok(true),
            "off" => Ok(false),
            other => Err(Failure::on_off(key, other)),
        }
    }
}

/// Whether `text` abbreviates `word`, as iproute2 understands it: any prefix but the empty one.
pub(crate) fn abbreviates(text: &str, word: &str) -> bool {
    !text.is_empty() && word.starts_with(text)
}

/// A keyword of a command, in a table that is searched from the top: where several words could be
/// meant, the first one is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyword<K> {
    text: &'static str,
    whole: bool,
    means: K,
}

impl<K: Copy> Keyword<K> {
    /// What it means.
    pub(crate) fn meaning(&self) -> K {
        self.means
    }
}

/// A keyword that may be abbreviated.
pub(crate) const fn abbr<K: Copy>(text: &'static str, means: K) -> Keyword<K> {
    Keyword { text, whole: false, means }
}

/// A keyword that has to be spelled out.
pub(crate) const fn full<K: Copy>(text: &'static str, means: K) -> Keyword<K> {
    Keyword { text, whole: true, means }
}

/// What `text` means by `table`.
pub(crate) fn keyword<K: Copy>(table: &[Keyword<K>], text: &str) -> Option<K> {
    let meant = |k: &&Keyword<K>| {
        if k.whole { k.text == text } else { abbreviates(text, k.text) }
    };
    table.iter().find(meant).map(|k| k.means)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_keyword_that_fits_wins() {
        const TABLE: [Keyword<u8>; 3] = [abbr("address", 1), full("add", 2), abbr("append", 3)];
        assert_eq!(keyword(&TABLE, "a"), Some(1));
        assert_eq!(keyword(&TABLE, "add"), Some(1));
        assert_eq!(keyword(&TABLE, "ap"), Some(3));
        assert_eq!(keyword(&TABLE, "appended"), None);
        assert_eq!(keyword(&TABLE, ""), None);
    }

    #[test]
    fn a_missing_value_ends_the_process() {
        assert_eq!(Args::new(&[]).value(), Err(Failure::incomplete()));
    }
}
