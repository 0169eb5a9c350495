//! What has to come of a step.

use std::ops::Range;

use super::Expect;
use super::print;
use super::run::{Done, netns_name};
use super::walk::{Met, Verdict, Walk};
use crate::reading::Placed;

/// Something that is not as it was expected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// Where the expectation stands.
    pub span: Range<usize>,
    /// What was expected, and what was seen.
    pub message: String,
}

/// Compares what came of a step with what was expected.
pub(super) fn check(expect: &Expect, done: &Done) -> Vec<Failure> {
    let mut failures = Vec::new();
    if let Some(wanted) = &expect.result {
        compare("the result", wanted, done.result, &mut failures);
    }
    for wanted in &expect.output {
        if !done.output.contains(&wanted.value) {
            let message = format!("the output has no `{}`: {:?}", wanted.value, done.output);
            failures.push(Failure { span: wanted.span.clone(), message });
        }
    }
    match &done.walks.request {
        Some(walk) => check_walk(expect, walk, &mut failures),
        None => {
            let wanted = [&expect.verdict, &expect.at, &expect.rule, &expect.source];
            let more = [&expect.destination, &expect.nat];
            let wanted = wanted.into_iter().chain(more).flatten();
            for wanted in wanted.chain(&expect.path).chain(&expect.rules) {
                let message = "no packet was sent".to_owned();
                failures.push(Failure { span: wanted.span.clone(), message });
            }
        }
    }
    failures
}

fn compare(what: &str, wanted: &Placed<String>, seen: &str, failures: &mut Vec<Failure>) {
    if wanted.value != seen {
        let message = format!("{what} is `{seen}`, not `{}`", wanted.value);
        failures.push(Failure { span: wanted.span.clone(), message });
    }
}

fn check_walk(expect: &Expect, walk: &Walk, failures: &mut Vec<Failure>) {
    if let Some(wanted) = &expect.verdict
        && wanted.value != walk.verdict.word()
    {
        let seen = print::verdict(&walk.verdict);
        let message = format!("the packet was {seen}, not {}", wanted.value);
        failures.push(Failure { span: wanted.span.clone(), message });
    }
    if let Some(wanted) = &expect.at {
        let wanted = Placed { value: netns_name(&wanted.value), span: wanted.span.clone() };
        compare("the place where it ended", &wanted, &walk.at, failures);
    }
    if let Some(wanted) = &expect.rule {
        check_rule(wanted, walk, failures);
    }
    let seen =
        |of: fn(&super::walk::Header) -> std::net::SocketAddrV4| walk.seen.map(|seen| of(&seen));
    for (what, wanted, seen) in [
        ("the source", &expect.source, seen(|header| header.from)),
        ("the destination", &expect.destination, seen(|header| header.to)),
    ] {
        if let (Some(wanted), Some(seen)) = (wanted, seen) {
            let has_port = wanted.value.contains(':');
            let seen = if has_port { seen.to_string() } else { seen.ip().to_string() };
            compare(what, wanted, &seen, failures);
        }
    }
    if let Some(wanted) = &expect.nat {
        compare("what was translated", wanted, translated(walk), failures);
    }
    check_path(expect, walk, failures);
    check_rules(&expect.rules, walk, failures);
}

/// The rule that decided, and not another one.
fn check_rule(wanted: &Placed<String>, walk: &Walk, failures: &mut Vec<Failure>) {
    let message = match &walk.verdict {
        Verdict::Rejected(judgement) | Verdict::DroppedByRule(judgement) => {
            let policy = format!("-P {} {}", judgement.chain, judgement.verdict);
            let text = if judgement.rule.is_some() { &judgement.text } else { &policy };
            if text.contains(&wanted.value) {
                return;
            }
            format!("`{text}` decided, which has no `{}`", wanted.value)
        }
        Verdict::Delivered
        | Verdict::Consumed(_)
        | Verdict::DroppedByKernel(..)
        | Verdict::Lost => {
            format!("no rule decided: the packet was {}", print::verdict(&walk.verdict))
        }
    };
    failures.push(Failure { span: wanted.span.clone(), message });
}

/// What of the packet was another at its end than at its beginning.
fn translated(walk: &Walk) -> &'static str {
    let (Some(sent), Some(seen)) = (walk.sent, walk.seen) else { return "none" };
    match (sent.from == seen.from, sent.to == seen.to) {
        (true, true) => "none",
        (false, true) => "source",
        (true, false) => "destination",
        (false, false) => "both",
    }
}

/// Whether a stop is at a place: `node-1`, or `node-1/cni0`.
fn is_at(place: &str, netns: &str, dev: &str) -> bool {
    let pod = place.strip_prefix("pod/");
    match pod.unwrap_or(place).split_once('/') {
        Some((wanted, wanted_dev)) => {
            let wanted = if pod.is_some() {
                netns_name(&format!("pod/{wanted}"))
            } else {
                wanted.to_owned()
            };
            wanted == netns && wanted_dev == dev
        }
        None => netns_name(place) == netns,
    }
}

fn check_path(expect: &Expect, walk: &Walk, failures: &mut Vec<Failure>) {
    let mut stops = walk.stops.iter();
    for wanted in &expect.path {
        if !stops.any(|stop| is_at(&wanted.value, &stop.netns, &stop.dev)) {
            let message =
                format!("the packet does not pass `{}` there: {}", wanted.value, places(walk));
            failures.push(Failure { span: wanted.span.clone(), message });
            break;
        }
    }
    for wanted in &expect.avoids {
        if walk.stops.iter().any(|stop| is_at(&wanted.value, &stop.netns, &stop.dev)) {
            let message = format!("the packet passes `{}`: {}", wanted.value, places(walk));
            failures.push(Failure { span: wanted.span.clone(), message });
        }
    }
}

/// The places of a walk, one after the other.
fn places(walk: &Walk) -> String {
    let mut places: Vec<String> = Vec::new();
    for stop in &walk.stops {
        let place = format!("{}/{}", stop.netns, stop.dev);
        if places.last() != Some(&place) {
            places.push(place);
        }
    }
    places.join(" > ")
}

fn check_rules(wanted: &[Placed<String>], walk: &Walk, failures: &mut Vec<Failure>) {
    let mut texts = walk.stops.iter().filter_map(|stop| {
        let Met::Judged(judgement) = &stop.what else { return None };
        judgement.rule.is_some().then_some(&judgement.text)
    });
    for wanted in wanted {
        if !texts.any(|text| text.contains(&wanted.value)) {
            let message = format!("the packet meets no rule with `{}` there", wanted.value);
            failures.push(Failure { span: wanted.span.clone(), message });
            return;
        }
    }
}
