//! What has to be counted during a step.

use sim_core::link::LinkStats;

use super::super::report::Failure;
use super::super::run::{self, RunError};
use super::super::{Counted, ExpectCounter};
use crate::cluster::Cluster;
use crate::host::{CallError, Host};

/// Packets and bytes.
type Count = (u64, u64);

/// What counters showed before a step.
#[derive(Debug)]
pub(in super::super) struct Counts(Vec<Option<Count>>);

impl Counts {
    /// Looks at the counters of which something is expected.
    pub(in super::super) fn read(
        expected: &[ExpectCounter],
        cluster: &mut Cluster,
    ) -> Result<Self, RunError> {
        let read = expected.iter().map(|expect| {
            let mut host = run::host(cluster, &expect.on)?;
            count(&expect.of, &mut host).map_err(|error| RunError::new(&expect.on.span, error))
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    /// Compares what was counted since with what was expected.
    pub(in super::super) fn check(
        &self,
        expected: &[ExpectCounter],
        cluster: &mut Cluster,
        failures: &mut Vec<Failure>,
    ) -> Result<(), RunError> {
        let after = Self::read(expected, cluster)?;
        for ((expect, before), after) in expected.iter().zip(&self.0).zip(after.0) {
            let (packets, bytes) = before.unwrap_or_default();
            let since = after.map(|(p, b)| (p.saturating_sub(packets), b.saturating_sub(bytes)));
            let wanted = [("packets", expect.packets), ("bytes", expect.bytes)];
            let seen = [since.map(|since| since.0), since.map(|since| since.1)];
            for ((what, wanted), seen) in wanted.into_iter().zip(seen) {
                let Some(wanted) = wanted.filter(|wanted| Some(*wanted) != seen) else { continue };
                failures.push(Failure {
                    span: expect.span.clone(),
                    what: format!(
                        "the {what} that {} counts at {}",
                        named(&expect.of),
                        expect.on.value
                    ),
                    expected: wanted.to_string(),
                    seen: seen.map_or_else(|| "no such counter".to_owned(), |n| n.to_string()),
                    fault: None,
                });
            }
        }
        Ok(())
    }
}

fn named(of: &Counted) -> String {
    match of {
        Counted::Rules { table, chain, rule } => format!("`{rule}` in {chain} of {table}"),
        Counted::Policy { table, chain } => format!("the policy of {chain} in {table}"),
        Counted::Received(dev) => format!("{dev} as received"),
        Counted::Sent(dev) => format!("{dev} as sent"),
    }
}

/// What a counter shows; `None` if there is none.
fn count(of: &Counted, host: &mut Host<'_>) -> Result<Option<Count>, CallError> {
    Ok(match of {
        Counted::Rules { table, chain, rule } => {
            let saved = host.must_run(&["iptables-save", "-c", "-t", table], "")?;
            let appends = format!("-A {chain} ");
            let counts = saved.lines().filter_map(|line| {
                let (count, text) = line.strip_prefix('[')?.split_once("] ")?;
                (text.starts_with(&appends) && text.contains(rule)).then(|| pair(count))?
            });
            counts.reduce(|all, one| (all.0 + one.0, all.1 + one.1))
        }
        Counted::Policy { table, chain } => {
            let saved = host.must_run(&["iptables-save", "-c", "-t", table], "")?;
            saved.lines().find_map(|line| {
                let (name, rest) = line.strip_prefix(':')?.split_once(' ')?;
                let count = rest.split_once('[')?.1.strip_suffix(']')?;
                // Chains that users make have none.
                (name == chain && !rest.starts_with("- ")).then(|| pair(count))?
            })
        }
        Counted::Received(dev) => device(dev, host).map(|s| (s.rx.packets, s.rx.bytes)),
        Counted::Sent(dev) => device(dev, host).map(|s| (s.tx.packets, s.tx.bytes)),
    })
}

/// `12:3456`.
fn pair(text: &str) -> Option<Count> {
    let (packets, bytes) = text.split_once(':')?;
    Some((packets.parse().ok()?, bytes.parse().ok()?))
}

fn device(name: &str, host: &Host<'_>) -> Option<LinkStats> {
    let kernel = &host.world.kernel;
    let dev = kernel.dev_by_name(host.netns, name.parse().ok()?)?;
    Some(kernel.devs[dev].stats)
}
