//! Manifests: objects as people write them.
//!
//! Files are read as kubectl reads them, and decoded as strictly as an API server does for it: a field that its kind
//! does not have, or of another type, is a mistake. All mistakes of a file are told of at once.

mod decode;
mod known;
mod mistake;
mod node;
mod scalar;
mod split;
mod tree;

use crate::object::Object;
use crate::path::FieldPath;
use crate::reading;

use decode::NoObject;
pub use mistake::{Mistake, MistakeKind, Mistakes};
pub use node::Place;
pub(crate) use node::{Entry, Node, Value};

/// An object, and where a file says what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The object.
    pub object: Object,
    source: Node,
}

impl Placed {
    /// Where it begins.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.source.place
    }

    /// Where a field of it is, if it is in the file.
    #[must_use]
    pub fn find(&self, path: &FieldPath) -> Option<Place> {
        self.source.find(path).ok()
    }

    /// Where a field of it is; what is not in the file is where it would be.
    #[must_use]
    pub fn place_of(&self, path: &FieldPath) -> Place {
        self.source.place_of(path)
    }
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    /// The objects, in the order of the file.
    pub objects: Vec<Placed>,
    /// What was left out.
    pub warnings: Vec<Mistake>,
}

/// What becomes of objects of kinds that Kubernetes has, and this model has not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Unmodelled {
    /// They are mistakes.
    #[default]
    Refuse,
    /// They are left out, with a warning.
    Skip,
}

/// How manifests are read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reading {
    /// What becomes of kinds that are not modelled.
    pub unmodelled: Unmodelled,
}

/// Reads the objects of a text with any number of documents, in YAML or JSON.
///
/// # Errors
/// When anything is wrong with it.
pub fn read(text: &str) -> Result<Vec<Object>, Mistakes> {
    let manifest = Reading::default().read(text)?;
    Ok(manifest.objects.into_iter().map(|placed| placed.object).collect())
}

/// Reads a text that is one document and no object of the API; nothing is as if it were null.
///
/// # Errors
/// All that is wrong with its form.
pub(crate) fn document(text: &str) -> Result<Node, Vec<reading::Mistake>> {
    let mut mistakes = Vec::new();
    let documents = documents(text, &mut mistakes);
    let read = documents.into_iter().map(|document| tree::read(document, &mut mistakes));
    let read: Result<Vec<Option<Node>>, Mistake> = read.collect();
    let mut nodes = match read {
        Ok(nodes) => nodes.into_iter().flatten(),
        Err(mistake) => {
            mistakes.push(mistake);
            return Err(Mistakes(mistakes).in_text(text));
        }
    };
    let nothing = Node { place: Place { line: 1, column: 1 }, value: Value::Null };
    let node = nodes.next().unwrap_or(nothing);
    let mut wrong = Mistakes(mistakes).in_text(text);
    wrong.extend(nodes.next().map(|other| reading::Mistake {
        span: other.place.span(text),
        message: "this is another document, and only one is read".to_owned(),
        help: None,
    }));
    if wrong.is_empty() { Ok(node) } else { Err(wrong) }
}

/// Cuts a text into documents.
fn documents<'t>(text: &'t str, mistakes: &mut Vec<Mistake>) -> Vec<split::Document<'t>> {
    let (documents, bad) = split::documents(text);
    mistakes.extend(bad.into_iter().map(|separator| Mistake {
        place: Place { line: separator.line, column: 1 },
        kind: MistakeKind::Separator(separator.rest),
    }));
    documents
}

impl Reading {
    /// Reads a text with any number of documents, in YAML or JSON.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(self, text: &str) -> Result<Manifest, Mistakes> {
        let mut reader =
            Reader { reading: self, manifest: Manifest::default(), mistakes: Vec::new() };
        for document in documents(text, &mut reader.mistakes) {
            match tree::read(document, &mut reader.mistakes) {
                Ok(Some(node)) => reader.document(node),
                Ok(None) => {}
                Err(mistake) => reader.mistakes.push(mistake),
            }
        }
        if reader.mistakes.is_empty() {
            return Ok(reader.manifest);
        }
        reader.mistakes.sort();
        Err(Mistakes(reader.mistakes))
    }
}

struct Reader {
    reading: Reading,
    manifest: Manifest,
    mistakes: Vec<Mistake>,
}

impl Reader {
    /// Reads an object, or the objects of a list.
    fn document(&mut self, node: Node) {
        let place = node.place;
        if !matches!(node.value, Value::Map(_)) {
            return self.mistake(place, MistakeKind::NoObject);
        }
        let Some(kind) = node.text("kind").map(str::to_owned) else {
            return self.mistake(place, MistakeKind::NoKind);
        };
        let Some(version) = node.text("apiVersion").map(str::to_owned) else {
            return self.mistake(place, MistakeKind::NoVersion);
        };
        match kind.strip_suffix("List") {
            Some(of) if is_list_of(&version, of) => self.list(&node, &version, of),
            Some(_) | None => self.object(node, version, kind),
        }
    }

    fn object(&mut self, source: Node, version: String, kind: String) {
        match decode::object(&version, &kind, &source, &mut self.mistakes) {
            Ok(object) => self.manifest.objects.push(Placed { object, source }),
            Err(NoObject::Unmodelled) => self.not_modelled(&source, version, kind),
            // The mistakes are known.
            Err(NoObject::Wrong) => {}
        }
    }

    fn not_modelled(&mut self, source: &Node, version: String, kind: String) {
        let place = |key| source.get(key).map_or(source.place, |entry| entry.node.place);
        if !known::exists(&version, &kind) {
            self.mistake(place("apiVersion"), MistakeKind::NoMatch { kind, version });
            return;
        }
        let mistake =
            Mistake { place: place("kind"), kind: MistakeKind::NotModelled { kind, version } };
        match self.reading.unmodelled {
            Unmodelled::Refuse => self.mistakes.push(mistake),
            Unmodelled::Skip => self.manifest.warnings.push(mistake),
        }
    }

    /// Reads the items of a list; those of a list of one kind need not say what they are.
    fn list(&mut self, list: &Node, version: &str, of: &str) {
        let Some(Value::List(items)) = list.get("items").map(|entry| &entry.node.value) else {
            return;
        };
        for item in items {
            if of.is_empty() || item.get("kind").is_some() {
                self.document(item.clone());
            } else {
                self.object(item.clone(), version.to_owned(), of.to_owned());
            }
        }
    }

    fn mistake(&mut self, place: Place, kind: MistakeKind) {
        self.mistakes.push(Mistake { place, kind });
    }
}

/// Whether a version has lists of a kind; without one, of any (`v1`, `List`).
fn is_list_of(version: &str, kind: &str) -> bool {
    (kind.is_empty() && version == "v1") || known::exists(version, kind)
}
