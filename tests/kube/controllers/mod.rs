//! What controllers make of the objects that people write.

mod endpoints;
mod nodes;
mod pods;
mod properties;
mod real;
mod scheduling;
mod services;
mod workloads;

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use sim_core::rng::SimRng;
use sim_kube::controllers::{self, Settings, pod_life};
use sim_kube::manifest;
use sim_kube::object::{Key, Store, Stored};

/// Two nodes in two zones.
const NODES: &str = "
apiVersion: v1
kind: Node
metadata: {name: node-a, labels: {kubernetes.io/hostname: node-a, topology.kubernetes.io/zone: z1}}
status: {addresses: [{type: InternalIP, address: 192.168.50.11}]}
---
apiVersion: v1
kind: Node
metadata: {name: node-b, labels: {kubernetes.io/hostname: node-b, topology.kubernetes.io/zone: z2}}
status: {addresses: [{type: InternalIP, address: 192.168.50.12}]}
";

/// A cluster without a network: addresses are counted up.
#[derive(Clone, Debug)]
struct Cluster {
    store: Store,
    settings: Settings,
    rng: SimRng,
    addresses: u8,
}

impl Cluster {
    /// A cluster with these objects besides the two nodes, at rest.
    fn new(yaml: &str) -> Self {
        let mut cluster = Self::without_nodes(NODES);
        cluster.apply(yaml);
        cluster
    }

    /// A cluster with these objects besides the two nodes, whose nodes have not done anything about them yet.
    fn reconciled(yaml: &str) -> Self {
        let mut cluster = Self::new("");
        cluster.put(yaml);
        cluster.reconcile();
        cluster
    }

    fn without_nodes(yaml: &str) -> Self {
        let settings = Settings {
            cluster_cidrs: vec!["10.244.0.0/16".parse().unwrap()],
            ..Settings::default()
        };
        let (store, rng) = (Store::default(), SimRng::new(1));
        let mut cluster = Self { store, settings, rng, addresses: 0 };
        cluster.apply(yaml);
        cluster
    }

    /// Puts objects there and waits until all pods run that can.
    fn apply(&mut self, yaml: &str) {
        self.put(yaml);
        self.settle();
    }

    /// Puts objects there, as an API server would that keeps identifiers.
    fn put(&mut self, yaml: &str) {
        for object in manifest::read(yaml).unwrap() {
            object.put(&mut self.store);
        }
    }

    /// Lets the controllers work; whether they changed anything.
    fn reconcile(&mut self) -> bool {
        controllers::reconcile(&mut self.store, &self.settings, &mut self.rng).unwrap()
    }

    /// What nodes do: pods get addresses, and those that end are taken down. Whether there was anything to do.
    fn serve(&mut self) -> bool {
        let waiting = pod_life::pods_without_network(&self.store);
        let ending = pod_life::terminating_pods(&self.store);
        for key in &waiting {
            self.addresses += 1;
            let ip = IpAddr::from([10, 244, 1, self.addresses]);
            pod_life::set_pod_ip(&mut self.store, key, &[ip], &self.settings.now).unwrap();
        }
        for key in &ending {
            pod_life::remove_pod(&mut self.store, key).unwrap();
        }
        !waiting.is_empty() || !ending.is_empty()
    }

    /// Lets controllers and nodes work until all is done.
    fn settle(&mut self) {
        self.reconcile();
        while self.serve() {
            self.reconcile();
        }
    }

    fn get<T: Stored>(&self, name: &str) -> &T {
        let namespace = if T::NAMESPACED { "default" } else { "" };
        let key = key(namespace, name);
        self.store.get(&key).unwrap_or_else(|| panic!("no {} {name}", T::KIND))
    }

    fn edit<T: Stored>(&mut self, name: &str, edit: impl FnOnce(&mut T)) {
        let namespace = if T::NAMESPACED { "default" } else { "" };
        edit(T::all_mut(&mut self.store).get_mut(&key(namespace, name)).unwrap());
    }

    fn delete<T: Stored>(&mut self, name: &str) {
        T::all_mut(&mut self.store).remove(&key("default", name)).unwrap();
    }

    fn pod_names(&self) -> Vec<&str> {
        self.store.pods.keys().map(|key| key.name.as_str()).collect()
    }

    /// How many pods each node has.
    fn pods_per_node(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for node in self.store.pods.values().filter_map(node_of) {
            *counts.entry(node).or_default() += 1;
        }
        counts
    }

    fn slices(&self) -> Vec<&EndpointSlice> {
        self.store.endpoint_slices.values().collect()
    }
}

fn key(namespace: &str, name: &str) -> Key {
    Key { namespace: namespace.to_owned(), name: name.to_owned() }
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("")
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// The message of a condition.
fn said(pod: &Pod, condition: &str) -> String {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.clone());
    let mut conditions = conditions.unwrap_or_default().into_iter();
    let found = conditions.find(|c| c.type_ == condition);
    found.and_then(|c| c.message).unwrap_or_default()
}

/// Whether text is made of so many of the letters that names end in.
fn is_random(text: &str, len: usize) -> bool {
    text.len() == len && text.chars().all(|c| "bcdfghjklmnpqrstvwxz2456789".contains(c))
}
