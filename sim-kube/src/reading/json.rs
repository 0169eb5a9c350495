//! JSON (RFC 8259) within a text, read into the same values as TOML, with their places.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::{Mistake, Mistakes};

/// How deep values may be in others; no configuration needs half of that.
const MAX_DEPTH: usize = 50;

/// Where a text stands in the one around it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Whence {
    /// As it is, from this byte on.
    From(usize),
    /// Somewhere in here: it is written in another way there.
    Within(Range<usize>),
}

impl Whence {
    /// The place of a text's characters, given that of the text with its quotes.
    pub(super) fn new(span: Range<usize>, text: &str, is_verbatim: bool) -> Self {
        // A text of several lines has three quotes on each side, and begins behind the end of the first line.
        let quotes = match span.len().checked_sub(text.len()) {
            Some(2) => 1,
            Some(6..=8) => 3,
            Some(_) | None => return Self::Within(span),
        };
        match is_verbatim {
            true => Self::From(span.end - quotes - text.len()),
            false => Self::Within(span),
        }
    }

    fn place(&self, span: Range<usize>) -> Range<usize> {
        match self {
            Self::From(start) => start + span.start..start + span.end,
            Self::Within(span) => span.clone(),
        }
    }
}

/// Reads an object. What is `null` is as if it were not there; keys that are there twice are told of.
pub(super) fn object<'t>(
    text: &'t str,
    whence: Whence,
    mistakes: &mut Mistakes,
) -> Result<DeTable<'t>, Mistake> {
    let mut reader = Reader { text, at: 0, whence, mistakes };
    reader.skip_space();
    if !reader.rest().starts_with('{') {
        return Err(reader.wrong("it begins with `{`"));
    }
    let value = reader.value(0)?;
    reader.skip_space();
    match value.map(Spanned::into_inner) {
        Some(DeValue::Table(table)) if reader.rest().is_empty() => Ok(table),
        Some(_) | None => Err(reader.wrong("something follows")),
    }
}

struct Reader<'t, 'm> {
    text: &'t str,
    /// How many bytes have been read.
    at: usize,
    whence: Whence,
    mistakes: &'m mut Mistakes,
}

impl<'t> Reader<'t, '_> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// Takes a character if it comes next, after space; whether it did.
    fn take(&mut self, wanted: char) -> bool {
        self.skip_space();
        let is_next = self.rest().starts_with(wanted);
        self.at += if is_next { wanted.len_utf8() } else { 0 };
        is_next
    }

    fn demand(&mut self, wanted: char) -> Result<(), Mistake> {
        if self.take(wanted) {
            Ok(())
        } else {
            Err(self.wrong(&format!("here should be `{wanted}`")))
        }
    }

    fn wrong(&self, message: &str) -> Mistake {
        let end = self.at + self.rest().chars().next().map_or(0, char::len_utf8);
        let span = self.whence.place(self.at..end);
        Mistake { span, message: message.to_owned(), help: None }
    }

    /// Reads a value; nothing if it is `null`.
    fn value(&mut self, depth: usize) -> Result<Option<Spanned<DeValue<'t>>>, Mistake> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("values are too deep in each other"));
        }
        self.skip_space();
        let start = self.at;
        let value = match self.rest().chars().next() {
            Some('{') => DeValue::Table(self.table(depth)?),
            Some('[') => DeValue::Array(self.array(depth)?),
            Some('"') => DeValue::String(Cow::Owned(self.string()?)),
            Some(_) => match self.word() {
                "null" => return Ok(None),
                "true" => DeValue::Boolean(true),
                "false" => DeValue::Boolean(false),
                word => number(word).ok_or_else(|| {
                    self.at = start;
                    self.wrong("here should be a value")
                })?,
            },
            None => return Err(self.wrong("here should be a value")),
        };
        Ok(Some(Spanned::new(self.whence.place(start..self.at), value)))
    }

    fn table(&mut self, depth: usize) -> Result<DeTable<'t>, Mistake> {
        let mut table = DeTable::new();
        self.demand('{')?;
        if self.take('}') {
            return Ok(table);
        }
        loop {
            self.skip_space();
            let start = self.at;
            let key = self.string()?;
            let span = self.whence.place(start..self.at);
            self.demand(':')?;
            let value = self.value(depth + 1)?;
            if table.contains_key(key.as_str()) {
                self.mistakes.add(span, format!("`{key}` is there twice"));
            } else if let Some(value) = value {
                table.insert(Spanned::new(span, Cow::Owned(key)), value);
            }
            if !self.take(',') {
                self.demand('}')?;
                return Ok(table);
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<DeArray<'t>, Mistake> {
        let mut array = DeArray::new();
        self.demand('[')?;
        if self.take(']') {
            return Ok(array);
        }
        loop {
            match self.value(depth + 1)? {
                Some(value) => array.push(value),
                None => return Err(self.wrong("a list has no `null`")),
            }
            if !self.take(',') {
                self.demand(']')?;
                return Ok(array);
            }
        }
    }

    /// Reads a text between quotes, with its escapes.
    fn string(&mut self) -> Result<String, Mistake> {
        let mut is_escaped = false;
        let end = self.rest().char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '"' && !is_escaped;
            is_escaped = *c == '\\' && !is_escaped;
            ends
        });
        let token = end.and_then(|(end, _)| self.rest().get(..=end));
        let text = token.and_then(|token| serde_json::from_str(token).ok());
        let text = text.ok_or_else(|| self.wrong("here should be a text in quotes"))?;
        self.at += token.map_or(0, str::len);
        Ok(text)
    }

    /// Takes what is neither text nor made of others.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let is_inner = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let end = rest.find(|c| !is_inner(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }
}

