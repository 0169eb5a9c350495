//! Where real packets end that meet the rules of a kube-proxy.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sim_kube::host::IptablesBackend;
use sim_kube::proxy::Version;

use crate::cases::Case;
use crate::probe::{End, Probe};
use crate::running::Running;

/// So many packets are sent at least: whatever ends are possible with three endpoints show.
const FEWEST: u16 = 24;
/// So many at most, in search of an end that the real ones came to.
const MOST: u16 = 400;
/// From so many ends on, thirty real packets may not have come to all there are.
const SAMPLED: usize = 5;

/// A packet and all ends that real ones came to.
struct Flow {
    probe: Probe,
    ends: BTreeSet<End>,
}

fn flows(text: &str) -> Vec<Flow> {
    let mut flows: Vec<Flow> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("  ") {
            None => flows.push(Flow { probe: line.parse().unwrap(), ends: BTreeSet::new() }),
            Some(end) => drop(flows.last_mut().unwrap().ends.insert(End(end.to_owned()))),
        }
    }
    flows.iter_mut().for_each(forget_chance);
    flows
}

/// Forgets ends that differ from others only in that masquerading drew the port that the packet had.
fn forget_chance(flow: &mut Flow) {
    let all = flow.ends.clone();
    flow.ends.retain(|End(end)| !all.contains(&End(format!("{end} masqueraded"))));
}

/// Sends the packets of a case; answers which end elsewhere, and how many flows there were.
fn differences(case: &Case, version: Version, iptables: IptablesBackend) -> (String, usize) {
    let objects = case.objects();
    let mut running = Running::start(case, &objects, version, iptables);
    running.sync(case.restores("").last().unwrap()).unwrap();
    let keeps_clients = objects.services.values().any(|s| {
        s.spec.as_ref().is_some_and(|s| s.session_affinity.as_deref() == Some("ClientIP"))
    });
    let (mut found, flows) = (String::new(), flows(&case.flows()));
    for flow in &flows {
        let ours = ends(flow, &running, keeps_clients);
        let missing: Vec<_> = flow.ends.difference(&ours).collect();
        // Where clients stay with an endpoint, and where there are many, the real ones came to some only.
        let may_have_more = keeps_clients || flow.ends.len() >= SAMPLED;
        let more: Vec<_> = ours.difference(&flow.ends).filter(|_| !may_have_more).collect();
        if !missing.is_empty() || !more.is_empty() {
            writeln!(
                found,
                "{}: {:?}: only real {missing:?}, only ours {more:?}",
                case.name, flow.probe
            )
            .unwrap();
        }
    }
    (found, flows.len())
}

/// All ends that packets of a flow come to. Where clients stay with their endpoints each is the first of its client.
fn ends(flow: &Flow, running: &Running, keeps_clients: bool) -> BTreeSet<End> {
    let mut ends = BTreeSet::new();
    let mut after = running.clone();
    for i in 0..MOST {
        if i >= FEWEST && flow.ends.is_subset(&ends) {
            break;
        }
        if keeps_clients {
            let drawn = after.world.kernel.rng.clone();
            after = running.clone();
            after.world.kernel.rng = drawn;
        }
        ends.insert(flow.probe.send(&mut after.world, running.pods, 20_000 + i));
    }
    ends
}

fn assert_equal(kind: &str, version: Version, iptables: IptablesBackend, expected: usize) {
    let (mut found, mut count) = (String::new(), 0);
    for case in Case::all(kind).into_iter().filter(Case::has_flows) {
        let (differs, flows) = differences(&case, version, iptables);
        found += &differs;
        count += flows;
    }
    assert!(found.is_empty(), "{found}");
    assert_eq!(count, expected, "flows");
}

#[test]
fn packets_end_where_they_do_with_kube_proxy_1_36() {
    assert_equal("1.36", Version::V1_36, IptablesBackend::Nft, 2359);
}

#[test]
fn packets_end_where_they_do_with_kube_proxy_1_36_and_ip_tables() {
    assert_equal("1.36-legacy", Version::V1_36, IptablesBackend::Legacy, 668);
}

#[test]
fn packets_end_where_they_do_with_kube_proxy_1_30() {
    assert_equal("1.30", Version::V1_30, IptablesBackend::Nft, 682);
}

#[test]
fn packets_end_where_they_do_with_kube_proxy_1_20() {
    assert_equal("1.20", Version::V1_20, IptablesBackend::Nft, 938);
}
