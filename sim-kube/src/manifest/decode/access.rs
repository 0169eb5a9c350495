//! The items of lists and the entries of maps.

use serde::de::{DeserializeSeed, IntoDeserializer as _, MapAccess, SeqAccess};

use super::go::DecodeError;
use super::{Decoder, State, ToStep};
use crate::manifest::node::{Entry, Node};
use crate::path::Step;

/// The items of a list.
#[derive(Debug)]
pub(super) struct Items<'a> {
    items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    state: &'a mut State,
}

impl<'a> Items<'a> {
    pub(super) fn new(items: &'a [Node], state: &'a mut State) -> Self {
        Self { items: items.iter().enumerate(), state }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        self.state.path.push(Step::Index(index));
        let value = seed.deserialize(Decoder { node, state: &mut *self.state })?;
        self.state.path.pop();
        Ok(Some(value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a map, or the fields of an object.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    entries: std::slice::Iter<'a, Entry>,
    value: Option<&'a Entry>,
    state: &'a mut State,
    to_step: ToStep,
}

impl<'a> Fields<'a> {
    pub(super) fn new(entries: &'a [Entry], state: &'a mut State, to_step: ToStep) -> Self {
        Self { entries: entries.iter(), value: None, state, to_step }
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        self.value = self.entries.next();
        let key = |entry: &Entry| seed.deserialize(entry.key.as_str().into_deserializer());
        self.value.map(key).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let Some(entry) = self.value.take() else {
            return Err(DecodeError("a value without a key".to_owned()));
        };
        self.state.path.push((self.to_step)(&entry.key));
        self.state.key = Some(entry.place);
        let value = seed.deserialize(Decoder { node: &entry.node, state: &mut *self.state })?;
        self.state.path.pop();
        Ok(value)
    }
}
