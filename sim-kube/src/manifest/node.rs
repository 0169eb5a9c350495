//! What a document says, with the place of each value.

use std::fmt;
use std::ops::Range;

use serde_json::Number;

use crate::path::{FieldPath, Step};

/// A place in a file.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The line, counted from 1.
    pub line: usize,
    /// The character of the line, counted from 1.
    pub column: usize,
}

impl Place {
    /// The same in bytes: from there to the end of its line.
    pub(crate) fn span(self, text: &str) -> Range<usize> {
        let before: usize =
            text.split_inclusive('\n').take(self.line.saturating_sub(1)).map(str::len).sum();
        let line = text[before..].lines().next().unwrap_or_default();
        let column = self.column.saturating_sub(1);
        let skipped: usize = line.chars().take(column).map(char::len_utf8).sum();
        before + skipped..before + line.trim_end().len().max(skipped)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) place: Place,
    /// What it is.
    pub(crate) value: Value,
}

/// What JSON could say too.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A value without others in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Bool(bool),
    Number(Number),
    Text(String),
}

impl Value {
    /// What JSON calls it.
    pub(super) const fn json_kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Scalar(Scalar::Bool(_)) => "bool",
            Self::Scalar(Scalar::Number(_)) => "number",
            Self::Scalar(Scalar::Text(_)) => "string",
            Self::List(_) => "array",
            Self::Map(_) => "object",
        }
    }
}

/// What a map holds under a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Where the key begins.
    pub(crate) place: Place,
    /// What is there.
    pub(crate) node: Node,
}

impl Entry {
    /// Where a reader would look for it: at the value, or at the key of what takes more than a line.
    pub(crate) fn place(&self) -> Place {
        match self.node.value {
            Value::List(_) | Value::Map(_) | Value::Null => self.place,
            Value::Scalar(_) => self.node.place,
        }
    }
}

impl Node {
    /// What a map holds under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            Value::Null | Value::Scalar(_) | Value::List(_) => None,
        }
    }

    /// The text under a key.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.node.value {
            Value::Scalar(Scalar::Text(text)) if !text.is_empty() => Some(text),
            Value::Null | Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The place of a field, or of the nearest value around where it would be.
    pub(super) fn place_of(&self, path: &FieldPath) -> Place {
        self.find(path).unwrap_or_else(|place| place)
    }

    /// The place of a field, or else of the nearest value around where it would be.
    pub(super) fn find(&self, path: &FieldPath) -> Result<Place, Place> {
        let (mut node, mut place) = (self, self.place);
        for step in path.steps() {
            match (step, &node.value) {
                (Step::Field(name) | Step::Key(name), Value::Map(entries)) => {
                    // Some of the API server's own paths are capitalized (`spec.LoadBalancerSourceRanges`).
                    let named = |entry: &&Entry| entry.key.eq_ignore_ascii_case(name);
                    let Some(entry) = entries.iter().find(named) else { return Err(place) };
                    (node, place) = (&entry.node, entry.place());
                }
                (Step::Index(index), Value::List(items)) => {
                    let Some(item) = items.get(*index) else { return Err(place) };
                    (node, place) = (item, item.place);
                }
                _ => return Err(place),
            }
        }
        Ok(place)
    }

    /// Takes what is at `path` away, so that there is nothing; whether there was something.
    pub(super) fn clear(&mut self, path: &FieldPath) -> bool {
        let mut node = self;
        for step in path.steps() {
            let next = match (step, &mut node.value) {
                (Step::Field(name) | Step::Key(name), Value::Map(entries)) => {
                    entries.iter_mut().find(|entry| entry.key == *name).map(|entry| &mut entry.node)
                }
                (Step::Index(index), Value::List(items)) => items.get_mut(*index),
                _ => None,
            };
            let Some(next) = next else { return false };
            node = next;
        }
        std::mem::replace(&mut node.value, Value::Null) != Value::Null
    }

    /// How many values it is.
    pub(super) fn count(&self) -> usize {
        let inner: usize = match &self.value {
            Value::List(items) => items.iter().map(Self::count).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.node.count()).sum(),
            Value::Null | Value::Scalar(_) => 0,
        };
        inner.saturating_add(1)
    }

    /// As JSON, in the order of the file.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Scalar(Scalar::Bool(value)) => (*value).into(),
            Value::Scalar(Scalar::Number(number)) => number.clone().into(),
            Value::Scalar(Scalar::Text(text)) => text.clone().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reaches_to_the_end_of_its_line() {
        let text = "a: 1\nbé:  two \nc: 3\n";
        assert_eq!(&text[Place { line: 2, column: 6 }.span(text)], "two");
        assert_eq!(Place { line: 9, column: 1 }.span(text), text.len()..text.len());
    }
}
