//! An extension on a command line, from its first option to its last.

use crate::family::AddressFamily;
use crate::netfilter::xtables::extension::{Context, Problem};
use crate::netfilter::xtables::options::{Given, Kind, Opt, Value};
use crate::netfilter::xtables::registry::{Entry, Reading};
use crate::netfilter::xtables::value::{self, Named};

/// An extension some of whose options were read.
pub struct Opened<T: 'static> {
    entry: &'static Entry<T>,
    reading: Box<dyn Reading<T>>,
    seen: u64,
    /// The warnings that were taken.
    warned: Vec<String>,
}

impl<T> std::fmt::Debug for Opened<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({}, {:#x})", self.entry.name, self.seen)
    }
}

impl<T> Opened<T> {
    /// Begins to read the extension of `entry`.
    #[must_use]
    pub fn new(entry: &'static Entry<T>, family: AddressFamily) -> Self {
        Self { entry, reading: (entry.open)(family), seen: 0, warned: Vec::new() }
    }

    /// What it is.
    #[must_use]
    pub fn entry(&self) -> &'static Entry<T> {
        self.entry
    }

    /// Reads the option at `place` of its options; `word` is what follows it, if it takes something.
    ///
    /// # Errors
    /// It was there already, cannot be inverted, or its value is wrong.
    pub fn option(
        &mut self,
        place: usize,
        invert: bool,
        word: Option<&str>,
        cx: &Context<'_>,
    ) -> Result<(), Problem> {
        self.option_of_two(place, invert, [word, None], cx)
    }

    /// Reads the option at `place` of its options, which takes a [`Kind::Pair`]; `words` are what follows it.
    ///
    /// # Errors
    /// As [`option`](Self::option).
    pub fn option_of_two(
        &mut self,
        place: usize,
        invert: bool,
        words: [Option<&str>; 2],
        cx: &Context<'_>,
    ) -> Result<(), Problem> {
        let [word, second] = words;
        let options = self.entry.options;
        let opt = &options[place];
        let index = canonical(options, opt).unwrap_or(place);
        let named = Named { extension: self.entry.name, option: options[index].name };
        let problem = |what: &str| {
            let Named { extension, option } = named;
            Problem::Parameter(format!("{extension}: option \"--{option}\" {what}\n"))
        };
        let excludes_itself = opt.excludes.contains(&named.option);
        if (!opt.multi || excludes_itself) && self.seen & (1 << index) != 0 {
            return Err(problem("can only be used once."));
        }
        if invert && !opt.invert {
            return Err(problem("cannot be inverted."));
        }
        if opt.kind != Kind::None && word.is_none() {
            return Err(problem("requires an argument."));
        }
        let word = word.unwrap_or_default();
        let mut value = value::read(opt.kind, word, named, cx)?;
        if let Value::Pair(_, missing) = &mut value {
            *missing = second.filter(|word| !word.starts_with(['-', '!']));
        }
        let given = Given { index, name: opt.name, invert, value, word, seen: self.seen };
        self.reading.parse(&given, cx)?;
        self.seen |= 1 << index;
        Ok(())
    }

    /// What is to be said about the options that were read since the last time.
    pub fn take_warnings(&mut self) -> Vec<String> {
        let mut new = self.reading.warnings();
        new.retain(|warning| !self.warned.contains(warning));
        self.warned.extend_from_slice(&new);
        new
    }

    /// What is to be said now that all options were read.
    #[must_use]
    pub fn closing(&self) -> Option<&'static str> {
        self.reading.closing(self.seen)
    }

    /// All options were read.
    ///
    /// # Errors
    /// One is missing, or some do not go together.
    pub fn finish(self, cx: &Context<'_>) -> Result<T, Problem> {
        let read = self.reading.finish(self.seen, cx)?;
        check(self.entry.name, self.entry.options, self.seen)?;
        Ok(read)
    }
}

/// The place of the option called `name`, the first of several.
fn place(options: &[Opt], name: &str) -> Option<usize> {
    options.iter().position(|opt| opt.name == name)
}

/// The place of what `opt` is but another name of.
fn canonical(options: &[Opt], opt: &Opt) -> Option<usize> {
    opt.alias_of.and_then(|name| place(options, name))
}

/// Whether what has to be there is, and nothing that may not stand beside something else
/// (`xtables_options_fcheck()`).
fn check(extension: &str, options: &[Opt], seen: u64) -> Result<(), Problem> {
    let is_seen = |at: usize| seen & (1 << at) != 0;
    let problem = |text: String| Problem::Parameter(format!("{extension}: option \"--{text}\n"));
    for (at, opt) in options.iter().enumerate() {
        let at = canonical(options, opt).unwrap_or(at);
        if opt.mandatory && !is_seen(at) {
            return Err(problem(format!("{}\" must be specified", opt.name)));
        }
        if !is_seen(at) {
            continue;
        }
        // They are looked at in the order of the numbers that the extension gives its options.
        let is_there = |name: &str| place(options, name).is_some_and(&is_seen);
        if let Some(other) = opt.requires.iter().find(|other| !is_there(other)) {
            return Err(problem(format!("{}\" also requires \"--{other}\".", opt.name)));
        }
        let excluded = |other: &&&str| place(options, other) != Some(at) && is_there(other);
        if let Some(other) = opt.excludes.iter().find(excluded) {
            let text = format!("{}\" cannot be used together with \"--{other}\".", opt.name);
            return Err(problem(text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netfilter::xtables::lab::{read_match, read_target, target_texts};

    fn problem(words: &str) -> Option<String> {
        let words: Vec<&str> = words.split(' ').collect();
        let inet = AddressFamily::Inet;
        let read = match words[0] {
            "MARK" => read_target(inet, &words).map(drop),
            _ => read_match(inet, &words).map(drop),
        };
        read.err().map(|problem| problem.to_string())
    }

    /// Seen with iptables 1.8.9.
    #[test]
    fn options_that_do_not_go_together_are_refused_in_the_words_of_libxtables() {
        for (words, text) in [
            ("comment", "comment: option \"--comment\" must be specified\n"),
            (
                "comment --comment a --comment b",
                "comment: option \"--comment\" can only be used once.\n",
            ),
            ("comment ! --comment a", "comment: option \"--comment\" cannot be inverted.\n"),
            (
                "MARK --set-mark 1 --and-mark 2",
                "MARK: option \"--set-mark\" cannot be used together with \"--and-mark\".\n",
            ),
        ] {
            assert_eq!(problem(words).as_deref(), Some(text), "{words}");
        }
    }

    #[test]
    fn an_extension_prints_what_it_read() {
        let texts = target_texts(AddressFamily::Inet, &["MARK", "--set-mark", "0x1/0xf"]);
        assert_eq!(texts, (" --set-xmark 0x1/0xf".to_owned(), " MARK xset 0x1/0xf".to_owned()));
    }
}
