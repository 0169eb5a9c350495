//! Jobs: pods that end.

use k8s_openapi::api::batch::v1::{Job, JobCondition, JobSpec, JobStatus};
use k8s_openapi::api::core::v1::Pod;

use super::Context;
use super::owner;
use super::pod;
use super::replica_set::{count, told};
use super::template;
use crate::object::{Key, Store, Stored as _};

/// The condition of a Job that makes no pods for now.
const SUSPENDED: &str = "Suspended";
/// How many of its pods may fail if nothing else is said.
const DEFAULT_BACKOFF: i32 = 6;

/// Makes the pods that Jobs still need. A pod ends only if somebody says so (see [`super::pod_life`]).
pub(super) fn reconcile(store: &mut Store, context: &mut Context<'_>) -> bool {
    let jobs: Vec<Job> = store.jobs.values().cloned().collect();
    let mut has_changed = false;
    for job in &jobs {
        let Some(spec) = &job.spec else { continue };
        if job.metadata.deletion_timestamp.is_none() && !is_over(job) {
            has_changed |= manage(job, spec, store, context);
            has_changed |= write_status(job, spec, store, context);
        }
    }
    has_changed
}

/// Whether a Job has ended, one way or the other.
fn is_over(job: &Job) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|c| matches!(c.type_.as_str(), "Complete" | "Failed") && c.status == "True")
}

/// How the pods of a Job are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Tally {
    active: i32,
    ready: i32,
    succeeded: i32,
    failed: i32,
}

impl Tally {
    fn of(job: &Job, store: &Store) -> Self {
        let pods: Vec<&Pod> = pods(job, store).collect();
        let in_phase = |phase: &str| count(pods.iter().filter(|pod| pod::phase(pod) == phase));
        Self {
            active: count(pods.iter().filter(|pod| pod::is_active(pod))),
            ready: count(pods.iter().filter(|pod| pod::is_active(pod) && pod::is_ready(pod))),
            succeeded: in_phase("Succeeded"),
            failed: in_phase("Failed"),
        }
    }

    /// How many pods should run now. Without a number of completions a success is the beginning of the end.
    fn wanted(self, spec: &JobSpec) -> i32 {
        let parallelism = spec.parallelism.unwrap_or(1).max(0);
        match spec.completions {
            _ if spec.suspend == Some(true) || self.has_failed(spec) => 0,
            Some(completions) => parallelism.min(completions.saturating_sub(self.succeeded).max(0)),
            None if self.succeeded > 0 => self.active,
            None => parallelism,
        }
    }

    fn has_failed(self, spec: &JobSpec) -> bool {
        self.failed > spec.backoff_limit.unwrap_or(DEFAULT_BACKOFF)
    }

    fn is_complete(self, spec: &JobSpec) -> bool {
        match spec.completions {
            Some(completions) => self.succeeded >= completions,
            None => self.succeeded > 0 && self.active == 0,
        }
    }
}

fn pods<'a>(job: &'a Job, store: &'a Store) -> impl Iterator<Item = &'a Pod> {
    store.pods.values().filter(|pod| owner::is_controlled_by(&pod.metadata, job))
}

fn manage(job: &Job, spec: &JobSpec, store: &mut Store, context: &mut Context<'_>) -> bool {
    let tally = Tally::of(job, store);
    let wanted = tally.wanted(spec);
    if tally.active > wanted {
        let mut active: Vec<&Pod> = pods(job, store).filter(|pod| pod::is_active(pod)).collect();
        pod::sort_for_deletion(&mut active);
        let surplus = usize::try_from(tally.active - wanted).unwrap_or(0);
        let keys: Vec<Key> = active.iter().take(surplus).map(|pod| pod.key()).collect();
        keys.iter().for_each(|key| pod::delete(store, key, &context.settings.now));
        return true;
    }
    let room = context.settings.max_cluster_pods.saturating_sub(store.pods.len());
    let missing = usize::try_from(wanted - tally.active).unwrap_or(0).min(room);
    for _ in 0..missing {
        create(job, spec, store, context);
    }
    missing > 0
}

fn create(job: &Job, spec: &JobSpec, store: &mut Store, context: &mut Context<'_>) {
    let mut pod = template::pod(&spec.template, job, context);
    let uid = job.metadata.uid.clone().unwrap_or_default();
    let name = job.key().name;
    let labels = pod.metadata.labels.get_or_insert_default();
    for (key, value) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        labels.insert(key.to_owned(), value.clone());
    }
    template::create_named_at_random(pod, &format!("{name}-"), store, context);
}

fn write_status(job: &Job, spec: &JobSpec, store: &mut Store, context: &Context<'_>) -> bool {
    let tally = Tally::of(job, store);
    let mut status = JobStatus {
        active: told(tally.active),
        ready: Some(tally.ready),
        succeeded: told(tally.succeeded),
        failed: told(tally.failed),
        terminating: Some(count(pods(job, store).filter(|pod| pod::is_terminating(pod)))),
        ..job.status.clone().unwrap_or_default()
    };
    let now = &context.settings.now;
    status.start_time.get_or_insert_with(|| now.clone());
    let condition = |name: &str, holds: bool, reason: &str, message: &str| JobCondition {
        type_: name.to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_probe_time: Some(now.clone()),
        last_transition_time: Some(now.clone()),
    };
    let mut conditions = status.conditions.take().unwrap_or_default();
    let is_suspended = spec.suspend == Some(true);
    let (reason, message) = if is_suspended {
        ("JobSuspended", "Job suspended")
    } else {
        ("JobResumed", "Job resumed")
    };
    let suspended = condition(SUSPENDED, is_suspended, reason, message);
    match conditions.iter_mut().find(|condition| condition.type_ == SUSPENDED) {
        Some(old) if old.status == suspended.status => {}
        Some(old) => *old = suspended,
        None if is_suspended => conditions.push(suspended),
        None => {}
    }
    // That it will end so is said before it has.
    if tally.has_failed(spec) {
        let message = "Job has reached the specified backoff limit";
        conditions.extend(
            ["FailureTarget", "Failed"]
                .map(|name| condition(name, true, "BackoffLimitExceeded", message)),
        );
    } else if tally.is_complete(spec) {
        let message = "Reached expected number of succeeded pods";
        conditions.extend(
            ["SuccessCriteriaMet", "Complete"]
                .map(|name| condition(name, true, "CompletionsReached", message)),
        );
        status.completion_time = Some(now.clone());
    }
    status.conditions = (!conditions.is_empty()).then_some(conditions);
    if job.status.as_ref() == Some(&status) {
        return false;
    }
    if let Some(job) = store.jobs.get_mut(&job.key()) {
        job.status = Some(status);
    }
    true
}
