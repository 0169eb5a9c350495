//! StatefulSets: pods with names of their own, one after the other.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetStatus};
use k8s_openapi::api::core::v1::Pod;

use super::Context;
use super::owner;
use super::pod;
use super::replica_set::{count, told};
use super::template;
use crate::object::{Key, Store, Stored as _};

/// The name of a pod, for Services that select a single one.
const LABEL_POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
/// Its ordinal.
const LABEL_INDEX: &str = "apps.kubernetes.io/pod-index";
/// Which version of the template it was made from.
const LABEL_REVISION: &str = "controller-revision-hash";

/// Brings each StatefulSet one step closer to what it wants.
pub(super) fn reconcile(store: &mut Store, context: &mut Context<'_>) -> bool {
    let sets: Vec<StatefulSet> = store.stateful_sets.values().cloned().collect();
    let mut has_changed = false;
    for set in &sets {
        let spec = &set.spec;
        let revision = format!("{}-{}", set.key().name, template::hash(&spec.template, None));
        if set.metadata.deletion_timestamp.is_none() {
            has_changed |= step(set, spec, &revision, store, context);
        }
        has_changed |= write_status(set, &revision, store);
    }
    has_changed
}

/// The ordinals that a set should have pods of, lowest first.
fn ordinals(spec: &StatefulSetSpec) -> std::ops::Range<i64> {
    let start = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or(0);
    let start = i64::from(start.max(0));
    start..start + i64::from(spec.replicas.unwrap_or(1).max(0))
}

/// The pods of a set with their ordinals, lowest first.
fn pods<'a>(set: &StatefulSet, store: &'a Store) -> Vec<(i64, &'a Pod)> {
    let owned = store.pods.values().filter(|pod| owner::is_controlled_by(&pod.metadata, set));
    let mut pods: Vec<(i64, &Pod)> =
        owned.filter_map(|pod| Some((ordinal(set, &pod.key().name)?, pod))).collect();
    pods.sort_by_key(|(ordinal, _)| *ordinal);
    pods
}

fn ordinal(set: &StatefulSet, pod: &str) -> Option<i64> {
    pod.strip_prefix(&set.key().name)?.strip_prefix('-')?.parse().ok()
}

/// Whether nothing has to be waited for.
fn is_healthy(pod: &Pod) -> bool {
    pod::phase(pod) == "Running" && pod::is_ready(pod) && !pod::is_terminating(pod)
}

/// Makes or ends pods: one at a time, unless the set says that order does not matter.
fn step(
    set: &StatefulSet,
    spec: &StatefulSetSpec,
    revision: &str,
    store: &mut Store,
    context: &mut Context<'_>,
) -> bool {
    let in_order = spec.pod_management_policy.as_deref() != Some("Parallel");
    let mut has_changed = false;
    for ordinal in ordinals(spec) {
        let key = Key { name: format!("{}-{ordinal}", set.key().name), ..set.key() };
        match store.pods.get(&key) {
            None => {
                if store.pods.len() >= context.settings.max_cluster_pods {
                    return has_changed;
                }
                create(set, spec, (ordinal, &key), revision, store, context);
                has_changed = true;
            }
            // Somebody else's pod has the name; nothing goes on until it is gone.
            Some(pod) if !owner::is_controlled_by(&pod.metadata, set) => {}
            Some(pod) if pod::is_finished(pod) => {
                pod::delete(store, &key, &context.settings.now);
                has_changed = true;
            }
            Some(pod) if is_healthy(pod) => continue,
            Some(_) => {}
        }
        if in_order {
            return has_changed;
        }
    }
    has_changed |= shrink(set, spec, in_order, store, context);
    has_changed || update(set, spec, revision, store, context)
}

fn create(
    set: &StatefulSet,
    spec: &StatefulSetSpec,
    (ordinal, key): (i64, &Key),
    revision: &str,
    store: &mut Store,
    context: &mut Context<'_>,
) {
    let mut pod = template::pod(&spec.template, set, context);
    pod.metadata.name = Some(key.name.clone());
    pod.metadata.generate_name = Some(format!("{}-", set.key().name));
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(LABEL_POD_NAME.to_owned(), key.name.clone());
    labels.insert(LABEL_INDEX.to_owned(), ordinal.to_string());
    labels.insert(LABEL_REVISION.to_owned(), revision.to_owned());
    let pod_spec = pod.spec.get_or_insert_default();
    pod_spec.hostname = Some(key.name.clone());
    pod_spec.subdomain = spec.service_name.clone().filter(|name| !name.is_empty());
    store.pods.insert(key.clone(), pod);
}

