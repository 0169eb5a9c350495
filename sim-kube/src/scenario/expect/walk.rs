//! What a packet has to meet.

use std::net::SocketAddrV4;

use super::super::ExpectWalk;
use super::super::print;
use super::super::report::Failure;
use super::super::run::netns_name;
use super::super::walk::{Header, Met, Stop, Verdict, Walk};
use super::compare;
use crate::reading::Placed;

/// What is seen where there is no header.
const NO_PACKET: &str = "no packet of IPv4";

/// Compares a walk with what was expected of it.
pub(in super::super) fn check(expect: &ExpectWalk, walk: &Walk, failures: &mut Vec<Failure>) {
    let fault = fault(walk);
    let change = change(walk).or_else(|| fault.clone());
    if let Some(wanted) = &expect.verdict
        && !walk.verdict.is_called(&wanted.value)
    {
        failures.push(Failure {
            span: wanted.span.clone(),
            what: "the packet's end".to_owned(),
            expected: wanted.value.clone(),
            seen: format!("{} at {}", print::verdict(&walk.verdict), walk.at),
            fault: fault.clone(),
        });
    }
    if let Some(wanted) = &expect.at {
        let name = Placed { value: netns_name(&wanted.value), span: wanted.span.clone() };
        let reason =
            change.as_ref().filter(|_| walk.verdict == Verdict::Delivered).or(fault.as_ref());
        compare("the place where it ended", &name, &walk.at, reason, failures);
    }
    if let Some(wanted) = &expect.rule {
        check_rule(wanted, walk, failures);
    }
    let seen = |of: fn(&Header) -> SocketAddrV4| walk.seen.map(|seen| of(&seen));
    for (what, wanted, seen) in [
        ("the source that was seen", &expect.source, seen(|header| header.from)),
        ("the destination that was seen", &expect.destination, seen(|header| header.to)),
    ] {
        let Some(wanted) = wanted else { continue };
        let seen = match seen {
            Some(seen) if wanted.value.contains(':') => seen.to_string(),
            Some(seen) => seen.ip().to_string(),
            None => NO_PACKET.to_owned(),
        };
        compare(what, wanted, &seen, change.as_ref(), failures);
    }
    if let Some(wanted) = &expect.nat {
        let seen = translated(walk).unwrap_or(NO_PACKET);
        compare("what was translated", wanted, seen, change.as_ref(), failures);
    }
    check_path(expect, walk, failures);
    check_rules(&expect.rules, walk, failures);
}

/// The rule or route that is the reason why a packet ended as it did.
pub(in super::super) fn fault(walk: &Walk) -> Option<String> {
    if let Some(judgement) = walk.verdict.judgement() {
        return Some(print::place(judgement));
    }
    let last = |is: fn(&Met) -> bool| walk.stops.iter().rev().find(|stop| is(&stop.what));
    if walk.verdict == Verdict::Lost
        && let Some(stop) = last(|met| matches!(met, Met::Queued { .. }))
    {
        return Some(at(stop));
    }
    last(|met| matches!(met, Met::Routed { .. })).map(at)
}

/// What a stop says, and where it is.
fn at(stop: &Stop) -> String {
    let what = print::stop(stop).unwrap_or_default();
    format!("{what}, at {} {}", stop.netns, stop.dev)
}

/// The last rule that had a packet's addresses changed.
fn change(walk: &Walk) -> Option<String> {
    let is_change = |stop: &Stop| match &stop.what {
        Met::Changed { before, after } => (before.from, before.to) != (after.from, after.to),
        Met::Arrived { .. }
        | Met::Left
        | Met::Place { .. }
        | Met::Routed { .. }
        | Met::Tracked { .. }
        | Met::Judged(_)
        | Met::Queued { .. }
        | Met::Chosen { .. } => false,
    };
    let changed = walk.stops.iter().rposition(is_change)?;
    walk.stops[..changed].iter().rev().find_map(|stop| match &stop.what {
        Met::Judged(judgement) => Some(print::place(judgement)),
        Met::Arrived { .. }
        | Met::Left
        | Met::Place { .. }
        | Met::Routed { .. }
        | Met::Tracked { .. }
        | Met::Changed { .. }
        | Met::Queued { .. }
        | Met::Chosen { .. } => None,
    })
}

