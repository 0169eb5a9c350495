//! ReplicaSets.

use k8s_openapi::api::apps::v1::ReplicaSet;

use super::{Kind, template};
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::path::FieldPath;

impl Kind for ReplicaSet {
    fn set_defaults(&mut self, _: &Settings) {
        let spec = &mut self.spec;
        spec.replicas.get_or_insert(1);
        template::set_defaults(spec.template.get_or_insert_default());
    }

    fn prepare_for_create(&mut self, _: &Settings) {
        self.status = None;
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
    }

    fn validate(&self, _: &Settings, errors: &mut Errors) {
        let (path, spec) = (FieldPath::new("spec"), &self.spec);
        template::check_not_negative(spec.replicas, &path.field("replicas"), errors);
        let seconds = path.field("minReadySeconds");
        template::check_not_negative(spec.min_ready_seconds, &seconds, errors);
        let why = "empty selector is invalid for deployment";
        template::check_selector(&spec.selector, &path, why, errors);
        let pods = spec.template.clone().unwrap_or_default();
        template::check_selected(
            &pods,
            &spec.selector,
            Some("invalid label selector"),
            &path,
            errors,
        );
    }

    fn validate_update(&self, old: &Self, errors: &mut Errors) {
        template::check_same_selector(&self.spec.selector, &old.spec.selector, errors);
    }
}
