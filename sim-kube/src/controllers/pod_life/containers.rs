//! What a kubelet says of the containers of a pod.

use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, Pod,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// Why a container does not run yet whose pod has no network.
const CREATING: &str = "ContainerCreating";

/// Says that containers wait for their pod's network, unless something is said already.
pub(super) fn wait(pod: &mut Pod) {
    let waiting = ContainerStateWaiting { reason: Some(CREATING.to_owned()), message: None };
    let state = ContainerState { waiting: Some(waiting), ..ContainerState::default() };
    write_missing(pod, &state);
}

/// Says that containers run, those that waited and those that nothing was said of.
pub(super) fn run(pod: &mut Pod, now: &Time) {
    let running = ContainerStateRunning { started_at: Some(now.clone()) };
    let state = ContainerState { running: Some(running), ..ContainerState::default() };
    write_missing(pod, &state);
    for status in statuses(pod) {
        let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
        if waiting.is_some_and(|waiting| waiting.reason.as_deref() == Some(CREATING)) {
            status.state = Some(state.clone());
            status.started = Some(true);
        }
    }
}

/// Says whether containers are ready.
pub(super) fn set_ready(pod: &mut Pod, ready: bool) {
    statuses(pod).for_each(|status| status.ready = ready);
}

/// Says that containers have ended.
pub(super) fn end(pod: &mut Pod, succeeded: bool, now: &Time) {
    for status in statuses(pod) {
        let is_over = status.state.as_ref().is_some_and(|state| state.terminated.is_some());
        status.ready = false;
        status.started = Some(false);
        if !is_over {
            let (exit_code, reason) = if succeeded { (0, "Completed") } else { (1, "Error") };
            let terminated = ContainerStateTerminated {
                exit_code,
                reason: Some(reason.to_owned()),
                started_at: Some(now.clone()),
                finished_at: Some(now.clone()),
                ..ContainerStateTerminated::default()
            };
            status.state =
                Some(ContainerState { terminated: Some(terminated), ..ContainerState::default() });
        }
    }
}

fn statuses(pod: &mut Pod) -> impl Iterator<Item = &mut ContainerStatus> {
    let status = pod.status.as_mut();
    status.and_then(|status| status.container_statuses.as_mut()).into_iter().flatten()
}

/// Writes the state of containers if there is none.
fn write_missing(pod: &mut Pod, state: &ContainerState) {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.clone()).unwrap_or_default();
    let all = containers.into_iter().map(|container| ContainerStatus {
        name: container.name,
        image: container.image.unwrap_or_default(),
        started: Some(state.running.is_some()),
        state: Some(state.clone()),
        ..ContainerStatus::default()
    });
    let status = pod.status.get_or_insert_default();
    status.container_statuses.get_or_insert_with(|| all.collect());
}
