//! Manifests: objects as people write them.

use serde_json::Value;

use crate::object::Object;

/// What is wrong with a manifest.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ManifestError {
    /// It is not YAML, nor JSON.
    #[error("{0}")]
    Yaml(String),
    /// It says not what it is.
    #[error("document {0} has no `{1}`")]
    Untyped(usize, &'static str),
    /// What it is, is not modelled.
    #[error("document {0} is a {1} of {2}, which is not modelled")]
    Unknown(usize, String, String),
    /// A field is not as its kind wants it.
    #[error("document {0}: {1}")]
    Field(usize, String),
}

/// Reads the objects of a text with any number of documents, in YAML or JSON.
///
/// # Errors
/// When the text is no YAML, or a document is no object that is modelled.
pub fn read(text: &str) -> Result<Vec<Object>, ManifestError> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|e| ManifestError::Yaml(e.to_string()))?;
    documents.into_iter().enumerate().map(|(i, document)| object(i + 1, document)).collect()
}

fn object(number: usize, document: Value) -> Result<Object, ManifestError> {
    let word = |key: &'static str| {
        let word = document.get(key).and_then(Value::as_str).map(str::to_owned);
        word.ok_or(ManifestError::Untyped(number, key))
    };
    let (version, kind) = (word("apiVersion")?, word("kind")?);
    match Object::decode(&version, &kind, document) {
        Some(Ok(object)) => Ok(object),
        Some(Err(error)) => Err(ManifestError::Field(number, error.to_string())),
        None => Err(ManifestError::Unknown(number, kind, version)),
    }
}
