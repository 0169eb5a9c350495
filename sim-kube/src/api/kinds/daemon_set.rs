//! DaemonSets.

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetUpdateStrategy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

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
        // One that is not there is told of by what it does not select only.
        if spec.selector != LabelSelector::default() {
            let why = "empty selector is invalid for daemonset";
            template::check_selector(&spec.selector, &path, why, errors);
        }
        template::check_selected(&spec.template, &spec.selector, None, &path, errors);
        let strategy = spec.update_strategy.clone().unwrap_or_default();
        check_strategy(&strategy, &path.field("updateStrategy"), errors);
    }

    fn validate_update(&self, old: &Self, errors: &mut Errors) {
        template::check_same_selector(&self.spec.selector, &old.spec.selector, errors);
    }
}

fn check_strategy(strategy: &DaemonSetUpdateStrategy, path: &FieldPath, errors: &mut Errors) {
    let rolling = strategy.rolling_update.as_ref();
    match text(&strategy.type_) {
        "OnDelete" => {}
        "RollingUpdate" => {
            let path = path.field("rollingUpdate");
            let fewer = rolling.and_then(|update| update.max_unavailable.as_ref());
            let more = rolling.and_then(|update| update.max_surge.as_ref());
            let (fewer_path, more_path) = (path.field("maxUnavailable"), path.field("maxSurge"));
            let fewer = template::check_share(fewer, &fewer_path, errors);
            match (fewer, template::check_share(more, &more_path, errors)) {
                (0, 0) => errors.required(&fewer_path, "cannot be 0 when maxSurge is 0"),
                (0, _) | (_, 0) => {}
                _ => {
                    let why = "may not be set when maxUnavailable is non-zero";
                    errors.invalid(&more_path, &more, why);
                }
            }
        }
        other => {
            let rolling = rolling.map(|update| {
                json!({"MaxUnavailable": update.max_unavailable, "MaxSurge": update.max_surge})
            });
            let value = template::strategy_json(other, rolling);
            errors.unsupported_value(path, &value, &["RollingUpdate", "OnDelete"]);
        }
    }
}
