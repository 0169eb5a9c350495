//! Pods.

mod container;
mod defaults;
mod probe;
mod spec;
mod toleration;

use k8s_openapi::api::core::v1::{Pod, PodSpec, PodStatus};

pub(super) use defaults::set_spec_defaults;
pub(super) use spec::check_spec;

use super::Kind;
use crate::api::checks::list;
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::path::FieldPath;

impl Kind for Pod {
    fn set_defaults(&mut self, _: &Settings) {
        let spec = self.spec.get_or_insert_default();
        set_spec_defaults(spec);
        defaults::set_pod_defaults(spec);
    }

    fn prepare_for_create(&mut self, _: &Settings) {
        self.status = Some(PodStatus { phase: Some("Pending".to_owned()), ..Default::default() });
    }

    /// The scheduler says the node, and the kubelet the status.
    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        if let (Some(spec), Some(old)) = (&mut self.spec, &old.spec)
            && spec.node_name.is_none()
        {
            spec.node_name.clone_from(&old.node_name);
        }
    }

    fn validate(&self, _: &Settings, errors: &mut Errors) {
        let spec = self.spec.clone().unwrap_or_default();
        let path = FieldPath::new("spec");
        check_spec(&spec, &path, errors);
        if spec.node_name.is_some() && !list(&spec.scheduling_gates).is_empty() {
            let why = "cannot be set until all schedulingGates have been cleared";
            errors.forbidden(&path.field("nodeName"), why);
        }
    }

    fn validate_update(&self, old: &Self, errors: &mut Errors) {
        let specs = self.spec.as_ref().zip(old.spec.as_ref());
        if let Some((spec, old)) = specs {
            let path = FieldPath::new("spec");
            let counts = [
                ("containers", spec.containers.len(), old.containers.len()),
                (
                    "initContainers",
                    list(&spec.init_containers).len(),
                    list(&old.init_containers).len(),
                ),
            ];
            if let Some((field, _, _)) = counts.iter().find(|(_, new, old)| new != old) {
                let why = "pod updates may not add or remove containers";
                return errors.forbidden(&path.field(field), why);
            }
        }
        let fixed = |pod: &Self| without_images(pod.spec.clone().unwrap_or_default());
        if fixed(self) != fixed(old) {
            let why = "pod updates may not change fields other than `spec.containers[*].image`,\
                       `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions \
                       to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it \
                       was previously negative)";
            errors.forbidden(&FieldPath::new("spec"), why);
        }
    }
}

/// What of a pod may not change.
fn without_images(mut spec: PodSpec) -> PodSpec {
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        container.image = None;
        container.image_pull_policy = None;
    }
    PodSpec { active_deadline_seconds: None, tolerations: None, ..spec }
}
