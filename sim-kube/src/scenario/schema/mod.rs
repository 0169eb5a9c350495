//! The fields of a scenario's file.

pub(super) mod expect;
mod step;
mod target;

use std::time::Duration;

pub use target::TargetError;
pub(super) use target::in_namespace;

use super::{Scenario, Serve};
use crate::duration;
use crate::reading::{Fields, Mistakes, Placed, suggest};

/// Reads the root of the file.
pub(super) fn scenario(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Scenario {
    let (name, description) = names(fields, mistakes);
    fields.demand("topology", "\"../topologies/two-nodes.toml\"", mistakes);
    let topology = own_text(fields, "topology", mistakes);
    let manifests = own_texts(fields, "manifests", mistakes);
    let serve = fields.tables("serve", "a server", mistakes);
    let serve = serve.into_iter().filter_map(|fields| self::serve(fields, mistakes)).collect();
    fields.demand_some("step", "[{ ping = { from = \"node-1\", to = \"node-2\" } }]", mistakes);
    let steps = fields.tables("step", "a step", mistakes);
    Scenario {
        name,
        description,
        topology: topology.unwrap_or(Placed { value: String::new(), span: 0..0 }),
        manifests,
        serve,
        steps: steps.into_iter().filter_map(|fields| step::step(fields, mistakes)).collect(),
    }
}

/// What a file calls itself, and what it says about itself.
pub(super) fn names(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> (String, String) {
    let mut own =
        |key| fields.text(key, mistakes).map_or_else(String::new, |text| text.value.to_owned());
    (own("name"), own("description"))
}

/// A text.
pub(super) fn own_text(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    mistakes: &mut Mistakes,
) -> Option<Placed<String>> {
    let text = fields.text(key, mistakes)?;
    said(&text, mistakes)
}

/// A text that says something: an empty one would be found in everything.
fn said(text: &Placed<&str>, mistakes: &mut Mistakes) -> Option<Placed<String>> {
    if text.value.is_empty() {
        mistakes.add(text.span.clone(), "the text is empty");
        return None;
    }
    Some(text.owned())
}

/// The longest time that passes in one go.
const MAX_TIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A time that passes.
pub(super) fn time(text: &Placed<&str>, mistakes: &mut Mistakes) -> Option<Duration> {
    let time = duration::parse(text.value);
    match time {
        Some(time) if time > MAX_TIME => {
            mistakes.add(text.span.clone(), "at most 720h pass in one go");
        }
        Some(_) => return time,
        None => {
            let message = format!("`{}` is not a time such as 1.5s, 300ms or 2h", text.value);
            mistakes.add(text.span.clone(), message);
        }
    }
    None
}

/// A list of texts.
pub(super) fn own_texts(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    mistakes: &mut Mistakes,
) -> Vec<Placed<String>> {
    let texts = fields.texts(key, mistakes);
    texts.iter().filter_map(|text| said(text, mistakes)).collect()
}

/// A text that is one of some words for what `key` says.
pub(super) fn one_of(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    words: &[&str],
    mistakes: &mut Mistakes,
) -> Option<Placed<String>> {
    one_called(fields, key, key, words, mistakes)
}

/// A text that is one of some words for a `what`.
pub(super) fn one_called(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    what: &str,
    words: &[&str],
    mistakes: &mut Mistakes,
) -> Option<Placed<String>> {
    let text = own_text(fields, key, mistakes)?;
    if words.contains(&text.value.as_str()) {
        return Some(text);
    }
    let help = suggest(&text.value, words, || format!("these are: {}", words.join(", ")));
    mistakes.add_with(text.span, format!("there is no {what} `{}`", text.value), help);
    None
}

fn serve(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Serve> {
    fields.demand("on", "\"outside\"", mistakes);
    fields.demand("port", "80", mistakes);
    let on = own_text(&mut fields, "on", mistakes);
    let port = fields.number("port", 1..65_536, mistakes);
    fields.finish(mistakes);
    Some(Serve { on: on?, port: u16::try_from(port?.value).ok()? })
}
