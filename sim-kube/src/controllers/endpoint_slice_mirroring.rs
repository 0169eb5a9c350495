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
use super::slices::{self, EndpointSet, PortKey};
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
    for (group, (ports, set)) in desired(endpoints) {
        let mut slice = slice(endpoints, group.0, ports, set);
        let there = existing.get_mut(&group).filter(|slices| !slices.is_empty());
        match there.map(|slices| slices.remove(0)) {
            Some(old) => {
                slice.metadata = ObjectMeta {
                    labels: slice.metadata.labels,
                    annotations: slice.metadata.annotations,
                    owner_references: slice.metadata.owner_references,
                    ..old.metadata
                };
                update.push(slice);
            }
            None => create.push(slice),
        }
    }
    let mut has_changed = false;
    for slice in existing.into_values().flatten() {
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

/// The endpoints that there should be: a slice for each family and each list of ports.
fn desired(endpoints: &Endpoints) -> BTreeMap<Group, (Vec<EndpointPort>, EndpointSet)> {
    let mut desired: BTreeMap<Group, (Vec<EndpointPort>, EndpointSet)> = BTreeMap::new();
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
            entry.1.insert(endpoint);
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
    set: EndpointSet,
) -> EndpointSlice {
    let name = endpoints.key().name;
    let mut labels = endpoints.metadata.labels.clone().unwrap_or_default();
    labels.insert(LABEL_SERVICE_NAME.to_owned(), name.clone());
    labels.insert(LABEL_MANAGED_BY.to_owned(), MANAGER.to_owned());
    let mut annotations = endpoints.metadata.annotations.clone().unwrap_or_default();
    annotations.retain(|key, _| !ANNOTATIONS_KEPT_BACK.contains(&key.as_str()));
    let mut all = set.into_endpoints();
    all.truncate(MAX);
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
