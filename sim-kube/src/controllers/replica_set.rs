//! ReplicaSets: so many equal pods.

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};

use super::Context;
use super::owner;
use super::pod;
use super::selector;
use super::template;
use crate::object::{Key, Store, Stored as _};

/// Makes each ReplicaSet have as many pods as it wants.
pub(super) fn reconcile(store: &mut Store, context: &mut Context<'_>) -> bool {
    let sets: Vec<ReplicaSet> = store.replica_sets.values().cloned().collect();
    let mut has_changed = false;
    for set in sets {
        if set.metadata.deletion_timestamp.is_none() {
            has_changed |= adopt(&set, store);
            has_changed |= scale(&set, store, context);
        }
        has_changed |= write_status(&set, store);
    }
    has_changed
}

/// Takes over pods that nobody controls and that the selector matches, and lets go of those that it no longer does.
fn adopt(set: &ReplicaSet, store: &mut Store) -> bool {
    let spec = &set.spec;
    let mut has_changed = false;
    for pod in store.pods.values_mut() {
        if pod.metadata.namespace != set.metadata.namespace {
            continue;
        }
        let matches = selector::matches(&spec.selector, pod.metadata.labels.as_ref());
        if owner::is_controlled_by(&pod.metadata, set) && !matches {
            let owners = pod.metadata.owner_references.iter_mut();
            owners.for_each(|owners| owners.retain(|reference| !owner::refers_to(reference, set)));
            has_changed = true;
        } else if matches && owner::controller(&pod.metadata).is_none() && pod::is_active(pod) {
            let owners = pod.metadata.owner_references.get_or_insert_default();
            owners.push(owner::controller_ref(set));
            has_changed = true;
        }
    }
    has_changed
}

/// The pods of a set that count.
fn active<'a>(set: &'a ReplicaSet, store: &'a Store) -> impl Iterator<Item = &'a Pod> {
    let pods = store.pods.values().filter(|pod| owner::is_controlled_by(&pod.metadata, set));
    pods.filter(|pod| pod::is_active(pod))
}

/// The pods of a set that are about to end.
fn terminating<'a>(set: &'a ReplicaSet, store: &'a Store) -> impl Iterator<Item = &'a Pod> {
    let pods = store.pods.values().filter(|pod| owner::is_controlled_by(&pod.metadata, set));
    pods.filter(|pod| pod::is_terminating(pod) && !pod::is_finished(pod))
}

fn scale(set: &ReplicaSet, store: &mut Store, context: &mut Context<'_>) -> bool {
    let spec = &set.spec;
    let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0);
    let mut pods: Vec<&Pod> = active(set, store).collect();
    let there = pods.len();
    if there > wanted {
        pod::sort_for_deletion(&mut pods);
        let keys: Vec<Key> = pods[..there - wanted].iter().map(|pod| pod.key()).collect();
        keys.iter().for_each(|key| pod::delete(store, key, &context.settings.now));
        return true;
    }
    let room = context.settings.max_cluster_pods.saturating_sub(store.pods.len());
    let missing = (wanted - there).min(room);
    let empty = PodTemplateSpec::default();
    let template = spec.template.as_ref().unwrap_or(&empty);
    let base = format!("{}-", set.key().name);
    for _ in 0..missing {
        let pod = template::pod(template, set, context);
        template::create_named_at_random(pod, &base, store, context);
    }
    missing > 0
}

fn write_status(set: &ReplicaSet, store: &mut Store) -> bool {
    let pods: Vec<&Pod> = active(set, store).collect();
    let all_labels = set.spec.template.as_ref();
    let all_labels = all_labels.and_then(|t| t.metadata.as_ref()).and_then(|m| m.labels.as_ref());
    let is_labeled = |pod: &&&Pod| {
        all_labels.is_none_or(|wanted| selector::has_all(pod.metadata.labels.as_ref(), wanted))
    };
    let ready = count(pods.iter().filter(|pod| pod::is_ready(pod)));
    let old = set.status.clone().unwrap_or_default();
    let status = ReplicaSetStatus {
        replicas: count(pods.iter()),
        fully_labeled_replicas: told(count(pods.iter().filter(is_labeled))),
        ready_replicas: told(ready),
        available_replicas: told(ready),
        terminating_replicas: Some(count(terminating(set, store))),
        observed_generation: set.metadata.generation,
        ..old
    };
    if set.status.as_ref() == Some(&status) {
        return false;
    }
    if let Some(set) = store.replica_sets.get_mut(&set.key()) {
        set.status = Some(status);
    }
    true
}

/// How many there are, as the API counts.
pub(super) fn count(items: impl Iterator) -> i32 {
    i32::try_from(items.count()).unwrap_or(i32::MAX)
}

/// A number as statuses have it: most say nothing of none.
pub(super) fn told(count: i32) -> Option<i32> {
    (count != 0).then_some(count)
}
