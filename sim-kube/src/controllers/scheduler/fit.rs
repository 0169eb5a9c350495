//! Whether a pod fits on a node, and why not.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ContainerPort, Node, Pod, Taint, Toleration};

use super::taint::{self, Effect};
use crate::controllers::Settings;
use crate::controllers::pod;
use crate::controllers::selector;
use crate::object::Store;

/// Why a pod does not fit on a node.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::controllers) enum Misfit {
    /// The pod names the nodes that it may come to, and this is none of them.
    NotNamed,
    /// Somebody cordoned the node.
    Unschedulable,
    /// It has a taint that the pod does not tolerate.
    Taint,
    /// The pod wants another one.
    Affinity,
    /// Ports that the pod wants are taken there.
    Ports,
    /// It has as many pods as it takes.
    TooManyPods,
}

impl Misfit {
    /// As the scheduler says it.
    pub(in crate::controllers) const fn message(self) -> &'static str {
        match self {
            Self::NotNamed => "node(s) didn't satisfy plugin(s) [NodeAffinity]",
            Self::Unschedulable => "node(s) were unschedulable",
            Self::Taint => "node(s) had untolerated taint(s)",
            Self::Affinity => "node(s) didn't match Pod's node affinity/selector",
            Self::Ports => "node(s) didn't have free ports for the requested pod ports",
            Self::TooManyPods => "Too many pods",
        }
    }

    /// Whether the pod might fit if others went.
    pub(super) const fn is_about_others(self) -> bool {
        match self {
            Self::NotNamed | Self::Unschedulable | Self::Taint | Self::Affinity => false,
            Self::Ports | Self::TooManyPods => true,
        }
    }
}

/// What the pods on a node take of it.
#[derive(Clone, Debug, Default)]
pub(in crate::controllers) struct Load {
    /// How many they are.
    pub(super) pods: usize,
    ports: Vec<ContainerPort>,
}

impl Load {
    /// What pods take of all nodes. Those that have ended take nothing any longer.
    pub(in crate::controllers) fn of_nodes(store: &Store) -> BTreeMap<String, Self> {
        let mut loads: BTreeMap<String, Self> = BTreeMap::new();
        for pod in store.pods.values().filter(|pod| !pod::is_finished(pod)) {
            if let Some(node) = pod::node_name(pod) {
                loads.entry(node.to_owned()).or_default().add(pod);
            }
        }
        loads
    }

    /// Notes that a pod came to the node.
    pub(in crate::controllers) fn add(&mut self, pod: &Pod) {
        self.pods += 1;
        self.ports.extend(pod::host_ports(pod).cloned());
    }

    /// Whether ports that a pod wants are taken.
    fn has_ports_of(&self, pod: &Pod) -> bool {
        pod::host_ports(pod)
            .any(|port| self.ports.iter().any(|taken| pod::ports_clash(port, taken)))
    }
}

/// The first reason why a pod does not fit on a node, in the order in which the scheduler asks.
pub(in crate::controllers) fn misfit(
    pod: &Pod,
    node: &Node,
    load: &Load,
    settings: &Settings,
) -> Option<Misfit> {
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref());
    let tolerations = tolerations.unwrap_or_default();
    if named(pod).is_some_and(|names| !names.contains(&node.metadata.name.as_deref())) {
        return Some(Misfit::NotNamed);
    }
    if !tolerates_cordon(node, tolerations) {
        return Some(Misfit::Unschedulable);
    }
    if taint::has_untolerated(node, tolerations, &[Effect::NoSchedule, Effect::NoExecute]) {
        return Some(Misfit::Taint);
    }
    if !wants(pod, node) {
        return Some(Misfit::Affinity);
    }
    if load.has_ports_of(pod) {
        return Some(Misfit::Ports);
    }
    if load.pods >= max_pods(node, settings) {
        return Some(Misfit::TooManyPods);
    }
    None
}

/// Why the kubelet of a node would not run a pod that is bound to it, with the name of its reason.
pub(in crate::controllers) fn admission(
    pod: &Pod,
    node: &Node,
    load: &Load,
    settings: &Settings,
) -> Option<(&'static str, String)> {
    let failed = |reason: &'static str, misfit: Misfit| {
        (reason, format!("Pod was rejected: Predicate {reason} failed: {}", misfit.message()))
    };
    let max = max_pods(node, settings);
    if load.pods >= max {
        let message = format!(
            "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: {}, \
             capacity: {max}",
            load.pods
        );
        return Some(("OutOfpods", message));
    }
    if !wants(pod, node) {
        return Some(failed("NodeAffinity", Misfit::Affinity));
    }
    load.has_ports_of(pod).then(|| failed("NodePorts", Misfit::Ports))
}

fn tolerates_cordon(node: &Node, tolerations: &[Toleration]) -> bool {
    let is_cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false);
    let taint = Taint {
        key: "node.kubernetes.io/unschedulable".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    };
    !is_cordoned || taint::is_tolerated(&taint, tolerations)
}

/// The names of the nodes that a pod's required affinity allows, if each of its terms names some.
fn named(pod: &Pod) -> Option<BTreeSet<Option<&str>>> {
    let affinity = pod.spec.as_ref()?.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref()?;
    let mut names = BTreeSet::new();
    for term in &required.node_selector_terms {
        let fields = term.match_fields.iter().flatten();
        let mut fields = fields.filter(|f| f.key == "metadata.name" && f.operator == "In");
        let listed = fields.next()?.values.iter().flatten();
        names.extend(listed.map(|name| Some(name.as_str())));
    }
    (!names.is_empty()).then_some(names)
}

/// Whether a pod's node selector and required affinity allow `node`.
pub(in crate::controllers) fn wants(pod: &Pod, node: &Node) -> bool {
    let Some(spec) = &pod.spec else { return true };
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required =
        affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    let labels = node.metadata.labels.as_ref();
    spec.node_selector.as_ref().is_none_or(|wanted| selector::has_all(labels, wanted))
        && required.is_none_or(|terms| selector::matches_node(terms, node))
}

/// How many pods a node takes.
fn max_pods(node: &Node, settings: &Settings) -> usize {
    let status = node.status.as_ref();
    let given = status.and_then(|s| s.allocatable.as_ref().or(s.capacity.as_ref()));
    let given = given.and_then(|resources| resources.get("pods")).and_then(|q| q.0.parse().ok());
    usize::try_from(given.unwrap_or(settings.max_pods)).unwrap_or(usize::MAX)
}
