//! The fields of a scenario's file.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::walk::Verdict;
use super::{Action, Expect, Scenario, Serve, Step, Target, TargetHost};
use crate::reading::{Fields, Mistakes, Placed, closest};

/// The words for what the one who acts sees.
const RESULTS: [&str; 7] =
    ["answered", "refused", "unreachable", "timed out", "denied", "no answer", "failed"];
/// The words for what of a packet is translated.
const NAT: [&str; 4] = ["none", "source", "destination", "both"];

/// Reads the root of the file.
pub(super) fn scenario(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Scenario {
    let mut own = |key, mistakes: &mut Mistakes| {
        fields.text(key, mistakes).map_or_else(String::new, |text| text.value.to_owned())
    };
    let (name, description) = (own("name", mistakes), own("description", mistakes));
    fields.demand("topology", "\"../topologies/two-nodes.toml\"", mistakes);
    let topology = file(fields, "topology", mistakes);
    let manifests = owned(fields.texts("manifests", mistakes));
    let serve = fields.tables("serve", "a server", mistakes);
    let serve = serve.into_iter().filter_map(|fields| self::serve(fields, mistakes)).collect();
    fields.demand("step", "[{ ping = { from = \"node-1\", to = \"node-2\" } }]", mistakes);
    let steps = fields.tables("step", "a step", mistakes);
    Scenario {
        name,
        description,
        topology: topology.unwrap_or(Placed { value: String::new(), span: 0..0 }),
        manifests,
        serve,
        steps: steps.into_iter().filter_map(|fields| step(fields, mistakes)).collect(),
    }
}

fn owned(texts: Vec<Placed<&str>>) -> Vec<Placed<String>> {
    let owned = |text: Placed<&str>| Placed { value: text.value.to_owned(), span: text.span };
    texts.into_iter().map(owned).collect()
}

fn file(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    mistakes: &mut Mistakes,
) -> Option<Placed<String>> {
    let text = fields.text(key, mistakes)?;
    Some(Placed { value: text.value.to_owned(), span: text.span })
}

fn serve(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Serve> {
    fields.demand("on", "\"outside\"", mistakes);
    fields.demand("port", "80", mistakes);
    let on = file(&mut fields, "on", mistakes);
    let port = fields.number("port", 1..65_536, mistakes);
    fields.finish(mistakes);
    Some(Serve { on: on?, port: u16::try_from(port?.value).ok()? })
}

/// What a step does: the field that says so.
const ACTIONS: [&str; 6] = ["ping", "connect", "udp", "http", "run", "wait"];

fn step(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Step> {
    let span = fields.span();
    let name = fields.text("name", mistakes).map_or_else(String::new, |name| name.value.to_owned());
    let given: Vec<&str> = ACTIONS.into_iter().filter(|action| fields.has(action)).collect();
    let mut actions: Vec<Option<Action>> = Vec::new();
    for kind in ACTIONS {
        if let Some(action) = action(&mut fields, kind, mistakes) {
            actions.push(action);
        }
    }
    let expect = fields.table("expect", "what is expected", mistakes);
    let expect = expect.map(|fields| self::expect(fields, mistakes)).unwrap_or_default();
    fields.finish(mistakes);
    match given[..] {
        [_] => Some(Step { name, action: actions.pop()??, expect, span }),
        [] => {
            let help = format!("one of {}", ACTIONS.join(", "));
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

/// Reads an action of this kind; `None` if the step has none, and nothing in it if something is wrong with it.
fn action(
    fields: &mut Fields<'_, '_>,
    kind: &'static str,
    mistakes: &mut Mistakes,
) -> Option<Option<Action>> {
    if kind == "wait" {
        let wait = fields.parsed::<Seconds>("wait", "a time such as 1.5s", mistakes);
        return fields.has("wait").then(|| wait.map(|wait| Action::Wait(wait.value.0)));
    }
    let there = fields.has(kind);
    let table = fields.table(kind, "an action", mistakes);
    let Some(mut fields) = table else { return there.then_some(None) };
    if kind == "run" {
        fields.demand("on", "\"node-1\"", mistakes);
        fields.demand("command", "\"ip route\"", mistakes);
        let on = file(&mut fields, "on", mistakes);
        let command = fields.text("command", mistakes);
        fields.finish(mistakes);
        let argv = command.map(|command| words(command.value));
        return Some(on.zip(argv).map(|(on, argv)| Action::Run { on, argv }));
    }
    fields.demand("from", "\"node-1\"", mistakes);
    fields.demand("to", "\"10.0.0.2\"", mistakes);
    let from = file(&mut fields, "from", mistakes);
    let to = fields.parsed::<Target>("to", "whom to send to, such as svc/web:80", mistakes);
    fields.finish(mistakes);
    let (Some(from), Some(to)) = (from, to) else { return Some(None) };
    let needs_port = kind != "ping";
    if needs_port != to.value.port.is_some() {
        let what = if needs_port { "needs a port" } else { "has no port" };
        mistakes.add(to.span, format!("`{kind}` {what}"));
        return Some(None);
    }
    Some(Some(match kind {
        "ping" => Action::Ping { from, to },
        "connect" => Action::Connect { from, to },
        "udp" => Action::Udp { from, to },
        _ => Action::Http { from, to },
    }))
}

/// The words of a command: blanks part them, unless quotes hold them together.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (Some(_) | None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn expect(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Expect {
    let result = one_of(&mut fields, "result", &RESULTS, mistakes);
    let verdict = one_of(&mut fields, "verdict", &Verdict::WORDS, mistakes);
    let nat = one_of(&mut fields, "nat", &NAT, mistakes);
    let expect = Expect {
        result,
        verdict,
        at: file(&mut fields, "at", mistakes),
        rule: file(&mut fields, "rule", mistakes),
        source: file(&mut fields, "source", mistakes),
        destination: file(&mut fields, "destination", mistakes),
        nat,
        path: owned(fields.texts("path", mistakes)),
        avoids: owned(fields.texts("avoids", mistakes)),
        rules: owned(fields.texts("rules", mistakes)),
        output: owned(fields.texts("output", mistakes)),
    };
    fields.finish(mistakes);
    expect
}

/// A text that is one of some words.
fn one_of(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    words: &[&str],
    mistakes: &mut Mistakes,
) -> Option<Placed<String>> {
    let text = file(fields, key, mistakes)?;
    if words.contains(&text.value.as_str()) {
        return Some(text);
    }
    let help = match closest(&text.value, words) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("these are: {}", words.join(", ")),
    };
    mistakes.add_with(text.span, format!("there is no {key} `{}`", text.value), help);
    None
}

/// Why a text says nobody.
#[derive(Debug)]
pub struct NoTarget;

impl fmt::Display for NoTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "it is an address, a machine, svc/NAME or pod/NAME, and perhaps a port behind `:`",
        )
    }
}

/// `10.0.0.1`, `node-1:30080`, `svc/web:80`, `svc/web.shop:80`, `pod/client`.
impl FromStr for Target {
    type Err = NoTarget;

    fn from_str(text: &str) -> Result<Self, NoTarget> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| NoTarget)?)),
            None => (text, None),
        };
        let in_namespace = |name: &str| match name.rsplit_once('.') {
            Some((name, namespace)) => (namespace.to_owned(), name.to_owned()),
            None => ("default".to_owned(), name.to_owned()),
        };
        let host = match host.split_once('/') {
            Some(("svc", name)) if !name.is_empty() => {
                let (namespace, name) = in_namespace(name);
                TargetHost::Service(namespace, name)
            }
            Some(("pod", name)) if !name.is_empty() => {
                let (namespace, name) = in_namespace(name);
                TargetHost::Pod(namespace, name)
            }
            Some(_) => return Err(NoTarget),
            None if host.is_empty() => return Err(NoTarget),
            None => {
                host.parse().map_or_else(|_| TargetHost::Machine(host.to_owned()), TargetHost::Ip)
            }
        };
        Ok(Self { host, port })
    }
}

/// A time in seconds: `1.5s`.
struct Seconds(Duration);

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_suffix('s').ok_or("it ends in `s`")?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let millis = format!("{fraction:0<3}");
        let parsed =
            whole.parse::<u64>().ok().zip(millis.get(..3).and_then(|m| m.parse::<u64>().ok()));
        let (seconds, millis) = parsed.ok_or("it is a number of seconds")?;
        Ok(Self(Duration::from_millis(seconds.saturating_mul(1000).saturating_add(millis))))
    }
}
