//! Probes: what asks a container how it is (`validateProbe()`).

use k8s_openapi::api::core::v1::{Container, HTTPGetAction, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::api::checks::{list, name, port, text};
use crate::api::error::Errors;
use crate::path::FieldPath;

/// How HTTP is spoken.
const SCHEMES: &[&str] = &["HTTP", "HTTPS"];

/// Checks the probes of a container.
pub(super) fn check_all(container: &Container, path: &FieldPath, errors: &mut Errors) {
    if let Some(probe) = &container.liveness_probe {
        check_of_one_success(probe, &path.field("livenessProbe"), errors);
    }
    if let Some(probe) = &container.readiness_probe {
        let path = path.field("readinessProbe");
        check(probe, &path, errors);
        if let Some(seconds) = probe.termination_grace_period_seconds {
            let path = path.field("terminationGracePeriodSeconds");
            errors.invalid(&path, &seconds, "must not be set for readinessProbes");
        }
    }
    if let Some(probe) = &container.startup_probe {
        check_of_one_success(probe, &path.field("startupProbe"), errors);
    }
}

/// Checks that a container which has to end has no probes.
pub(super) fn check_none(container: &Container, path: &FieldPath, errors: &mut Errors) {
    let probes = [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ];
    for (field, _) in probes.iter().filter(|(_, probe)| probe.is_some()) {
        let why = "may not be set for init containers without restartPolicy=Always";
        errors.forbidden(&path.field(field), why);
    }
}

/// Checks a probe that ends something when it fails: one success has to be enough.
fn check_of_one_success(probe: &Probe, path: &FieldPath, errors: &mut Errors) {
    check(probe, path, errors);
    if let Some(count) = probe.success_threshold.filter(|count| *count != 1) {
        errors.invalid(&path.field("successThreshold"), &count, "must be 1");
    }
}

fn check(probe: &Probe, path: &FieldPath, errors: &mut Errors) {
    check_action(probe, path, errors);
    let numbers = [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ];
    for (field, number) in numbers {
        if let Some(number) = number.filter(|number| *number < 0) {
            errors.invalid(&path.field(field), &number, "must be greater than or equal to 0");
        }
    }
    if let Some(seconds) = probe.termination_grace_period_seconds.filter(|seconds| *seconds <= 0) {
        let path = path.field("terminationGracePeriodSeconds");
        errors.invalid(&path, &seconds, "must be greater than 0");
    }
}

/// Checks that a probe does one thing, and the first thing that it does.
fn check_action(probe: &Probe, path: &FieldPath, errors: &mut Errors) {
    let actions = [
        ("exec", probe.exec.is_some()),
        ("httpGet", probe.http_get.is_some()),
        ("tcpSocket", probe.tcp_socket.is_some()),
        ("grpc", probe.grpc.is_some()),
    ];
    let mut said = actions.iter().filter(|(_, is_said)| *is_said).map(|(field, _)| *field);
    let Some(first) = said.next() else {
        return errors.required(path, "must specify a handler type");
    };
    for field in said {
        errors.forbidden(&path.field(field), "may not specify more than 1 handler type");
    }
    let path = path.field(first);
    match first {
        "exec" if probe.exec.as_ref().is_some_and(|exec| list(&exec.command).is_empty()) => {
            errors.required(&path.field("command"), "");
        }
        "httpGet" => {
            if let Some(http) = &probe.http_get {
                check_http(http, &path, errors);
            }
        }
        "tcpSocket" => {
            if let Some(tcp) = &probe.tcp_socket {
                port::check_number_or_name(&tcp.port, &path.field("port"), errors);
            }
        }
        "grpc" => {
            if let Some(grpc) = &probe.grpc {
                let port = IntOrString::Int(grpc.port);
                port::check_number_or_name(&port, &path.field("port"), errors);
            }
        }
        _ => {}
    }
}

fn check_http(http: &HTTPGetAction, path: &FieldPath, errors: &mut Errors) {
    port::check_number_or_name(&http.port, &path.field("port"), errors);
    let scheme = text(&http.scheme);
    if !SCHEMES.contains(&scheme) {
        errors.unsupported(&path.field("scheme"), scheme, SCHEMES);
    }
    for header in list(&http.http_headers) {
        let wrong = name::http_header(&header.name);
        errors.invalid_all(&path.field("httpHeaders"), &header.name, wrong);
    }
}