/// Ends pods that are too many, the highest first.
fn shrink(
    set: &StatefulSet,
    spec: &StatefulSetSpec,
    in_order: bool,
    store: &mut Store,
    context: &Context<'_>,
) -> bool {
    let wanted = ordinals(spec);
    let mut surplus = pods(set, store);
    surplus.retain(|(ordinal, _)| !wanted.contains(ordinal));
    if in_order && surplus.iter().any(|(_, pod)| pod::is_terminating(pod)) {
        return false;
    }
    let most = if in_order { 1 } else { usize::MAX };
    let active = surplus.iter().rev().filter(|(_, pod)| !pod::is_terminating(pod)).take(most);
    let keys: Vec<Key> = active.map(|(_, pod)| pod.key()).collect();
    keys.iter().for_each(|key| pod::delete(store, key, &context.settings.now));
    !keys.is_empty()
}

/// Ends the highest pod of an older template, when all above it work.
fn update(
    set: &StatefulSet,
    spec: &StatefulSetSpec,
    revision: &str,
    store: &mut Store,
    context: &Context<'_>,
) -> bool {
    let strategy = spec.update_strategy.as_ref();
    if strategy.and_then(|s| s.type_.as_deref()) == Some("OnDelete") {
        return false;
    }
    let partition = strategy.and_then(|s| s.rolling_update.as_ref()).and_then(|r| r.partition);
    let partition = i64::from(partition.unwrap_or(0)).max(ordinals(spec).start);
    for (_, pod) in pods(set, store).into_iter().rev().filter(|(i, _)| *i >= partition) {
        let labels = pod.metadata.labels.as_ref();
        let made_from = labels.and_then(|labels| labels.get(LABEL_REVISION));
        if made_from.is_none_or(|made_from| made_from != revision) && !pod::is_terminating(pod) {
            let key = pod.key();
            pod::delete(store, &key, &context.settings.now);
            return true;
        }
        if !is_healthy(pod) {
            return false;
        }
    }
    false
}

fn write_status(set: &StatefulSet, revision: &str, store: &mut Store) -> bool {
    let pods = pods(set, store);
    // Those that are about to end count as long as they work.
    let works = |pod: &Pod| pod::phase(pod) == "Running" && pod::is_ready(pod);
    let ready = count(pods.iter().filter(|(_, pod)| works(pod)));
    let made_from = |revision: &str| count(pods.iter().filter(|(_, pod)| is_of(pod, revision)));
    let (replicas, updated) = (count(pods.iter()), made_from(revision));
    let old = set.status.clone().unwrap_or_default();
    let wanted = set.spec.replicas.unwrap_or(1);
    let is_done = [updated, ready, replicas].iter().all(|count| *count == wanted);
    let current = old.current_revision.clone().filter(|_| !is_done);
    let current = current.unwrap_or_else(|| revision.to_owned());
    let status = StatefulSetStatus {
        replicas,
        ready_replicas: told(ready),
        available_replicas: Some(ready),
        updated_replicas: told(updated),
        current_replicas: told(made_from(&current)),
        current_revision: Some(current),
        update_revision: Some(revision.to_owned()),
        collision_count: Some(old.collision_count.unwrap_or(0)),
        observed_generation: set.metadata.generation,
        ..old
    };
    if set.status.as_ref() == Some(&status) {
        return false;
    }
    if let Some(set) = store.stateful_sets.get_mut(&set.key()) {
        set.status = Some(status);
    }
    true
}

/// Whether a pod was made from a version of the template, and is not about to end.
fn is_of(pod: &Pod, revision: &str) -> bool {
    let labels = pod.metadata.labels.as_ref();
    let made_from = labels.and_then(|labels| labels.get(LABEL_REVISION));
    made_from.is_some_and(|made_from| made_from == revision) && pod::is_active(pod)
}
