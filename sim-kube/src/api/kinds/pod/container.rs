//! Containers.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, ContainerPort, EnvVar};

use super::probe;
use crate::api::checks::{list, name, port, text};
use crate::api::error::Errors;
use crate::path::FieldPath;

/// When images are pulled.
const PULL_POLICIES: &[&str] = &["Always", "IfNotPresent", "Never"];

/// When a single container is started again.
const RESTART_POLICIES: &[&str] = &["Always", "Never", "OnFailure"];
/// Where the last words of a container are.
const MESSAGE_POLICIES: &[&str] = &["File", "FallbackToLogsOnError"];

/// When a container runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// Before the others.
    Init,
    /// As long as the pod.
    Main,
}

/// Which network a pod is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Network {
    Own,
    Host,
}

/// Checks a container.
pub(super) fn check(
    container: &Container,
    role: Role,
    network: Network,
    path: &FieldPath,
    errors: &mut Errors,
) {
    if container.name.is_empty() {
        errors.required(&path.field("name"), "");
    } else {
        let wrong = name::dns1123_label(&container.name);
        errors.invalid_all(&path.field("name"), &container.name, wrong);
    }
    let image = text(&container.image);
    if image.is_empty() {
        errors.required(&path.field("image"), "");
    } else if image != image.trim() {
        let why = "must not have leading or trailing whitespace";
        errors.invalid(&path.field("image"), image, why);
    }
    let policy = text(&container.image_pull_policy);
    if !PULL_POLICIES.contains(&policy) {
        errors.unsupported(&path.field("imagePullPolicy"), policy, PULL_POLICIES);
    }
    check_ports(list(&container.ports), network, &path.field("ports"), errors);
    for (i, env) in list(&container.env).iter().enumerate() {
        check_env(env, &path.field("env").index(i), errors);
    }
    let message = text(&container.termination_message_policy);
    if !MESSAGE_POLICIES.contains(&message) {
        errors.unsupported(&path.field("terminationMessagePolicy"), message, MESSAGE_POLICIES);
    }
    if let Some(policy) = container.restart_policy.as_deref()
        && !RESTART_POLICIES.contains(&policy)
    {
        errors.unsupported(&path.field("restartPolicy"), policy, RESTART_POLICIES);
    }
    // One that is always started again runs beside the others.
    if role == Role::Main || text(&container.restart_policy) == "Always" {
        probe::check_all(container, path, errors);
    } else {
        probe::check_none(container, path, errors);
    }
}

fn check_env(env: &EnvVar, path: &FieldPath, errors: &mut Errors) {
    let is_known = |c: char| (' '..='~').contains(&c) && c != '=';
    if env.name.is_empty() {
        errors.required(&path.field("name"), "");
    } else if !env.name.chars().all(is_known) {
        let why = "a valid environment variable name must consist only of printable ASCII characters other than '='";
        errors.invalid(&path.field("name"), &env.name, why);
    }
    if env.value_from.is_some() && !text(&env.value).is_empty() {
        errors.invalid(
            &path.field("valueFrom"),
            "",
            "may not be specified when `value` is not empty",
        );
    }
}

fn check_ports(ports: &[ContainerPort], network: Network, path: &FieldPath, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    for (i, port) in ports.iter().enumerate() {
        let (path, name) = (path.index(i), text(&port.name));
        if !name.is_empty() {
            errors.invalid_all(&path.field("name"), name, port::name(name));
            if !names.insert(name) {
                errors.duplicate(&path.field("name"), name);
            }
        }
        let number = path.field("containerPort");
        match port.container_port {
            0 => errors.required(&number, ""),
            other => errors.invalid_all(&number, &other, port::number(other)),
        }
        let host_port = port.host_port.unwrap_or(0);
        if host_port != 0 {
            errors.invalid_all(&path.field("hostPort"), &host_port, port::number(host_port));
        }
        port::check_protocol(text(&port.protocol), &path.field("protocol"), errors);
        if network == Network::Host && host_port != port.container_port {
            let why = "must match `containerPort` when `hostNetwork` is true";
            errors.invalid(&path.field("hostPort"), &host_port, why);
        }
    }
}

/// Checks that no two containers take the same port of their host.
pub(super) fn check_host_ports(containers: &[Container], path: &FieldPath, errors: &mut Errors) {
    let mut taken = BTreeSet::new();
    for (i, container) in containers.iter().enumerate() {
        for (j, port) in list(&container.ports).iter().enumerate() {
            let Some(number) = port.host_port.filter(|number| *number != 0) else { continue };
            let name = format!("{}/{}/{number}", text(&port.protocol), text(&port.host_ip));
            if !taken.insert(name.clone()) {
                let path = path.index(i).field("ports").index(j).field("hostPort");
                errors.duplicate(&path, &name);
            }
        }
    }
}
