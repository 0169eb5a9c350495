//! `getopt_long(3)` as `conntrack` calls it: options of the protocol join the others once it is named, and some take
//! an argument that may be missing.

use crate::tools::conntrack::args::{Result, words};
use crate::tools::conntrack::options::{Key, LETTERS, LONG, Takes};
use crate::tools::conntrack::proto::Proto;

/// An option, with the argument that is joined to it or has to follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanned<'a> {
    pub(super) key: Key,
    pub(super) argument: Option<&'a str>,
}

/// Takes a command line apart.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'a> {
    /// All words, the command's own name first.
    argv: &'a [String],
    /// The next word (`optind`).
    at: usize,
    /// What is left of a word with several letters.
    cluster: &'a str,
    ended: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(argv: &'a [String]) -> Self {
        Self { argv, at: 1, cluster: "", ended: false }
    }

    /// The word before the next one, which messages name.
    fn last(&self) -> &'a str {
        self.argv.get(self.at.saturating_sub(1)).map_or("conntrack", String::as_str)
    }

    /// The argument that may stand behind an option, unless one is joined to it: that one is lost
    /// (`get_optional_arg()`).
    pub(super) fn optional(&mut self, joined: Option<&str>) -> Option<&'a str> {
        let next = self.argv.get(self.at).map(String::as_str);
        let next = next.filter(|next| !next.starts_with(['-', '!']));
        if joined.is_some() || next.is_none() {
            return None;
        }
        self.at += 1;
        next
    }

    /// The next option; operands are passed over.
    pub(super) fn next(&mut self, proto: Option<&Proto>) -> Result<Option<Scanned<'a>>> {
        if !self.cluster.is_empty() {
            return self.letter().map(Some);
        }
        while let Some(word) = self.argv.get(self.at).map(String::as_str) {
            self.at += 1;
            match word.strip_prefix('-') {
                _ if self.ended => {}
                Some("-") => self.ended = true,
                Some(long) if long.starts_with('-') => {
                    return self.long(&long[1..], proto).map(Some);
                }
                Some(letters) if !letters.is_empty() => {
                    // The word counts as read with its last letter.
                    self.at -= 1;
                    self.cluster = letters;
                    return self.letter().map(Some);
                }
                Some(_) | None => {}
            }
        }
        Ok(None)
    }

    fn letter(&mut self) -> Result<Scanned<'a>> {
        let mut letters = self.cluster.chars();
        let letter = letters.next().unwrap_or_default();
        let rest = letters.as_str();
        let takes = LETTERS.iter().find(|(set, _)| set.contains(letter)).map(|(_, takes)| *takes);
        let ends = rest.is_empty() || matches!(takes, Some(Takes::One | Takes::Maybe));
        self.at += usize::from(ends);
        self.cluster = if ends { "" } else { rest };
        let joined = Some(rest).filter(|rest| !rest.is_empty());
        let argument = match takes {
            None => return words(format!("unknown option `{}'", self.last())),
            Some(Takes::Nothing) => None,
            Some(Takes::Maybe) => joined,
            Some(Takes::One) => Some(match joined {
                Some(joined) => joined,
                None => self.required()?,
            }),
        };
        Ok(Scanned { key: Key::Letter(letter), argument })
    }

    /// The word that has to follow.
    fn required(&mut self) -> Result<&'a str> {
        let Some(word) = self.argv.get(self.at) else {
            return words(format!("option `{}' requires an argument", self.last()));
        };
        self.at += 1;
        Ok(word)
    }

    fn long(&mut self, word: &'a str, proto: Option<&Proto>) -> Result<Scanned<'a>> {
        let (name, joined) = match word.split_once('=') {
            Some((name, joined)) => (name, Some(joined)),
            None => (word, None),
        };
        let own = LONG.iter().map(|(name, takes, letter)| (*name, *takes, Key::Letter(*letter)));
        let of_proto = proto.into_iter().flat_map(|proto| proto.long);
        let all =
            || own.clone().chain(of_proto.clone().map(|(n, at)| (*n, Takes::One, Key::Proto(*at))));
        let begins = || all().filter(|(known, ..)| known.starts_with(name));
        let exact = all().find(|(known, ..)| *known == name);
        let found = exact.or_else(|| {
            let first = begins().next()?;
            begins().all(|(_, _, key)| key == first.2).then_some(first)
        });
        let argument = match found {
            Some((_, Takes::Nothing, _)) if joined.is_none() => None,
            None | Some((_, Takes::Nothing, _)) => {
                return words(format!("unknown option `{}'", self.last()));
            }
            Some((_, Takes::Maybe, _)) => joined,
            Some((_, Takes::One, _)) => Some(match joined {
                Some(joined) => joined,
                None => self.required()?,
            }),
        };
        let key = found.map_or(Key::Letter('?'), |(_, _, key)| key);
        Ok(Scanned { key, argument })
    }
}
