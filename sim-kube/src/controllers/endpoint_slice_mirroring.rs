//! EndpointSlices of Endpoints that somebody wrote by hand (`endpointslicemirroring-controller`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{EndpointAddress, Endpoints};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Context;
use super::endpoint_slice::{self, LABEL_MANAGED_BY, LABEL_SERVICE_NAME};
use super::owner;
use super::selector::Labels;
use super::slices::{self, PortKey};
use crate::object::{Key, Store, Stored as _};

const MANAGER: &str = "endpointslicemirroring-controller.k8s.io";
/// Endpoints with this label are left alone.
const LABEL_SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
/// Endpoints with this annotation are a lock.
const ANNOTATION_LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
/// Annotations that are not copied.
const ANNOTATIONS_KEPT_BACK: &[&str] = &[
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/last-applied-configuration",
];
/// How many addresses of a subset are mirrored.
const MAX: usize = 1000;

/// The family of addresses, and the ports, that a slice is for.
type Group = (&'static str, PortKey);
/// What tells an address that is listed twice from another one: how it is written, and what it belongs to.
type Address = (String, Option<String>);
/// The endpoints of a group.
type Listed = BTreeMap<Address, Endpoint>;

/// Makes each Service without a selector have slices of its Endpoints.
pub(super) fn reconcile(store: &mut Store, context: &mut Context<'_>) -> bool {
    let mirrored: Vec<Endpoints> =
        store.endpoints.values().filter(|e| is_mirrored(e, store)).cloned().collect();
    let mut has_changed = false;
    for endpoints in &mirrored {
        has_changed |= mirror(endpoints, store, context);
    }
    let names: Vec<Key> = mirrored.iter().map(crate::object::Stored::key).collect();
    let before = store.endpoint_slices.len();
    store
        .endpoint_slices
        .retain(|_, slice| mirrors(slice).is_none_or(|name| names.contains(&name)));
    has_changed | (store.endpoint_slices.len() < before)
}

/// What a slice is a mirror of.
fn mirrors(slice: &EndpointSlice) -> Option<Key> {
    let labels = slice.metadata.labels.as_ref()?;
    labels.get(LABEL_MANAGED_BY).filter(|manager| *manager == MANAGER)?;
    Some(Key {
        namespace: slice.metadata.namespace.clone().unwrap_or_default(),
        name: labels.get(LABEL_SERVICE_NAME)?.clone(),
    })
}

fn is_mirrored(endpoints: &Endpoints, store: &Store) -> bool {
    let labels = endpoints.metadata.labels.as_ref();
    let is_skipped = labels.and_then(|l| l.get(LABEL_SKIP)).is_some_and(|skip| skip == "true");
    let annotations = endpoints.metadata.annotations.as_ref();
    let is_lock = annotations.is_some_and(|a| a.contains_key(ANNOTATION_LEADER));
    let service = store.services.get(&endpoints.key()).and_then(|service| service.spec.as_ref());
    let has_no_selector =
        service.is_some_and(|spec| spec.selector.as_ref().is_none_or(Labels::is_empty));
    has_no_selector && !is_skipped && !is_lock
}

fn mirror(endpoints: &Endpoints, store: &mut Store, context: &mut Context<'_>) -> bool {
    let mut existing: BTreeMap<Group, Vec<EndpointSlice>> = BTreeMap::new();
    for slice in store.endpoint_slices.values() {
        if mirrors(slice) == Some(endpoints.key()) {
            let family = if slice.address_type == "IPv6" { "IPv6" } else { "IPv4" };
            let key = slices::port_key(slice.ports.as_deref().unwrap_or_default());
            existing.entry((family, key)).or_default().push(slice.clone());
        }
    }
    let (mut update, mut create) = (Vec::new(), Vec::new());
    for (group, (ports, listed)) in desired(endpoints) {
        let slice = slice(endpoints, group.0, ports, listed);
        let there = existing.get_mut(&group).filter(|slices| !slices.is_empty());
        match there.map(|slices| slices.remove(0)) {
            Some(old) => {
                update.push(renewed(slice, old));
            }
            None => create.push(slice),
        }
    }
    // What would be made takes the place of what would go.
    let mut left: Vec<EndpointSlice> = existing.into_values().flatten().collect();
    create.retain(|slice: &EndpointSlice| {
        let Some(at) = left.iter().position(|old| old.address_type == slice.address_type) else {
            return true;
        };
        let old = left.remove(at);
        update.push(EndpointSlice {
            metadata: ObjectMeta {
                generate_name: slice.metadata.generate_name.clone(),
                ..kept(slice, &old)
            },
            ..slice.clone()
        });
        false
    });
    let mut has_changed = false;
    for slice in left {
        has_changed |= store.endpoint_slices.remove(&slice.key()).is_some();
    }
    for slice in update {
        has_changed |= endpoint_slice::update(slice, store);
    }
    for slice in create {
        endpoint_slice::create(slice, store, context);
        has_changed = true;
    }
    has_changed
}

/// A slice in the place of another one: it is written with its name, and does not say any longer that this was drawn.
fn renewed(slice: EndpointSlice, old: EndpointSlice) -> EndpointSlice {
    let metadata = kept(&slice, &old);
    let as_it_was = EndpointSlice {
        metadata: ObjectMeta {
            generate_name: old.metadata.generate_name.clone(),
            ..metadata.clone()
        },
        ..slice.clone()
    };
    if as_it_was == old { old } else { EndpointSlice { metadata, ..slice } }
}

/// The metadata of a slice that is written in the place of another one.
fn kept(slice: &EndpointSlice, old: &EndpointSlice) -> ObjectMeta {
    ObjectMeta {
        labels: slice.metadata.labels.clone(),
        annotations: slice.metadata.annotations.clone(),
        owner_references: slice.metadata.owner_references.clone(),
        generate_name: None,
        ..old.metadata.clone()
    }
}

/// The endpoints that there should be: a slice for each family and each list of ports.
///
/// What an address that is listed twice says first counts, but it is ready only if it is so each time.
fn desired(endpoints: &Endpoints) -> BTreeMap<Group, (Vec<EndpointPort>, Listed)> {
    let mut desired: BTreeMap<Group, (Vec<EndpointPort>, Listed)> = BTreeMap::new();
    for subset in endpoints.subsets.iter().flatten() {
        let ports: Vec<EndpointPort> = subset
            .ports
            .iter()
            .flatten()
            .map(|port| EndpointPort {
                name: Some(port.name.clone().unwrap_or_default()),
                port: Some(port.port),
                protocol: port.protocol.clone().or_else(|| Some("TCP".to_owned())),
                app_protocol: port.app_protocol.clone(),
            })
            .collect();
        let key = slices::port_key(&ports);
        let ready = subset.addresses.iter().flatten().map(|address| (address, true));
        let others = subset.not_ready_addresses.iter().flatten().map(|address| (address, false));
        let all = ready.chain(others).filter_map(|(address, ready)| endpoint(address, ready));
        for (family, endpoint) in all.take(MAX) {
            let entry = desired.entry((family, key.clone())).or_default();
            entry.0.clone_from(&ports);
            let uid = endpoint.target_ref.as_ref().and_then(|target| target.uid.clone());
            let ready = endpoint.conditions.as_ref().and_then(|conditions| conditions.ready);
            let listed = entry.1.entry((endpoint.addresses.concat(), uid)).or_insert(endpoint);
            if ready == Some(false) {
                listed.conditions.get_or_insert_default().ready = ready;
            }
        }
    }
    desired
}

/// What an address is in a slice; nothing if it is none.
fn endpoint(address: &EndpointAddress, ready: bool) -> Option<(&'static str, Endpoint)> {
    let ip: IpAddr = address.ip.parse().ok()?;
    let endpoint = Endpoint {
        addresses: vec![ip.to_string()],
        conditions: Some(EndpointConditions { ready: Some(ready), ..Default::default() }),
        target_ref: address.target_ref.clone(),
        node_name: address.node_name.clone(),
        hostname: address.hostname.clone().filter(|name| !name.is_empty()),
        ..Endpoint::default()
    };
    Some((if ip.is_ipv6() { "IPv6" } else { "IPv4" }, endpoint))
}

fn slice(
    endpoints: &Endpoints,
    family: &str,
    ports: Vec<EndpointPort>,
    listed: Listed,
) -> EndpointSlice {
    let name = endpoints.key().name;
    let mut labels = endpoints.metadata.labels.clone().unwrap_or_default();
    labels.insert(LABEL_SERVICE_NAME.to_owned(), name.clone());
    labels.insert(LABEL_MANAGED_BY.to_owned(), MANAGER.to_owned());
    let mut annotations = endpoints.metadata.annotations.clone().unwrap_or_default();
    annotations.retain(|key, _| !ANNOTATIONS_KEPT_BACK.contains(&key.as_str()));
    let all = listed.into_values().take(MAX).collect();
    EndpointSlice {
        metadata: ObjectMeta {
            namespace: endpoints.metadata.namespace.clone(),
            generate_name: Some(format!("{name}-")),
            labels: Some(labels),
            annotations: (!annotations.is_empty()).then_some(annotations),
            owner_references: Some(vec![owner::controller_ref(endpoints)]),
            ..ObjectMeta::default()
        },
        address_type: family.to_owned(),
        ports: Some(ports),
        endpoints: Some(all),
    }
}
