//! Our side of a transcript: an API server and controllers, and somebody who does what nodes do.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::serde::Serialize;
use k8s_openapi::serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sim_core::rng::SimRng;
use sim_kube::api::{self, ApiServer};
use sim_kube::controllers::{self, Settings, pod_life};
use sim_kube::manifest::Reading;
use sim_kube::object::{Object, Store, Stored};

use super::super::key;

/// A cluster without machines.
#[derive(Debug)]
pub(super) struct Lab {
    api: ApiServer,
    settings: Settings,
    rng: SimRng,
    /// How many pods have got an address.
    served: u8,
    /// What was said of the last manifest.
    refusal: String,
    /// The hashes that were seen, in their order.
    pub(super) hashes: BTreeMap<String, usize>,
}

impl Lab {
    pub(super) fn new() -> Self {
        let cidrs = ["10.96.0.0/12", "fd00:96::/112"].map(|cidr| cidr.parse().unwrap());
        let api = server(cidrs.to_vec(), 30_000..=32_767);
        Self {
            api,
            settings: Settings::default(),
            rng: SimRng::new(1),
            served: 0,
            refusal: String::new(),
            hashes: BTreeMap::new(),
        }
    }

    /// What was said of the last manifest.
    pub(super) fn refusal(&self) -> &str {
        &self.refusal
    }

    pub(super) const fn store(&self) -> &Store {
        self.api.store()
    }

    /// Does a step.
    pub(super) fn step(&mut self, words: &[String], body: &str) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["server", cidr, ports] => {
                let (first, last) = ports.split_once('-').unwrap();
                let node_ports = first.parse().unwrap()..=last.parse().unwrap();
                self.api = server(vec![cidr.parse().unwrap()], node_ports);
            }
            ["ranges", cidr, mask] => {
                self.settings.cluster_cidrs = vec![cidr.parse().unwrap()];
                self.settings.node_cidr_mask_size_ipv4 = mask.parse().unwrap();
            }
            ["nodes"] => {
                self.apply(&fs::read_to_string(super::directory().join("nodes.yaml")).unwrap());
            }
            ["apply"] => self.apply(body),
            ["apply", range] => self.apply(&repeated(body, range)),
            ["status", kind, name, json @ ..] => self.write_status(kind, name, &json.join(" ")),
            ["delete", "Pod", name] => self.end_pod(name),
            ["delete", kind, name] => {
                let object = Object::named(kind, key("default", name)).unwrap();
                self.api.delete_one(object).unwrap();
            }
            ["finish", prefix, count, end] => self.finish(prefix, count.parse().unwrap(), end),
            ["remove", name] => {
                drop(self.store_mut().pods.remove(&key("default", name)).unwrap());
            }
            ["serve"] => drop(self.serve()),
            ["settle"] => while self.serve() {},
            other => panic!("no step {other:?}"),
        }
        self.reconcile();
    }

    const fn store_mut(&mut self) -> &mut Store {
        self.api.store_mut()
    }

    fn reconcile(&mut self) {
        controllers::reconcile(self.api.store_mut(), &self.settings, &mut self.rng).unwrap();
    }

    fn apply(&mut self, manifest: &str) {
        let objects = Reading::default().read(manifest).unwrap().objects;
        let mut refusals = Vec::new();
        // As kubectl does, one after the other.
        for placed in &objects {
            let applied = self.api.apply(std::slice::from_ref(placed));
            let refused = applied.err().into_iter().flat_map(|refusals| refusals.0);
            refusals.extend(refused.map(|refusal| refusal.status.to_string()));
        }
        self.refusal = refusals.join("\n");
        for placed in objects {
            if let Object::Pod(pod) = placed.object {
                let status = serde_json::to_value(&pod.status).unwrap();
                merge_status::<Pod>(self.store_mut(), &name(&*pod), &status);
            } else if let Object::Node(node) = placed.object {
                let status = serde_json::to_value(&node.status).unwrap();
                merge_status::<Node>(self.store_mut(), &name(&*node), &status);
            }
        }
    }

    fn write_status(&mut self, kind: &str, name: &str, json: &str) {
        let status = serde_json::from_str(json).unwrap();
        match kind {
            "Pod" => merge_status::<Pod>(self.store_mut(), name, &status),
            "Node" => merge_status::<Node>(self.store_mut(), name, &status),
            other => panic!("no status of a {other}"),
        }
    }

    /// As an API server does: a pod that is on a node stays until that says that it is gone.
    fn end_pod(&mut self, name: &str) {
        let (key, now) = (key("default", name), self.settings.now.clone());
        let pod = self.store_mut().pods.get_mut(&key).unwrap();
        let is_over = ["Succeeded", "Failed"].contains(&super::super::phase(pod));
        if super::super::node_of(pod).is_none() || is_over {
            self.store_mut().pods.remove(&key);
        } else {
            pod.metadata.deletion_timestamp = Some(now);
        }
    }

    /// Ends so many pods that have not ended.
    fn finish(&mut self, prefix: &str, count: usize, end: &str) {
        let is_active = |pod: &&mut Pod| {
            pod.key().name.starts_with(prefix)
                && !["Succeeded", "Failed"].contains(&super::super::phase(pod))
                && pod.metadata.deletion_timestamp.is_none()
        };
        let pods = self.api.store_mut().pods.values_mut().filter(is_active).take(count);
        let names: Vec<String> = pods.map(|pod| name(pod)).collect();
        let status = json!({"phase": end, "conditions": [{"type": "Ready", "status": "False"}]});
        for name in names {
            merge_status::<Pod>(self.store_mut(), &name, &status);
        }
    }

    /// Does once what nodes do; whether there was anything to do.
    fn serve(&mut self) -> bool {
        let (store, now) = (self.api.store_mut(), &self.settings.now);
        let waiting = pod_life::pods_without_network(store);
        let ending = pod_life::terminating_pods(store);
        for key in &waiting {
            self.served += 1;
            let ip = IpAddr::from([10, 244, 1, self.served]);
            pod_life::set_pod_ip(store, key, &[ip], now).unwrap();
        }
        for key in &ending {
            pod_life::remove_pod(store, key).unwrap();
        }
        self.reconcile();
        !waiting.is_empty() || !ending.is_empty()
    }
}

