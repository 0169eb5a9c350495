//! What pods may say (`ValidatePodSpec()`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::container::{self, Network};
use crate::api::checks::{address, labels, list, name, text};
use crate::api::error::Errors;
use crate::path::FieldPath;

/// When containers are started again.
const RESTART_POLICIES: &[&str] = &["Always", "OnFailure", "Never"];
/// Whom containers ask for names.
const DNS_POLICIES: &[&str] = &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

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
    if let Some(seconds) = spec.active_deadline_seconds
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        let why = format!("must be between 1 and {}, inclusive", i32::MAX);
        errors.invalid(&path.field("activeDeadlineSeconds"), &seconds, why);
    }
}

fn check_containers(spec: &PodSpec, path: &FieldPath, errors: &mut Errors) {
    let (containers, init) = (path.field("containers"), path.field("initContainers"));
    if spec.containers.is_empty() {
        errors.required(&containers, "");
    }
    let network = if spec.host_network == Some(true) { Network::Host } else { Network::Own };
    let mut names = BTreeSet::new();
    let mut check = |all: &[Container], path: &FieldPath| {
        for (i, container) in all.iter().enumerate() {
            container::check(container, network, &path.index(i), errors);
            if !container.name.is_empty() && !names.insert(container.name.clone()) {
                errors.duplicate(&path.index(i).field("name"), &container.name);
            }
        }
    };
    check(&spec.containers, &containers);
    check(list(&spec.init_containers), &init);
    container::check_host_ports(&spec.containers, &containers, errors);
}

fn check_dns(spec: &PodSpec, path: &FieldPath, errors: &mut Errors) {
    let policy = text(&spec.dns_policy);
    if !DNS_POLICIES.contains(&policy) {
        errors.unsupported(&path.field("dnsPolicy"), policy, DNS_POLICIES);
    }
    let (config, path) = (spec.dns_config.clone().unwrap_or_default(), path.field("dnsConfig"));
    let servers = list(&config.nameservers);
    let nameservers = path.field("nameservers");
    if policy == "None" && servers.is_empty() {
        let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        errors.required(&nameservers, why);
    }
    if servers.len() > 3 {
        errors.invalid(&nameservers, servers, "must not have more than 3 nameservers");
    }
    for (i, server) in servers.iter().enumerate() {
        address::check(server, &nameservers.index(i), errors);
    }
    for (i, search) in list(&config.searches).iter().enumerate() {
        let search = search.strip_suffix('.').unwrap_or(search);
        let wrong = if search.is_empty() { Vec::new() } else { name::dns1123_subdomain(search) };
        errors.invalid_all(&path.field("searches").index(i), search, wrong);
    }
    for (i, option) in list(&config.options).iter().enumerate() {
        if text(&option.name).is_empty() {
            errors.required(&path.field("options").index(i), "must not be empty");
        }
    }
}
