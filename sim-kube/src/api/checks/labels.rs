//! Labels, and what selects by them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::list;
use super::name;
use crate::api::error::Errors;
use crate::path::FieldPath;

/// Keys, and values.
pub(in crate::api) type Labels = BTreeMap<String, String>;

/// Checks labels.
pub(in crate::api) fn check(labels: Option<&Labels>, path: &FieldPath, errors: &mut Errors) {
    check_at(labels, path, path, errors);
}

/// Checks labels that people write elsewhere than messages say.
pub(in crate::api) fn check_at(
    labels: Option<&Labels>,
    path: &FieldPath,
    written: &FieldPath,
    errors: &mut Errors,
) {
    for (key, value) in labels.into_iter().flatten() {
        let written = written.key(key);
        errors.invalid_all_at(path, &written, key, name::qualified(key));
        errors.invalid_all_at(path, &written, value, name::label_value(value));
    }
}

/// Checks a selector.
pub(in crate::api) fn check_selector(
    selector: &LabelSelector,
    path: &FieldPath,
    errors: &mut Errors,
) {
    check(selector.match_labels.as_ref(), &path.field("matchLabels"), errors);
    for (i, requirement) in list(&selector.match_expressions).iter().enumerate() {
        check_requirement(requirement, &path.field("matchExpressions").index(i), errors);
    }
}

fn check_requirement(
    requirement: &LabelSelectorRequirement,
    path: &FieldPath,
    errors: &mut Errors,
) {
    let values = list(&requirement.values);
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => errors.required(
            &path.field("values"),
            "must be specified when `operator` is 'In' or 'NotIn'",
        ),
        "Exists" | "DoesNotExist" if !values.is_empty() => errors.forbidden(
            &path.field("values"),
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => errors.invalid(&path.field("operator"), other, "not a valid selector operator"),
    }
    errors.invalid_all(&path.field("key"), &requirement.key, name::qualified(&requirement.key));
    for (i, value) in values.iter().enumerate() {
        errors.invalid_all(&path.field("values").index(i), value, name::label_value(value));
    }
}

/// Whether a selector means something.
pub(in crate::api) fn is_readable(selector: &LabelSelector) -> bool {
    let is_key = |key: &str| name::qualified(key).is_empty();
    let is_value = |value: &str| name::label_value(value).is_empty();
    let mut labels = selector.match_labels.iter().flatten();
    let mut requirements = list(&selector.match_expressions).iter();
    labels.all(|(key, value)| is_key(key) && is_value(value))
        && requirements.all(|requirement| {
            let values = list(&requirement.values);
            let has_operands = match requirement.operator.as_str() {
                "In" | "NotIn" => !values.is_empty(),
                "Exists" | "DoesNotExist" => values.is_empty(),
                _ => false,
            };
            has_operands && is_key(&requirement.key) && values.iter().all(|value| is_value(value))
        })
}

/// Whether a selector says anything.
pub(in crate::api) fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
        && list(&selector.match_expressions).is_empty()
}

/// Whether a selector selects what has these labels; one that says nothing selects all.
pub(in crate::api) fn matches(selector: &LabelSelector, labels: Option<&Labels>) -> bool {
    let get = |key: &str| labels.and_then(|labels| labels.get(key));
    let has = |requirement: &LabelSelectorRequirement| {
        let value = get(&requirement.key);
        let is_listed = value.is_some_and(|value| list(&requirement.values).contains(value));
        match requirement.operator.as_str() {
            "In" => is_listed,
            "NotIn" => !is_listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    };
    selector.match_labels.iter().flatten().all(|(key, value)| get(key) == Some(value))
        && list(&selector.match_expressions).iter().all(has)
}
