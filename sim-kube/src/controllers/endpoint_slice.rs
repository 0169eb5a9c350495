//! EndpointSlices of the pods behind Services (`endpointslice-controller`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Service, ServiceSpec};
use k8s_openapi::api::discovery::v1 as discovery;
use k8s_openapi::api::discovery::v1::{EndpointConditions, EndpointHints, EndpointSlice};
use k8s_openapi::api::discovery::v1::{ForNode, ForZone};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Context;
use super::endpoints;
use super::owner;
use super::pod;
use super::random;
use super::selector::Labels;
use super::service_port::{self, LABEL_HEADLESS};
use super::slices::{self, EndpointSet, PortKey};
use crate::object::{Key, Store, Stored as _};

/// Whose endpoints a slice holds.
pub(super) const LABEL_SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Who writes a slice.
pub(super) const LABEL_MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
/// Asks for hints that follow from CPUs, by its name and by the one that it had before; then no others are given.
const ANNOTATIONS_TOPOLOGY: [&str; 2] =
    ["service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"];
/// The zone of a node.
const LABEL_ZONE: &str = "topology.kubernetes.io/zone";

/// Makes each Service with a selector have the slices that it should have.
pub(super) fn reconcile(store: &mut Store, context: &mut Context<'_>) -> bool {
    let services: Vec<Service> = store.services.values().cloned().collect();
    let mut has_changed = false;
    for service in &services {
        let Some(spec) = &service.spec else { continue };
        let Some(pods) = service_port::pods_of(service, store) else { continue };
        let pods: Vec<Pod> = pods.into_iter().cloned().collect();
        let families = families(spec);
        for family in &families {
            let sync = Sync { service, spec, family };
            has_changed |= sync.run(&pods, store, context);
        }
        for slice in slices_of(service, store) {
            if !families.contains(&slice.address_type.as_str()) {
                store.endpoint_slices.remove(&slice.key());
                has_changed = true;
            }
        }
    }
    has_changed
}

/// The slices that this controller has written for a Service.
fn slices_of(service: &Service, store: &Store) -> Vec<EndpointSlice> {
    let has = |labels: &Labels, key: &str, value: &str| labels.get(key).is_some_and(|v| v == value);
    let name = service.key().name;
    let is_ours = |slice: &&EndpointSlice| {
        slice.metadata.namespace == service.metadata.namespace
            && slice.metadata.labels.as_ref().is_some_and(|labels| {
                has(labels, LABEL_SERVICE_NAME, &name) && has(labels, LABEL_MANAGED_BY, MANAGER)
            })
    };
    store.endpoint_slices.values().filter(is_ours).cloned().collect()
}

/// The families of a Service's addresses; one without an address that names none has both.
fn families(spec: &ServiceSpec) -> Vec<&'static str> {
    let given = spec.ip_families.as_deref().unwrap_or_default();
    let has = |name: &str| match given {
        [] if service_port::is_headless(spec) => true,
        [] => {
            let is_ipv6 = spec.cluster_ip.as_deref().is_some_and(service_port::is_ipv6);
            (name == "IPv6") == is_ipv6
        }
        given => given.iter().any(|family| family == name),
    };
    ["IPv4", "IPv6"].into_iter().filter(|name| has(name)).collect()
}

/// The work on the slices of one family of a Service.
#[derive(Clone, Copy, Debug)]
struct Sync<'a> {
    service: &'a Service,
    spec: &'a ServiceSpec,
    family: &'static str,
}

/// The endpoints that there should be of one list of ports.
#[derive(Debug, Default)]
struct Desired {
    ports: Vec<discovery::EndpointPort>,
    endpoints: EndpointSet,
}

/// Slices to write, and those to remove.
#[derive(Debug, Default)]
struct Plan {
    create: Vec<EndpointSlice>,
    update: Vec<EndpointSlice>,
    delete: Vec<EndpointSlice>,
    /// Those of another Service of the same name, whose places nobody takes.
    stray: Vec<EndpointSlice>,
}

