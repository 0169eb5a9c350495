//! Jobs.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Kind, template};
use crate::api::checks::{default_text, labels, name, text};
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::api::version::Version;
use crate::path::FieldPath;

/// How often pods may fail.
const BACKOFF_LIMIT: i32 = 6;
/// Which job a pod is of, before 1.27 and since.
const LABEL_UID: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];
/// What the job is called.
const LABEL_NAME: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];

/// When pods are replaced.
const REPLACEMENT_POLICIES: &[&str] = &["Failed", "TerminatingOrFailed"];

impl Kind for Job {
    fn set_defaults(&mut self, settings: &Settings) {
        let spec = self.spec.get_or_insert_default();
        if spec.completions.is_none() && spec.parallelism.is_none() {
            spec.completions = Some(1);
        }
        spec.parallelism.get_or_insert(1);
        let per_index = spec.backoff_limit_per_index.is_some();
        spec.backoff_limit.get_or_insert(if per_index { i32::MAX } else { BACKOFF_LIMIT });
        default_text(&mut spec.completion_mode, "NonIndexed");
        spec.suspend.get_or_insert(false);
        spec.manual_selector.get_or_insert(false);
        if settings.version >= Version::V1_29 {
            let policy =
                if spec.pod_failure_policy.is_some() { "Failed" } else { "TerminatingOrFailed" };
            default_text(&mut spec.pod_replacement_policy, policy);
        }
        template::set_defaults(&mut spec.template);
        // Without labels of its own it has those of its pods.
        let meta = spec.template.metadata.as_ref();
        if self.metadata.labels.as_ref().is_none_or(|labels| labels.is_empty()) {
            self.metadata.labels = meta.and_then(|meta| meta.labels.clone());
        }
    }

    /// Makes labels that no other job's pods have, and a selector for them.
    fn prepare_for_create(&mut self, settings: &Settings) {
        self.status = None;
        let (uid, name) = (text(&self.metadata.uid), text(&self.metadata.name));
        let Some(spec) = &mut self.spec else { return };
        if spec.manual_selector == Some(true) {
            return;
        }
        let has_long = settings.version >= Version::V1_27;
        let known = if has_long { 0..2 } else { 0..1 };
        let labels = spec.template.metadata.get_or_insert_default().labels.get_or_insert_default();
        for i in known {
            labels.insert(LABEL_UID[i].to_owned(), uid.to_owned());
            labels.insert(LABEL_NAME[i].to_owned(), name.to_owned());
        }
        let selector = spec.selector.get_or_insert_default().match_labels.get_or_insert_default();
        selector.insert(LABEL_UID[usize::from(has_long)].to_owned(), uid.to_owned());
    }

