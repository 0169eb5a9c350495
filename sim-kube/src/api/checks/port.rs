//! Ports: their numbers, names and protocols.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::name::too_long;
use crate::api::error::Errors;
use crate::path::FieldPath;

/// The protocols of ports, in the order of messages.
pub(in crate::api) const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];

/// Whether it is a number of a port.
pub(in crate::api) fn number(number: i32) -> Vec<String> {
    let is_port = (1..=65_535).contains(&number);
    let wrong = (!is_port).then(|| "must be between 1 and 65535, inclusive".to_owned());
    wrong.into_iter().collect()
}

/// What is wrong with the name of a port, after RFC 6335.
pub(in crate::api) fn name(text: &str) -> Vec<String> {
    let mut wrong = too_long(text, 15);
    let mut refuse = |is_wrong: bool, why: &str| {
        if is_wrong {
            wrong.push(why.to_owned());
        }
    };
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    refuse(
        text.is_empty() || !text.bytes().all(is_known),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    );
    refuse(
        !text.bytes().any(|byte| byte.is_ascii_lowercase()),
        "must contain at least one letter (a-z)",
    );
    refuse(text.contains("--"), "must not contain consecutive hyphens");
    refuse(text.starts_with('-') || text.ends_with('-'), "must not begin or end with a hyphen");
    wrong
}

/// Checks the number or name of a port.
pub(in crate::api) fn check_number_or_name(
    port: &IntOrString,
    path: &FieldPath,
    errors: &mut Errors,
) {
    match port {
        IntOrString::Int(port) => errors.invalid_all(path, port, number(*port)),
        IntOrString::String(port) => errors.invalid_all(path, port, name(port)),
    }
}

/// Checks a protocol.
pub(in crate::api) fn check_protocol(protocol: &str, path: &FieldPath, errors: &mut Errors) {
    if protocol.is_empty() {
        errors.required(path, "");
    } else if !PROTOCOLS.contains(&protocol) {
        errors.unsupported(path, protocol, PROTOCOLS);
    }
}
