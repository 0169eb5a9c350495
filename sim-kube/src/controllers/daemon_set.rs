//! DaemonSets: a pod on each node.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, DaemonSetStatus};
use k8s_openapi::api::core::v1::{Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};
use k8s_openapi::api::core::v1::{Pod, PodSpec, Toleration};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Context;
use super::owner;
use super::pod;
use super::quantity::{Rounding, scaled};
use super::replica_set::{count, told};
use super::scheduler::taint::{self, Effect};
use super::scheduler::wants;
use super::template;
use crate::object::{Key, Store, Stored as _};

/// Which version of its template a pod was made from.
const LABEL_REVISION: &str = "controller-revision-hash";
/// The generation of a DaemonSet that a pod was made for.
const LABEL_GENERATION: &str = "pod-template-generation";
/// What each pod of a DaemonSet tolerates.
const TOLERATIONS: &[(&str, &str)] = &[
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];
/// What one on the network of its node tolerates, too.
const NETWORK_UNAVAILABLE: (&str, &str) = ("node.kubernetes.io/network-unavailable", "NoSchedule");

/// Whether a node should have a pod, and whether one that is there may stay.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Eligible {
    Yes,
    /// A pod that is there stays, but none is made.
    OnlyIfThere,
    No,
}

/// Makes each node have the pods of DaemonSets that it should have.
pub(super) fn reconcile(store: &mut Store, context: &mut Context<'_>) -> bool {
    let sets: Vec<DaemonSet> = store.daemon_sets.values().cloned().collect();
    let mut has_changed = false;
    for set in &sets {
        let spec = &set.spec;
        let template = with_tolerations(set, spec);
        let hash = template::hash(&spec.template, None);
        if set.metadata.deletion_timestamp.is_none() {
            has_changed |= manage(set, &template, &hash, store, context);
            has_changed |= update(set, spec, &hash, store, context);
        }
        has_changed |= write_status(set, &template, &hash, store);
    }
    has_changed
}

/// The pod of a DaemonSet before it is made for a node.
fn with_tolerations(set: &DaemonSet, spec: &DaemonSetSpec) -> Pod {
    let mut pod = Pod {
        metadata: spec.template.metadata.clone().unwrap_or_default(),
        spec: spec.template.spec.clone(),
        status: None,
    };
    pod.metadata.namespace.clone_from(&set.metadata.namespace);
    let on_host = pod::is_on_host_network(&pod).then_some(NETWORK_UNAVAILABLE);
    let spec = pod.spec.get_or_insert_default();
    let tolerations = spec.tolerations.get_or_insert_default();
    for (key, effect) in TOLERATIONS.iter().copied().chain(on_host) {
        let toleration = Toleration {
            key: Some(key.to_owned()),
            operator: Some("Exists".to_owned()),
            effect: Some(effect.to_owned()),
            ..Toleration::default()
        };
        if !tolerations.contains(&toleration) {
            tolerations.push(toleration);
        }
    }
    pod
}

fn eligible(pod: &Pod, node: &Node) -> Eligible {
    let spec = pod.spec.as_ref();
    let tolerations = spec.and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    let named = pod::node_name(pod).is_none_or(|name| node.metadata.name.as_deref() == Some(name));
    let is_driven_away = taint::has_untolerated(node, tolerations, &[Effect::NoExecute]);
    if !named || !wants(pod, node) || is_driven_away {
        Eligible::No
    } else if taint::has_untolerated(node, tolerations, &[Effect::NoSchedule]) {
        Eligible::OnlyIfThere
    } else {
        Eligible::Yes
    }
}

/// The pods of a set by the nodes that they are on or meant for.
fn by_node<'a>(set: &DaemonSet, store: &'a Store) -> BTreeMap<String, Vec<&'a Pod>> {
    let mut pods: BTreeMap<String, Vec<&Pod>> = BTreeMap::new();
    for pod in store.pods.values().filter(|pod| owner::is_controlled_by(&pod.metadata, set)) {
        if let Some(node) = target(pod) {
            pods.entry(node).or_default().push(pod);
        }
    }
    pods
}

/// The node that a pod is on, or that its affinity pins it to.
fn target(pod: &Pod) -> Option<String> {
    if let Some(name) = pod::node_name(pod) {
        return Some(name.to_owned());
    }
    let affinity = pod.spec.as_ref()?.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref()?;
    let fields = required.node_selector_terms.first()?.match_fields.as_ref()?;
    fields.first()?.values.as_ref()?.first().cloned()
}

/// Makes pods where there should be some, and ends those that may not stay or are too many.
fn manage(
    set: &DaemonSet,
    template: &Pod,
    hash: &str,
    store: &mut Store,
    context: &mut Context<'_>,
) -> bool {
    let pods = by_node(set, store);
    let (mut missing, mut surplus) = (Vec::new(), Vec::new());
    for node in store.nodes.values() {
        let name = node.key().name;
        let here = pods.get(&name).map(Vec::as_slice).unwrap_or_default();
        let failed = here.iter().filter(|pod| pod::is_finished(pod));
        surplus.extend(failed.map(|pod| pod.key()));
        let mut alive: Vec<&Pod> =
            here.iter().filter(|pod| !pod::is_finished(pod)).copied().collect();
        match eligible(template, node) {
            Eligible::Yes if alive.is_empty() => missing.push(name),
            Eligible::Yes | Eligible::OnlyIfThere => {
                // The oldest stays.
                alive.retain(|pod| pod::is_active(pod));
                alive.sort_by_key(|pod| {
                    (pod.metadata.creation_timestamp.clone().map(|t| t.0), pod.key())
                });
                surplus.extend(alive.iter().skip(1).map(|pod| pod.key()));
            }
            Eligible::No => {
                alive.retain(|pod| pod::is_active(pod));
                surplus.extend(alive.iter().map(|pod| pod.key()));
            }
        }
    }
    let nodes = |name: &String| store.nodes.contains_key(&Key::of_cluster(name));
    let lost = pods.iter().filter(|(name, _)| !nodes(name)).flat_map(|(_, pods)| pods);
    surplus.extend(lost.filter(|pod| pod::node_name(pod).is_none()).map(|pod| pod.key()));
    let has_changed = !missing.is_empty() || !surplus.is_empty();
    surplus.iter().for_each(|key| pod::delete(store, key, &context.settings.now));
    for node in missing {
        create(set, template, hash, &node, store, context);
    }
    has_changed
}

