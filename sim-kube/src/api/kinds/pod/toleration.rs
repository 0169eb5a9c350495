//! Tolerations of taints (`ValidateTolerations()`).

use k8s_openapi::api::core::v1::Toleration;

use crate::api::checks::{name, text};
use crate::api::error::Errors;
use crate::path::FieldPath;

/// What taints do.
const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Checks a toleration.
pub(super) fn check(toleration: &Toleration, path: &FieldPath, errors: &mut Errors) {
    let (key, value) = (text(&toleration.key), text(&toleration.value));
    let (operator, effect) = (text(&toleration.operator), text(&toleration.effect));
    let operator_path = path.field("operator");
    if !key.is_empty() {
        errors.invalid_all(&path.field("key"), key, name::qualified(key));
    } else if operator != "Exists" {
        let why = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        errors.invalid(&operator_path, operator, why);
    }
    if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
        let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        errors.invalid(&path.field("effect"), effect, why);
    }
    match operator {
        // The API server says of values that it is the operator that is wrong.
        "" | "Equal" => {
            let wrong = name::label_value(value);
            errors.invalid_all_at(
                &operator_path,
                &path.field("value"),
                value,
                (!wrong.is_empty()).then(|| wrong.join(";")),
            );
        }
        "Exists" if !value.is_empty() => {
            let why = "value must be empty when `operator` is 'Exists'".to_owned();
            errors.invalid_all_at(&operator_path, &path.field("value"), value, [why]);
        }
        "Exists" => {}
        other => errors.unsupported(&operator_path, other, &["Equal", "Exists"]),
    }
    if !effect.is_empty() && !EFFECTS.contains(&effect) {
        errors.unsupported(&path.field("effect"), effect, EFFECTS);
    }
}
