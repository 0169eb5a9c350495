//! Deployments.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentStrategy};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::{Kind, template};
use crate::api::checks::{default_text, text};
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::path::FieldPath;

/// How many pods may be too many, or too few, while they are replaced.
const SHARE: &str = "25%";
/// How many ReplicaSets are kept to go back to.
const HISTORY: i32 = 10;
/// How long a Deployment may take to make progress, in seconds.
const DEADLINE_S: i32 = 600;

impl Kind for Deployment {
    fn set_defaults(&mut self, _: &Settings) {
        let spec = &mut self.spec;
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(HISTORY);
        spec.progress_deadline_seconds.get_or_insert(DEADLINE_S);
        let strategy = spec.strategy.get_or_insert_default();
        default_text(&mut strategy.type_, "RollingUpdate");
        if text(&strategy.type_) == "RollingUpdate" {
            let share = || IntOrString::String(SHARE.to_owned());
            let update = strategy.rolling_update.get_or_insert_default();
            update.max_surge.get_or_insert_with(share);
            update.max_unavailable.get_or_insert_with(share);
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
            ("replicas", spec.replicas),
            ("minReadySeconds", spec.min_ready_seconds),
            ("revisionHistoryLimit", spec.revision_history_limit),
            ("progressDeadlineSeconds", spec.progress_deadline_seconds),
        ];
        for (field, number) in numbers {
            template::check_not_negative(number, &path.field(field), errors);
        }
        let deadline = spec.progress_deadline_seconds.unwrap_or(DEADLINE_S);
        if deadline <= spec.min_ready_seconds.unwrap_or(0) {
            let path = path.field("progressDeadlineSeconds");
            errors.invalid(&path, &deadline, "must be greater than minReadySeconds");
        }
        let why = "empty selector is invalid for deployment";
        template::check_selector(&spec.selector, &path, why, errors);
        template::check_selected(
            &spec.template,
            &spec.selector,
            Some("invalid label selector"),
            &path,
            errors,
        );
        check_strategy(&spec.strategy.clone().unwrap_or_default(), &path.field("strategy"), errors);
    }

    fn validate_update(&self, old: &Self, errors: &mut Errors) {
        template::check_same_selector(&self.spec.selector, &old.spec.selector, errors);
    }
}

fn check_strategy(strategy: &DeploymentStrategy, path: &FieldPath, errors: &mut Errors) {
    match text(&strategy.type_) {
        "Recreate" if strategy.rolling_update.is_some() => errors.forbidden(
            &path.field("rollingUpdate"),
            "may not be specified when strategy `type` is 'Recreate'",
        ),
        "Recreate" => {}
        "RollingUpdate" => {
            let (update, path) = (strategy.rolling_update.as_ref(), path.field("rollingUpdate"));
            let fewer = update.and_then(|update| update.max_unavailable.as_ref());
            let more = update.and_then(|update| update.max_surge.as_ref());
            let (fewer_path, more_path) = (path.field("maxUnavailable"), path.field("maxSurge"));
            let count = template::check_share(fewer, &fewer_path, errors);
            if (count, template::check_share(more, &more_path, errors)) == (0, 0) {
                errors.invalid(&fewer_path, &fewer, "may not be 0 when `maxSurge` is 0");
            }
        }
        other => {
            let rolling = strategy.rolling_update.as_ref();
            let rolling = rolling.map(|update| {
                json!({"MaxUnavailable": update.max_unavailable, "MaxSurge": update.max_surge})
            });
            let value = template::strategy_json(other, rolling);
            errors.unsupported_value(path, &value, &["Recreate", "RollingUpdate"]);
        }
    }
}
