//! Reading TOML that people write: all mistakes are found at once, each with its place and what would be right.

mod json;

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// Something wrong in a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake {
    /// Its place, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

/// All that is wrong in a text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Takes down a mistake that somebody else found.
    pub fn push(&mut self, mistake: Mistake) {
        self.0.push(mistake);
    }

    /// Takes down a mistake.
    pub fn add(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.0.push(Mistake { span, message: message.into(), help: None });
    }

    /// Takes down a mistake, and what would be right.
    pub fn add_with(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.push(Mistake { span, message: message.into(), help: Some(help.into()) });
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All mistakes in the order of their places.
    #[must_use]
    pub fn sorted(mut self) -> Vec<Mistake> {
        self.0.sort_by_key(|mistake| (mistake.span.start, mistake.span.end));
        self.0
    }

    /// The value if nothing was wrong, or else all mistakes in the order of their places.
    ///
    /// # Errors
    /// The mistakes, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Vec<Mistake>> {
        if self.is_empty() { Ok(value) } else { Err(self.sorted()) }
    }
}

/// A value, and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Its place, in bytes.
    pub span: Range<usize>,
}

impl Placed<&str> {
    /// The same with a text of its own.
    #[must_use]
    pub fn owned(&self) -> Placed<String> {
        Placed { value: self.value.to_owned(), span: self.span.clone() }
    }
}

/// Reads a text; the fields of its root are given to `read`.
///
/// # Errors
/// All that is wrong: with the form of the text, or what `read` finds.
pub fn read<T>(
    text: &str,
    what: &'static str,
    read: impl FnOnce(&mut Fields<'_, '_>, &mut Mistakes) -> T,
) -> Result<T, Vec<Mistake>> {
    let (value, found) = read_all(text, what, read);
    if found.is_empty() { Ok(value) } else { Err(found) }
}

/// Whether a text is TOML, whatever it says.
pub(crate) fn is_toml(text: &str) -> bool {
    DeTable::parse_recoverable(text).1.is_empty()
}

/// Reads a text; there is a value also if something is wrong, of what is not.
pub(crate) fn read_all<T>(
    text: &str,
    what: &'static str,
    read: impl FnOnce(&mut Fields<'_, '_>, &mut Mistakes) -> T,
) -> (T, Vec<Mistake>) {
    let mut mistakes = Mistakes::default();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        mistakes.add(error.span().unwrap_or_default(), error.message());
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    let mut fields = Fields::new(table.get_ref(), 0..first, what);
    let value = read(&mut fields, &mut mistakes);
    fields.finish(&mut mistakes);
    (value, mistakes.sorted())
}

/// Reads a text that is an object of JSON, whose fields are given to `read`.
///
/// # Errors
/// All that is wrong: with the form of the text, or what `read` finds.
pub fn read_json<T>(
    text: &str,
    what: &'static str,
    read: impl FnOnce(&mut Fields<'_, '_>, &mut Mistakes) -> T,
) -> Result<T, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    let begin = text.len() - text.trim_start().len();
    let value = match json::object(text, json::Whence::From(0), &mut mistakes) {
        Ok(table) => Some(Fields::read_json(&table, begin..begin + 1, what, &mut mistakes, read)),
        Err(mistake) => {
            mistakes.add(mistake.span, format!("{what} is not JSON: {}", mistake.message));
            None
        }
    };
    match value {
        Some(value) => mistakes.or(value),
        None => Err(mistakes.sorted()),
    }
}

/// Reads a table that says nothing, so that everything is as by default.
pub fn read_nothing<T>(
    what: &'static str,
    read: impl FnOnce(&mut Fields<'_, '_>, &mut Mistakes) -> T,
) -> T {
    read(&mut Fields::new(&DeTable::new(), 0..0, what), &mut Mistakes::default())
}

/// The fields of a table. Whoever reads it asks for each that there may be; what nobody asked for is a mistake.
#[derive(Debug)]
pub struct Fields<'a, 'i> {
    table: &'a DeTable<'i>,
    span: Range<usize>,
    /// What the table describes, with an article.
    what: &'static str,
    notation: Notation,
    asked: Vec<&'static str>,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Notation {
    Toml,
    Json,
}

