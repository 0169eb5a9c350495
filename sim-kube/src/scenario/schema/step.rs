//! A step, as files write it.

use super::super::command::words;
use super::super::packet::Packet;
use super::super::{Action, Content, Doomed, Question, Step, Target};
use super::expect::expect;
use super::{one_of, own_text, time};
use crate::reading::{self, Fields, Mistakes, Placed};

/// Reads an action from the table that says it; nothing if something is wrong with it.
type Read = fn(&mut Fields<'_, '_>, &mut Mistakes) -> Option<Action>;

/// What a step can do: the field that says so, and what reads its table.
const ACTIONS: [(&str, Read); 9] = [
    ("ping", |fields, mistakes| ask(fields, Question::Ping, mistakes)),
    ("connect", |fields, mistakes| ask(fields, Question::Connect, mistakes)),
    ("udp", |fields, mistakes| ask(fields, Question::Udp, mistakes)),
    ("http", |fields, mistakes| ask(fields, Question::Http, mistakes)),
    ("frame", frame),
    ("run", run),
    ("sysctl", sysctl),
    ("link", link),
    ("netem", netem),
];
/// Those that are not said by a table.
const OTHERS: [(&str, Read); 3] = [("wait", wait), ("apply", apply), ("delete", delete)];

pub(super) fn step(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Step> {
    let span = fields.span();
    let name = fields.text("name", mistakes).map_or_else(String::new, |name| name.value.to_owned());
    let kinds = || ACTIONS.iter().chain(&OTHERS).map(|(kind, _)| *kind);
    let given: Vec<&str> = kinds().filter(|kind| fields.has(kind)).collect();
    let mut action = None;
    for (kind, read) in ACTIONS {
        if let Some(mut fields) = fields.table(kind, "an action", mistakes) {
            action = read(&mut fields, mistakes);
            fields.finish(mistakes);
        }
    }
    for (_, read) in OTHERS {
        if let Some(read) = read(&mut fields, mistakes) {
            action = Some(read);
        }
    }
    let expect = fields.table("expect", "what is expected", mistakes);
    let expect = expect.map(|fields| self::expect(fields, mistakes)).unwrap_or_default();
    fields.finish(mistakes);
    match given[..] {
        [_] => Some(Step { name, action: action?, expect, span }),
        [] => {
            let help = format!("one of {}", kinds().collect::<Vec<_>>().join(", "));
            mistakes.add_with(span, "the step does nothing", help);
            None
        }
        [..] => {
            let help = "one step does one thing; write another one below it";
            mistakes.add_with(span, format!("the step has {}", given.join(" and ")), help);
            None
        }
    }
}

fn ask(fields: &mut Fields<'_, '_>, what: Question, mistakes: &mut Mistakes) -> Option<Action> {
    fields.demand("from", "\"node-1\"", mistakes);
    fields.demand("to", "\"10.0.0.2\"", mistakes);
    let from = own_text(fields, "from", mistakes);
    let to = fields.parsed::<Target>("to", "whom to send to, such as svc/web:80", mistakes);
    let (from, to) = (from?, to?);
    let needs_port = what != Question::Ping;
    if needs_port != to.value.port.is_some() {
        let what = if needs_port { "this needs a port" } else { "an echo request has no port" };
        mistakes.add(to.span, what);
        return None;
    }
    Some(Action::Ask { what, from, to })
}

fn frame(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Action> {
    let (on, dev) = device(fields, mistakes);
    let form = "a packet such as `udp 10.0.0.9:4000 > 10.0.0.1:53`";
    let packet = fields.parsed::<Packet>("packet", form, mistakes);
    let hex = fields.text("hex", mistakes);
    let content = match (packet, hex) {
        (Some(packet), None) => Content::Packet(packet.value),
        (None, Some(hex)) => {
            let bytes = sim_core::packet::hex::from_hex(hex.value);
            let Some(bytes) = bytes.filter(|bytes| bytes.len() >= 14) else {
                let help = "an even number of hex digits, from the Ethernet header on";
                mistakes.add_with(hex.span, "these are not the bytes of a frame", help);
                return None;
            };
            Content::Bytes(bytes)
        }
        (None, None) if fields.has("packet") => return None,
        (None | Some(_), None | Some(_)) => {
            let help = "for example `packet = \"udp 10.0.0.9:4000 > 10.0.0.1:53\"`";
            mistakes.add_with(fields.span(), "a frame has either `packet` or `hex`", help);
            return None;
        }
    };
    Some(Action::Frame { on: on?, dev: dev?, content })
}

/// A device, and where it is.
fn device(
    fields: &mut Fields<'_, '_>,
    mistakes: &mut Mistakes,
) -> (Option<Placed<String>>, Option<Placed<String>>) {
    fields.demand("on", "\"node-1\"", mistakes);
    fields.demand("dev", "\"eth0\"", mistakes);
    (own_text(fields, "on", mistakes), own_text(fields, "dev", mistakes))
}

fn run(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Action> {
    fields.demand("on", "\"node-1\"", mistakes);
    fields.demand("command", "\"ip route\"", mistakes);
    let on = own_text(fields, "on", mistakes);
    let command = fields.text("command", mistakes)?;
    match words(command.value) {
        Ok(argv) => Some(Action::Run { on: on?, argv }),
        Err(error) => {
            mistakes.add(command.span, error.to_string());
            None
        }
    }
}

/// What runs a command that fields say.
fn command(on: Option<Placed<String>>, words: &[&str]) -> Option<Action> {
    let argv = words.iter().map(|word| (*word).to_owned()).collect();
    Some(Action::Run { on: on?, argv })
}

fn sysctl(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Action> {
    fields.demand("on", "\"node-1\"", mistakes);
    fields.demand("name", "\"net.ipv4.ip_forward\"", mistakes);
    fields.demand("value", "\"1\"", mistakes);
    let on = own_text(fields, "on", mistakes);
    let (name, value) = (fields.text("name", mistakes)?, fields.text("value", mistakes)?);
    command(on, &["sysctl", "-w", &format!("{}={}", name.value, value.value)])
}

fn link(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Action> {
    let (on, dev) = device(fields, mistakes);
    fields.demand("state", "\"down\"", mistakes);
    let state = one_of(fields, "state", &["up", "down"], mistakes)?;
    command(on, &["ip", "link", "set", "dev", &dev?.value, &state.value])
}

/// Loss and delay of what a device sends, as `tc` has them; without both, they end.
fn netem(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Action> {
    let (on, dev) = device(fields, mistakes);
    let (loss, delay) = (fields.text("loss", mistakes), fields.text("delay", mistakes));
    let dev = dev?;
    let end = ["dev", &dev.value, "root"];
    if loss.is_none() && delay.is_none() {
        return command(on, &[&["tc", "qdisc", "del"], &end[..]].concat());
    }
    let mut argv = [&["tc", "qdisc", "replace"], &end[..], &["netem"]].concat();
    for (word, value) in [("delay", &delay), ("loss", &loss)] {
        argv.extend(value.iter().flat_map(|value| [word, value.value]));
    }
    command(on, &argv)
}

fn wait(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Action> {
    let text = fields.text("wait", mistakes)?;
    time(&text, mistakes).map(Action::Wait)
}

fn apply(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Action> {
    if !fields.has("apply") {
        return None;
    }
    fields.demand_some("apply", "[\"web.yaml\"]", mistakes);
    let files = fields.one_or_more_texts("apply", mistakes);
    let files: Vec<Placed<String>> = files.iter().map(Placed::owned).collect();
    (!files.is_empty()).then_some(Action::Apply(files))
}

fn delete(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Action> {
    if !fields.has("delete") {
        return None;
    }
    fields.demand_some("delete", "[\"pod/web-1\"]", mistakes);
    let texts = fields.one_or_more_texts("delete", mistakes);
    let form = "what can be deleted, such as pod/web-1";
    let doomed = texts.iter().filter_map(|text| reading::parse(text, form, mistakes));
    let doomed: Vec<Placed<Doomed>> = doomed.collect();
    (!doomed.is_empty()).then_some(Action::Delete(doomed))
}
