//! How objects are written in transcripts.

use std::collections::BTreeMap;

use k8s_openapi::serde::Serialize;
use serde_json::Value;

/// What differs from run to run.
const DROPPED: &[&str] = &[
    "uid",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
    "observedGeneration",
    "lastTransitionTime",
    "lastUpdateTime",
    "lastProbeTime",
    "startTime",
    "completionTime",
];

/// An object as JSON, without those of its fields.
pub(super) fn object(object: &impl Serialize, without: &[&str]) -> String {
    let mut value = serde_json::to_value(object).unwrap();
    if let Value::Object(map) = &mut value {
        map.retain(|name, _| !without.contains(&name.as_str()));
    }
    tidy(value).to_string()
}

/// Takes out what differs from run to run, and what says nothing.
fn tidy(value: Value) -> Value {
    let says_something = |value: &Value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    match value {
        Value::Array(list) => list.into_iter().map(tidy).collect(),
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(name, _)| !DROPPED.contains(&name.as_str()));
            let kept = kept.map(|(name, value)| (name, tidy(value)));
            let kept: BTreeMap<String, Value> =
                kept.filter(|(_, value)| says_something(value)).collect();
            Value::Object(kept.into_iter().collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
