//! From the text of a document to its values.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{
    ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag,
};

use super::mistake::{Mistake, MistakeKind};
use super::node::{Entry, Node, Place, Scalar, Value};
use super::scalar;
use super::split::Document;
use crate::path::{FieldPath, Step};

/// How deep values may be in others; no kind needs half of that.
const MAX_DEPTH: usize = 100;
/// How many values aliases may add to a document.
const MAX_ALIASED: usize = 10_000;

/// Reads the values of a document; `None` if it says nothing. Keys that are there twice are told of.
pub(super) fn read(
    document: Document<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Result<Option<Node>, Mistake> {
    let mut builder = Builder {
        parser: Parser::new_from_str(document.text),
        lines_before: document.lines_before,
        anchors: BTreeMap::new(),
        aliased: 0,
        path: FieldPath::default(),
        mistakes,
    };
    loop {
        let Some((event, span)) = builder.next()? else { return Ok(None) };
        if event.is_node() {
            let node = builder.node(event, span, 0)?;
            // An error may also be in what follows.
            while builder.next()?.is_some() {}
            return Ok(Some(node).filter(|node| node.value != Value::Null));
        }
    }
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    lines_before: usize,
    anchors: BTreeMap<usize, Node>,
    aliased: usize,
    path: FieldPath,
    mistakes: &'a mut Vec<Mistake>,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Mistake> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => {
                let place = self.place(*error.marker());
                Err(yaml(place, problem(&error)))
            }
        }
    }

    /// The next event, within a list or map.
    fn inner(&mut self, outer: Place) -> Result<(Event<'a>, Span), Mistake> {
        self.next()?.ok_or_else(|| yaml(outer, "unexpected end of document"))
    }

    fn place(&self, marker: Marker) -> Place {
        Place { line: self.lines_before + marker.line(), column: marker.col() + 1 }
    }

    /// Reads the value that begins with an event.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these events begin values")]
    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Mistake> {
        let place = self.place(span.start);
        if depth > MAX_DEPTH {
            return Err(yaml(place, format!("exceeded max depth of {MAX_DEPTH}")));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (scalar_value(&text, style, tag.as_deref()), anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.list(place, depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.map(place, depth)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, place),
            _ => return Err(yaml(place, "did not find expected node content")),
        };
        let node = Node { place, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// What has an anchor, once more.
    fn alias(&mut self, anchor: usize, place: Place) -> Result<Node, Mistake> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(yaml(place, "anchor value contains itself"));
        };
        self.aliased = self.aliased.saturating_add(node.count());
        if self.aliased > MAX_ALIASED {
            return Err(yaml(place, "document contains excessive aliasing"));
        }
        Ok(Node { place, ..node.clone() })
    }

    fn list(&mut self, place: Place, depth: usize) -> Result<Value, Mistake> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.inner(place)?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::List(items));
            }
            if event.is_node() {
                self.path.push(Step::Index(items.len()));
                items.push(self.node(event, span, depth + 1)?);
                self.path.pop();
            }
        }
    }

    fn map(&mut self, place: Place, depth: usize) -> Result<Value, Mistake> {
        let (mut entries, mut merges): (Vec<Entry>, _) = (Vec::new(), Vec::new());
        loop {
            let (event, span) = self.inner(place)?;
            if matches!(event, Event::MappingEnd) {
                merge(&mut entries, merges);
                return Ok(Value::Map(entries));
            }
            if !event.is_node() {
                continue;
            }
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let key_node = self.node(event, span, depth + 1)?;
            let (event, span) = self.value_start(place)?;
            if is_merge {
                let node = self.node(event, span, depth + 1)?;
                merges.extend(merged(node)?);
                continue;
            }
            let (key, at) = (key(&key_node)?, key_node.place);
            self.path.push(Step::Field(key.clone()));
            let node = self.node(event, span, depth + 1)?;
            if entries.iter().any(|entry| entry.key == key) {
                let kind = MistakeKind::DuplicateField(self.path.clone());
                self.mistakes.push(Mistake { place: at, kind });
            } else {
                entries.push(Entry { key, place: at, node });
            }
            self.path.pop();
        }
    }

    /// The event that a value begins with.
    fn value_start(&mut self, outer: Place) -> Result<(Event<'a>, Span), Mistake> {
        loop {
            let (event, span) = self.inner(outer)?;
            if event.is_node() {
                return Ok((event, span));
            }
        }
    }
}

/// The maps that `<<` brings in, with the one that counts most first.
fn merged(node: Node) -> Result<Vec<Entry>, Mistake> {
    let place = node.place;
    let wrong = || yaml(place, "map merge requires map or sequence of maps as the value");
    let of_map = |node: Node| match node.value {
        Value::Map(entries) => Ok(entries),
        Value::Null | Value::Scalar(_) | Value::List(_) => Err(wrong()),
    };
    match node.value {
        Value::List(items) => {
            let maps: Result<Vec<Vec<Entry>>, Mistake> = items.into_iter().map(of_map).collect();
            Ok(maps?.into_iter().flatten().collect())
        }
        Value::Null | Value::Scalar(_) | Value::Map(_) => of_map(node),
    }
}

/// Adds entries with keys that are not there yet.
fn merge(entries: &mut Vec<Entry>, merges: Vec<Entry>) {
    for entry in merges {
        if entries.iter().all(|known| known.key != entry.key) {
            entries.push(entry);
        }
    }
}

/// A key, as JSON has it.
fn key(node: &Node) -> Result<String, Mistake> {
    match &node.value {
        Value::Scalar(Scalar::Text(text)) => Ok(text.clone()),
        Value::Scalar(Scalar::Bool(value)) => Ok(value.to_string()),
        Value::Scalar(Scalar::Number(number)) => Ok(number.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => Err(yaml(node.place, "invalid map key")),
    }
}

/// What a scalar means: what is in quotes, or has the tag of text, is text.
fn scalar_value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    match tag.and_then(Tag::core_suffix) {
        Some("str") => Value::Scalar(Scalar::Text(text.to_owned())),
        None if style != ScalarStyle::Plain => Value::Scalar(Scalar::Text(text.to_owned())),
        Some(_) | None => scalar::resolve(text),
    }
}

/// What is wrong with the text. `gopkg.in/yaml.v2` leaves out what it was doing, and has one word for tabs.
fn problem(error: &ScanError) -> String {
    use ErrorKind::{TabInBlockIndentation, TabInIndentation, TabNotAllowed};
    if matches!(error.kind(), TabNotAllowed | TabInBlockIndentation | TabInIndentation) {
        return "found character that cannot start any token".to_owned();
    }
    let info = error.info();
    let problem = info.strip_prefix("while ").and_then(|rest| rest.split_once(", "));
    problem.map_or_else(|| info.clone(), |(_, problem)| problem.to_owned())
}

fn yaml(place: Place, info: impl Into<Cow<'static, str>>) -> Mistake {
    Mistake { place, kind: MistakeKind::Yaml(place.line, info.into().into_owned()) }
}
