//! What all objects have (`ValidateObjectMeta()`).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::{labels, list, name, text};
use crate::api::error::Errors;
use crate::path::FieldPath;

/// How many bytes annotations may have.
const MAX_ANNOTATIONS: usize = 256 * 1024;
/// The finalizers of Kubernetes' own.
const FINALIZERS: &[&str] = &["kubernetes", "orphan", "foregroundDeletion"];

/// Checks what all objects have; `name_wrong` says what is wrong with a name.
pub(in crate::api) fn check(
    meta: &ObjectMeta,
    name_wrong: impl Fn(&str) -> Vec<String>,
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
    check_finalizers(list(&meta.finalizers), &path.field("finalizers"), errors);
    for owner in list(&meta.owner_references) {
        check_owner(owner, &path.field("ownerReferences"), errors);
    }
}

/// Checks the names of those who have to agree before an object goes.
fn check_finalizers(finalizers: &[String], path: &FieldPath, errors: &mut Errors) {
    for (i, finalizer) in finalizers.iter().enumerate() {
        errors.invalid_all_at(path, &path.index(i), finalizer, name::qualified(finalizer));
        check_finalizer(finalizer, &path.index(i), errors);
    }
}

/// Checks that the name of a finalizer says whose it is, if it is not one of Kubernetes' own.
pub(in crate::api) fn check_finalizer(finalizer: &str, path: &FieldPath, errors: &mut Errors) {
    if !finalizer.contains('/') && !FINALIZERS.contains(&finalizer) {
        let why = "name is neither a standard finalizer name nor is it fully qualified";
        errors.invalid(path, finalizer, why);
    }
}

/// Checks who an object belongs to. The API server does not say which one of several it is.
fn check_owner(owner: &OwnerReference, path: &FieldPath, errors: &mut Errors) {
    let fields = [
        ("apiVersion", &owner.api_version, "version must not be empty"),
        ("kind", &owner.kind, "must not be empty"),
        ("name", &owner.name, "must not be empty"),
        ("uid", &owner.uid, "must not be empty"),
    ];
    for (field, value, why) in fields.iter().filter(|(_, value, _)| value.is_empty()) {
        errors.invalid(&path.field(field), value, *why);
    }
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
