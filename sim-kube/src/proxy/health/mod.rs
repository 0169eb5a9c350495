//! What a kube-proxy tells whoever asks how it is, and where traffic for a Service may go on its node
//! (`pkg/proxy/healthcheck`).

mod answers;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Node;
use serde::{Deserialize, Serialize};
use sim_core::time::SimTime;

use super::config::Config;
use super::endpoint::EndpointsMap;
use super::service::ServiceMap;
use super::version::Version;

pub(super) use self::server::{Places, Server};

/// A node that is to go has this taint: nothing new should be sent there.
const TO_BE_DELETED: &str = "ToBeDeletedByClusterAutoscaler";

/// What there is to tell.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Report {
    /// The Services that load balancers ask about.
    pub(super) services: Vec<ServiceReport>,
    /// When rules were written last, in nanoseconds since the world began.
    last_updated_ns: u64,
    /// Whether the node takes new traffic.
    is_node_eligible: bool,
}

/// What there is to tell of a Service.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct ServiceReport {
    namespace: String,
    name: String,
    /// Where load balancers ask.
    port: u16,
    /// How many endpoints are ready on this node.
    local_endpoints: usize,
}

impl Report {
    /// Rules were written.
    pub(super) fn updated(&mut self, services: Vec<ServiceReport>, now: SimTime) {
        self.services = services;
        self.last_updated_ns = now.as_nanos();
    }

    /// Takes notice of what the Node is now.
    pub(super) fn set_node(&mut self, version: Version, config: &Config, node: &Node) {
        self.is_node_eligible = is_eligible(version, config, node);
    }

    fn last_updated(&self) -> SimTime {
        SimTime::from_nanos(self.last_updated_ns)
    }
}

/// What there is to tell of the Services with a port for health checks.
pub(super) fn services(
    services: &ServiceMap,
    endpoints: &EndpointsMap,
    node: &str,
) -> Vec<ServiceReport> {
    let checked = services.iter().filter_map(|(name, port)| {
        Some(((&*name.namespace, &*name.service), port.health_check_node_port?))
    });
    let checked: BTreeMap<(&str, &str), u16> = checked.collect();
    if checked.is_empty() {
        return Vec::new();
    }
    // An endpoint counts once, however many ports it has.
    let mut local: BTreeMap<(&str, &str), BTreeSet<IpAddr>> = BTreeMap::new();
    for (name, all) in endpoints {
        let service = (&*name.namespace, &*name.service);
        if checked.contains_key(&service) {
            let ready = all.iter().filter(|e| e.is_ready && e.is_on(node));
            local.entry(service).or_default().extend(ready.map(|e| e.addr.ip()));
        }
    }
    let report = |(service @ (namespace, name), port): ((&str, &str), u16)| ServiceReport {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        port,
        local_endpoints: local.get(&service).map_or(0, BTreeSet::len),
    };
    checked.into_iter().map(report).collect()
}

/// Whether a node takes new traffic, as its kube-proxy sees it (`NodeEligible()`).
fn is_eligible(version: Version, config: &Config, node: &Node) -> bool {
    let looks = match version {
        Version::V1_20 => false,
        Version::V1_30 => config.gate("KubeProxyDrainingTerminatingNodes", true),
        Version::V1_36 => true,
    };
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let is_to_go = node.metadata.deletion_timestamp.is_some()
        || taints.into_iter().any(|taint| taint.key == TO_BE_DELETED);
    !(looks && is_to_go)
}
