//! From values to objects: each field has to be one that the kind has, and of its type
//! (`fieldValidation=Strict`).

mod access;
mod go;

use std::any::type_name;

use serde::Deserializer;
use serde::de::{IntoDeserializer as _, Visitor};

use super::mistake::{Mistake, MistakeKind};
use super::node::{Node, Place, Scalar, Value};
use crate::object::Object;
use crate::path::{FieldPath, Step};

use access::{Fields, Items};
use go::DecodeError;

/// How many fields of a wrong type are told of in one document.
const MAX_WRONG: usize = 100;

/// Why there is no object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NoObject {
    /// Its kind is not modelled.
    Unmodelled,
    /// Too much is wrong with it.
    Wrong,
}

/// Reads an object of a kind. What is wrong is added to `mistakes`, and then the object is not the one that was meant.
pub(super) fn object(
    version: &str,
    kind: &str,
    document: &Node,
    mistakes: &mut Vec<Mistake>,
) -> Result<Object, NoObject> {
    // What has a wrong type is taken away, for the next such field to be found.
    let mut rest = document.clone();
    let short = version.rsplit('/').next().unwrap_or(version);
    for _ in 0..MAX_WRONG {
        let mut state = State::default();
        let decoder = Decoder { node: &rest, state: &mut state };
        match Object::decode(version, kind, decoder).ok_or(NoObject::Unmodelled)? {
            Ok(object) => {
                mistakes.extend(
                    state.unknown.into_iter().map(|(place, path)| Mistake {
                        place,
                        kind: MistakeKind::UnknownField(path),
                    }),
                );
                return Ok(object);
            }
            Err(DecodeError(message)) => {
                let place = rest.place_of(&state.path);
                let is_metadata = state.path.steps().first() == Some(&field("metadata"));
                let kind = if is_metadata {
                    MistakeKind::Metadata(message)
                } else {
                    let (version, kind) = (short.to_owned(), kind.to_owned());
                    MistakeKind::Type { kind, version, message }
                };
                mistakes.push(Mistake { place, kind });
                if !rest.clear(&state.path) {
                    break;
                }
            }
        }
    }
    Err(NoObject::Wrong)
}

/// Where decoding is. An error leaves the path as it is: it is the way to the error.
#[derive(Debug, Default)]
struct State {
    path: FieldPath,
    /// The Go types around the value, from the outside.
    structs: Vec<&'static str>,
    /// Where the key of the value is.
    key: Option<Place>,
    unknown: Vec<(Place, FieldPath)>,
}

/// Reads a value.
#[derive(Debug)]
struct Decoder<'a> {
    node: &'a Node,
    state: &'a mut State,
}

impl Decoder<'_> {
    /// What Go says of a value that is not of the type it should be.
    fn wrong<T>(&self, go_type: &str) -> Result<T, DecodeError> {
        Err(DecodeError(go::wrong_type(self.node, self.state, go_type)))
    }

    fn integer(&self, go_type: &str, bits: u32) -> Result<i64, DecodeError> {
        let number = match &self.node.value {
            Value::Null => Some(0),
            // What has no fraction is an integer, however it is written.
            Value::Scalar(Scalar::Number(number)) => number
                .as_i64()
                .or_else(|| number.as_f64().and_then(|number| number.to_string().parse().ok())),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
        };
        let fits = |number: &i64| bits == 64 || i32::try_from(*number).is_ok();
        number.filter(fits).map_or_else(|| self.wrong(go_type), Ok)
    }

    fn items<'de, V: Visitor<'de>>(
        self,
        items: &[Node],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(Items::new(items, self.state))
    }
}

/// An entry of a map, as a step.
type ToStep = fn(&str) -> Step;

impl<'de> Deserializer<'de> for Decoder<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        // What may be a number or text is read as a number if it is no text.
        let is_text = matches!(self.node.value, Value::Scalar(Scalar::Text(_)));
        if type_name::<V::Value>().ends_with("::IntOrString") && !is_text {
            return self.deserialize_i32(visitor);
        }
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Scalar(Scalar::Bool(value)) => visitor.visit_bool(*value),
            Value::Scalar(Scalar::Number(number)) => {
                number.deserialize_any(visitor).map_err(|error| DecodeError(error.to_string()))
            }
            Value::Scalar(Scalar::Text(text)) => visitor.visit_str(text),
            Value::List(items) => self.items(items, visitor),
            Value::Map(entries) => visitor.visit_map(Fields::new(entries, self.state, key)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node.value {
            Value::Null => visitor.visit_bool(false),
            Value::Scalar(Scalar::Bool(value)) => visitor.visit_bool(value),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => self.wrong("bool"),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_i64(self.integer("int32", 32)?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_i64(self.integer("int64", 64)?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Null => visitor.visit_str(""),
            Value::Scalar(Scalar::Text(text)) => visitor.visit_str(text),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => self.wrong("string"),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Null => self.items(&[], visitor),
            Value::List(items) => self.items(items, visitor),
            Value::Scalar(_) | Value::Map(_) => self.wrong(&go::type_of::<V::Value>()),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Null => visitor.visit_map(Fields::new(&[], self.state, key)),
            Value::Map(entries) => visitor.visit_map(Fields::new(entries, self.state, key)),
            Value::Scalar(_) | Value::List(_) => self.wrong(&go::type_of::<V::Value>()),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let entries: &[_] = match &self.node.value {
            Value::Null => &[],
            Value::Map(entries) => entries,
            Value::Scalar(_) | Value::List(_) => return self.wrong(&format!("v1.{name}")),
        };
        self.state.structs.push(name);
        let value = visitor.visit_map(Fields::new(entries, self.state, field))?;
        self.state.structs.pop();
        Ok(value)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Scalar(Scalar::Text(text)) => {
                visitor.visit_enum(text.as_str().into_deserializer())
            }
            Value::Null | Value::Scalar(_) | Value::List(_) | Value::Map(_) => self.wrong("string"),
        }
    }

    /// What nobody wants to have is a field that its kind does not have.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let place = self.state.key.unwrap_or(self.node.place);
        self.state.unknown.push((place, self.state.path.clone()));
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

fn field(name: &str) -> Step {
    Step::Field(name.to_owned())
}

fn key(key: &str) -> Step {
    Step::Key(key.to_owned())
}
