//! Endpoints.

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints};

use super::Kind;
use crate::api::checks::{address, default_text, list, name, port, text};
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::path::FieldPath;

impl Kind for Endpoints {
    fn set_defaults(&mut self, _: &Settings) {
        for port in self.subsets.iter_mut().flatten().flat_map(|s| s.ports.iter_mut().flatten()) {
            default_text(&mut port.protocol, "TCP");
        }
    }

    fn validate(&self, _: &Settings, errors: &mut Errors) {
        for (i, subset) in list(&self.subsets).iter().enumerate() {
            check_subset(subset, &FieldPath::new("subsets").index(i), errors);
        }
    }
}

fn check_subset(subset: &EndpointSubset, path: &FieldPath, errors: &mut Errors) {
    let (ready, not_ready) = (list(&subset.addresses), list(&subset.not_ready_addresses));
    if ready.is_empty() && not_ready.is_empty() {
        errors.required(path, "must specify `addresses` or `notReadyAddresses`");
    }
    for (field, addresses) in [("addresses", ready), ("notReadyAddresses", not_ready)] {
        for (i, address) in addresses.iter().enumerate() {
            check_address(address, &path.field(field).index(i), errors);
        }
    }
    let ports = list(&subset.ports);
    for (i, port) in ports.iter().enumerate() {
        check_port(port, ports.len() > 1, &path.field("ports").index(i), errors);
    }
}

fn check_address(endpoint: &EndpointAddress, path: &FieldPath, errors: &mut Errors) {
    let ip = path.field("ip");
    address::check(&endpoint.ip, &ip, errors);
    address::check_not_special(&endpoint.ip, &ip, errors);
    if let Some(hostname) = endpoint.hostname.as_deref().filter(|name| !name.is_empty()) {
        errors.invalid_all(&path.field("hostname"), hostname, name::dns1123_label(hostname));
    }
    if let Some(node) = &endpoint.node_name {
        errors.invalid_all(&path.field("nodeName"), node, name::dns1123_subdomain(node));
    }
}

fn check_port(endpoint: &EndpointPort, needs_name: bool, path: &FieldPath, errors: &mut Errors) {
    let name = text(&endpoint.name);
    if needs_name && name.is_empty() {
        errors.required(&path.field("name"), "");
    } else if !name.is_empty() {
        errors.invalid_all(&path.field("name"), name, name::dns1123_label(name));
    }
    errors.invalid_all(&path.field("port"), &endpoint.port, port::number(endpoint.port));
    port::check_protocol(text(&endpoint.protocol), &path.field("protocol"), errors);
    if let Some(protocol) = &endpoint.app_protocol {
        errors.invalid_all(&path.field("appProtocol"), protocol, name::qualified(protocol));
    }
}
