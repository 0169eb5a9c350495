//! What pods are if they do not say.

use k8s_openapi::api::core::v1::{Container, PodSpec, Probe};

use crate::api::checks::{default_text, text};

/// How long a pod has to end, in seconds.
const GRACE_S: i64 = 30;
/// What less than no time is taken for.
const MIN_GRACE_S: i64 = 1;

/// Sets what also templates do not say (`SetDefaults_PodSpec`).
pub(in crate::api::kinds) fn set_spec_defaults(spec: &mut PodSpec) {
    default_text(&mut spec.dns_policy, "ClusterFirst");
    default_text(&mut spec.restart_policy, "Always");
    default_text(&mut spec.scheduler_name, "default-scheduler");
    spec.security_context.get_or_insert_default();
    let grace = spec.termination_grace_period_seconds.get_or_insert(GRACE_S);
    if *grace < 0 {
        *grace = MIN_GRACE_S;
    }
    // The account is said in two fields, for old clients.
    if spec.service_account_name.is_none() {
        spec.service_account_name.clone_from(&spec.service_account);
    }
    spec.service_account.clone_from(&spec.service_account_name);
    let is_host = spec.host_network == Some(true);
    for container in containers(spec) {
        set_container_defaults(container, is_host);
    }
}

/// Sets what only pods do not say (`SetDefaults_Pod`).
pub(super) fn set_pod_defaults(spec: &mut PodSpec) {
    spec.enable_service_links.get_or_insert(true);
    for container in containers(spec) {
        let Some(resources) = &mut container.resources else { continue };
        let Some(limits) = resources.limits.clone() else { continue };
        let requests = resources.requests.get_or_insert_default();
        for (name, limit) in limits {
            requests.entry(name).or_insert(limit);
        }
    }
}

fn containers(spec: &mut PodSpec) -> impl Iterator<Item = &mut Container> {
    spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten())
}

fn set_container_defaults(container: &mut Container, is_host: bool) {
    let is_latest = tag(text(&container.image)).is_none_or(|tag| tag == "latest");
    default_text(
        &mut container.image_pull_policy,
        if is_latest { "Always" } else { "IfNotPresent" },
    );
    default_text(&mut container.termination_message_path, "/dev/termination-log");
    default_text(&mut container.termination_message_policy, "File");
    let sources = container.env.iter_mut().flatten().filter_map(|env| env.value_from.as_mut());
    for field in sources.filter_map(|source| source.field_ref.as_mut()) {
        default_text(&mut field.api_version, "v1");
    }
    for port in container.ports.iter_mut().flatten() {
        default_text(&mut port.protocol, "TCP");
        // On the host's network they are the same.
        if is_host && port.host_port.unwrap_or(0) == 0 {
            port.host_port = Some(port.container_port);
        }
    }
    let probes = [
        &mut container.liveness_probe,
        &mut container.readiness_probe,
        &mut container.startup_probe,
    ];
    for probe in probes.into_iter().flatten() {
        set_probe_defaults(probe);
    }
}

fn set_probe_defaults(probe: &mut Probe) {
    let numbers = [
        (&mut probe.timeout_seconds, 1),
        (&mut probe.period_seconds, 10),
        (&mut probe.success_threshold, 1),
        (&mut probe.failure_threshold, 3),
    ];
    for (number, default) in numbers {
        if number.unwrap_or(0) == 0 {
            *number = Some(default);
        }
    }
    if let Some(http) = &mut probe.http_get {
        default_text(&mut http.path, "/");
        default_text(&mut http.scheme, "HTTP");
    }
}

/// The tag of an image; one with a digest only has none that is the latest.
fn tag(image: &str) -> Option<&str> {
    let (image, digest) = match image.split_once('@') {
        Some((image, digest)) => (image, Some(digest)),
        None => (image, None),
    };
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':').map(|(_, tag)| tag).or(digest)
}
