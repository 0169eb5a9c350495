//! The life of a pod on its node: what kubelets write into its status.
//!
//! A pod that is bound to a node waits for its address, which whoever runs the CNI plugin gives it
//! ([`pods_without_network`], [`set_pod_ip`]); then it runs, and is ready. One whose end was asked for stays until
//! the node has taken it down ([`terminating_pods`], [`remove_pod`]), and is served until then.
//!
//! Two annotations tell what no model can know; what a manifest says in its `status` counts otherwise:
//!
//! - [`ANNOTATION_READY`]: whether its readiness probes succeed (`true` or `false`);
//! - [`ANNOTATION_OUTCOME`]: that its containers end, `Succeeded` or `Failed`, as soon as they have run.

mod containers;

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{HostIP, Node, Pod, PodCondition, PodIP, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::scheduler::{Load, admission};
use super::{Context, pod};
use crate::object::{Key, Store, Stored as _};

/// Whether the readiness probes of a pod succeed.
pub const ANNOTATION_READY: &str = "kubewire.io/ready";
/// How the containers of a pod end.
pub const ANNOTATION_OUTCOME: &str = "kubewire.io/outcome";
/// Why a pod is not ready whose containers are not.
const NOT_READY: &str = "ContainersNotReady";

/// The pods that wait for an address: bound to a node that is known, and with a network of their own.
#[must_use]
pub fn pods_without_network(store: &Store) -> Vec<Key> {
    let waits = |pod: &&Pod| {
        pod::is_active(pod)
            && !pod::is_on_host_network(pod)
            && pod::ips(pod).next().is_none()
            && node_of(pod, store).is_some()
            && is_admitted(pod)
    };
    store.pods.values().filter(waits).map(|pod| pod.key()).collect()
}

/// There is no such pod.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no pod called {0}")]
pub struct NoPod(pub Key);

/// Gives a pod its addresses, the first of which is its main one: from now on it runs.
///
/// # Errors
/// When there is no such pod.
pub fn set_pod_ip(store: &mut Store, key: &Key, ips: &[IpAddr], now: &Time) -> Result<(), NoPod> {
    let pod = store.pods.get_mut(key).ok_or_else(|| NoPod(key.clone()))?;
    let texts: Vec<String> = ips.iter().map(ToString::to_string).collect();
    run(pod, texts, now);
    Ok(())
}

/// The pods that their nodes have to take down.
#[must_use]
pub fn terminating_pods(store: &Store) -> Vec<Key> {
    let pods = store.pods.values().filter(|pod| pod::is_terminating(pod));
    pods.map(|pod| pod.key()).collect()
}

/// Removes a pod that its node has taken down.
///
/// # Errors
/// When there is no such pod.
pub fn remove_pod(store: &mut Store, key: &Key) -> Result<(), NoPod> {
    store.pods.remove(key).map(drop).ok_or_else(|| NoPod(key.clone()))
}

/// Writes down how pods are.
pub(super) fn reconcile(store: &mut Store, context: &mut Context<'_>) -> bool {
    let is_bound = |pod: &&Pod| pod::node_name(pod).is_some() && !pod::is_finished(pod);
    let mut bound: Vec<&Pod> = store.pods.values().filter(is_bound).collect();
    // Of several that came unseen, the older ones have the right of way.
    bound.sort_by_key(|pod| {
        let created = pod.metadata.creation_timestamp.clone().map(|time| time.0);
        (!is_admitted(pod), created, pod.key())
    });
    let bound: Vec<Key> = bound.into_iter().map(|pod| pod.key()).collect();
    let mut has_changed = false;
    for pod in store.pods.values_mut().filter(|pod| pod::node_name(pod).is_none()) {
        let status = pod.status.get_or_insert_default();
        if status.phase.is_none() {
            status.phase = Some("Pending".to_owned());
            has_changed = true;
        }
    }
    let mut loads = BTreeMap::<String, Load>::new();
    for key in bound {
        let Some(pod) = store.pods.get(&key) else { continue };
        let Some(node) = node_of(pod, store).cloned() else { continue };
        let load = loads.entry(node.key().name).or_default();
        let Some(pod) = store.pods.get_mut(&key) else { continue };
        let before = pod.status.clone();
        live(pod, &node, load, context);
        if !pod::is_finished(pod) {
            load.add(pod);
        }
        has_changed |= pod.status != before;
    }
    has_changed
}

/// Whether a kubelet has taken a pod on; one that has an address came with it.
fn is_admitted(pod: &Pod) -> bool {
    pod.status.as_ref().is_some_and(|status| status.start_time.is_some())
        || pod::ips(pod).next().is_some()
}

fn node_of<'a>(pod: &Pod, store: &'a Store) -> Option<&'a Node> {
    let name = pod::node_name(pod)?.to_owned();
    store.nodes.get(&Key::of_cluster(&name))
}

