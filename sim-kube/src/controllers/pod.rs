//! What controllers read from pods.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, ContainerPort, Pod};

use crate::object::{Key, Store, Stored as _};

/// What makes one pod end before another (`controller.kubernetes.io/pod-deletion-cost`).
const ANNOTATION_DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// The phase of a pod; without a status it is waiting.
pub(super) fn phase(pod: &Pod) -> &str {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase.filter(|phase| !phase.is_empty()).unwrap_or("Pending")
}

/// Whether all of its containers have ended for good.
pub(super) fn is_finished(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether somebody has asked for its end.
pub(super) fn is_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Whether a workload counts it as one of its pods.
pub(super) fn is_active(pod: &Pod) -> bool {
    !is_finished(pod) && !is_terminating(pod)
}

/// Whether its condition `Ready` holds.
pub(super) fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready") == Some("True")
}

/// The status of one of its conditions.
pub(super) fn condition<'a>(pod: &'a Pod, name: &str) -> Option<&'a str> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|c| c.type_ == name).map(|c| c.status.as_str())
}

/// The node that it is bound to.
pub(super) fn node_name(pod: &Pod) -> Option<&str> {
    let name = pod.spec.as_ref()?.node_name.as_deref()?;
    (!name.is_empty()).then_some(name)
}

/// Whether it lives in the network namespace of its node.
pub(super) fn is_on_host_network(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.host_network).unwrap_or(false)
}

/// Its addresses, as they are written.
pub(super) fn ips(pod: &Pod) -> impl Iterator<Item = &str> {
    let status = pod.status.as_ref();
    let all = status.and_then(|s| s.pod_ips.as_deref()).unwrap_or_default();
    // A manifest may give only the first.
    let single = status.and_then(|s| s.pod_ip.as_deref()).filter(|_| all.is_empty());
    all.iter().map(|ip| ip.ip.as_str()).chain(single).filter(|ip| !ip.is_empty())
}

/// The containers that run as long as it does, sidecars last.
pub(super) fn containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    let spec = pod.spec.as_ref();
    let sidecars = spec.and_then(|s| s.init_containers.as_ref()).into_iter().flatten();
    let sidecars = sidecars.filter(|c| c.restart_policy.as_deref() == Some("Always"));
    spec.into_iter().flat_map(|s| &s.containers).chain(sidecars)
}

/// The ports that it takes on its node.
pub(super) fn host_ports(pod: &Pod) -> impl Iterator<Item = &ContainerPort> {
    let ports = containers(pod).flat_map(|container| container.ports.iter().flatten());
    ports.filter(|port| port.host_port.is_some_and(|number| number > 0))
}

/// Whether two ports can't both be taken on a node: an address that stands for all clashes with each.
pub(super) fn ports_clash(a: &ContainerPort, b: &ContainerPort) -> bool {
    fn ip(port: &ContainerPort) -> &str {
        port.host_ip.as_deref().filter(|ip| !ip.is_empty()).unwrap_or("0.0.0.0")
    }
    fn protocol(port: &ContainerPort) -> &str {
        port.protocol.as_deref().unwrap_or("TCP")
    }
    a.host_port == b.host_port
        && protocol(a) == protocol(b)
        && (ip(a) == ip(b) || [ip(a), ip(b)].contains(&"0.0.0.0"))
}

/// Asks for the end of a pod. One that no node knows is gone at once; another ends when its node says so.
pub(super) fn delete(
    store: &mut Store,
    key: &Key,
    now: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time,
) {
    let Some(pod) = store.pods.get_mut(key) else { return };
    if node_name(pod).is_none() || is_finished(pod) {
        store.pods.remove(key);
    } else if pod.metadata.deletion_timestamp.is_none() {
        let grace = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds);
        pod.metadata.deletion_grace_period_seconds = Some(grace.unwrap_or(30));
        pod.metadata.deletion_timestamp = Some(now.clone());
    }
}

/// Sorts pods so that those come first that a workload ends first when it gets smaller (`ActivePodsWithRanks`).
pub(super) fn sort_for_deletion(pods: &mut [&Pod]) {
    let mut per_node: BTreeMap<String, usize> = BTreeMap::new();
    for pod in pods.iter() {
        *per_node.entry(node_name(pod).unwrap_or_default().to_owned()).or_default() += 1;
    }
    pods.sort_by_cached_key(|pod| {
        let phase = match phase(pod) {
            "Pending" => 0,
            "Unknown" => 1,
            _ => 2,
        };
        let neighbours = node_name(pod).and_then(|node| per_node.get(node)).copied();
        (
            node_name(pod).is_some(),
            phase,
            is_ready(pod),
            deletion_cost(pod),
            Reverse(neighbours.unwrap_or(0)),
            Reverse(pod.metadata.creation_timestamp.clone().map(|time| time.0)),
            Reverse(pod.key()),
        )
    });
}

fn deletion_cost(pod: &Pod) -> i32 {
    let annotations = pod.metadata.annotations.as_ref();
    let cost = annotations.and_then(|a| a.get(ANNOTATION_DELETION_COST));
    cost.and_then(|cost| cost.parse().ok()).unwrap_or(0)
}
