//! What Services are if they do not say.

use k8s_openapi::api::core::v1::{ClientIPConfig, ServiceSpec, SessionAffinityConfig};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{is_externally_accessible, type_of};
use crate::api::checks::{default_text, list, text};
use crate::api::settings::Settings;
use crate::api::version::Version;

/// How long a client stays with its endpoint, in seconds.
const AFFINITY_S: i32 = 10_800;

/// Sets what a Service does not say (`SetDefaults_Service`).
pub(super) fn set(spec: &mut ServiceSpec, settings: &Settings) {
    default_text(&mut spec.session_affinity, "None");
    match text(&spec.session_affinity) {
        "None" => spec.session_affinity_config = None,
        "ClientIP" => {
            let config = spec.session_affinity_config.take();
            let client = config.and_then(|config| config.client_ip);
            let timeout = client.and_then(|client| client.timeout_seconds).unwrap_or(AFFINITY_S);
            let client_ip = Some(ClientIPConfig { timeout_seconds: Some(timeout) });
            spec.session_affinity_config = Some(SessionAffinityConfig { client_ip });
        }
        _ => {}
    }
    default_text(&mut spec.type_, "ClusterIP");
    for port in spec.ports.iter_mut().flatten() {
        default_text(&mut port.protocol, "TCP");
        let is_set = match &port.target_port {
            None | Some(IntOrString::Int(0)) => false,
            Some(IntOrString::String(name)) => !name.is_empty(),
            Some(IntOrString::Int(_)) => true,
        };
        if !is_set {
            port.target_port = Some(IntOrString::Int(port.port));
        }
        port.node_port = port.node_port.filter(|port| *port != 0);
    }
    if is_externally_accessible(spec) {
        default_text(&mut spec.external_traffic_policy, "Cluster");
    }
    set_newer(spec, settings.version);
    // The one address may be said in two fields.
    spec.cluster_ip = spec.cluster_ip.take().filter(|ip| !ip.is_empty());
    if let (Some(ip), true) = (&spec.cluster_ip, list(&spec.cluster_ips).is_empty()) {
        spec.cluster_ips = Some(vec![ip.clone()]);
    }
}

/// Sets, or takes away, what not every version knows.
fn set_newer(spec: &mut ServiceSpec, version: Version) {
    if version < Version::V1_22 {
        spec.internal_traffic_policy = None;
        spec.load_balancer_class = None;
        spec.allocate_load_balancer_node_ports = None;
    } else {
        if matches!(type_of(spec), "ClusterIP" | "NodePort" | "LoadBalancer") {
            default_text(&mut spec.internal_traffic_policy, "Cluster");
        }
        if type_of(spec) == "LoadBalancer" {
            spec.allocate_load_balancer_node_ports.get_or_insert(true);
        }
    }
    if version < Version::V1_21 {
        spec.ip_families = None;
        spec.ip_family_policy = None;
    }
    if version < Version::V1_31 {
        spec.traffic_distribution = None;
    }
}
