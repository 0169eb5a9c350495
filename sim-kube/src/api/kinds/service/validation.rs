//! What Services may say (`ValidateService()`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use serde_json::json;

use super::{addresses, is_externally_accessible, is_headless, needs_health_check, type_of};
use crate::api::checks::{address, labels, list, name, port, text};
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::api::version::Version;
use crate::path::FieldPath;

const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const AFFINITIES: &[&str] = &["ClientIP", "None"];
const TRAFFIC_POLICIES: &[&str] = &["Cluster", "Local"];
/// Where traffic should stay, with the version that knows the word.
const DISTRIBUTIONS: &[(&str, Version)] = &[
    ("PreferClose", Version::V1_31),
    ("PreferSameZone", Version::V1_34),
    ("PreferSameNode", Version::V1_34),
];
/// How long a client may stay with its endpoint, in seconds.
const MAX_AFFINITY_S: i32 = 86_400;
/// Who may reach load balancers, as it was said before there was a field.
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// Checks a Service.
pub(super) fn check(
    service: &Service,
    spec: &ServiceSpec,
    settings: &Settings,
    errors: &mut Errors,
) {
    let path = FieldPath::new("spec");
    check_type(spec, &path, errors);
    check_ports(spec, &path.field("ports"), errors);
    labels::check(spec.selector.as_ref(), &path.field("selector"), errors);
    check_affinity(spec, &path, errors);
    addresses::check(spec, errors);
    for (i, ip) in list(&spec.external_ips).iter().enumerate() {
        let path = path.field("externalIPs").index(i);
        if address::check(ip, &path, errors) {
            address::check_not_special(ip, &path, errors);
        }
    }
    check_source_ranges(service, spec, &path, errors);
    check_load_balancer(spec, &path, errors);
    check_external_policy(spec, &path, errors);
    let policy = text(&spec.internal_traffic_policy);
    if !policy.is_empty() && !TRAFFIC_POLICIES.contains(&policy) {
        errors.unsupported(&path.field("internalTrafficPolicy"), policy, TRAFFIC_POLICIES);
    }
    check_distribution(spec, settings, &path, errors);
}

fn check_type(spec: &ServiceSpec, path: &FieldPath, errors: &mut Errors) {
    let ports = list(&spec.ports);
    match type_of(spec) {
        "ExternalName" => check_external_name(spec, path, errors),
        _ if ports.is_empty() && !is_headless(spec) => errors.required(&path.field("ports"), ""),
        kind @ ("LoadBalancer" | "NodePort") if is_headless(spec) => {
            let why = format!("may not be set to 'None' for {kind} services");
            errors.invalid(&path.field("clusterIPs").index(0), super::NONE, why);
        }
        "ClusterIP" => {
            for i in ports.iter().enumerate().filter(|(_, p)| p.node_port.is_some()).map(|(i, _)| i)
            {
                let path = path.field("ports").index(i).field("nodePort");
                errors.forbidden(&path, "may not be used when `type` is 'ClusterIP'");
            }
        }
        kind if !TYPES.contains(&kind) => errors.unsupported(&path.field("type"), kind, TYPES),
        _ => {}
    }
}

fn check_external_name(spec: &ServiceSpec, path: &FieldPath, errors: &mut Errors) {
    let why = "may not be set for ExternalName services";
    let fields = [
        ("clusterIPs", !list(&spec.cluster_ips).is_empty()),
        ("ipFamilies", !list(&spec.ip_families).is_empty()),
        ("ipFamilyPolicy", spec.ip_family_policy.is_some()),
    ];
    for (field, _) in fields.iter().filter(|(_, is_set)| *is_set) {
        errors.forbidden(&path.field(field), why);
    }
    let name = text(&spec.external_name);
    let name = name.strip_suffix('.').unwrap_or(name);
    let path = path.field("externalName");
    if name.is_empty() {
        errors.required(&path, "");
    } else {
        errors.invalid_all(&path, name, name::dns1123_subdomain(name));
    }
}

fn check_ports(spec: &ServiceSpec, path: &FieldPath, errors: &mut Errors) {
    let ports = list(&spec.ports);
    let (mut names, mut node_ports, mut numbers) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (i, port) in ports.iter().enumerate() {
        let (path, protocol) = (path.index(i), text(&port.protocol));
        check_port(port, ports.len() > 1, &path, errors);
        let name = text(&port.name);
        if !name.is_empty() && !names.insert(name) {
            errors.duplicate(&path.field("name"), name);
        }
        if let Some(number) = port.node_port
            && !node_ports.insert((protocol, number))
        {
            errors.duplicate(&path.field("nodePort"), &number);
        }
        if !numbers.insert((protocol, port.port)) {
            // Only what has to differ is in it.
            let key = json!({
                "Name": "",
                "Protocol": protocol,
                "AppProtocol": null,
                "Port": port.port,
                "TargetPort": 0,
                "NodePort": 0,
            });
            errors.duplicate(&path, &key);
        }
    }
}

