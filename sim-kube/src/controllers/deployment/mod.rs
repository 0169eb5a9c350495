//! Deployments: ReplicaSets that replace each other.

mod rolling;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStatus, ReplicaSet};
use k8s_openapi::api::apps::v1::{ReplicaSetSpec, ReplicaSetStatus};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::Context;
use super::owner;
use super::pod;
use super::random;
use super::selector::Labels;
use super::template;
use crate::object::{Key, Store, Stored as _};

/// What tells the pods of one version of a template from those of another.
const LABEL_HASH: &str = "pod-template-hash";
/// Which version of its Deployment a ReplicaSet is.
const ANNOTATION_REVISION: &str = "deployment.kubernetes.io/revision";
/// How many pods the Deployment wanted when a ReplicaSet was scaled.
const ANNOTATION_DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// How many it allowed.
const ANNOTATION_MAX: &str = "deployment.kubernetes.io/max-replicas";
/// Written by `kubectl apply`; not for ReplicaSets.
const ANNOTATION_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// How many old ReplicaSets are kept if nothing else is said.
const DEFAULT_HISTORY: i32 = 10;

/// Brings each Deployment one step closer to what it wants.
pub(super) fn reconcile(store: &mut Store, context: &mut Context<'_>) -> bool {
    let deployments: Vec<Deployment> = store.deployments.values().cloned().collect();
    let mut has_changed = false;
    for deployment in &deployments {
        let spec = &deployment.spec;
        if deployment.metadata.deletion_timestamp.is_some() || spec.paused == Some(true) {
            continue;
        }
        let before = sets_of(deployment, store);
        let mut sets = before.clone();
        let new = ensure_new(deployment, spec, &mut sets, store, context);
        let has_old_pods = has_old_pods(&sets, &new, store);
        rolling::scale(spec, &new, &mut sets, has_old_pods);
        has_changed |= put(deployment, spec, &before, &sets, store);
        has_changed |= write_status(deployment, spec, &new, store);
    }
    has_changed
}

/// The ReplicaSets of a Deployment.
fn sets_of(deployment: &Deployment, store: &Store) -> Vec<ReplicaSet> {
    let sets = store.replica_sets.values();
    sets.filter(|set| owner::is_controlled_by(&set.metadata, deployment)).cloned().collect()
}

/// Finds the ReplicaSet of the template as it is now, or makes it, without pods; answers its key.
fn ensure_new(
    deployment: &Deployment,
    spec: &DeploymentSpec,
    sets: &mut Vec<ReplicaSet>,
    store: &Store,
    context: &mut Context<'_>,
) -> Key {
    let known = sets.iter().position(|set| set_template(set) == spec.template);
    let others = sets.iter().enumerate().filter(|(i, _)| Some(*i) != known);
    let last = others.map(|(_, set)| revision(set)).max().unwrap_or(0);
    let at = known.unwrap_or_else(|| {
        sets.push(new_set(deployment, spec, store, context));
        sets.len() - 1
    });
    let set = &mut sets[at];
    let number = revision(set).max(last.saturating_add(1));
    let annotations = set.metadata.annotations.get_or_insert_default();
    annotations.insert(ANNOTATION_REVISION.to_owned(), number.to_string());
    set.key()
}

/// The template that a ReplicaSet was made from.
fn set_template(set: &ReplicaSet) -> PodTemplateSpec {
    let mut template = set.spec.template.clone().unwrap_or_default();
    if let Some(labels) = template.metadata.as_mut().and_then(|meta| meta.labels.as_mut()) {
        labels.remove(LABEL_HASH);
    }
    template
}

