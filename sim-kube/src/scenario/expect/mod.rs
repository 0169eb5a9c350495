//! What has to come of a step.

mod conntrack;
mod counters;
mod walk;

use super::report::{Done, Failure};
use super::{Expect, ExpectWalk};
use crate::reading::Placed;

pub(super) use conntrack::check as check_conntrack;
pub(super) use counters::Counts;
pub(super) use walk::{check as check_walk, fault, place};

/// Compares what came of a step, its packets apart, with what was expected.
pub(super) fn check(expect: &Expect, done: &Done, failures: &mut Vec<Failure>) {
    let fault = done.walks.request.as_ref().and_then(fault);
    if let Some(wanted) = &expect.result {
        compare("the result", wanted, done.result, fault.as_ref(), failures);
    }
    for wanted in &expect.output {
        if !done.output.contains(&wanted.value) {
            failures.push(Failure {
                span: wanted.span.clone(),
                what: "the output".to_owned(),
                expected: format!("something with `{}`", wanted.value),
                seen: format!("{:?}", done.output),
                fault: fault.clone(),
            });
        }
    }
    match &done.walks.request {
        Some(walk) => check_walk(&expect.walk, walk, failures),
        None => failures.extend(wanted(&expect.walk).map(|wanted| Failure {
            span: wanted.span.clone(),
            what: "the packet".to_owned(),
            expected: format!("`{}`", wanted.value),
            seen: "that none was sent".to_owned(),
            fault: None,
        })),
    }
}

/// All that is expected of a packet.
fn wanted(expect: &ExpectWalk) -> impl Iterator<Item = &Placed<String>> {
    let ExpectWalk { verdict, at, rule, source, destination, nat, path, avoids, rules } = expect;
    let one = [verdict, at, rule, source, destination, nat];
    one.into_iter().flatten().chain(path).chain(avoids).chain(rules)
}

/// Compares two words.
fn compare(
    what: &str,
    wanted: &Placed<String>,
    seen: &str,
    fault: Option<&String>,
    failures: &mut Vec<Failure>,
) {
    if wanted.value != seen {
        failures.push(Failure {
            span: wanted.span.clone(),
            what: what.to_owned(),
            expected: format!("`{}`", wanted.value),
            seen: format!("`{seen}`"),
            fault: fault.cloned(),
        });
    }
}