impl<'a, 'i> Fields<'a, 'i> {
    fn new(table: &'a DeTable<'i>, span: Range<usize>, what: &'static str) -> Self {
        Self { table, span, what, notation: Notation::Toml, asked: Vec::new() }
    }

    /// Has `read` read an object of JSON.
    fn read_json<T>(
        table: &'a DeTable<'i>,
        span: Range<usize>,
        what: &'static str,
        mistakes: &mut Mistakes,
        read: impl FnOnce(&mut Self, &mut Mistakes) -> T,
    ) -> T {
        let mut fields = Self { notation: Notation::Json, ..Self::new(table, span, what) };
        let value = read(&mut fields, mistakes);
        fields.finish(mistakes);
        value
    }

    /// Where the table stands.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.asked.push(key);
        self.table.get(key)
    }

    /// Whether there is a field of this name.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether there is a table of this name.
    #[must_use]
    pub fn has_table(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().is_table())
    }

    /// Takes down that a field is not there which there has to be.
    pub fn demand(&self, key: &str, example: &str, mistakes: &mut Mistakes) {
        if !self.has(key) {
            let message = format!("{} has no `{key}`", self.what);
            mistakes.add_with(self.span(), message, self.example(key, example));
        }
    }

    /// How a field could be written.
    fn example(&self, key: &str, example: &str) -> String {
        match self.notation {
            Notation::Toml => format!("for example `{key} = {example}`"),
            Notation::Json => format!("for example `\"{key}\": {example}`"),
        }
    }

    /// Takes down that a list is not there or has nothing in it, where something has to be in it.
    pub fn demand_some(&self, key: &str, example: &str, mistakes: &mut Mistakes) {
        self.demand(key, example, mistakes);
        let Some(value) = self.table.get(key) else { return };
        if matches!(value.get_ref(), DeValue::Array(array) if array.is_empty()) {
            let message = format!("nothing is in `{key}`");
            mistakes.add_with(value.span(), message, self.example(key, example));
        }
    }

    /// A text.
    pub fn text(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<Placed<&'a str>> {
        let value = self.get(key)?;
        text(value, &format!("`{key}`"), mistakes)
    }

    /// A text that says something of its own form, which `form` describes with an example.
    pub fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        key: &'static str,
        form: &str,
        mistakes: &mut Mistakes,
    ) -> Option<Placed<T>> {
        let text = self.text(key, mistakes)?;
        parse(&text, form, mistakes)
    }

    /// A whole number within `range`.
    pub fn number(
        &mut self,
        key: &'static str,
        range: Range<i64>,
        mistakes: &mut Mistakes,
    ) -> Option<Placed<i64>> {
        let value = self.get(key)?;
        let span = value.span();
        let DeValue::Integer(number) = value.get_ref() else {
            mistakes.add(span, format!("`{key}` is a whole number, not {}", kind(value.get_ref())));
            return None;
        };
        let number = i64::from_str_radix(&number.as_str().replace('_', ""), number.radix());
        match number {
            Ok(number) if range.contains(&number) => Some(Placed { value: number, span }),
            Ok(_) | Err(_) => {
                let (first, last) = (range.start, range.end - 1);
                mistakes.add(span, format!("`{key}` is between {first} and {last}"));
                None
            }
        }
    }

    /// Yes or no.
    pub fn flag(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Option<bool> {
        let value = self.get(key)?;
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        let message = format!("`{key}` is true or false, not {}", kind(value.get_ref()));
        mistakes.add(value.span(), message);
        None
    }

    /// A list of texts.
    pub fn texts(&mut self, key: &'static str, mistakes: &mut Mistakes) -> Vec<Placed<&'a str>> {
        let Some(array) = self.array(key, "texts", mistakes) else { return Vec::new() };
        let what = format!("what is in `{key}`");
        array.iter().filter_map(|value| text(value, &what, mistakes)).collect()
    }

    /// A text, or a list of texts.
    pub fn one_or_more_texts(
        &mut self,
        key: &'static str,
        mistakes: &mut Mistakes,
    ) -> Vec<Placed<&'a str>> {
        match self.table.get(key).map(Spanned::get_ref) {
            Some(DeValue::String(_)) => self.text(key, mistakes).into_iter().collect(),
            Some(_) | None => self.texts(key, mistakes),
        }
    }

    /// A list of texts, each of which says something of its own form.
    pub fn all_parsed<T: FromStr<Err: Display>>(
        &mut self,
        key: &'static str,
        form: &str,
        mistakes: &mut Mistakes,
    ) -> Vec<Placed<T>> {
        let texts = self.texts(key, mistakes);
        texts.iter().filter_map(|text| parse(text, form, mistakes)).collect()
    }

    /// A table.
    pub fn table(
        &mut self,
        key: &'static str,
        what: &'static str,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let value = self.get(key)?;
        if let DeValue::Table(table) = value.get_ref() {
            let notation = self.notation;
            return Some(Fields { notation, ..Fields::new(table, value.span(), what) });
        }
        mistakes.add(value.span(), format!("`{key}` is a table, not {}", kind(value.get_ref())));
        None
    }

    /// A list of tables, as of `[[key]]`.
    pub fn tables(
        &mut self,
        key: &'static str,
        what: &'static str,
        mistakes: &mut Mistakes,
    ) -> Vec<Self> {
        let array = self.array(key, "tables", mistakes);
        array.map(|array| self.tables_of(array, key, what, mistakes)).unwrap_or_default()
    }

    /// The tables of a list under a key.
    fn tables_of(
        &self,
        array: &'a DeArray<'i>,
        key: &str,
        what: &'static str,
        mistakes: &mut Mistakes,
    ) -> Vec<Self> {
        let mut tables = Vec::new();
        for value in array {
            if let DeValue::Table(table) = value.get_ref() {
                let notation = self.notation;
                tables.push(Fields { notation, ..Fields::new(table, value.span(), what) });
            } else {
                let message = format!("`{key}` has tables, not {}", kind(value.get_ref()));
                mistakes.add(value.span(), message);
            }
        }
        tables
    }

    /// A list of lists of tables.
    pub fn lists_of_tables(
        &mut self,
        key: &'static str,
        what: &'static str,
        mistakes: &mut Mistakes,
    ) -> Vec<Vec<Self>> {
        let Some(array) = self.array(key, "lists", mistakes) else { return Vec::new() };
        let mut lists = Vec::new();
        for value in array {
            if let DeValue::Array(array) = value.get_ref() {
                lists.push(self.tables_of(array, key, what, mistakes));
            } else {
                let message = format!("`{key}` has lists, not {}", kind(value.get_ref()));
                mistakes.add(value.span(), message);
            }
        }
        lists
    }

    /// Whether a field names a file in the place of a text that is an object of JSON: no object is without a `{`, and what
    /// has several lines, or nothing in it, is no name.
    #[must_use]
    pub fn names_file(&self, key: &str) -> bool {
        let text = self.table.get(key).and_then(|value| value.get_ref().as_str());
        text.is_some_and(|text| !text.contains(['{', '\n']) && !text.trim().is_empty())
    }

    /// A text that is an object of JSON, whose fields are given to `read`.
    pub fn json<T>(
        &mut self,
        key: &'static str,
        what: &'static str,
        mistakes: &mut Mistakes,
        read: impl FnOnce(&mut Fields<'_, '_>, &mut Mistakes) -> T,
    ) -> Option<T> {
        let value = self.get(key)?;
        let DeValue::String(text) = value.get_ref() else {
            let message = format!("`{key}` is a text, not {}", kind(value.get_ref()));
            mistakes.add(value.span(), message);
            return None;
        };
        let is_verbatim = matches!(text, Cow::Borrowed(_));
        match json::object(text, json::Whence::new(value.span(), text, is_verbatim), mistakes) {
            Ok(table) => Some(Fields::read_json(&table, value.span(), what, mistakes, read)),
            Err(mistake) => {
                let message = format!("`{key}` is not JSON: {}", mistake.message);
                mistakes.add(mistake.span, message);
                None
            }
        }
    }

    /// Takes down the fields among these that are there: what they mean is not modelled.
    pub fn refuse(&mut self, keys: &[&'static str], mistakes: &mut Mistakes) {
        for key in keys {
            if let Some(value) = self.get(key) {
                mistakes.add(value.span(), format!("`{key}` of {} is not modelled", self.what));
            }
        }
    }

    /// Takes down the switches among these that are on: what they do is not modelled.
    pub fn refuse_on(&mut self, keys: &[&'static str], mistakes: &mut Mistakes) {
        for key in keys {
            if self.flag(key, mistakes) == Some(true) {
                self.refuse(&[key], mistakes);
            }
        }
    }

    /// One of several words; nothing else is modelled.
    pub fn word(
        &mut self,
        key: &'static str,
        words: &[&'static str],
        mistakes: &mut Mistakes,
    ) -> Option<&'static str> {
        let text = self.text(key, mistakes)?;
        let word = words.iter().find(|word| **word == text.value).copied();
        if word.is_none() {
            let help = suggest(text.value, words, || format!("there are {}", list(words)));
            let message = format!("the `{key}` `{}` is not modelled", text.value);
            mistakes.add_with(text.span, message, help);
        }
        word
    }

    /// All fields of a table whose names are the user's own, as texts.
    pub fn own_texts(
        &mut self,
        key: &'static str,
        what: &'static str,
        mistakes: &mut Mistakes,
    ) -> Vec<(&'a str, Placed<&'a str>)> {
        let Some(fields) = self.table(key, what, mistakes) else { return Vec::new() };
        let mut all = Vec::new();
        for (name, value) in fields.table {
            let name: &'a str = name.get_ref();
            if let Some(text) = text(value, &format!("`{name}`"), mistakes) {
                all.push((name, text));
            }
        }
        all
    }

    fn array(
        &mut self,
        key: &'static str,
        of: &str,
        mistakes: &mut Mistakes,
    ) -> Option<&'a DeArray<'i>> {
        let value = self.get(key)?;
        if let DeValue::Array(array) = value.get_ref() {
            return Some(array);
        }
        let message = format!("`{key}` is a list of {of}, not {}", kind(value.get_ref()));
        mistakes.add(value.span(), message);
        None
    }

    /// Takes down the fields that nobody asked for.
    pub fn finish(self, mistakes: &mut Mistakes) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let help = suggest(name, &self.asked, || format!("it may have {}", list(&self.asked)));
            mistakes.add_with(key.span(), format!("{} has no `{name}`", self.what), help);
        }
    }
}

