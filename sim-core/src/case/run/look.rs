//! Looks at what a world holds: its tables through the tools, its counters directly.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::id::NetnsId;
use crate::link::LinkStats;
use crate::world::World;

use super::super::observed::{DevObserved, DevStats, FrameObserved, NetnsObserved};
use super::RunError;
use super::command::Run;
use super::netfilter::{Monitors, netfilter};

/// The counters of a namespace.
#[derive(Debug, Default)]
pub(super) struct Counters {
    snmp: BTreeMap<String, i64>,
    devs: BTreeMap<String, LinkStats>,
}

/// Reads the counters of a namespace.
pub(super) fn counters(world: &World, netns: NetnsId) -> Counters {
    let kernel = &world.kernel;
    let Some(ns) = kernel.netns.get(netns) else { return Counters::default() };
    let mut snmp = BTreeMap::new();
    ns.mib.for_each(|group, counter, value| {
        snmp.insert(format!("{group}.{counter}"), i64::try_from(value).unwrap_or(i64::MAX));
    });
    let devs = ns.links.values().map(|dev| &kernel.devs[*dev]);
    Counters { snmp, devs: devs.map(|dev| (dev.name.to_string(), dev.stats)).collect() }
}

/// Reads the tables of a namespace, and how much its counters grew since `before`.
pub(super) fn netns(
    world: &mut World,
    (name, id): (&str, NetnsId),
    before: &Counters,
    frames: Vec<(String, FrameObserved)>,
    monitors: &mut Monitors,
) -> Result<NetnsObserved, RunError> {
    let now = counters(world, id);
    Ok(NetnsObserved {
        netfilter: netfilter(world, (name, id), monitors)?,
        devs: devices(before, &now, frames),
        snmp: grown(&before.snmp, now.snmp),
        neigh: list(world, name, "ip -j neigh show")?,
        addr: list(world, name, "ip -j addr show")?,
        route: list(world, name, "ip -j route show table all")?,
        rule: list(world, name, "ip -j rule show")?,
        fdb: list(world, name, "bridge -j fdb show")?,
    })
}

/// Lists a table with the tool that shows it.
fn list(world: &mut World, netns: &str, command: &str) -> Result<Vec<Value>, RunError> {
    let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let outcome =
        Run { argv: &argv, stdin: None, files: &BTreeMap::new() }.execute(world, netns)?;
    let failed = |why: String| RunError::Command { command: command.to_owned(), why };
    if outcome.rc != 0 {
        return Err(failed(outcome.stderr));
    }
    if outcome.stdout.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(&outcome.stdout).map_err(|error| failed(error.to_string()))
}

/// How much each counter grew.
fn grown(before: &BTreeMap<String, i64>, now: BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let grown = now.into_iter().map(|(name, count)| {
        let earlier = before.get(&name).copied().unwrap_or(0);
        (name, count - earlier)
    });
    grown.filter(|(_, count)| *count != 0).collect()
}

fn devices(
    before: &Counters,
    now: &Counters,
    frames: Vec<(String, FrameObserved)>,
) -> BTreeMap<String, DevObserved> {
    let mut devs: BTreeMap<String, DevObserved> = BTreeMap::new();
    for (name, stats) in &now.devs {
        let earlier = before.devs.get(name).copied().unwrap_or_default();
        let stats = stats_grown(&earlier, stats);
        devs.insert(name.clone(), DevObserved { stats, frames: Vec::new() });
    }
    for (dev, frame) in frames {
        devs.entry(dev).or_default().frames.push(frame);
    }
    devs
}

fn stats_grown(before: &LinkStats, now: &LinkStats) -> DevStats {
    DevStats {
        rx_packets: now.rx.packets.saturating_sub(before.rx.packets),
        rx_bytes: now.rx.bytes.saturating_sub(before.rx.bytes),
        rx_errors: now.rx.errors.saturating_sub(before.rx.errors),
        rx_dropped: now.rx.dropped.saturating_sub(before.rx.dropped),
        multicast: now.multicast.saturating_sub(before.multicast),
        tx_packets: now.tx.packets.saturating_sub(before.tx.packets),
        tx_bytes: now.tx.bytes.saturating_sub(before.tx.bytes),
        tx_errors: now.tx.errors.saturating_sub(before.tx.errors),
        tx_dropped: now.tx.dropped.saturating_sub(before.tx.dropped),
    }
}
