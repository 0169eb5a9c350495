//! What people want to be told of a cluster at rest that is not as its objects say it should be.

use k8s_openapi::api::core::v1 as core;

use crate::cluster::Cluster;
use crate::object::Key;

/// Why pods wait, and why plugins do not work, one line each: `pod default/web waits: REASON`.
#[must_use]
pub fn troubles(cluster: &Cluster) -> Vec<String> {
    let store = cluster.api().store();
    let plugins = store.nodes.keys().filter_map(|key| {
        let fault = cluster.plugin_fault(&key.name)?;
        Some(format!("the network plugin of {} does not work: {fault}", key.name))
    });
    let pods = store
        .pods
        .iter()
        .filter_map(|(key, pod)| Some(format!("pod {key} waits: {}", why_waits(cluster, pod)?)));
    plugins.chain(pods).collect()
}

/// Why a pod has no network, if it has none.
#[must_use]
pub fn why_pod_waits(cluster: &Cluster, key: &Key) -> Option<String> {
    why_waits(cluster, cluster.api().store().pods.get(key)?)
}

fn why_waits(cluster: &Cluster, pod: &core::Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    if status.phase.as_deref() != Some("Pending") {
        return None;
    }
    let told = cluster.events().about::<core::Pod>(&pod.metadata).last();
    let told = told.and_then(|event| event.message.clone());
    let conditions = status.conditions.iter().flatten();
    let unscheduled = conditions
        .filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        .find_map(|condition| condition.message.clone());
    // A node without a plugin says so itself.
    Some(told.or(unscheduled).unwrap_or_else(|| "its node has no network plugin".to_owned()))
}
