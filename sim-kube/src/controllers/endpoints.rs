//! Endpoints: the addresses behind a Service, as they were listed first (`endpoints-controller`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints};
use k8s_openapi::api::core::v1::{ObjectReference, Pod, Service, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Context;
use super::pod;
use super::random;
use super::service_port::{self, LABEL_HEADLESS};
use crate::object::{Key, Store, Stored as _};

/// How many addresses Endpoints have at most.
const MAX: usize = 1000;
/// Says that there were more.
const ANNOTATION_OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
/// Who writes Endpoints.
pub(super) const LABEL_MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const MANAGER: &str = "endpoint-controller";

/// Makes each Service with a selector have the Endpoints that it should have.
pub(super) fn reconcile(store: &mut Store, context: &mut Context<'_>) -> bool {
    let mut has_changed = false;
    let services: Vec<Service> = store.services.values().cloned().collect();
    for service in &services {
        let Some(spec) = &service.spec else { continue };
        if let Some(pods) = service_port::pods_of(service, store) {
            let subsets = subsets(service, spec, &pods);
            has_changed |= put(service, spec, subsets, store, context);
        }
    }
    let before = store.endpoints.len();
    let services = &store.services;
    store.endpoints.retain(|key, endpoints| !is_ours(endpoints) || services.contains_key(key));
    has_changed | (store.endpoints.len() < before)
}

/// Whether this controller wrote them.
fn is_ours(endpoints: &Endpoints) -> bool {
    let labels = endpoints.metadata.labels.as_ref();
    labels.and_then(|l| l.get(LABEL_MANAGED_BY)).is_some_and(|manager| manager == MANAGER)
}

/// An address and the order in which addresses are listed, which is that of how they are written.
type Address = (String, Option<String>);
/// A port and the order of ports.
type Port = (Option<String>, i32, Option<String>, Option<String>);
/// The addresses that a port is at, and whether the pods there are ready.
type Reached = BTreeMap<Address, (EndpointAddress, bool)>;
/// Ports that are at the same addresses.
type Alike = (Vec<Port>, Reached);

/// The addresses of all pods. Ports that are at the same addresses are listed together, so that an address may be in
/// several subsets (`RepackSubsets()`).
fn subsets(service: &Service, spec: &ServiceSpec, pods: &[&Pod]) -> Vec<EndpointSubset> {
    let wants_ipv6 = is_ipv6_service(spec);
    let publish_all = spec.publish_not_ready_addresses.unwrap_or(false);
    let mut by_port: BTreeMap<Option<Port>, Reached> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| publish_all || !pod::is_terminating(pod)) {
        let Some(ip) = pod::ips(pod).find(|ip| service_port::is_ipv6(ip) == wants_ipv6) else {
            continue;
        };
        let address = EndpointAddress {
            hostname: service_port::hostname(pod, service).map(str::to_owned),
            node_name: pod::node_name(pod).map(str::to_owned),
            target_ref: Some(reference(pod)),
            ip: service_port::canonical(ip),
        };
        let key = (address.ip.clone(), pod.metadata.uid.clone());
        let ready = publish_all || pod::is_ready(pod);
        for port in ports(spec, pod) {
            by_port.entry(port).or_default().insert(key.clone(), (address.clone(), ready));
        }
    }
    let mut alike: BTreeMap<Vec<(Address, bool)>, Alike> = BTreeMap::new();
    for (port, reached) in by_port {
        let key = reached.iter().map(|(address, (_, ready))| (address.clone(), *ready)).collect();
        let (ports, _) = alike.entry(key).or_insert_with(|| (Vec::new(), reached));
        ports.extend(port);
    }
    let mut alike: Vec<Alike> = alike.into_values().collect();
    alike.sort_by(|(a, _), (b, _)| a.cmp(b));
    alike.into_iter().map(|(ports, reached)| subset(ports, reached)).collect()
}

/// The ports of a Service at a pod. Only a headless Service may offer addresses without any.
fn ports(spec: &ServiceSpec, pod: &Pod) -> Vec<Option<Port>> {
    let given = spec.ports.as_deref().unwrap_or_default();
    if given.is_empty() && service_port::is_headless(spec) {
        return vec![None];
    }
    let ports = given.iter().filter_map(|port| {
        let number = service_port::number_at(port, pod)?;
        let protocol = port.protocol.clone().or_else(|| Some("TCP".to_owned()));
        Some(Some((port.name.clone(), number, protocol, port.app_protocol.clone())))
    });
    ports.collect()
}