fn check_port(service: &ServicePort, needs_name: bool, path: &FieldPath, errors: &mut Errors) {
    let name = text(&service.name);
    if needs_name && name.is_empty() {
        errors.required(&path.field("name"), "");
    } else if !name.is_empty() {
        errors.invalid_all(&path.field("name"), name, name::dns1123_label(name));
    }
    errors.invalid_all(&path.field("port"), &service.port, port::number(service.port));
    port::check_protocol(text(&service.protocol), &path.field("protocol"), errors);
    if let Some(target) = &service.target_port {
        let target_path = path.field("targetPort");
        port::check_number_or_name(target, &target_path, errors);
    }
    if let Some(protocol) = &service.app_protocol {
        errors.invalid_all(&path.field("appProtocol"), protocol, name::qualified(protocol));
    }
}

fn check_affinity(spec: &ServiceSpec, path: &FieldPath, errors: &mut Errors) {
    let affinity = text(&spec.session_affinity);
    if !AFFINITIES.contains(&affinity) {
        errors.unsupported(&path.field("sessionAffinity"), affinity, AFFINITIES);
    }
    let config = spec.session_affinity_config.as_ref();
    let client = config.and_then(|config| config.client_ip.as_ref());
    if affinity == "ClientIP"
        && let Some(timeout) = client.and_then(|client| client.timeout_seconds)
        && !(1..=MAX_AFFINITY_S).contains(&timeout)
    {
        let path = path.field("sessionAffinityConfig.clientIP.timeoutSeconds");
        let why = format!("must be greater than 0 and less than {MAX_AFFINITY_S}");
        errors.invalid(&path, &timeout, why);
    }
}

fn check_source_ranges(
    service: &Service,
    spec: &ServiceSpec,
    path: &FieldPath,
    errors: &mut Errors,
) {
    let why = "may only be used when `type` is 'LoadBalancer'";
    let is_balanced = type_of(spec) == "LoadBalancer";
    let ranges = list(&spec.load_balancer_source_ranges);
    let annotations = service.metadata.annotations.as_ref();
    if !ranges.is_empty() {
        let path = path.field("LoadBalancerSourceRanges");
        if !is_balanced {
            errors.forbidden(&path, why);
        }
        for (i, range) in ranges.iter().enumerate() {
            address::check_range(range.trim(), &path.index(i), errors);
        }
    } else if let Some(ranges) = annotations.and_then(|all| all.get(SOURCE_RANGES)) {
        let path = FieldPath::new("metadata.annotations").key(SOURCE_RANGES);
        if !is_balanced {
            errors.forbidden(&path, why);
        }
        for range in ranges.split(',').map(str::trim).filter(|_| !ranges.trim().is_empty()) {
            address::check_range(range, &path, errors);
        }
    }
}

fn check_load_balancer(spec: &ServiceSpec, path: &FieldPath, errors: &mut Errors) {
    let why = "may only be used when `type` is 'LoadBalancer'";
    let is_balanced = type_of(spec) == "LoadBalancer";
    if spec.allocate_load_balancer_node_ports.is_some() && !is_balanced {
        errors.forbidden(&path.field("allocateLoadBalancerNodePorts"), why);
    }
    let Some(class) = &spec.load_balancer_class else { return };
    let path = path.field("loadBalancerClass");
    if is_balanced {
        errors.invalid_all(&path, class, name::qualified(class));
    } else {
        errors.forbidden(&path, why);
    }
}

fn check_external_policy(spec: &ServiceSpec, path: &FieldPath, errors: &mut Errors) {
    let policy = text(&spec.external_traffic_policy);
    let policy_path = path.field("externalTrafficPolicy");
    if !is_externally_accessible(spec) && !policy.is_empty() {
        errors.invalid(&policy_path, policy, "may only be set for externally-accessible services");
    } else if !policy.is_empty() && !TRAFFIC_POLICIES.contains(&policy) {
        errors.unsupported(&policy_path, policy, TRAFFIC_POLICIES);
    }
    let Some(number) = spec.health_check_node_port else { return };
    let path = path.field("healthCheckNodePort");
    if needs_health_check(spec) {
        errors.invalid_all(&path, &number, port::number(number));
    } else {
        let why =
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.invalid(&path, &number, why);
    }
}

fn check_distribution(
    spec: &ServiceSpec,
    settings: &Settings,
    path: &FieldPath,
    errors: &mut Errors,
) {
    let Some(distribution) = &spec.traffic_distribution else { return };
    let known = DISTRIBUTIONS.iter().filter(|(_, since)| settings.version >= *since);
    let known: Vec<&str> = known.map(|(word, _)| *word).collect();
    if !known.contains(&distribution.as_str()) {
        errors.unsupported(&path.field("trafficDistribution"), distribution, &known);
    }
}