fn revision(set: &ReplicaSet) -> i64 {
    let annotations = set.metadata.annotations.as_ref();
    let text = annotations.and_then(|a| a.get(ANNOTATION_REVISION));
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn new_set(
    deployment: &Deployment,
    spec: &DeploymentSpec,
    store: &Store,
    context: &mut Context<'_>,
) -> ReplicaSet {
    let status = deployment.status.as_ref();
    let (mut collisions, name) =
        (status.and_then(|status| status.collision_count), |hash: &str| {
            format!("{}-{hash}", deployment.key().name)
        });
    let mut hash = template::hash(&spec.template, collisions);
    let taken = |hash: &str| {
        let key = Key { name: name(hash), ..deployment.key() };
        store.replica_sets.contains_key(&key)
    };
    while taken(&hash) {
        collisions = Some(collisions.unwrap_or(0).wrapping_add(1));
        hash = template::hash(&spec.template, collisions);
    }
    let with_hash = |labels: Option<Labels>| {
        let mut labels = labels.unwrap_or_default();
        labels.insert(LABEL_HASH.to_owned(), hash.clone());
        Some(labels)
    };
    let mut template = spec.template.clone();
    let meta = template.metadata.get_or_insert_default();
    meta.labels = with_hash(meta.labels.take());
    let labels = meta.labels.clone();
    let mut annotations = deployment.metadata.annotations.clone().unwrap_or_default();
    annotations.retain(|key, _| key != ANNOTATION_APPLIED && key != ANNOTATION_REVISION);
    ReplicaSet {
        metadata: ObjectMeta {
            name: Some(name(&hash)),
            namespace: deployment.metadata.namespace.clone(),
            labels,
            annotations: Some(annotations),
            owner_references: Some(vec![owner::controller_ref(deployment)]),
            uid: Some(random::uid(context.rng)),
            creation_timestamp: Some(context.settings.now.clone()),
            generation: Some(1),
            ..ObjectMeta::default()
        },
        spec: ReplicaSetSpec {
            replicas: Some(0),
            min_ready_seconds: spec.min_ready_seconds,
            selector: LabelSelector {
                match_labels: with_hash(spec.selector.match_labels.clone()),
                match_expressions: spec.selector.match_expressions.clone(),
            },
            template: Some(template),
        },
        status: None,
    }
}

/// Whether one of the old ReplicaSets still has a pod that has not ended.
fn has_old_pods(sets: &[ReplicaSet], new: &Key, store: &Store) -> bool {
    let mut old = sets.iter().filter(|set| set.key() != *new);
    old.any(|set| {
        let mut pods = store.pods.values().filter(|pod| !pod::is_finished(pod));
        pods.any(|pod| owner::is_controlled_by(&pod.metadata, set))
    })
}

/// Puts what has changed into the store, and removes old ReplicaSets that nobody goes back to.
fn put(
    deployment: &Deployment,
    spec: &DeploymentSpec,
    before: &[ReplicaSet],
    sets: &[ReplicaSet],
    store: &mut Store,
) -> bool {
    let mut has_changed = false;
    for set in sets {
        let mut set = set.clone();
        let old = before.iter().find(|old| old.key() == set.key());
        let is_scaled = old.is_none_or(|old| replicas(old) != replicas(&set));
        let annotations = set.metadata.annotations.get_or_insert_default();
        let desired = spec.replicas.unwrap_or(1);
        if is_scaled || annotations.contains_key(ANNOTATION_DESIRED) {
            annotations.insert(ANNOTATION_DESIRED.to_owned(), desired.to_string());
            let max = desired.saturating_add(rolling::max_surge(spec));
            annotations.insert(ANNOTATION_MAX.to_owned(), max.to_string());
        }
        if old != Some(&set) {
            if old.is_some() && is_scaled {
                let generation = set.metadata.generation.unwrap_or(1);
                set.metadata.generation = Some(generation.saturating_add(1));
            }
            store.replica_sets.insert(set.key(), set);
            has_changed = true;
        }
    }
    let current = sets.iter().map(revision).max().unwrap_or(0);
    let mut idle: Vec<&ReplicaSet> = sets.iter().filter(|set| is_idle(set)).collect();
    idle.retain(|set| revision(set) != current);
    idle.sort_by_key(|set| revision(set));
    let kept = usize::try_from(spec.revision_history_limit.unwrap_or(DEFAULT_HISTORY)).unwrap_or(0);
    for set in &idle[..idle.len().saturating_sub(kept)] {
        has_changed |= store.replica_sets.remove(&set.key()).is_some();
    }
    has_changed | write_revision(deployment, current, store)
}

/// Whether a ReplicaSet has no pods and wants none.
fn is_idle(set: &ReplicaSet) -> bool {
    replicas(set) == 0 && set.status.as_ref().is_some_and(|status| status.replicas == 0)
}

fn write_revision(deployment: &Deployment, number: i64, store: &mut Store) -> bool {
    let Some(deployment) = store.deployments.get_mut(&deployment.key()) else { return false };
    let annotations = deployment.metadata.annotations.get_or_insert_default();
    let number = number.to_string();
    annotations.insert(ANNOTATION_REVISION.to_owned(), number.clone()).as_ref() != Some(&number)
}

/// How many pods a ReplicaSet wants.
fn replicas(set: &ReplicaSet) -> i32 {
    set.spec.replicas.unwrap_or(1)
}

fn write_status(
    deployment: &Deployment,
    spec: &DeploymentSpec,
    new: &Key,
    store: &mut Store,
) -> bool {
    let sets = sets_of(deployment, store);
    let sum = |what: &dyn Fn(&ReplicaSetStatus) -> i32| {
        let statuses = sets.iter().filter_map(|set| set.status.as_ref());
        statuses.map(what).fold(0, i32::saturating_add)
    };
    let available = sum(&|status| status.available_replicas.unwrap_or(0));
    let updated = sets.iter().find(|set| set.key() == *new).and_then(|set| set.status.as_ref());
    let status = DeploymentStatus {
        replicas: Some(sum(&|status| status.replicas)),
        updated_replicas: Some(updated.map_or(0, |status| status.replicas)),
        ready_replicas: Some(sum(&|status| status.ready_replicas.unwrap_or(0))),
        available_replicas: Some(available),
        unavailable_replicas: Some(
            sets.iter()
                .map(replicas)
                .fold(0, i32::saturating_add)
                .max(spec.replicas.unwrap_or(1))
                .saturating_sub(available)
                .max(0),
        ),
        observed_generation: deployment.metadata.generation,
        ..deployment.status.clone().unwrap_or_default()
    };
    if deployment.status.as_ref() == Some(&status) {
        return false;
    }
    if let Some(deployment) = store.deployments.get_mut(&deployment.key()) {
        deployment.status = Some(status);
    }
    true
}