/// Brings the status of a pod up to date.
fn live(pod: &mut Pod, node: &Node, load: &Load, context: &Context<'_>) {
    let now = &context.settings.now;
    if !is_admitted(pod)
        && let Some((reason, message)) = admission(pod, node, load, context.settings)
    {
        let status = pod.status.get_or_insert_default();
        status.phase = Some("Failed".to_owned());
        status.reason = Some(reason.to_owned());
        status.message = Some(message);
        status.start_time = Some(now.clone());
        return;
    }
    let node_ips = internal_ips(node);
    let status = pod.status.get_or_insert_default();
    status.phase.get_or_insert_with(|| "Pending".to_owned());
    status.start_time.get_or_insert_with(|| now.clone());
    if status.host_ip.is_none() && !node_ips.is_empty() {
        status.host_ip = node_ips.first().cloned();
        status.host_ips = Some(node_ips.iter().map(|ip| HostIP { ip: ip.clone() }).collect());
    }
    ensure_condition(pod, "PodScheduled", "True", None);
    let ips: Vec<String> = pod::ips(pod).map(str::to_owned).collect();
    if !ips.is_empty() {
        run(pod, ips, now);
    } else if pod::is_on_host_network(pod) && !node_ips.is_empty() {
        run(pod, node_ips, now);
    } else {
        containers::wait(pod);
        ensure_condition(pod, "Initialized", "True", None);
        ensure_condition(pod, "ContainersReady", "False", Some((NOT_READY, "")));
        ensure_condition(pod, "Ready", "False", Some((NOT_READY, "")));
    }
}

/// Makes a pod run that has these addresses.
fn run(pod: &mut Pod, ips: Vec<String>, now: &Time) {
    let was_pending = pod::phase(pod) == "Pending";
    let had_none = pod::ips(pod).next().is_none();
    let status = pod.status.get_or_insert_default();
    write_ips(status, ips);
    status.start_time.get_or_insert_with(|| now.clone());
    if was_pending {
        status.phase = Some("Running".to_owned());
    }
    let is_silent = status.container_statuses.is_none();
    containers::run(pod, now);
    ensure_condition(pod, "Initialized", "True", None);
    let annotation = annotation(pod, ANNOTATION_READY).and_then(|text| text.parse::<bool>().ok());
    // What we wrote while it waited does not count as said by anybody.
    let is_ours = had_none && has_reason(pod, "Ready", NOT_READY);
    let said = pod::condition(pod, "Ready").filter(|_| !is_ours).map(|status| status == "True");
    let ready = annotation.or(said).unwrap_or(true);
    let differs = pod::condition(pod, "Ready").is_none() || pod::is_ready(pod) != ready;
    if differs {
        set_readiness(pod, ready);
    }
    if differs || is_silent {
        containers::set_ready(pod, ready);
    }
    if let Some(outcome @ ("Succeeded" | "Failed")) = annotation_outcome(pod).as_deref() {
        pod.status.get_or_insert_default().phase = Some(outcome.to_owned());
        let completed = if outcome == "Succeeded" { "PodCompleted" } else { "PodFailed" };
        set_condition(pod, "ContainersReady", "False", Some((completed, "")));
        set_condition(pod, "Ready", "False", Some((completed, "")));
        containers::end(pod, outcome == "Succeeded", now);
    }
}

fn annotation_outcome(pod: &Pod) -> Option<String> {
    annotation(pod, ANNOTATION_OUTCOME).map(str::to_owned)
}

fn write_ips(status: &mut PodStatus, ips: Vec<String>) {
    status.pod_ip = ips.first().cloned();
    status.pod_ips = Some(ips.into_iter().map(|ip| PodIP { ip }).collect());
}

fn set_readiness(pod: &mut Pod, ready: bool) {
    let reason = (!ready).then_some((NOT_READY, ""));
    let status = if ready { "True" } else { "False" };
    set_condition(pod, "ContainersReady", status, reason);
    set_condition(pod, "Ready", status, reason);
}

fn annotation<'a>(pod: &'a Pod, name: &str) -> Option<&'a str> {
    pod.metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

fn has_reason(pod: &Pod, name: &str, reason: &str) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|c| c.type_ == name && c.reason.as_deref() == Some(reason))
}

/// Writes a condition that nobody has written yet.
fn ensure_condition(pod: &mut Pod, name: &str, status: &str, reason: Option<(&str, &str)>) {
    if pod::condition(pod, name).is_none() {
        set_condition(pod, name, status, reason);
    }
}

/// Writes a condition, with its reason and a message; whether it was another one.
pub(super) fn set_condition(
    pod: &mut Pod,
    name: &str,
    status: &str,
    reason: Option<(&str, &str)>,
) -> bool {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let new = PodCondition {
        type_: name.to_owned(),
        status: status.to_owned(),
        reason: reason.and_then(|(reason, _)| text(reason)),
        message: reason.and_then(|(_, message)| text(message)),
        ..PodCondition::default()
    };
    let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
    match conditions.iter_mut().find(|condition| condition.type_ == name) {
        Some(old) if *old == new => return false,
        Some(old) => *old = new,
        None => conditions.push(new),
    }
    true
}

/// The addresses of a node inside the cluster, as they are written.
fn internal_ips(node: &Node) -> Vec<String> {
    let addresses = node.status.as_ref().and_then(|status| status.addresses.as_ref());
    let internal = addresses.into_iter().flatten().filter(|a| a.type_ == "InternalIP");
    internal.map(|a| a.address.clone()).collect()
}
