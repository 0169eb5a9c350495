//! What all objects have (`ValidateObjectMeta()`).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{labels, name, text};
use crate::api::error::Errors;
use crate::path::FieldPath;

/// How many bytes annotations may have.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Checks what all objects have; `name_wrong` says what is wrong with a name.
pub(in crate::api) fn check(
    meta: &ObjectMeta,
    name_wrong: fn(&str) -> Vec<String>,
    errors: &mut Errors,
) {
    let path = FieldPath::new("metadata");
    let (name, prefix) = (text(&meta.name), text(&meta.generate_name));
    if !prefix.is_empty() {
        // More follows, so that it may end as no name does.
        let whole = format!("{}a", prefix.trim_end_matches('-'));
        errors.invalid_all(&path.field("generateName"), prefix, name_wrong(&whole));
    }
    if name.is_empty() {
        errors.required(&path.field("name"), "name or generateName is required");
    } else {
        errors.invalid_all(&path.field("name"), name, name_wrong(name));
    }
    if let Some(namespace) = &meta.namespace {
        errors.invalid_all(&path.field("namespace"), namespace, name::dns1123_label(namespace));
    }
    labels::check(meta.labels.as_ref(), &path.field("labels"), errors);
    check_annotations(meta, &path.field("annotations"), errors);
}

/// Checks annotations. Case means nothing for their keys.
pub(in crate::api) fn check_annotations(meta: &ObjectMeta, path: &FieldPath, errors: &mut Errors) {
    let mut size: usize = 0;
    for (key, value) in meta.annotations.iter().flatten() {
        errors.invalid_all(path, key, name::qualified(&key.to_lowercase()));
        size = size.saturating_add(key.len()).saturating_add(value.len());
    }
    if size > MAX_ANNOTATIONS {
        errors.too_long(path, format!("may not be more than {MAX_ANNOTATIONS} bytes"));
    }
}
