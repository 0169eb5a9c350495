//! What pods may say (`ValidatePodSpec()`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::container::{self, Network, Role};
use super::toleration;
use crate::api::checks::{address, labels, list, name, text};
use crate::api::error::Errors;
use crate::path::FieldPath;

/// When containers are started again.
const RESTART_POLICIES: &[&str] = &["Always", "OnFailure", "Never"];
/// Whom containers ask for names.
const DNS_POLICIES: &[&str] = &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/// How many servers of names a pod asks at most.
const MAX_SERVERS: usize = 3;
/// How many domains it searches at most, and how many characters they have together.
const MAX_SEARCHES: usize = 32;
const MAX_SEARCH_LIST: usize = 2048;

/// Checks what a pod says, or a template.
pub(in crate::api::kinds) fn check_spec(spec: &PodSpec, path: &FieldPath, errors: &mut Errors) {
    check_containers(spec, path, errors);
    let restart = text(&spec.restart_policy);
    if !RESTART_POLICIES.contains(&restart) {
        errors.unsupported(&path.field("restartPolicy"), restart, RESTART_POLICIES);
    }
    check_dns(spec, path, errors);
    labels::check(spec.node_selector.as_ref(), &path.field("nodeSelector"), errors);
    let mut check = |field, value: &Option<String>, wrong: fn(&str) -> Vec<String>| {
        if !text(value).is_empty() {
            errors.invalid_all(&path.field(field), value, wrong(text(value)));
        }
    };
    check("serviceAccountName", &spec.service_account_name, name::dns1123_subdomain);
    check("nodeName", &spec.node_name, name::dns1123_subdomain);
    check("hostname", &spec.hostname, name::dns1123_label);
    check("subdomain", &spec.subdomain, name::dns1123_label);
    for (i, alias) in list(&spec.host_aliases).iter().enumerate() {
        let path = path.field("hostAliases").index(i);
        address::check(&alias.ip, &path.field("ip"), errors);
        for (j, hostname) in list(&alias.hostnames).iter().enumerate() {
            let path = path.field("hostnames").index(j);
            errors.invalid_all(&path, hostname, name::dns1123_subdomain(hostname));
        }
    }
    for (i, toleration) in list(&spec.tolerations).iter().enumerate() {
        toleration::check(toleration, &path.field("tolerations").index(i), errors);
    }
    check_gates(spec, path, errors);
    if let Some(seconds) = spec.active_deadline_seconds
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        let why = format!("must be between 1 and {}, inclusive", i32::MAX);
        errors.invalid(&path.field("activeDeadlineSeconds"), &seconds, why);
    }
}

/// Checks what a pod waits for before it is placed, and before it is ready.
fn check_gates(spec: &PodSpec, path: &FieldPath, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    for (i, gate) in list(&spec.scheduling_gates).iter().enumerate() {
        let path = path.field("schedulingGates").index(i);
        errors.invalid_all(&path, &gate.name, name::qualified(&gate.name));
        if !names.insert(&gate.name) {
            errors.duplicate(&path, &gate.name);
        }
    }
    for (i, gate) in list(&spec.readiness_gates).iter().enumerate() {
        let path = path.field("readinessGates").index(i).field("conditionType");
        errors.invalid_all(&path, &gate.condition_type, name::qualified(&gate.condition_type));
    }
}

fn check_containers(spec: &PodSpec, path: &FieldPath, errors: &mut Errors) {
    let (containers, init) = (path.field("containers"), path.field("initContainers"));
    if spec.containers.is_empty() {
        errors.required(&containers, "");
    }
    let network = if spec.host_network == Some(true) { Network::Host } else { Network::Own };
    let mut names = BTreeSet::new();
    let mut check = |all: &[Container], role: Role, path: &FieldPath| {
        for (i, container) in all.iter().enumerate() {
            container::check(container, role, network, &path.index(i), errors);
            if !container.name.is_empty() && !names.insert(container.name.clone()) {
                errors.duplicate(&path.index(i).field("name"), &container.name);
            }
        }
    };
    check(&spec.containers, Role::Main, &containers);
    check(list(&spec.init_containers), Role::Init, &init);
    container::check_host_ports(&spec.containers, &containers, errors);
}

fn check_dns(spec: &PodSpec, path: &FieldPath, errors: &mut Errors) {
    let policy = text(&spec.dns_policy);
    if !DNS_POLICIES.contains(&policy) {
        errors.unsupported(&path.field("dnsPolicy"), policy, DNS_POLICIES);
    }
    let path = path.field("dnsConfig");
    let Some(config) = &spec.dns_config else {
        if policy == "None" {
            errors.required(&path, "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        return;
    };
    let servers = list(&config.nameservers);
    let nameservers = path.field("nameservers");
    if policy == "None" && servers.is_empty() {
        let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        return errors.required(&nameservers, why);
    }
    if servers.len() > MAX_SERVERS {
        let why = format!("must not have more than {MAX_SERVERS} nameservers");
        errors.invalid(&nameservers, servers, why);
    }
    check_searches(list(&config.searches), &path.field("searches"), errors);
    for (i, server) in servers.iter().enumerate() {
        address::check(server, &nameservers.index(i), errors);
    }
    for (i, option) in list(&config.options).iter().enumerate() {
        if text(&option.name).is_empty() {
            errors.required(&path.field("options").index(i), "must not be empty");
        }
    }
}

fn check_searches(searches: &[String], path: &FieldPath, errors: &mut Errors) {
    if searches.len() > MAX_SEARCHES {
        let why = format!("must not have more than {MAX_SEARCHES} search paths");
        errors.invalid(path, searches, why);
    }
    if searches.join(" ").len() > MAX_SEARCH_LIST {
        let why = format!(
            "must not have more than {MAX_SEARCH_LIST} characters (including spaces) in the search list"
        );
        errors.invalid(path, searches, why);
    }
    for (i, search) in searches.iter().enumerate().filter(|(_, search)| *search != ".") {
        let search = search.strip_suffix('.').unwrap_or(search);
        errors.invalid_all(&path.index(i), search, name::underscored_subdomain(search));
    }
}
