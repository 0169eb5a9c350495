//! What a proxier keeps of EndpointSlices (`EndpointsCache`).

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::discovery::v1 as discovery;
use sim_core::family::AddressFamily;

use super::reading::Reading;
use super::service::{PortMap, Protocol, ServicePortName};
use super::version::Version;

/// Whose endpoints a slice holds.
const LABEL_SERVICE_NAME: &str = "kubernetes.io/service-name";
/// A slice with this label is not proxied.
const LABEL_HEADLESS: &str = "service.kubernetes.io/headless";

/// A place that a service port's traffic may go to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// Its address and port.
    pub addr: SocketAddr,
    /// The node that it is on.
    pub node: Option<String>,
    /// Whether it takes new connections.
    pub is_ready: bool,
    /// Whether it answers, also while it ends.
    pub is_serving: bool,
    /// Whether it is ending.
    pub is_terminating: bool,
    /// The zones that should use it.
    pub zone_hints: BTreeSet<String>,
    /// The nodes that should use it.
    pub node_hints: BTreeSet<String>,
}

/// The endpoints of every service port, in the order of how they are written: `10.0.0.10:80` comes before
/// `10.0.0.2:80`.
pub type EndpointsMap = PortMap<Vec<Endpoint>>;

impl Endpoint {
    /// Whether it is on the node called `node`.
    #[must_use]
    pub fn is_on(&self, node: &str) -> bool {
        self.node.as_deref() == Some(node)
    }
}

impl Reading {
    /// Reads the endpoints of `slices`. Of two that are written alike, one that is not ending counts.
    #[must_use]
    pub fn endpoints_map(
        &self,
        slices: impl IntoIterator<Item: Borrow<discovery::EndpointSlice>>,
    ) -> EndpointsMap {
        let mut by_text: BTreeMap<ServicePortName, BTreeMap<String, Endpoint>> = BTreeMap::new();
        for slice in slices {
            for (name, number) in ports(slice.borrow()) {
                let endpoints = by_text.entry(name).or_default();
                for endpoint in slice
                    .borrow()
                    .endpoints
                    .iter()
                    .flatten()
                    .filter_map(|e| self.endpoint(e, number))
                {
                    let text = endpoint.addr.to_string();
                    match endpoints.get(&text) {
                        Some(known) if !known.is_terminating => {}
                        Some(_) | None => drop(endpoints.insert(text, endpoint)),
                    }
                }
            }
        }
        by_text.into_iter().map(|(name, all)| (name, all.into_values().collect())).collect()
    }

    fn endpoint(&self, endpoint: &discovery::Endpoint, port: u16) -> Option<Endpoint> {
        let ip: IpAddr = endpoint.addresses.first()?.parse().ok()?;
        if AddressFamily::of(ip) != self.family {
            return None;
        }
        let conditions = endpoint.conditions.as_ref();
        let is_ready = conditions.and_then(|c| c.ready).unwrap_or(true);
        let mut is_serving = conditions.and_then(|c| c.serving).unwrap_or(true);
        let mut is_terminating = conditions.and_then(|c| c.terminating).unwrap_or(false);
        if self.version == Version::V1_20 {
            (is_serving, is_terminating) = (is_ready, false);
        }
        let hints = endpoint.hints.as_ref();
        let zones = hints.and_then(|hints| hints.for_zones.as_ref()).into_iter().flatten();
        let nodes = hints.and_then(|hints| hints.for_nodes.as_ref()).into_iter().flatten();
        Some(Endpoint {
            addr: SocketAddr::new(ip, port),
            node: endpoint.node_name.clone(),
            is_ready,
            is_serving,
            is_terminating,
            zone_hints: zones.map(|zone| zone.name.clone()).collect(),
            node_hints: nodes.map(|node| node.name.clone()).collect(),
        })
    }
}

/// The service ports that `slice` has endpoints of, with the number of the port there.
fn ports(slice: &discovery::EndpointSlice) -> Vec<(ServicePortName, u16)> {
    let labels = slice.metadata.labels.as_ref();
    let Some(service) = labels.and_then(|labels| labels.get(LABEL_SERVICE_NAME)) else {
        return Vec::new();
    };
    if labels.is_some_and(|labels| labels.contains_key(LABEL_HEADLESS)) {
        return Vec::new();
    }
    let ports = slice.ports.iter().flatten().filter_map(|port| {
        let name = ServicePortName {
            namespace: slice.metadata.namespace.clone().unwrap_or_default(),
            service: service.clone(),
            port: port.name.clone()?,
            protocol: Protocol::from_api(port.protocol.as_deref())?,
        };
        let number = port.port.and_then(|number| u16::try_from(number).ok())?;
        (number != 0).then_some((name, number))
    });
    ports.collect()
}