fn create(
    set: &DaemonSet,
    made: &Pod,
    hash: &str,
    node: &str,
    store: &mut Store,
    context: &mut Context<'_>,
) {
    let template = set.spec.template.clone();
    let mut pod = template::pod(&template, set, context);
    pod.spec.clone_from(&made.spec);
    pin(pod.spec.get_or_insert_default(), node);
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(LABEL_REVISION.to_owned(), hash.to_owned());
    labels.insert(LABEL_GENERATION.to_owned(), set.metadata.generation.unwrap_or(1).to_string());
    template::create_named_at_random(pod, &format!("{}-", set.key().name), store, context);
}

/// Makes a pod fit on one node alone; the scheduler does the rest.
fn pin(spec: &mut PodSpec, node: &str) {
    let affinity = spec.affinity.get_or_insert_default().node_affinity.get_or_insert_default();
    affinity.required_during_scheduling_ignored_during_execution = Some(NodeSelector {
        node_selector_terms: vec![NodeSelectorTerm {
            match_expressions: None,
            match_fields: Some(vec![NodeSelectorRequirement {
                key: "metadata.name".to_owned(),
                operator: "In".to_owned(),
                values: Some(vec![node.to_owned()]),
            }]),
        }],
    });
}

/// Ends pods of an older template: at once those that don't work, of the others as many as may be missing.
fn update(
    set: &DaemonSet,
    spec: &DaemonSetSpec,
    hash: &str,
    store: &mut Store,
    context: &Context<'_>,
) -> bool {
    let strategy = spec.update_strategy.as_ref();
    if strategy.and_then(|s| s.type_.as_deref()) == Some("OnDelete") {
        return false;
    }
    let pods = by_node(set, store);
    let total = count(pods.keys());
    let limit = strategy.and_then(|s| s.rolling_update.as_ref());
    let limit = limit.and_then(|r| r.max_unavailable.clone()).unwrap_or(IntOrString::Int(1));
    let limit =
        usize::try_from(scaled(&limit, total, Rounding::Up).unwrap_or(1)).unwrap_or(1).max(1);
    let works = |pod: &&&Pod| pod::is_active(pod) && pod::is_ready(pod);
    let broken = pods.values().filter(|here| !here.iter().any(|pod| works(&pod))).count();
    let is_old = |pod: &&&Pod| {
        let labels = pod.metadata.labels.as_ref();
        pod::is_active(pod) && labels.and_then(|l| l.get(LABEL_REVISION)).is_none_or(|h| h != hash)
    };
    let old = || pods.values().flatten().filter(is_old);
    let dead = old().filter(|pod| !pod::is_ready(pod)).map(|pod| pod.key());
    let alive = old().filter(|pod| pod::is_ready(pod)).map(|pod| pod.key());
    let keys: Vec<Key> = dead.chain(alive.take(limit.saturating_sub(broken))).collect();
    keys.iter().for_each(|key| pod::delete(store, key, &context.settings.now));
    !keys.is_empty()
}

fn write_status(set: &DaemonSet, template: &Pod, hash: &str, store: &mut Store) -> bool {
    let pods = by_node(set, store);
    let mut status = DaemonSetStatus {
        observed_generation: set.metadata.generation,
        ..set.status.clone().unwrap_or_default()
    };
    let (mut desired, mut current, mut stray, mut ready, mut updated) = (0, 0, 0, 0, 0);
    for node in store.nodes.values() {
        let here = pods.get(&node.key().name).map(Vec::as_slice).unwrap_or_default();
        let here: Vec<&&Pod> = here.iter().filter(|pod| !pod::is_finished(pod)).collect();
        if eligible(template, node) != Eligible::Yes {
            stray += i32::from(!here.is_empty());
            continue;
        }
        desired += 1;
        current += i32::from(!here.is_empty());
        ready += i32::from(here.iter().any(|pod| pod::is_ready(pod)));
        updated += i32::from(here.iter().any(|pod| {
            pod.metadata
                .labels
                .as_ref()
                .and_then(|l| l.get(LABEL_REVISION))
                .is_some_and(|h| h == hash)
        }));
    }
    status.desired_number_scheduled = desired;
    status.current_number_scheduled = current;
    status.number_misscheduled = stray;
    status.number_ready = ready;
    status.number_available = told(ready);
    status.number_unavailable = told(desired - ready);
    status.updated_number_scheduled = told(updated);
    if set.status.as_ref() == Some(&status) {
        return false;
    }
    if let Some(set) = store.daemon_sets.get_mut(&set.key()) {
        set.status = Some(status);
    }
    true
}
