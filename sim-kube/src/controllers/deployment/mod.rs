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
use super::replica_set::told;
use super::selector::Labels;
use super::template;
use crate::object::{Key, Store, Stored as _};

/// What tells the pods of one version of a template from those of another.
const LABEL_HASH: &str = "pod-template-hash";
/// Which version of its Deployment a ReplicaSet is.
const ANNOTATION_REVISION: &str = "deployment.kubernetes.io/revision";
/// Which versions it was before.
const ANNOTATION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
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
        if deployment.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let before = sets_of(deployment, store);
        let mut sets = before.clone();
        let new = if spec.paused == Some(true) {
            let new = known(spec, &sets).map(|at| sets[at].key());
            rolling::scale_paused(spec, new.as_ref(), &mut sets);
            new
        } else {
            roll_out(deployment, spec, &mut sets, store, context)
        };
        has_changed |= put(deployment, spec, &before, &sets, store);
        has_changed |= forget(spec, &sets, new.as_ref(), store);
        has_changed |= write_status(deployment, new.as_ref(), store);
    }
    has_changed
}

/// Lets one step of a rollout happen; answers the key of the ReplicaSet of the template as it is now, if there is one.
fn roll_out(
    deployment: &Deployment,
    spec: &DeploymentSpec,
    sets: &mut Vec<ReplicaSet>,
    store: &Store,
    context: &mut Context<'_>,
) -> Option<Key> {
    if known(spec, sets).is_none() && rolling::is_recreated(spec) && has_old_pods(sets, None, store)
    {
        // The new one is made when all pods of the old ones are gone.
        rolling::end_old(sets);
        return None;
    }
    let new = ensure_new(deployment, spec, sets, store, context);
    let has_old_pods = has_old_pods(sets, Some(&new), store);
    rolling::scale(spec, &new, sets, has_old_pods);
    Some(new)
}

/// The place of the ReplicaSet of the template as it is now.
fn known(spec: &DeploymentSpec, sets: &[ReplicaSet]) -> Option<usize> {
    sets.iter().position(|set| set_template(set) == spec.template)
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
    let known = known(spec, sets);
    let others = sets.iter().enumerate().filter(|(i, _)| Some(*i) != known);
    let last = others.map(|(_, set)| revision(set)).max().unwrap_or(0);
    let at = known.unwrap_or_else(|| {
        sets.push(new_set(deployment, spec, store, context));
        sets.len() - 1
    });
    let set = &mut sets[at];
    let number = revision(set).max(last.saturating_add(1));
    note_revision(set.metadata.annotations.get_or_insert_default(), number);
    set.key()
}

/// Numbers a ReplicaSet, and adds the number that it had before to those that it has had.
fn note_revision(annotations: &mut Labels, number: i64) {
    let old = annotations.insert(ANNOTATION_REVISION.to_owned(), number.to_string());
    let Some(old) = old.filter(|old| *old != number.to_string()) else { return };
    let history = annotations.entry(ANNOTATION_HISTORY.to_owned()).or_default();
    if !history.is_empty() {
        history.push(',');
    }
    history.push_str(&old);
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
fn has_old_pods(sets: &[ReplicaSet], new: Option<&Key>, store: &Store) -> bool {
    let mut old = sets.iter().filter(|set| Some(&set.key()) != new);
    old.any(|set| {
        let mut pods = store.pods.values().filter(|pod| !pod::is_finished(pod));
        pods.any(|pod| owner::is_controlled_by(&pod.metadata, set))
    })
}

/// Puts what has changed into the store.
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
        let has_pods = replicas(&set) > 0;
        let annotations = set.metadata.annotations.get_or_insert_default();
        let desired = spec.replicas.unwrap_or(1);
        // Nobody scales one that has no pods.
        let before = annotations.get(ANNOTATION_DESIRED).filter(|_| has_pods);
        if is_scaled || before.is_some_and(|before| *before != desired.to_string()) {
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
    has_changed | write_revision(deployment, current, store)
}

/// Removes old ReplicaSets that nobody goes back to. Those that still have pods count, but stay.
fn forget(
    spec: &DeploymentSpec,
    sets: &[ReplicaSet],
    new: Option<&Key>,
    store: &mut Store,
) -> bool {
    let kept = usize::try_from(spec.revision_history_limit.unwrap_or(DEFAULT_HISTORY)).unwrap_or(0);
    let mut old: Vec<&ReplicaSet> = sets.iter().filter(|set| Some(&set.key()) != new).collect();
    old.sort_by_key(|set| revision(set));
    let surplus = old.len().saturating_sub(kept);
    let mut has_changed = false;
    for set in old[..surplus].iter().filter(|set| is_idle(set)) {
        has_changed |= store.replica_sets.remove(&set.key()).is_some();
    }
    has_changed
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

fn write_status(deployment: &Deployment, new: Option<&Key>, store: &mut Store) -> bool {
    let sets = sets_of(deployment, store);
    let sum = |what: &dyn Fn(&ReplicaSetStatus) -> i32| {
        let statuses = sets.iter().filter_map(|set| set.status.as_ref());
        statuses.map(what).fold(0, i32::saturating_add)
    };
    let available = sum(&|status| status.available_replicas.unwrap_or(0));
    let updated =
        sets.iter().find(|set| Some(&set.key()) == new).and_then(|set| set.status.as_ref());
    let status = DeploymentStatus {
        replicas: told(sum(&|status| status.replicas)),
        updated_replicas: told(updated.map_or(0, |status| status.replicas)),
        ready_replicas: told(sum(&|status| status.ready_replicas.unwrap_or(0))),
        available_replicas: told(available),
        terminating_replicas: Some(sum(&|status| status.terminating_replicas.unwrap_or(0))),
        unavailable_replicas: told(
            sets.iter().map(replicas).fold(0, i32::saturating_add).saturating_sub(available).max(0),
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
