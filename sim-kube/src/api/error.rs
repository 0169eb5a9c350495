//! What an API server says when it refuses.

use std::fmt;

use serde::Serialize;

use crate::manifest::Place;
use crate::path::FieldPath;

/// A field is not as it has to be (`field.Error`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldError {
    /// The field, as the API server calls it.
    pub path: FieldPath,
    /// What is wrong with it.
    pub problem: Problem,
    /// The field that people write, if it is another one.
    pub(super) written: Option<FieldPath>,
}

impl FieldError {
    /// The fields that people may have written, the likeliest first.
    pub fn written(&self) -> impl Iterator<Item = &FieldPath> {
        self.written.iter().chain([&self.path])
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// What can be wrong with a field. Values are in JSON.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Problem {
    /// It has to be there: why.
    Required(String),
    /// It is there twice: the value, and why that cannot be if it is not plain.
    Duplicate(String, &'static str),
    /// Its value cannot be: the value, and why.
    Invalid(String, String),
    /// It is none of some values: the value, and those.
    Unsupported(String, Vec<String>),
    /// It must not be there: why.
    Forbidden(String),
    /// It is too long: how long it may be.
    TooLong(String),
    /// It has too many items: how many, and how many it may have.
    TooMany(usize, usize),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, detail) = match self {
            Self::Required(why) => ("Required value".to_owned(), why.clone()),
            Self::Duplicate(value, why) => (format!("Duplicate value: {value}"), (*why).to_owned()),
            Self::Invalid(value, why) => (format!("Invalid value: {value}"), why.clone()),
            Self::Unsupported(value, supported) => (
                format!("Unsupported value: {value}"),
                format!("supported values: {}", supported.join(", ")),
            ),
            Self::Forbidden(why) => ("Forbidden".to_owned(), why.clone()),
            Self::TooLong(why) => ("Too long".to_owned(), why.clone()),
            Self::TooMany(count, max) => {
                (format!("Too many: {count}"), format!("must have at most {max} items"))
            }
        };
        f.write_str(&text)?;
        if detail.is_empty() { Ok(()) } else { write!(f, ": {detail}") }
    }
}

/// Why a request is refused (`metav1.Status`).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Status {
    /// A field is wrong.
    #[error("The {kind} {name:?} is invalid: {error}")]
    Invalid {
        /// The kind of the object.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What is wrong.
        error: FieldError,
    },
    /// There is no such object.
    #[error("{resource} {name:?} not found")]
    NotFound {
        /// What URLs call its kind.
        resource: String,
        /// Its name.
        name: String,
    },
    /// There is such an object already.
    #[error("{resource} {name:?} already exists")]
    AlreadyExists {
        /// What URLs call its kind.
        resource: String,
        /// Its name.
        name: String,
    },
    /// It is not allowed.
    #[error("{resource} {name:?} is forbidden: {why}")]
    Forbidden {
        /// What URLs call its kind.
        resource: String,
        /// Its name.
        name: String,
        /// Why.
        why: &'static str,
    },
    /// This version of Kubernetes has no such kind.
    #[error("no matches for kind \"{kind}\" in version \"{version}\"")]
    NoMatch {
        /// The kind.
        kind: &'static str,
        /// The version of the kind.
        version: &'static str,
    },
    /// What is applied needs a name.
    #[error("resource name may not be empty")]
    NoName,
    /// What is applied needs a name of its own; this one begins so.
    #[error("from {0}: cannot use generate name with apply")]
    GenerateName(String),
    /// Something is used up.
    #[error("Internal error occurred: {0}")]
    Internal(String),
}

/// A request is refused, and the place of a manifest that is the reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The place, if the object came from a manifest.
    pub place: Option<Place>,
    /// Why.
    pub status: Status,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}", self.status)
    }
}

/// All reasons why requests are refused; one line for each.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct Refusals(pub Vec<Refusal>);

fn lines(refusals: &[Refusal]) -> String {
    let lines: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
    lines.join("\n")
}

/// The fields of an object that are wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Errors(pub(super) Vec<FieldError>);

impl Errors {
    fn add(&mut self, path: &FieldPath, problem: Problem) {
        if self.0.iter().all(|known| (&known.path, &known.problem) != (path, &problem)) {
            self.0.push(FieldError { path: path.clone(), problem, written: None });
        }
    }

    pub(super) fn required(&mut self, path: &FieldPath, why: &str) {
        self.add(path, Problem::Required(why.to_owned()));
    }

    pub(super) fn duplicate(&mut self, path: &FieldPath, value: &(impl Serialize + ?Sized)) {
        self.duplicate_because(path, value, "");
    }

    pub(super) fn duplicate_because(
        &mut self,
        path: &FieldPath,
        value: &(impl Serialize + ?Sized),
        why: &'static str,
    ) {
        self.add(path, Problem::Duplicate(json(value), why));
    }

    pub(super) fn invalid(
        &mut self,
        path: &FieldPath,
        value: &(impl Serialize + ?Sized),
        why: impl Into<String>,
    ) {
        self.add(path, Problem::Invalid(json(value), why.into()));
    }

    /// Adds everything that is wrong with one value.
    pub(super) fn invalid_all(
        &mut self,
        path: &FieldPath,
        value: &(impl Serialize + ?Sized),
        whys: impl IntoIterator<Item = String>,
    ) {
        for why in whys {
            self.invalid(path, value, why);
        }
    }

    /// Adds everything that is wrong with one value that people write elsewhere.
    pub(super) fn invalid_all_at(
        &mut self,
        path: &FieldPath,
        written: &FieldPath,
        value: &(impl Serialize + ?Sized),
        whys: impl IntoIterator<Item = String>,
    ) {
        let first = self.0.len();
        self.invalid_all(path, value, whys);
        for error in self.0.iter_mut().skip(first) {
            error.written = Some(written.clone());
        }
    }

    pub(super) fn unsupported(&mut self, path: &FieldPath, value: &str, supported: &[&str]) {
        self.unsupported_value(path, value, supported);
    }

    pub(super) fn unsupported_value(
        &mut self,
        path: &FieldPath,
        value: &(impl Serialize + ?Sized),
        supported: &[&str],
    ) {
        let supported = supported.iter().map(json).collect();
        self.add(path, Problem::Unsupported(json(value), supported));
    }

    pub(super) fn forbidden(&mut self, path: &FieldPath, why: &str) {
        self.add(path, Problem::Forbidden(why.to_owned()));
    }

    pub(super) fn too_long(&mut self, path: &FieldPath, why: String) {
        self.add(path, Problem::TooLong(why));
    }

    pub(super) fn too_many(&mut self, path: &FieldPath, count: usize, max: usize) {
        self.add(path, Problem::TooMany(count, max));
    }

    /// Says what people write to set the fields under `path`.
    pub(super) fn written_as(&mut self, path: &FieldPath, written: &FieldPath) {
        for error in &mut self.0 {
            if error.written.is_none() && error.path.steps().starts_with(path.steps()) {
                error.written = Some(written.clone());
            }
        }
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}