    /// What was made for it is still so.
    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        let (Some(spec), Some(old)) = (&mut self.spec, &old.spec) else { return };
        if spec.manual_selector == Some(true) {
            return;
        }
        spec.selector.clone_from(&old.selector);
        let made = old.template.metadata.iter().flat_map(|meta| meta.labels.iter().flatten());
        let labels = spec.template.metadata.get_or_insert_default().labels.get_or_insert_default();
        for (key, value) in made {
            if LABEL_UID.contains(&key.as_str()) || LABEL_NAME.contains(&key.as_str()) {
                labels.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    fn validate(&self, _: &Settings, errors: &mut Errors) {
        let (path, spec) = (FieldPath::new("spec"), self.spec.clone().unwrap_or_default());
        check_selector_is_made(&self.metadata, &spec, errors);
        check_numbers(&spec, &path, errors);
        let policy = text(&spec.pod_replacement_policy);
        if !policy.is_empty() && !REPLACEMENT_POLICIES.contains(&policy) {
            let path = path.field("podReplacementPolicy");
            errors.unsupported(&path, policy, REPLACEMENT_POLICIES);
        }
        let mode = text(&spec.completion_mode);
        match mode {
            "NonIndexed" => check_has_no_indexes(&spec, &path, errors),
            "Indexed" if spec.completions.is_none() => {
                errors.required(&path.field("completions"), "when completion mode is Indexed");
            }
            "Indexed" => check_last_name(&self.metadata, spec.completions.unwrap_or(0), errors),
            other => {
                let path = path.field("completionMode");
                errors.unsupported(&path, other, &["NonIndexed", "Indexed"]);
            }
        }
        let pods = spec.template.metadata.as_ref().and_then(|meta| meta.labels.as_ref());
        match &spec.selector {
            None => errors.required(&path.field("selector"), ""),
            Some(selector) => {
                labels::check_selector(selector, &path.field("selector"), errors);
                if !labels::matches(selector, pods) {
                    let path = path.field("template.metadata.labels");
                    errors.invalid(&path, &pods, "`selector` does not match template `labels`");
                }
            }
        }
        template::check(&spec.template, &path.field("template"), errors);
        let policy = spec.template.spec.as_ref().map_or("", |spec| text(&spec.restart_policy));
        if policy == "Always" {
            let path = path.field("template.spec.restartPolicy");
            errors.required(&path, "valid values: \"OnFailure\", \"Never\"");
        }
    }

    fn validate_update(&self, old: &Self, errors: &mut Errors) {
        let (Some(spec), Some(old)) = (&self.spec, &old.spec) else { return };
        let path = FieldPath::new("spec");
        let mut refuse = |is_same: bool, field: &str, value: serde_json::Value| {
            if !is_same {
                errors.invalid(&path.field(field), &value, "field is immutable");
            }
        };
        let json = |value: Result<serde_json::Value, _>| value.unwrap_or_default();
        let is_indexed = text(&spec.completion_mode) == "Indexed";
        let completions = is_indexed || spec.completions == old.completions;
        refuse(completions, "completions", json(serde_json::to_value(spec.completions)));
        let selector = spec.selector == old.selector;
        refuse(selector, "selector", json(serde_json::to_value(&spec.selector)));
        let template = spec.template == old.template;
        refuse(template, "template", json(serde_json::to_value(&spec.template)));
        let mode = spec.completion_mode == old.completion_mode;
        refuse(mode, "completionMode", json(serde_json::to_value(&spec.completion_mode)));
    }
}

/// Checks that the selector selects by labels that were made for this job, unless somebody says to know better.
fn check_selector_is_made(meta: &ObjectMeta, spec: &JobSpec, errors: &mut Errors) {
    let Some(selector) = spec.selector.as_ref().filter(|_| spec.manual_selector != Some(true))
    else {
        return;
    };
    let with = |keys: [&str; 2], value: &Option<String>| {
        keys.map(|key| (key.to_owned(), text(value).to_owned()))
    };
    let made = with(LABEL_UID, &meta.uid).into_iter().chain(with(LABEL_NAME, &meta.name));
    if !labels::matches(selector, Some(&made.collect())) {
        let value = template::selector_json(selector);
        let path = FieldPath::new("spec.selector");
        errors.invalid(&path, &value, "`selector` not auto-generated");
    }
}

/// Checks that the pod of the last index can be called after the job.
fn check_last_name(meta: &ObjectMeta, completions: i32, errors: &mut Errors) {
    let name = text(&meta.name);
    let pod = format!("{name}-{}", completions.saturating_sub(1));
    if completions > 0 && !name::dns1123_label(&pod).is_empty() {
        let why = format!("will not able to create pod with invalid DNS label: {pod}");
        errors.invalid(&FieldPath::new("metadata.name"), name, why);
    }
}

/// Checks that nothing is said of indexes.
fn check_has_no_indexes(spec: &JobSpec, path: &FieldPath, errors: &mut Errors) {
    let fields = [
        ("backoffLimitPerIndex", spec.backoff_limit_per_index),
        ("maxFailedIndexes", spec.max_failed_indexes),
    ];
    for (field, number) in fields {
        if let Some(number) = number {
            errors.invalid(&path.field(field), &number, "requires indexed completion mode");
        }
    }
}

fn check_numbers(spec: &JobSpec, path: &FieldPath, errors: &mut Errors) {
    let numbers = [
        ("parallelism", spec.parallelism),
        ("completions", spec.completions),
        ("backoffLimit", spec.backoff_limit),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index),
        ("maxFailedIndexes", spec.max_failed_indexes),
    ];
    for (field, number) in numbers {
        template::check_not_negative(number, &path.field(field), errors);
    }
    if let Some(seconds) = spec.active_deadline_seconds.filter(|seconds| *seconds < 0) {
        let path = path.field("activeDeadlineSeconds");
        errors.invalid(&path, &seconds, "must be greater than or equal to 0");
    }
}