fn text<'a>(
    value: &'a Spanned<DeValue<'_>>,
    what: &str,
    mistakes: &mut Mistakes,
) -> Option<Placed<&'a str>> {
    match value.get_ref().as_str() {
        Some(text) => Some(Placed { value: text, span: value.span() }),
        None => {
            let message = format!("{what} is a text, not {}", kind(value.get_ref()));
            mistakes.add(value.span(), message);
            None
        }
    }
}

/// Reads a text that says something of its own form.
pub fn parse<T: FromStr<Err: Display>>(
    text: &Placed<&str>,
    form: &str,
    mistakes: &mut Mistakes,
) -> Option<Placed<T>> {
    match text.value.parse() {
        Ok(value) => Some(Placed { value, span: text.span.clone() }),
        Err(error) => {
            let message = format!("`{}` is not {form}: {error}", text.value);
            mistakes.add(text.span.clone(), message);
            None
        }
    }
}

/// What a value is, with an article.
const fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Names between backquotes, with commas.
pub(crate) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What would be right in the place of `name`: the one of `names` that is most like it, or else what `others` says.
pub fn suggest(name: &str, names: &[&str], others: impl FnOnce() -> String) -> String {
    closest(name, names).map_or_else(others, |other| format!("did you mean `{other}`?"))
}

