//! What can be wrong with a manifest.

use std::fmt;

use super::node::Place;
use crate::path::FieldPath;
use crate::reading;

/// Something that is wrong, and where.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// What.
    pub kind: MistakeKind,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind)
    }
}

/// What is wrong, in the words of kubectl and the API server.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, thiserror::Error)]
pub enum MistakeKind {
    /// It is not YAML: the line, and what the parser says.
    #[error("error converting YAML to JSON: yaml: line {0}: {1}")]
    Yaml(usize, String),
    /// A line begins with `---` and goes on.
    #[error("invalid Yaml document separator: {0}")]
    Separator(String),
    /// A document is no map.
    #[error("error validating data: invalid object to validate")]
    NoObject,
    /// It does not say its kind.
    #[error("error validating data: kind not set")]
    NoKind,
    /// It does not say its version.
    #[error("error validating data: apiVersion not set")]
    NoVersion,
    /// There is no such kind.
    #[error("no matches for kind \"{kind}\" in version \"{version}\"")]
    NoMatch {
        /// The kind.
        kind: String,
        /// The version.
        version: String,
    },
    /// There is one, but not here.
    #[error("{kind} of {version} is not modelled")]
    NotModelled {
        /// The kind.
        kind: String,
        /// The version.
        version: String,
    },
    /// A field that its kind does not have.
    #[error("strict decoding error: unknown field \"{0}\"")]
    UnknownField(FieldPath),
    /// A field that is there twice.
    #[error("strict decoding error: duplicate field \"{0}\"")]
    DuplicateField(FieldPath),
    /// A field of `metadata`, which kubectl reads itself, is not of the type that it wants: what is wrong.
    #[error("{0}")]
    Metadata(String),
    /// A field is not of the type that its kind wants.
    #[error("{kind} in version \"{version}\" cannot be handled as a {kind}: {message}")]
    Type {
        /// The kind.
        kind: String,
        /// The version.
        version: String,
        /// What is wrong with the field.
        message: String,
    },
}

/// All that is wrong with a manifest, in the order of the file; one line for each.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    /// The same at their places in the text that was read.
    #[must_use]
    pub fn in_text(self, text: &str) -> Vec<reading::Mistake> {
        let placed = |Mistake { place, kind }| reading::Mistake {
            span: place.span(text),
            message: kind.to_string(),
            help: None,
        };
        self.0.into_iter().map(placed).collect()
    }
}

fn lines(mistakes: &[Mistake]) -> String {
    let lines: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    lines.join("\n")
}