/// A number of JSON is one of TOML, too, but not the other way round.
fn number(word: &str) -> Option<DeValue<'_>> {
    serde_json::from_str::<serde_json::Number>(word).ok()?;
    Some(DeValue::parse(word).ok()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a text that stands between three quotes, with what stands there.
    fn wrong(json: &str) -> Vec<(String, String)> {
        let text = format!("net = '''\n{json}'''");
        let read = super::super::read(&text, "the file", |fields, mistakes| {
            fields.json("net", "the object", mistakes, |fields, mistakes| {
                fields.number("size", 1..10, mistakes);
                fields.flag("good", mistakes);
                fields.text("name", mistakes);
                for mut part in
                    fields.lists_of_tables("parts", "a part", mistakes).into_iter().flatten()
                {
                    part.text("name", mistakes);
                    part.finish(mistakes);
                }
            });
        });
        let place = |mistake: Mistake| (text[mistake.span].to_owned(), mistake.message);
        read.err().unwrap_or_default().into_iter().map(place).collect()
    }

    fn says(json: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(wrong(json), expected, "{json}");
    }

    #[test]
    fn mistakes_within_json_have_their_own_places() {
        says("{ \"size\": 3, \"good\": true, \"name\": \"a\\u0041\", \"parts\": [[{}], []] }", &[]);
        says("{ \"size\": null }", &[]);
        says(
            "{ \"size\": 12,\n  \"good\": 1.5e3, \"nmae\": \"\", \"parts\": [{}, [{ \"bad\": 1 }, 4]] }",
            &[
                ("12", "`size` is between 1 and 9"),
                ("1.5e3", "`good` is true or false, not a number with a point"),
                ("\"nmae\"", "the object has no `nmae`"),
                ("{}", "`parts` has lists, not a table"),
                ("\"bad\"", "a part has no `bad`"),
                ("4", "`parts` has tables, not a whole number"),
            ],
        );
        says("{ \"size\": 3, \"size\": 4 }", &[("\"size\"", "`size` is there twice")]);
    }

    #[test]
    fn what_is_no_json_is_told_where_it_stops_being_it() {
        says("[]", &[("[", "`net` is not JSON: it begins with `{`")]);
        says("{ size: 3 }", &[("s", "`net` is not JSON: here should be a text in quotes")]);
        says("{ \"size\": 007 }", &[("0", "`net` is not JSON: here should be a value")]);
        says("{ \"size\": 3, }", &[("}", "`net` is not JSON: here should be a text in quotes")]);
        says("{ \"size\": 3 \"a\"", &[("\"", "`net` is not JSON: here should be `}`")]);
        says("{} {}", &[("{", "`net` is not JSON: something follows")]);
        let deep = format!("{{ \"a\": {}", "[".repeat(100));
        assert_eq!(wrong(&deep)[0].1, "`net` is not JSON: values are too deep in each other");
    }
}