fn server(service_cidrs: Vec<IpNet>, node_ports: RangeInclusive<u16>) -> ApiServer {
    ApiServer::new(api::Settings { service_cidrs, node_ports, ..api::Settings::default() }).unwrap()
}

fn name<T: Stored>(object: &T) -> String {
    object.key().name
}

/// A manifest once for each number.
fn repeated(body: &str, range: &str) -> String {
    let (first, last) = range.split_once("..").unwrap();
    let numbers = first.parse::<usize>().unwrap()..last.parse().unwrap();
    let one = |i: usize| {
        let text = body.replace("$i", &i.to_string());
        text.replace("$h", &(i / 250).to_string()).replace("$l", &(i % 250).to_string())
    };
    numbers.map(one).collect::<Vec<String>>().join("\n---\n")
}

/// Merges a status into that of an object (RFC 7386).
fn merge_status<T: Stored + Serialize + DeserializeOwned>(
    store: &mut Store,
    name: &str,
    status: &Value,
) {
    let namespace = if T::NAMESPACED { "default" } else { "" };
    let object = T::all_mut(store).get_mut(&key(namespace, name)).unwrap();
    let mut value = serde_json::to_value(&*object).unwrap();
    merge(&mut value["status"], status);
    *object = serde_json::from_value(value).unwrap();
}

fn merge(into: &mut Value, new: &Value) {
    let Value::Object(new) = new else { return new.clone_into(into) };
    if !into.is_object() {
        *into = Value::Object(serde_json::Map::new());
    }
    for (name, value) in new {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut into[name], value);
        }
    }
}
