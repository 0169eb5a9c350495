//! Templates of pods.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use super::pod;
use crate::api::checks::{labels, meta, name, text};
use crate::api::error::Errors;
use crate::path::FieldPath;

/// Sets what a template does not say.
pub(super) fn set_defaults(template: &mut PodTemplateSpec) {
    pod::set_spec_defaults(template.spec.get_or_insert_default());
}

/// Checks a template.
pub(super) fn check(template: &PodTemplateSpec, path: &FieldPath, errors: &mut Errors) {
    let labels = template.metadata.as_ref().and_then(|meta| meta.labels.as_ref());
    // The API server leaves `metadata` out of these paths.
    labels::check_at(labels, &path.field("labels"), &path.field("metadata.labels"), errors);
    if let Some(meta) = &template.metadata {
        meta::check_annotations(meta, &path.field("annotations"), errors);
        errors.written_as(&path.field("annotations"), &path.field("metadata.annotations"));
    }
    let spec = template.spec.clone().unwrap_or_default();
    pod::check_spec(&spec, &path.field("spec"), errors);
}

/// Checks a template of pods that are started again, and that `selector` selects them; `unreadable` is what is said of
/// a selector that means nothing.
pub(super) fn check_selected(
    template: &PodTemplateSpec,
    selector: &LabelSelector,
    unreadable: Option<&str>,
    spec: &FieldPath,
    errors: &mut Errors,
) {
    let path = spec.field("template");
    let labels = template.metadata.as_ref().and_then(|meta| meta.labels.as_ref());
    if !labels::is_readable(selector) {
        if let Some(why) = unreadable {
            // What it would have to select is not looked at then.
            return errors.invalid(&spec.field("selector"), &selector_json(selector), why);
        }
    } else if is_missing(selector) || !labels::matches(selector, labels) {
        let path = path.field("metadata.labels");
        errors.invalid(&path, &labels, "`selector` does not match template `labels`");
    }
    check(template, &path, errors);
    let policy = template.spec.as_ref().map_or("", |spec| text(&spec.restart_policy));
    if matches!(policy, "OnFailure" | "Never") {
        errors.unsupported(&path.field("spec.restartPolicy"), policy, &["Always"]);
    }
}

/// Checks a selector that has to be there: `why` says what is wrong with one that says nothing.
pub(super) fn check_selector(
    selector: &LabelSelector,
    spec: &FieldPath,
    why: &str,
    errors: &mut Errors,
) {
    let path = spec.field("selector");
    if is_missing(selector) {
        return errors.required(&path, "");
    }
    labels::check_selector(selector, &path, errors);
    if labels::is_empty(selector) {
        errors.invalid(&path, &selector_json(selector), why);
    }
}

/// Whether there is no selector, which selects nothing; `{}` cannot be told from that.
fn is_missing(selector: &LabelSelector) -> bool {
    *selector == LabelSelector::default()
}

/// Checks that a selector stays as it was.
pub(super) fn check_same_selector(
    selector: &LabelSelector,
    old: &LabelSelector,
    errors: &mut Errors,
) {
    if selector != old {
        let path = FieldPath::new("spec.selector");
        errors.invalid(&path, &selector_json(selector), "field is immutable");
    }
}

/// How a selector prints in messages: in the order of the API server's own type, without what has nothing in it.
pub(super) fn selector_json(selector: &LabelSelector) -> Value {
    let labels = selector.match_labels.as_ref().filter(|labels| !labels.is_empty());
    let requirements = selector.match_expressions.as_ref().filter(|all| !all.is_empty());
    let fields = [
        ("matchLabels", labels.map(|labels| json!(labels))),
        ("matchExpressions", requirements.map(|all| json!(all))),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(fields.collect())
}

/// How a strategy of replacing pods prints in messages, which have the names of the API server's own types.
pub(super) fn strategy_json(kind: &str, rolling_update: Option<Value>) -> Value {
    json!({"Type": kind, "RollingUpdate": rolling_update})
}

/// Checks a number of pods or a share of them, and answers the number.
pub(super) fn check_share(
    share: Option<&IntOrString>,
    path: &FieldPath,
    errors: &mut Errors,
) -> i32 {
    match share {
        None => 0,
        Some(IntOrString::Int(number)) => {
            check_not_negative(Some(*number), path, errors);
            *number
        }
        Some(IntOrString::String(text)) => {
            let digits = text.strip_suffix('%').unwrap_or_default();
            let is_percent = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if !is_percent {
                errors.invalid(path, text, name::percent());
                return 0;
            }
            let percent = digits.parse().unwrap_or(i32::MAX);
            if percent > 100 {
                errors.invalid(path, text, "must not be greater than 100%");
            }
            percent
        }
    }
}

/// Checks that a number is not negative.
pub(super) fn check_not_negative(number: Option<i32>, path: &FieldPath, errors: &mut Errors) {
    if let Some(number) = number.filter(|number| *number < 0) {
        errors.invalid(path, &number, "must be greater than or equal to 0");
    }
}
