//! What Go says of values that have the wrong type (`json.UnmarshalTypeError`).

use std::any::type_name;
use std::fmt;

use serde::de::{Expected, Unexpected};

use super::State;
use crate::manifest::node::{Node, Scalar, Value};
use crate::path::Step;

/// A value cannot be read; why, in the words of Go.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(in crate::manifest) struct DecodeError(pub(super) String);

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is text of some kind")]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        use Unexpected::{Bool, Float, Map, Option, Seq, Signed, Unit, Unsigned};
        let found = match found {
            Bool(_) => "bool",
            Unsigned(_) | Signed(_) | Float(_) => "number",
            Seq => "array",
            Map => "object",
            Unit | Option => "null",
            _ => "string",
        };
        Self(format!("json: cannot unmarshal {found} into Go value of type {expected}"))
    }
}

/// The message about a value that is not of the type `go_type`.
pub(super) fn wrong_type(node: &Node, state: &State, go_type: &str) -> String {
    let mut found = node.value.json_kind().to_owned();
    if let Value::Scalar(Scalar::Number(number)) = &node.value
        && go_type.starts_with("int")
    {
        found = format!("number {number}");
    }
    let fields: Vec<&str> = state.path.steps().iter().filter_map(field).collect();
    let into = match state.structs.last() {
        Some(name) if !fields.is_empty() => {
            format!("Go struct field {name}.{} of type {go_type}", fields.join("."))
        }
        Some(_) | None => format!("Go value of type {go_type}"),
    };
    format!("json: cannot unmarshal {found} into {into}")
}

fn field(step: &Step) -> Option<&str> {
    match step {
        Step::Field(name) => Some(name),
        Step::Key(_) | Step::Index(_) => None,
    }
}

/// The Go type that stands for a Rust type of `k8s-openapi`.
pub(super) fn type_of<T>() -> String {
    go_type(type_name::<T>())
}

fn go_type(rust: &str) -> String {
    let generic = rust.strip_suffix('>').and_then(|rust| rust.split_once('<'));
    if let Some((outer, inner)) = generic {
        return match outer.rsplit("::").next() {
            Some("Vec") => format!("[]{}", go_type(inner)),
            Some("BTreeMap") => match inner.split_once(", ") {
                Some((key, value)) => format!("map[{}]{}", go_type(key), go_type(value)),
                None => inner.to_owned(),
            },
            Some(_) | None => go_type(inner),
        };
    }
    match rust.rsplit("::").next().unwrap_or(rust) {
        "String" => "string".to_owned(),
        "i32" => "int32".to_owned(),
        "i64" => "int64".to_owned(),
        "Quantity" => "resource.Quantity".to_owned(),
        "IntOrString" => "intstr.IntOrString".to_owned(),
        name => format!("v1.{name}"),
    }
}
