//! DaemonSets.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Kind, template};
use crate::api::checks::{default_text, text};
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::path::FieldPath;

impl Kind for DaemonSet {
    fn set_defaults(&mut self, _: &Settings) {
        let spec = &mut self.spec;
        spec.revision_history_limit.get_or_insert(10);
        let strategy = spec.update_strategy.get_or_insert_default();
        default_text(&mut strategy.type_, "RollingUpdate");
        if text(&strategy.type_) == "RollingUpdate" {
            let update = strategy.rolling_update.get_or_insert_default();
            update.max_unavailable.get_or_insert(IntOrString::Int(1));
            update.max_surge.get_or_insert(IntOrString::Int(0));
        }
        template::set_defaults(&mut spec.template);
    }

    fn prepare_for_create(&mut self, _: &Settings) {
        self.status = None;
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
    }

    fn validate(&self, _: &Settings, errors: &mut Errors) {
        let (path, spec) = (FieldPath::new("spec"), &self.spec);
        let numbers = [
            ("minReadySeconds", spec.min_ready_seconds),
            ("revisionHistoryLimit", spec.revision_history_limit),
        ];
        for (field, number) in numbers {
            template::check_not_negative(number, &path.field(field), errors);
        }
        let why = "empty selector is invalid for daemonset";
        template::check_selector(&spec.selector, &path, why, errors);
        template::check_selected(&spec.template, &spec.selector, &path, errors);
        let strategy = spec.update_strategy.clone().unwrap_or_default();
        let kind = text(&strategy.type_);
        if !matches!(kind, "RollingUpdate" | "OnDelete") {
            let path = path.field("updateStrategy.type");
            errors.unsupported(&path, kind, &["RollingUpdate", "OnDelete"]);
        }
    }

    fn validate_update(&self, old: &Self, errors: &mut Errors) {
        template::check_same_selector(&self.spec.selector, &old.spec.selector, errors);
    }
}
