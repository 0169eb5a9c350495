//! Nodes.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, NodeSpec, Taint};
use serde_json::json;
use sim_core::family::AddressFamily;

use super::Kind;
use crate::api::checks::{address, list, name, text};
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::path::FieldPath;

impl Kind for Node {
    /// What a node can hold is what it has; of two fields for its first range of pods the older one counts.
    fn set_defaults(&mut self, _: &Settings) {
        if let Some(status) = &mut self.status
            && status.allocatable.is_none()
        {
            status.allocatable.clone_from(&status.capacity);
        }
        let Some(spec) = &mut self.spec else { return };
        let first = list(&spec.pod_cidrs).first().cloned();
        match &spec.pod_cidr {
            Some(cidr) if first.as_ref() != Some(cidr) => {
                spec.pod_cidrs = Some(vec![cidr.clone()]);
            }
            Some(_) => {}
            None => spec.pod_cidr = first,
        }
    }

    /// The kubelet tells the status, and the controller manager the ranges of pods.
    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        let Some(old) = &old.spec else { return };
        let spec = self.spec.get_or_insert_default();
        if list(&spec.pod_cidrs).is_empty() {
            spec.pod_cidr.clone_from(&old.pod_cidr);
            spec.pod_cidrs.clone_from(&old.pod_cidrs);
        }
        if spec.provider_id.is_none() {
            spec.provider_id.clone_from(&old.provider_id);
        }
    }

    fn validate(&self, _: &Settings, errors: &mut Errors) {
        let Some(spec) = &self.spec else { return };
        check_taints(list(&spec.taints), errors);
        check_ranges(spec, errors);
    }

    fn validate_update(&self, old: &Self, errors: &mut Errors) {
        let spec = |node: &Self| node.spec.clone().unwrap_or_default();
        let (spec, old) = (spec(self), spec(old));
        let path = FieldPath::new("spec");
        let (ranges, old_ranges) = (list(&spec.pod_cidrs), list(&old.pod_cidrs));
        if !old_ranges.is_empty() && ranges != old_ranges {
            let why = "node updates may not change podCIDR except from \"\" to valid";
            errors.forbidden(&path.field("podCIDRs"), why);
        }
        if !text(&old.provider_id).is_empty() && spec.provider_id != old.provider_id {
            let why = "node updates may not change providerID except from \"\" to valid";
            errors.forbidden(&path.field("providerID"), why);
        }
    }
}

fn check_taints(taints: &[Taint], errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for (i, taint) in taints.iter().enumerate() {
        // The API server leaves `spec` out of these paths.
        let path = FieldPath::new("metadata.taints").index(i);
        errors.invalid_all(&path.field("key"), &taint.key, name::qualified(&taint.key));
        let value = text(&taint.value);
        errors.invalid_all(&path.field("value"), value, name::label_value(value));
        match taint.effect.as_str() {
            "" => errors.required(&path.field("effect"), ""),
            "NoSchedule" | "PreferNoSchedule" | "NoExecute" => {}
            other => errors.unsupported(
                &path.field("effect"),
                other,
                &["NoSchedule", "PreferNoSchedule", "NoExecute"],
            ),
        }
        if !seen.insert((&taint.key, &taint.effect)) {
            // In the names of the API server's own type.
            let value = json!({
                "Key": taint.key,
                "Value": value,
                "Effect": taint.effect,
                "TimeAdded": null,
            });
            errors.duplicate_because(&path, &value, "taints must be unique by key and effect pair");
        }
        errors.written_as(&path, &FieldPath::new("spec.taints").index(i));
    }
}

fn check_ranges(spec: &NodeSpec, errors: &mut Errors) {
    let (ranges, path) = (list(&spec.pod_cidrs), FieldPath::new("spec.podCIDRs"));
    for (i, range) in ranges.iter().enumerate() {
        address::check_range(range, &path.index(i), errors);
    }
    let nets = ranges.iter().filter_map(|range| address::parse_range(range));
    let families: BTreeSet<AddressFamily> = nets.map(|net| AddressFamily::of(net.addr())).collect();
    if ranges.len() > 2 || (ranges.len() == 2 && families.len() == 1) {
        errors.invalid(&path, ranges, "may specify no more than one CIDR for each IP family");
    }
    if ranges.len() == 1 {
        errors.written_as(&path, &FieldPath::new("spec.podCIDR"));
    }
}