/// The name that is most like `name`, if one is like it.
fn closest<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let distance = |other: &str| match name.eq_ignore_ascii_case(other) {
        true => 0,
        false => distance(name, other),
    };
    let near = names.iter().map(|other| (distance(other), *other));
    let (distance, other) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= name.len().div_ceil(3)).then_some(other)
}

/// How many letters have to be put in, taken out, exchanged or swapped to get from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![i];
        for j in 1..=b.len() {
            let exchanged = row[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = exchanged.min(row[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<(String, String)> {
        let read = read(text, "the file", |fields, mistakes| {
            fields.text("name", mistakes);
            fields.demand("size", "3", mistakes);
            fields.number("size", 1..10, mistakes);
            fields.texts("words", mistakes);
            for mut part in fields.tables("part", "a part", mistakes) {
                part.flag("good", mistakes);
                part.finish(mistakes);
            }
        });
        let place = |mistake: Mistake| (text[mistake.span].to_owned(), mistake.message);
        read.err().unwrap_or_default().into_iter().map(place).collect()
    }

    #[test]
    fn all_mistakes_are_found_at_once_with_their_places() {
        let text = "name = 3\nsize = 12\nwords = [\"a\", 4]\nnmae = \"x\"\n[[part]]\ngood = 1\n[[part]]\nbad = 2\n";
        let expected = [
            ("3", "`name` is a text, not a whole number"),
            ("12", "`size` is between 1 and 9"),
            ("4", "what is in `words` is a text, not a whole number"),
            ("nmae", "the file has no `nmae`"),
            ("1", "`good` is true or false, not a whole number"),
            ("bad", "a part has no `bad`"),
        ];
        let expected: Vec<_> = expected.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        assert_eq!(mistakes(text), expected);
    }

    #[test]
    fn a_text_of_no_form_is_told_with_the_rest() {
        let found = mistakes("name = \nsiez = 3\n");
        assert!(found.len() >= 3, "{found:?}");
    }

    #[test]
    fn only_what_can_be_no_object_names_a_file() {
        let names = |text: &str| {
            let text = format!("settings = {text}");
            let read = |fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes| {
                fields.text("settings", mistakes);
                fields.names_file("settings")
            };
            super::read(&text, "the file", read).unwrap()
        };
        for name in ["\"10-pods.conflist\"", "\"../net conf.json\"", "\"[]\""] {
            assert!(names(name), "{name}");
        }
        for text in ["\"\"", "\" \"", "\"\"\"\n[]\n\"\"\"", "'{'", "'\"name\": {}'"] {
            assert!(!names(text), "{text}");
        }
    }

    #[test]
    fn mistakes_of_a_whole_text_of_json_are_told_at_their_places() {
        let wrong = |text: &str| -> Vec<(usize, String)> {
            let read = read_json(text, "the list", |fields, mistakes| {
                fields.demand("name", "\"pods\"", mistakes);
                fields.number("size", 1..10, mistakes);
            });
            let found = read.err().unwrap_or_default();
            found.into_iter().map(|mistake| (mistake.span.start, mistake.message)).collect()
        };
        let said = |expected: &[(usize, &str)]| -> Vec<(usize, String)> {
            expected.iter().map(|(at, message)| (*at, (*message).to_owned())).collect()
        };
        assert_eq!(
            wrong("\n{ \"size\": 12, \"size\": 3, \"other\": 1 }"),
            said(&[
                (1, "the list has no `name`"),
                (11, "`size` is between 1 and 9"),
                (15, "`size` is there twice"),
                (26, "the list has no `other`"),
            ])
        );
        let cut = "{ \"name\": \"pods\", ";
        let expected = "the list is not JSON: here should be a text in quotes";
        assert_eq!(wrong(cut), said(&[(cut.len(), expected)]));
        assert_eq!(wrong(""), said(&[(0, "the list is not JSON: it begins with `{`")]));
    }

    #[test]
    fn a_name_that_is_nearly_right_is_known() {
        let names = ["network", "node", "host", "router"];
        assert_eq!(closest("netwrok", &names), Some("network"));
        assert_eq!(closest("nodes", &names), Some("node"));
        assert_eq!(closest("frobnicate", &names), None);
    }
}