/// The rule that decided, and not another one.
fn check_rule(wanted: &Placed<String>, walk: &Walk, failures: &mut Vec<Failure>) {
    let seen = match walk.verdict.judgement() {
        Some(judgement) => {
            let policy = format!("-P {} {}", judgement.chain, judgement.verdict);
            let text = if judgement.rule.is_some() { &judgement.text } else { &policy };
            if text.contains(&wanted.value) {
                return;
            }
            format!("`{text}`")
        }
        None => format!("that no rule decided: the packet was {}", print::verdict(&walk.verdict)),
    };
    failures.push(Failure {
        span: wanted.span.clone(),
        what: "the rule that decided".to_owned(),
        expected: format!("one with `{}`", wanted.value),
        seen,
        fault: fault(walk),
    });
}

/// What of the packet was another at its end than at its beginning.
fn translated(walk: &Walk) -> Option<&'static str> {
    let (sent, seen) = (walk.sent?, walk.seen?);
    Some(match (sent.from == seen.from, sent.to == seen.to) {
        (true, true) => "none",
        (false, true) => "source",
        (true, false) => "destination",
        (false, false) => "both",
    })
}

/// The machine or pod of a place, and the device if it has one: `node-1`, `node-1/cni0`, `pod/web`, `pod/web/eth0`.
pub(in super::super) fn place(text: &str) -> (String, Option<&str>) {
    let (pod, rest) = match text.strip_prefix("pod/") {
        Some(rest) => ("pod/", rest),
        None => ("", text),
    };
    match rest.split_once('/') {
        Some((name, dev)) => (format!("{pod}{name}"), Some(dev)),
        None => (text.to_owned(), None),
    }
}

/// Whether a stop is at a place.
fn is_at(text: &str, netns: &str, dev: &str) -> bool {
    let (name, wanted_dev) = place(text);
    netns_name(&name) == netns && wanted_dev.is_none_or(|wanted| wanted == dev)
}

fn check_path(expect: &ExpectWalk, walk: &Walk, failures: &mut Vec<Failure>) {
    let mut stops = walk.stops.iter();
    let failure = |wanted: &Placed<String>, expected: String| Failure {
        span: wanted.span.clone(),
        what: "the path".to_owned(),
        expected,
        seen: places(walk),
        fault: fault(walk),
    };
    for wanted in &expect.path {
        if !stops.any(|stop| is_at(&wanted.value, &stop.netns, &stop.dev)) {
            failures.push(failure(wanted, format!("`{}` there", wanted.value)));
            break;
        }
    }
    for wanted in &expect.avoids {
        if walk.stops.iter().any(|stop| is_at(&wanted.value, &stop.netns, &stop.dev)) {
            failures.push(failure(wanted, format!("nothing of `{}`", wanted.value)));
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
    let met = || {
        walk.stops.iter().filter_map(|stop| {
            let Met::Judged(judgement) = &stop.what else { return None };
            judgement.rule.is_some().then_some(judgement.text.as_str())
        })
    };
    let mut texts = met();
    for wanted in wanted {
        if !texts.any(|text| text.contains(&wanted.value)) {
            let all: Vec<&str> = met().collect();
            failures.push(Failure {
                span: wanted.span.clone(),
                what: "the rules that it meets".to_owned(),
                expected: format!("one with `{}` there", wanted.value),
                seen: if all.is_empty() { "none".to_owned() } else { all.join("\n") },
                fault: fault(walk),
            });
            return;
        }
    }
}