fn subset(ports: Vec<Port>, reached: Reached) -> EndpointSubset {
    let (ready, not_ready): (Vec<_>, Vec<_>) = reached.into_values().partition(|(_, ready)| *ready);
    let list = |addresses: Vec<(EndpointAddress, bool)>| {
        (!addresses.is_empty()).then(|| addresses.into_iter().map(|(address, _)| address).collect())
    };
    let ports: Vec<EndpointPort> = ports
        .into_iter()
        .map(|(name, port, protocol, app_protocol)| EndpointPort {
            app_protocol,
            name,
            port,
            protocol,
        })
        .collect();
    EndpointSubset {
        addresses: list(ready),
        not_ready_addresses: list(not_ready),
        ports: (!ports.is_empty()).then_some(ports),
    }
}

/// Whether the first family of a Service is IPv6.
fn is_ipv6_service(spec: &ServiceSpec) -> bool {
    match spec.ip_families.as_ref().and_then(|families| families.first()) {
        Some(family) => family == "IPv6",
        None => spec.cluster_ip.as_deref().is_some_and(service_port::is_ipv6),
    }
}

/// How endpoints refer to their pod.
pub(super) fn reference(pod: &Pod) -> ObjectReference {
    ObjectReference {
        kind: Some("Pod".to_owned()),
        name: pod.metadata.name.clone(),
        namespace: pod.metadata.namespace.clone(),
        uid: pod.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

fn put(
    service: &Service,
    spec: &ServiceSpec,
    mut subsets: Vec<EndpointSubset>,
    store: &mut Store,
    context: &mut Context<'_>,
) -> bool {
    let old = store.endpoints.get(&service.key());
    let mut metadata = match old {
        Some(old) => old.metadata.clone(),
        None => ObjectMeta {
            name: service.metadata.name.clone(),
            namespace: service.metadata.namespace.clone(),
            uid: Some(random::uid(context.rng)),
            creation_timestamp: Some(context.settings.now.clone()),
            ..ObjectMeta::default()
        },
    };
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.remove(LABEL_HEADLESS);
    if service_port::is_headless(spec) {
        labels.insert(LABEL_HEADLESS.to_owned(), String::new());
    }
    labels.insert(LABEL_MANAGED_BY.to_owned(), MANAGER.to_owned());
    metadata.labels = Some(labels);
    let mut annotations = metadata.annotations.take().unwrap_or_default();
    annotations.remove(ANNOTATION_OVER_CAPACITY);
    if truncate(&mut subsets) {
        annotations.insert(ANNOTATION_OVER_CAPACITY.to_owned(), "truncated".to_owned());
    }
    metadata.annotations = (!annotations.is_empty()).then_some(annotations);
    let new = Endpoints { metadata, subsets: (!subsets.is_empty()).then_some(subsets) };
    if old == Some(&new) {
        return false;
    }
    let key: Key = new.key();
    store.endpoints.insert(key, new);
    true
}

/// Leaves as many addresses as there may be: ready ones before others, and of each subset its share, rounded up;
/// whether there were more.
fn truncate(subsets: &mut [EndpointSubset]) -> bool {
    let len = |addresses: &Option<Vec<EndpointAddress>>| addresses.as_ref().map_or(0, Vec::len);
    let ready: usize = subsets.iter().map(|subset| len(&subset.addresses)).sum();
    let others: usize = subsets.iter().map(|subset| len(&subset.not_ready_addresses)).sum();
    if ready + others <= MAX {
        return false;
    }
    let cuts_ready = ready > MAX;
    let (max, total) = if cuts_ready { (MAX, ready) } else { (MAX - ready, others) };
    let mut left = max;
    for subset in subsets {
        let list = if cuts_ready {
            subset.not_ready_addresses = None;
            &mut subset.addresses
        } else {
            &mut subset.not_ready_addresses
        };
        let share = (len(list) * max).div_ceil(total).min(left);
        if let Some(addresses) = list {
            addresses.truncate(share);
            left -= addresses.len();
        }
        if len(list) == 0 {
            *list = None;
        }
    }
    true
}
