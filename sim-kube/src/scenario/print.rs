//! Walks as text.

use std::fmt::Write as _;

use super::walk::{Header, Judgement, Met, Stop, Tuples, Verdict, Walk, Walks};

/// The places that a walk names; at the others nothing happens that is not told besides.
const NAMED: &[&str] = &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/// Writes both walks under the number of their flow.
#[must_use]
pub fn walks(number: usize, walks: &Walks) -> String {
    let mut out = String::new();
    for (what, walk) in [("request", &walks.request), ("answer", &walks.answer)] {
        let Some(walk) = walk else { continue };
        let sent = walk.sent.map(|header| header.to_string()).unwrap_or_default();
        line(&mut out, format_args!("flow {number} {what}: {sent}"));
        self::walk(&mut out, walk);
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes everything");
}

fn walk(out: &mut String, walk: &Walk) {
    let mut place = ("", "");
    for stop in &walk.stops {
        let here = (stop.netns.as_str(), stop.dev.as_str());
        let Some(text) = self::stop(stop) else { continue };
        if here != place {
            line(out, format_args!("  {} {}", stop.netns, stop.dev));
            place = here;
        }
        line(out, format_args!("    {text}"));
    }
    let seen = walk.seen.map(|header| format!(" as {header}")).unwrap_or_default();
    line(out, format_args!("  => {} at {}{seen}", verdict(&walk.verdict), walk.at));
}

/// What a stop says; nothing if that is told besides.
pub(super) fn stop(stop: &Stop) -> Option<String> {
    Some(match &stop.what {
        Met::Arrived { header } => format!("has {header}"),
        Met::Left => "leaves".to_owned(),
        Met::Place { place } if NAMED.contains(&place.as_str()) || place.starts_with("bridge") => {
            place.clone()
        }
        Met::Place { .. } => return None,
        Met::Routed { kind, out, via } => {
            let via = via.as_ref().map(|via| format!(" via {via}")).unwrap_or_default();
            format!("route: {kind} dev {out}{via}")
        }
        Met::Tracked { state, tuples: None } => format!("conntrack {state}"),
        Met::Tracked { state, tuples: Some(Tuples { original, answers }) } => {
            format!("conntrack {state}: {original}, answers {answers}")
        }
        Met::Judged(judgement) => judged(judgement),
        Met::Changed { before, after } => changed(before, after),
        Met::Queued { next_hop } => format!("waits for the address of {next_hop}"),
        Met::Chosen { stream, value } => format!("chance: {stream} {value}"),
    })
}

fn judged(judgement: &Judgement) -> String {
    let Judgement { table, chain, rule, verdict, text } = judgement;
    match rule {
        Some(rule) => format!("{table} {chain} {rule}: {text}  => {verdict}"),
        None => format!("{table} {chain}: policy  => {verdict}"),
    }
}

fn changed(before: &Header, after: &Header) -> String {
    let mut changes = Vec::new();
    if before.from != after.from {
        changes.push(format!("source {} -> {}", before.from, after.from));
    }
    if before.to != after.to {
        changes.push(format!("destination {} -> {}", before.to, after.to));
    }
    if before.ttl != after.ttl {
        changes.push(format!("ttl {} -> {}", before.ttl, after.ttl));
    }
    if before.tos != after.tos {
        changes.push(format!("tos {:#04x} -> {:#04x}", before.tos, after.tos));
    }
    format!("changes {}", changes.join(", "))
}

/// The verdict with its reason.
#[must_use]
pub fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Delivered => "delivered".to_owned(),
        Verdict::Consumed { by } => format!("consumed by {by}"),
        Verdict::Sent { dev } => format!("sent by {dev}"),
        Verdict::Rejected(judgement) => format!("rejected by {}", place(judgement)),
        Verdict::DroppedByRule(judgement) => format!("dropped by {}", place(judgement)),
        Verdict::DroppedByKernel { reason, meaning } => format!("dropped: {reason} ({meaning})"),
        Verdict::Lost => "lost".to_owned(),
    }
}

/// A rule or policy, and where it stands.
pub(super) fn place(judgement: &Judgement) -> String {
    let Judgement { table, chain, rule, text, .. } = judgement;
    match rule {
        Some(rule) => format!("rule {rule} of {chain} in {table} ({text})"),
        None => format!("the policy of {chain} in {table}"),
    }
}
