//! What stays of a Service when another one takes its place.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ServiceSpec;

use super::{has_node_ports, is_externally_accessible, is_headless, needs_health_check, type_of};
use crate::api::checks::{list, text};
use crate::api::error::Errors;
use crate::path::FieldPath;

/// Takes away what a Service of its new type cannot have, unless it is another one than before: then somebody means it
/// (`dropTypeDependentFields()`).
pub(super) fn drop_unneeded(spec: &mut ServiceSpec, old: &ServiceSpec) {
    if has_address(old) && !has_address(spec) {
        if (&spec.cluster_ip, &spec.cluster_ips) == (&old.cluster_ip, &old.cluster_ips) {
            spec.cluster_ip = None;
            spec.cluster_ips = None;
        }
        drop_same(&mut spec.ip_families, &old.ip_families);
        drop_same(&mut spec.ip_family_policy, &old.ip_family_policy);
    }
    if has_node_ports(old) && !has_node_ports(spec) {
        let known: BTreeSet<i32> = node_ports(old).collect();
        if node_ports(spec).all(|port| known.contains(&port)) {
            spec.ports.iter_mut().flatten().for_each(|port| port.node_port = None);
        }
    }
    if needs_health_check(old) && !needs_health_check(spec) {
        drop_same(&mut spec.health_check_node_port, &old.health_check_node_port);
    }
    if type_of(old) == "LoadBalancer" && type_of(spec) != "LoadBalancer" {
        drop_same(
            &mut spec.allocate_load_balancer_node_ports,
            &old.allocate_load_balancer_node_ports,
        );
        drop_same(&mut spec.load_balancer_class, &old.load_balancer_class);
    }
    if is_externally_accessible(old) && !is_externally_accessible(spec) {
        drop_same(&mut spec.external_traffic_policy, &old.external_traffic_policy);
    }
}

fn drop_same<T: PartialEq>(new: &mut Option<T>, old: &Option<T>) {
    if new == old {
        *new = None;
    }
}

fn has_address(spec: &ServiceSpec) -> bool {
    type_of(spec) != "ExternalName"
}

fn node_ports(spec: &ServiceSpec) -> impl Iterator<Item = i32> {
    list(&spec.ports).iter().filter_map(|port| port.node_port)
}

/// Takes over the addresses and ports that are not said anew (`patchAllocatedValues()`).
pub(super) fn carry(spec: &mut ServiceSpec, old: &ServiceSpec) {
    if has_address(spec) && has_address(old) {
        if text(&spec.cluster_ip).is_empty() && list(&spec.cluster_ips).is_empty() {
            spec.cluster_ip.clone_from(&old.cluster_ip);
            spec.cluster_ips.clone_from(&old.cluster_ips);
        }
        if spec.ip_family_policy.is_none() {
            spec.ip_family_policy.clone_from(&old.ip_family_policy);
        }
        if list(&spec.ip_families).is_empty() {
            spec.ip_families.clone_from(&old.ip_families);
        }
        shorten(spec);
    }
    if has_node_ports(spec) && has_node_ports(old) {
        carry_node_ports(spec, old);
    }
    if needs_health_check(spec) && needs_health_check(old) {
        spec.health_check_node_port = spec.health_check_node_port.or(old.health_check_node_port);
    }
}

/// Who wants one family now gives the second one back.
fn shorten(spec: &mut ServiceSpec) {
    if text(&spec.ip_family_policy) == "SingleStack" {
        for texts in [&mut spec.cluster_ips, &mut spec.ip_families].into_iter().flatten() {
            texts.truncate(1);
        }
    }
}

fn carry_node_ports(spec: &mut ServiceSpec, old: &ServiceSpec) {
    let mut used: BTreeSet<i32> = node_ports(spec).collect();
    for port in spec.ports.iter_mut().flatten().filter(|port| port.node_port.is_none()) {
        let same = list(&old.ports)
            .iter()
            .find(|old| (&old.protocol, old.port) == (&port.protocol, port.port));
        port.node_port = same.and_then(|old| old.node_port).filter(|number| used.insert(*number));
    }
}

/// Checks what may not change (`ValidateServiceUpdate()`).
pub(super) fn check(spec: &ServiceSpec, old: &ServiceSpec, errors: &mut Errors) {
    let path = FieldPath::new("spec");
    let is_other = |new: &Option<Vec<String>>, old: &Option<Vec<String>>| {
        list(old).first().is_some_and(|old| list(new).first() != Some(old))
    };
    if type_of(spec) != "ExternalName" && type_of(old) != "ExternalName" {
        // What has no address may have any families.
        let is_bare = is_headless(spec) || is_headless(old);
        let checked = [
            ("clusterIPs", &spec.cluster_ips, &old.cluster_ips, true),
            ("ipFamilies", &spec.ip_families, &old.ip_families, !is_bare),
        ];
        for (field, new, old, is_fixed) in checked {
            if is_fixed && is_other(new, old) {
                errors.invalid(&path.field(field).index(0), list(new), "may not change once set");
                errors.written_as(&path.field("clusterIPs"), &path.field("clusterIP"));
            }
        }
    }
    let is_balanced = |spec: &ServiceSpec| type_of(spec) == "LoadBalancer";
    let class = &spec.load_balancer_class;
    if is_balanced(spec) && is_balanced(old) && *class != old.load_balancer_class {
        errors.invalid(&path.field("loadBalancerClass"), class, "may not change once set");
    }
    let is_other_check = spec.health_check_node_port != old.health_check_node_port;
    if needs_health_check(spec) && needs_health_check(old) && is_other_check {
        errors.forbidden(&path.field("healthCheckNodePort"), "field is immutable");
    }
}
