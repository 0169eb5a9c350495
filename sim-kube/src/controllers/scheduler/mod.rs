//! The scheduler: which node each pod comes to.
//!
//! Of the nodes that a pod fits on, it gets the one with the fewest pods of the same owner, of those the one with
//! the fewest pods, of those the first by name. The real one weighs more, and draws among equals.

mod fit;
pub(super) mod taint;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;

pub(super) use self::fit::{Load, Misfit, admission, misfit, wants};
use super::Context;
use super::owner;
use super::pod;
use super::pod_life;
use crate::object::{Key, Store, Stored as _};

/// The scheduler that pods get if they ask for no other.
const NAME: &str = "default-scheduler";

/// Binds pods to nodes, or says why it can't.
pub(super) fn reconcile(store: &mut Store, context: &mut Context<'_>) -> bool {
    let waiting: Vec<Key> = in_order(store.pods.values().filter(|pod| is_waiting(pod)).collect());
    if waiting.is_empty() {
        return false;
    }
    let mut loads = Load::of_nodes(store);
    let mut has_changed = false;
    for key in waiting {
        let Some(pod) = store.pods.get(&key) else { continue };
        let answer = place(pod, store, &loads, context);
        let Some(pod) = store.pods.get_mut(&key) else { continue };
        has_changed |= match answer {
            Ok(node) => {
                loads.entry(node.clone()).or_default().add(pod);
                pod.spec.get_or_insert_default().node_name = Some(node);
                pod_life::set_condition(pod, "PodScheduled", "True", None);
                true
            }
            Err((reason, message)) => {
                let reason = Some((reason, message.as_str()));
                pod_life::set_condition(pod, "PodScheduled", "False", reason)
            }
        };
    }
    has_changed
}

/// Whether a pod is this scheduler's to place.
fn is_waiting(pod: &Pod) -> bool {
    let name = pod.spec.as_ref().and_then(|spec| spec.scheduler_name.as_deref());
    pod::node_name(pod).is_none() && pod::is_active(pod) && name.is_none_or(|name| name == NAME)
}

/// The pods in the order in which they were made.
fn in_order(mut pods: Vec<&Pod>) -> Vec<Key> {
    pods.sort_by_key(|pod| (pod.metadata.creation_timestamp.clone().map(|t| t.0), pod.key()));
    pods.into_iter().map(|pod| pod.key()).collect()
}

/// Finds the node for a pod; or the reason of its condition, and what the scheduler says.
fn place(
    pod: &Pod,
    store: &Store,
    loads: &BTreeMap<String, Load>,
    context: &Context<'_>,
) -> Result<String, (&'static str, String)> {
    const UNSCHEDULABLE: &str = "Unschedulable";
    let spec = pod.spec.clone().unwrap_or_default();
    if spec.scheduling_gates.is_some_and(|gates| !gates.is_empty()) {
        let message = "Scheduling is blocked due to non-empty scheduling gates";
        return Err(("SchedulingGated", message.to_owned()));
    }
    if let Some(what) = not_modelled(pod) {
        return Err((UNSCHEDULABLE, format!("{what} is not modelled")));
    }
    if store.nodes.is_empty() {
        return Err((UNSCHEDULABLE, "no nodes available to schedule pods".to_owned()));
    }
    let siblings = siblings(pod, store);
    let (mut best, mut misfits) = (None, Vec::new());
    let idle = Load::default();
    for node in store.nodes.values() {
        let name = node.key().name;
        let load = loads.get(&name).unwrap_or(&idle);
        match misfit(pod, node, load, context.settings) {
            Some(misfit) => misfits.push(misfit),
            None => {
                let rank = (siblings.get(name.as_str()).copied().unwrap_or(0), load.pods, name);
                if best.as_ref().is_none_or(|best| rank < *best) {
                    best = Some(rank);
                }
            }
        }
    }
    best.map(|(_, _, name)| name).ok_or_else(|| (UNSCHEDULABLE, message(&misfits)))
}

/// What a pod asks of its place that can't be given.
fn not_modelled(pod: &Pod) -> Option<&'static str> {
    let spec = pod.spec.as_ref()?;
    let affinity = spec.affinity.as_ref();
    let together = affinity.and_then(|a| a.pod_affinity.as_ref());
    let together =
        together.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    let apart = affinity.and_then(|a| a.pod_anti_affinity.as_ref());
    let apart = apart.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    let mut spread = spec.topology_spread_constraints.iter().flatten();
    if together.is_some_and(|terms| !terms.is_empty()) {
        Some("required podAffinity")
    } else if apart.is_some_and(|terms| !terms.is_empty()) {
        Some("required podAntiAffinity")
    } else if spread.any(|constraint| constraint.when_unsatisfiable == "DoNotSchedule") {
        Some("a topologySpreadConstraint with DoNotSchedule")
    } else {
        None
    }
}

/// How many pods of the same owner each node has.
fn siblings<'a>(pod: &Pod, store: &'a Store) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    let Some(mine) = owner::controller(&pod.metadata) else { return counts };
    for other in store.pods.values().filter(|pod| !pod::is_finished(pod)) {
        let is_sibling = other.metadata.namespace == pod.metadata.namespace
            && owner::controller(&other.metadata) == Some(mine);
        if let Some(node) = pod::node_name(other).filter(|_| is_sibling) {
            *counts.entry(node).or_insert(0) += 1;
        }
    }
    counts
}

/// What the scheduler says of a pod that fits on none of its nodes (`FitError`, 1.36).
fn message(misfits: &[Misfit]) -> String {
    let nodes = misfits.len();
    let reasons = histogram(misfits.iter().map(|misfit| misfit.message()));
    let preemption = histogram(misfits.iter().map(|misfit| {
        if misfit.is_about_others() {
            "No preemption victims found for incoming pod"
        } else {
            "Preemption is not helpful for scheduling"
        }
    }));
    format!(
        "0/{nodes} nodes are available: {reasons}. no new claims to deallocate, preemption: \
         0/{nodes} nodes are available: {preemption}."
    )
}

/// How often there is each text, in the order of how that is written.
fn histogram(texts: impl Iterator<Item = &'static str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    let mut lines: Vec<String> =
        counts.into_iter().map(|(text, count)| format!("{count} {text}")).collect();
    lines.sort();
    lines.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a scheduler of 1.35 said it, and one of 1.25 before it knew of claims.
    #[test]
    fn a_pod_that_fits_nowhere_is_told_how_many_nodes_refused_it_and_why() {
        let mixed = [Misfit::Ports, Misfit::Affinity, Misfit::Affinity];
        assert!(message(&mixed).starts_with(
            "0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, \
             2 node(s) didn't match Pod's node affinity/selector. "
        ));
        let tainted = [Misfit::Taint; 6];
        assert!(message(&tainted).ends_with(
            "no new claims to deallocate, preemption: 0/6 nodes are available: 6 Preemption is not \
             helpful for scheduling."
        ));
    }
}
