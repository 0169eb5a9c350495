//! Taints that follow from what a node says of itself (`node-lifecycle-controller`).

use k8s_openapi::api::core::v1::{Node, Taint};

use super::Context;
use crate::object::Store;

/// Conditions, the status that is bad, and the taint that it makes.
const CONDITIONS: &[(&str, &str, &str)] = &[
    ("Ready", "False", "node.kubernetes.io/not-ready"),
    ("Ready", "Unknown", "node.kubernetes.io/unreachable"),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
];
/// The taint of a node that was cordoned.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Gives each node the taints of its conditions. A node that says nothing is taken to be well.
pub(super) fn reconcile(store: &mut Store, _context: &mut Context<'_>) -> bool {
    let mut has_changed = false;
    for node in store.nodes.values_mut() {
        let wanted = wanted(node);
        let spec = node.spec.get_or_insert_default();
        let taints = spec.taints.take().unwrap_or_default();
        let is_wanted = |taint: &Taint| {
            wanted.iter().any(|(key, effect)| taint.key == *key && taint.effect == *effect)
        };
        let is_other = |taint: &Taint| {
            let ours = CONDITIONS.iter().map(|(_, _, key)| *key).chain([UNSCHEDULABLE]);
            !ours.into_iter().any(|key| key == taint.key) || is_no_execute_of_others(taint)
        };
        let mut kept: Vec<Taint> =
            taints.iter().filter(|t| is_other(t) || is_wanted(t)).cloned().collect();
        for (key, effect) in &wanted {
            if !kept.iter().any(|taint| taint.key == *key && taint.effect == *effect) {
                kept.push(Taint {
                    key: (*key).to_owned(),
                    effect: (*effect).to_owned(),
                    ..Taint::default()
                });
            }
        }
        has_changed |= kept != taints;
        spec.taints = (!kept.is_empty()).then_some(kept);
    }
    has_changed
}

/// Only the state of the whole node drives pods away; such a taint of another key is somebody else's.
fn is_no_execute_of_others(taint: &Taint) -> bool {
    let is_ours = CONDITIONS.iter().any(|(name, _, key)| *name == "Ready" && taint.key == *key);
    taint.effect == "NoExecute" && !is_ours
}

/// The taints, by key and effect, that follow from the state of a node.
fn wanted(node: &Node) -> Vec<(&'static str, &'static str)> {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let has = |name: &str, bad: &str| {
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|condition| condition.type_ == name && condition.status == bad)
    };
    let mut wanted = Vec::new();
    for (name, _, key) in CONDITIONS.iter().filter(|(name, bad, _)| has(name, bad)) {
        wanted.push((*key, "NoSchedule"));
        if *name == "Ready" {
            wanted.push((*key, "NoExecute"));
        }
    }
    if node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false) {
        wanted.push((UNSCHEDULABLE, "NoSchedule"));
    }
    wanted
}
