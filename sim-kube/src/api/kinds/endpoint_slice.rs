//! EndpointSlices.

use std::collections::BTreeSet;

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointHints, EndpointPort, EndpointSlice};
use sim_core::family::AddressFamily;

use super::Kind;
use crate::api::checks::{address, list, name, port, text};
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::path::FieldPath;

/// What addresses can be.
const ADDRESS_TYPES: &[&str] = &["FQDN", "IPv4", "IPv6"];
/// How many endpoints a slice has at most.
const MAX_ENDPOINTS: usize = 1000;
/// How many addresses an endpoint has at most.
const MAX_ADDRESSES: usize = 100;
/// How many ports a slice has at most.
const MAX_PORTS: usize = 20_000;
/// How many zones or nodes an endpoint is meant for at most.
const MAX_HINTS: usize = 8;

impl Kind for EndpointSlice {
    fn set_defaults(&mut self, _: &Settings) {
        for port in self.ports.iter_mut().flatten() {
            port.name.get_or_insert_default();
            port.protocol.get_or_insert_with(|| "TCP".to_owned());
        }
    }

    fn validate(&self, _: &Settings, errors: &mut Errors) {
        let path = FieldPath::new("addressType");
        if self.address_type.is_empty() {
            errors.required(&path, "");
        } else if !ADDRESS_TYPES.contains(&self.address_type.as_str()) {
            errors.unsupported(&path, &self.address_type, ADDRESS_TYPES);
        }
        let (endpoints, path) = (list(&self.endpoints), FieldPath::new("endpoints"));
        if endpoints.len() > MAX_ENDPOINTS {
            errors.too_many(&path, endpoints.len(), MAX_ENDPOINTS);
        } else {
            for (i, endpoint) in endpoints.iter().enumerate() {
                check_endpoint(endpoint, &self.address_type, &path.index(i), errors);
            }
        }
        check_ports(list(&self.ports), errors);
    }

    fn validate_update(&self, old: &Self, errors: &mut Errors) {
        if self.address_type != old.address_type {
            let path = FieldPath::new("addressType");
            errors.invalid(&path, &self.address_type, "field is immutable");
        }
    }
}

fn check_endpoint(endpoint: &Endpoint, address_type: &str, path: &FieldPath, errors: &mut Errors) {
    let addresses = path.field("addresses");
    if endpoint.addresses.is_empty() {
        errors.required(&addresses, "must contain at least 1 address");
    } else if endpoint.addresses.len() > MAX_ADDRESSES {
        errors.too_many(&addresses, endpoint.addresses.len(), MAX_ADDRESSES);
    }
    for (i, address) in endpoint.addresses.iter().enumerate() {
        check_address(address, address_type, &addresses, &addresses.index(i), errors);
    }
    if let Some(node) = &endpoint.node_name {
        errors.invalid_all(&path.field("nodeName"), node, name::dns1123_subdomain(node));
    }
    if let Some(hostname) = &endpoint.hostname {
        errors.invalid_all(&path.field("hostname"), hostname, name::dns1123_label(hostname));
    }
    if let Some(hints) = &endpoint.hints {
        check_hints(hints, &path.field("hints"), errors);
    }
}

fn check_hints(hints: &EndpointHints, path: &FieldPath, errors: &mut Errors) {
    let (zones, nodes) = (list(&hints.for_zones), list(&hints.for_nodes));
    let zones: Vec<&str> = zones.iter().map(|zone| zone.name.as_str()).collect();
    let nodes: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let mut check = |field, names: &[&str], wrong: fn(&str) -> Vec<String>| {
        if names.len() > MAX_HINTS {
            return errors.too_many(&path.field(field), names.len(), MAX_HINTS);
        }
        for (i, name) in names.iter().enumerate() {
            let path = path.field(field).index(i).field("name");
            if names[..i].contains(name) {
                errors.duplicate(&path, name);
            }
            errors.invalid_all(&path, name, wrong(name));
        }
    };
    check("forZones", &zones, name::label_value);
    check("forNodes", &nodes, name::dns1123_subdomain);
}

fn check_address(
    text: &str,
    address_type: &str,
    addresses: &FieldPath,
    path: &FieldPath,
    errors: &mut Errors,
) {
    let (is_good, family, why) = match address_type {
        "IPv4" => {
            let is_good = address::check(text, path, errors);
            (is_good, AddressFamily::Inet, "must be an IPv4 address")
        }
        "IPv6" => {
            let is_good = address::check_canonical(text, path, errors);
            (is_good, AddressFamily::Inet6, "must be an IPv6 address")
        }
        "FQDN" if text.is_empty() => return errors.required(path, ""),
        "FQDN" => return errors.invalid_all(path, text, name::fully_qualified_domain(text)),
        _ => return,
    };
    if !is_good {
        return;
    }
    if address::parse(text).is_some_and(|address| AddressFamily::of(address) != family) {
        // The API server does not say which one of them.
        errors.invalid_all_at(addresses, path, text, [why.to_owned()]);
    }
    address::check_not_special(text, path, errors);
}

fn check_ports(ports: &[EndpointPort], errors: &mut Errors) {
    let path = FieldPath::new("ports");
    if ports.len() > MAX_PORTS {
        return errors.too_many(&path, ports.len(), MAX_PORTS);
    }
    let mut names = BTreeSet::new();
    for (i, endpoint) in ports.iter().enumerate() {
        let (path, name) = (path.index(i), text(&endpoint.name));
        if !name.is_empty() {
            errors.invalid_all(&path.field("name"), name, name::dns1123_label(name));
        }
        if !names.insert(name) {
            errors.duplicate(&path.field("name"), name);
        }
        port::check_protocol(text(&endpoint.protocol), &path.field("protocol"), errors);
        if let Some(protocol) = &endpoint.app_protocol {
            errors.invalid_all(&path.field("appProtocol"), protocol, name::qualified(protocol));
        }
    }
}
