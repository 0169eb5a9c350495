//! StatefulSets.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use serde_json::json;

use super::{Kind, template};
use crate::api::checks::{default_text, name, text};
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::api::version::Version;
use crate::path::FieldPath;

impl Kind for StatefulSet {
    /// Its pods are called after it, and their names are those of hosts.
    fn name_wrong(name: &str, _: &Settings) -> Vec<String> {
        name::dns1123_label(name)
    }

    fn set_defaults(&mut self, settings: &Settings) {
        let spec = &mut self.spec;
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        default_text(&mut spec.pod_management_policy, "OrderedReady");
        let strategy = spec.update_strategy.get_or_insert_default();
        default_text(&mut strategy.type_, "RollingUpdate");
        if text(&strategy.type_) == "RollingUpdate" {
            strategy.rolling_update.get_or_insert_default().partition.get_or_insert(0);
        }
        if settings.version >= Version::V1_27 {
            let claims = spec.persistent_volume_claim_retention_policy.get_or_insert_default();
            default_text(&mut claims.when_deleted, "Retain");
            default_text(&mut claims.when_scaled, "Retain");
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
        let strategy = spec.update_strategy.clone().unwrap_or_default();
        let rolling = strategy.rolling_update.as_ref();
        let numbers = [
            ("replicas", spec.replicas),
            ("minReadySeconds", spec.min_ready_seconds),
            ("ordinals.start", spec.ordinals.as_ref().and_then(|ordinals| ordinals.start)),
            (
                "updateStrategy.rollingUpdate.partition",
                rolling.and_then(|rolling| rolling.partition),
            ),
        ];
        for (field, number) in numbers {
            template::check_not_negative(number, &path.field(field), errors);
        }
        if let Some(service) = spec.service_name.as_deref().filter(|service| !service.is_empty()) {
            let wrong = name::dns1123_label(service);
            errors.invalid_all(&path.field("serviceName"), service, wrong);
        }
        let policy = text(&spec.pod_management_policy);
        if !matches!(policy, "OrderedReady" | "Parallel") {
            let why = "must be 'OrderedReady' or 'Parallel'";
            errors.invalid(&path.field("podManagementPolicy"), policy, why);
        }
        if !matches!(text(&strategy.type_), "RollingUpdate" | "OnDelete") {
            let why = "must be 'RollingUpdate' or 'OnDelete'";
            let rolling = rolling.map(|update| {
                let partition = update.partition.unwrap_or(0);
                json!({"Partition": partition, "MaxUnavailable": update.max_unavailable})
            });
            let value = template::strategy_json(text(&strategy.type_), rolling);
            errors.invalid(&path.field("updateStrategy"), &value, why);
        }
        let why = "empty selector is invalid for statefulset";
        template::check_selector(&spec.selector, &path, why, errors);
        template::check_selected(&spec.template, &spec.selector, Some(""), &path, errors);
    }

    fn validate_update(&self, old: &Self, errors: &mut Errors) {
        let fixed = |set: &Self| {
            let spec = set.spec.clone();
            StatefulSetSpec {
                replicas: None,
                ordinals: None,
                template: Default::default(),
                update_strategy: None,
                revision_history_limit: None,
                persistent_volume_claim_retention_policy: None,
                min_ready_seconds: None,
                ..spec
            }
        };
        if fixed(self) != fixed(old) {
            let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                       'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                       'minReadySeconds' are forbidden";
            errors.forbidden(&FieldPath::new("spec"), why);
        }
    }
}