impl Sync<'_> {
    fn run(&self, pods: &[Pod], store: &mut Store, context: &mut Context<'_>) -> bool {
        let existing: Vec<EndpointSlice> = slices_of(self.service, store)
            .into_iter()
            .filter(|slice| slice.address_type == self.family)
            .collect();
        let mut plan = self.plan(pods, &existing, store, context);
        for slice in plan.create.iter_mut().chain(&mut plan.update) {
            self.hint(slice);
        }
        let is_ending = self.service.metadata.deletion_timestamp.is_some();
        // What would be made takes the place of what would go.
        let places = plan.create.len().min(plan.delete.len());
        let moved = plan.create.split_off(plan.create.len() - places);
        for (slice, old) in moved.into_iter().rev().zip(plan.delete.drain(..places)) {
            plan.update.push(EndpointSlice {
                metadata: ObjectMeta { labels: slice.metadata.labels, ..old.metadata },
                ..slice
            });
        }
        let mut has_changed = false;
        for slice in plan.create.into_iter().filter(|_| !is_ending) {
            create(slice, store, context);
            has_changed = true;
        }
        for slice in plan.update {
            has_changed |= update(slice, store);
        }
        for slice in plan.delete.into_iter().chain(plan.stray) {
            has_changed |= store.endpoint_slices.remove(&slice.key()).is_some();
        }
        has_changed
    }

    fn plan(
        &self,
        pods: &[Pod],
        existing: &[EndpointSlice],
        store: &Store,
        context: &Context<'_>,
    ) -> Plan {
        let mut plan = Plan::default();
        let mut by_ports: BTreeMap<PortKey, Vec<EndpointSlice>> = BTreeMap::new();
        let mut stray = Vec::new();
        for slice in existing {
            if owner::is_controlled_by(&slice.metadata, self.service) {
                let key = slices::port_key(slice.ports.as_deref().unwrap_or_default());
                by_ports.entry(key).or_default().push(slice.clone());
            } else {
                stray.push(slice.clone());
            }
        }
        let max = context.settings.max_endpoints_per_slice;
        for (key, desired) in self.desired(pods, store) {
            let there = by_ports.remove(&key).unwrap_or_default();
            let packing = slices::pack(&there, desired.endpoints, max, |s| self.has_old_labels(s));
            let made = packing.create.into_iter();
            plan.create.extend(made.map(|endpoints| self.slice(desired.ports.clone(), endpoints)));
            plan.update.extend(packing.keep.into_iter().map(|mut slice| {
                if self.has_old_labels(&slice) {
                    slice.metadata.labels = Some(self.labels());
                }
                slice
            }));
            plan.delete.extend(packing.delete);
        }
        plan.delete.extend(by_ports.into_values().flatten());
        if plan.update.is_empty() && plan.create.is_empty() {
            self.keep_placeholder(&mut plan);
        }
        plan.stray = stray;
        plan
    }

    /// A Service that would have no slice has one that holds nothing.
    fn keep_placeholder(&self, plan: &mut Plan) {
        let placeholder = self.slice(Vec::new(), Vec::new());
        let is_empty = |slice: &EndpointSlice| {
            slice.endpoints.as_ref().is_none_or(Vec::is_empty)
                && slice.ports.as_ref().is_none_or(Vec::is_empty)
                && slice.metadata.labels == placeholder.metadata.labels
                && slice.metadata.owner_references == placeholder.metadata.owner_references
        };
        match plan.delete.as_slice() {
            [slice] if is_empty(slice) => plan.delete.clear(),
            _ => plan.create.push(placeholder),
        }
    }

    /// The endpoints that there should be, by their ports.
    fn desired(&self, pods: &[Pod], store: &Store) -> BTreeMap<PortKey, Desired> {
        let mut desired: BTreeMap<PortKey, Desired> = BTreeMap::new();
        for pod in pods {
            let ports = self.ports(pod);
            let entry = desired.entry(slices::port_key(&ports)).or_default();
            entry.ports = ports;
            if let Some(endpoint) = self.endpoint(pod, store) {
                entry.endpoints.insert(endpoint);
            }
        }
        desired
    }

    /// The ports that the Service has at a pod. Those that the pod does not have are left out.
    fn ports(&self, pod: &Pod) -> Vec<discovery::EndpointPort> {
        let ports = self.spec.ports.iter().flatten().filter_map(|port| {
            Some(discovery::EndpointPort {
                name: Some(port.name.clone().unwrap_or_default()),
                port: Some(service_port::number_at(port, pod)?),
                protocol: port.protocol.clone().or_else(|| Some("TCP".to_owned())),
                app_protocol: port.app_protocol.clone(),
            })
        });
        ports.collect()
    }

    /// What a pod is in a slice; nothing if its node is gone, or if it has no address of this family.
    fn endpoint(&self, pod: &Pod, store: &Store) -> Option<discovery::Endpoint> {
        let publish_all = self.spec.publish_not_ready_addresses.unwrap_or(false);
        let node_name = pod::node_name(pod);
        let node = node_name.and_then(|name| store.nodes.get(&Key::of_cluster(name)));
        if node.is_none() && !publish_all {
            return None;
        }
        let wants_ipv6 = self.family == "IPv6";
        let addresses: Vec<String> = pod::ips(pod)
            .filter(|ip| service_port::is_ipv6(ip) == wants_ipv6)
            .map(service_port::canonical)
            .collect();
        let (serving, terminating) = (pod::is_ready(pod), pod::is_terminating(pod));
        let labels = node.and_then(|node| node.metadata.labels.as_ref());
        let zone = labels.and_then(|labels| labels.get(LABEL_ZONE)).filter(|zone| !zone.is_empty());
        (!addresses.is_empty()).then(|| discovery::Endpoint {
            addresses,
            conditions: Some(EndpointConditions {
                ready: Some(publish_all || serving && !terminating),
                serving: Some(serving),
                terminating: Some(terminating),
            }),
            target_ref: Some(endpoints::reference(pod)),
            node_name: node_name.map(str::to_owned),
            zone: zone.cloned(),
            hostname: service_port::hostname(pod, self.service).map(str::to_owned),
            ..discovery::Endpoint::default()
        })
    }

    /// The labels of the Service's slices.
    fn labels(&self) -> Labels {
        let mut labels = self.service.metadata.labels.clone().unwrap_or_default();
        labels.remove(LABEL_HEADLESS);
        if service_port::is_headless(self.spec) {
            labels.insert(LABEL_HEADLESS.to_owned(), String::new());
        }
        labels.insert(LABEL_SERVICE_NAME.to_owned(), self.service.key().name);
        labels.insert(LABEL_MANAGED_BY.to_owned(), MANAGER.to_owned());
        labels
    }

    /// Whether the Service has got other labels since a slice was written. The reserved ones don't count.
    fn has_old_labels(&self, slice: &EndpointSlice) -> bool {
        let own = |mut labels: Labels| {
            labels.retain(|key, _| {
                ![LABEL_HEADLESS, LABEL_SERVICE_NAME, LABEL_MANAGED_BY].contains(&key.as_str())
            });
            labels
        };
        own(slice.metadata.labels.clone().unwrap_or_default()) != own(self.labels())
    }

    fn slice(
        &self,
        ports: Vec<discovery::EndpointPort>,
        endpoints: Vec<discovery::Endpoint>,
    ) -> EndpointSlice {
        EndpointSlice {
            metadata: ObjectMeta {
                namespace: self.service.metadata.namespace.clone(),
                generate_name: Some(format!("{}-", self.service.key().name)),
                labels: Some(self.labels()),
                owner_references: Some(vec![owner::controller_ref(self.service)]),
                ..ObjectMeta::default()
            },
            address_type: self.family.to_owned(),
            ports: Some(ports),
            endpoints: Some(endpoints),
        }
    }

    fn wants_hints_by_cpus(&self) -> bool {
        let annotations = self.service.metadata.annotations.as_ref();
        let mode = ANNOTATIONS_TOPOLOGY.iter().find_map(|name| annotations?.get(*name));
        mode.is_some_and(|mode| ["Auto", "auto"].contains(&mode.as_str()))
    }

    /// Says who should use the endpoints of a slice (`trafficDistribution`): who is in their zone, or on their node.
    fn hint(&self, slice: &mut EndpointSlice) {
        let (zones, nodes) = match self.spec.traffic_distribution.as_deref() {
            _ if self.wants_hints_by_cpus() => (false, false),
            Some("PreferClose" | "PreferSameZone") => (true, false),
            Some("PreferSameNode") => (true, true),
            _ => (false, false),
        };
        for endpoint in slice.endpoints.iter_mut().flatten() {
            let ready = endpoint.conditions.as_ref().and_then(|c| c.ready) == Some(true);
            let zone = endpoint.zone.clone().filter(|_| ready && zones);
            let node = endpoint.node_name.clone().filter(|_| ready && nodes);
            endpoint.hints = (zone.is_some() || node.is_some()).then(|| EndpointHints {
                for_zones: zone.map(|name| vec![ForZone { name }]),
                for_nodes: node.map(|name| vec![ForNode { name }]),
            });
        }
    }
}

/// Makes a slice, whose name ends at random.
pub(super) fn create(mut slice: EndpointSlice, store: &mut Store, context: &mut Context<'_>) {
    let mut key = Key::of(&slice.metadata);
    let base = slice.metadata.generate_name.clone().unwrap_or_default();
    let name = random::name(context.rng, "kube.slice-name", &base, |name| {
        name.clone_into(&mut key.name);
        store.endpoint_slices.contains_key(&key)
    });
    slice.metadata.name = Some(name);
    slice.metadata.uid = Some(random::uid(context.rng));
    slice.metadata.creation_timestamp = Some(context.settings.now.clone());
    slice.metadata.generation = Some(1);
    store.endpoint_slices.insert(slice.key(), slice);
}

/// Writes a slice if it is another one than before; whether it was.
pub(super) fn update(mut slice: EndpointSlice, store: &mut Store) -> bool {
    let Some(old) = store.endpoint_slices.get_mut(&slice.key()) else { return false };
    if *old == slice {
        return false;
    }
    let generation = old.metadata.generation.unwrap_or(1);
    slice.metadata.generation = Some(generation.saturating_add(1));
    *old = slice;
    true
}
