//! What Services and pods have to do with each other.

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::pod;
use super::selector;
use crate::object::Store;

/// Marks what belongs to a Service without an address.
pub(super) const LABEL_HEADLESS: &str = "service.kubernetes.io/headless";

/// The pods behind a Service: its selector matches them, they have an address, and they have not ended.
///
/// `None` if the Service leaves its endpoints to somebody else.
pub(super) fn pods_of<'a>(service: &Service, store: &'a Store) -> Option<Vec<&'a Pod>> {
    let spec = service.spec.as_ref()?;
    let wanted = spec.selector.as_ref().filter(|selector| !selector.is_empty())?;
    if spec.type_.as_deref() == Some("ExternalName") {
        return None;
    }
    let is_behind = |pod: &&Pod| {
        pod.metadata.namespace == service.metadata.namespace
            && selector::has_all(pod.metadata.labels.as_ref(), wanted)
            && pod::ips(pod).next().is_some()
            && !pod::is_finished(pod)
    };
    Some(store.pods.values().filter(is_behind).collect())
}

/// Whether a Service has no address of its own.
pub(super) fn is_headless(spec: &ServiceSpec) -> bool {
    matches!(spec.cluster_ip.as_deref(), None | Some("" | "None"))
}

/// The number that a service port has at `pod`; `None` if the pod has no port of that name (`FindPort()`).
pub(super) fn number_at(port: &ServicePort, pod: &Pod) -> Option<i32> {
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    match &port.target_port {
        None | Some(IntOrString::Int(0)) => Some(port.port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => {
            let ports = pod::containers(pod).flat_map(|container| container.ports.iter().flatten());
            let mut named = ports.filter(|port| {
                port.name.as_ref() == Some(name)
                    && port.protocol.as_deref().unwrap_or("TCP") == protocol
            });
            named.next().map(|port| port.container_port)
        }
    }
}

/// The name that a pod has within a headless Service.
pub(super) fn hostname<'a>(pod: &'a Pod, service: &Service) -> Option<&'a str> {
    let spec = pod.spec.as_ref()?;
    let hostname = spec.hostname.as_deref().filter(|name| !name.is_empty())?;
    let is_within = spec.subdomain == service.metadata.name
        && pod.metadata.namespace == service.metadata.namespace;
    is_within.then_some(hostname)
}

/// Whether an address is one of IPv6.
pub(super) fn is_ipv6(ip: &str) -> bool {
    ip.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_ipv6())
}

/// An address as RFC 5952 writes it.
pub(super) fn canonical(ip: &str) -> String {
    ip.parse::<std::net::IpAddr>().map_or_else(|_| ip.to_owned(), |ip| ip.to_string())
}
