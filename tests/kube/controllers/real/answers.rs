//! What is asked about the objects of a transcript.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EndpointSubset, Endpoints, Node, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};
use sim_kube::object::Stored;

use super::super::{is_random, key, node_of, phase};
use super::lab::Lab;
use super::text;

/// The labels that hashes of templates are in.
const HASHES: [&str; 2] = ["pod-template-hash", "controller-revision-hash"];

impl Lab {
    /// Answers a question.
    pub(super) fn ask(&mut self, words: &[String]) -> Vec<String> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let lines = match words.as_slice() {
            ["endpoints", name] => self.endpoints(name),
            ["counts", name] => self.counts(name),
            ["slices", name] => self.slices(name),
            ["refusal"] => self.refusals(),
            ["addresses"] => self.addresses(),
            ["ports"] => self.ports(),
            ["sizes", name] => self.sizes(name),
            ["pods"] => self.pods(),
            ["pod", name] => self.pod(name),
            ["why", name] => self.why(name),
            ["nodes"] => self.nodes(),
            ["sets"] => self.sets(),
            ["state", kind, name] => self.state(kind, name),
            other => panic!("no question {other:?}"),
        };
        let lines = lines.into_iter().map(|line| self.rename(&line));
        let lines: Vec<String> = lines.collect();
        if lines.is_empty() { vec!["none".to_owned()] } else { lines }
    }

    fn get<T: Stored>(&self, name: &str) -> Option<&T> {
        let namespace = if T::NAMESPACED { "default" } else { "" };
        self.store().get(&key(namespace, name))
    }

    /// Puts something in the place of what was drawn at random or hashed.
    fn rename(&self, line: &str) -> String {
        let pods = self.store().pods.values().map(|pod| &pod.metadata);
        let slices = self.store().endpoint_slices.values().map(|slice| &slice.metadata);
        let mut line = line.to_owned();
        for (name, base) in pods.chain(slices).filter_map(drawn) {
            line = line.replace(name, &format!("{base}RANDOM"));
        }
        for (hash, number) in &self.hashes {
            line = line.replace(hash, &format!("HASH{number}"));
        }
        line
    }

    fn see_hash(&mut self, text: Option<String>) {
        let hash = text.and_then(|text| text.rsplit('-').next().map(str::to_owned));
        if let Some(hash) = hash.filter(|hash| !hash.is_empty()) {
            let number = self.hashes.len() + 1;
            self.hashes.entry(hash).or_insert(number);
        }
    }

    fn endpoints(&self, name: &str) -> Vec<String> {
        let Some(found) = self.get::<Endpoints>(name) else { return Vec::new() };
        let head = text::object(found, &["subsets", "apiVersion", "kind"]);
        let subset = |mut subset: EndpointSubset| {
            subset
                .ports
                .iter_mut()
                .for_each(|ports| ports.sort_by_key(|port| text::object(port, &[])));
            text::object(&subset, &[])
        };
        // Hashes decide about the order of subsets and of their ports.
        let mut subsets: Vec<String> =
            found.subsets.clone().into_iter().flatten().map(subset).collect();
        subsets.sort();
        [head].into_iter().chain(subsets).collect()
    }

    fn counts(&self, name: &str) -> Vec<String> {
        let found = self.get::<Endpoints>(name).unwrap();
        let len = |list: &Option<Vec<_>>| list.as_ref().map_or(0, Vec::len);
        let subsets = found.subsets.iter().flatten();
        let mut counts: Vec<String> = subsets
            .map(|subset| {
                format!("{} {}", len(&subset.addresses), len(&subset.not_ready_addresses))
            })
            .collect();
        counts.sort();
        let head = text::object(found, &["subsets", "apiVersion", "kind"]);
        [head].into_iter().chain(counts).collect()
    }

    fn slices_of(&self, name: &str) -> Vec<EndpointSlice> {
        let of = |slice: &&EndpointSlice| {
            label(&slice.metadata, "kubernetes.io/service-name").as_deref() == Some(name)
        };
        let sorted = |mut slice: EndpointSlice| {
            let ports = slice.ports.get_or_insert_default();
            ports.sort_by_key(|port| text::object(port, &[]));
            slice
        };
        self.store().endpoint_slices.values().filter(of).cloned().map(sorted).collect()
    }

    fn slices(&self, name: &str) -> Vec<String> {
        let block = |mut slice: EndpointSlice| {
            let base = slice.metadata.generate_name.clone().unwrap_or_default();
            slice.metadata.name = Some(format!("{base}RANDOM"));
            let endpoints = slice.endpoints.iter().flatten();
            let mut endpoints: Vec<String> = endpoints.map(|e| text::object(e, &[])).collect();
            endpoints.sort();
            let head = text::object(&slice, &["endpoints", "apiVersion", "kind"]);
            let below = endpoints.into_iter().map(|line| format!("  {line}"));
            [head].into_iter().chain(below).collect::<Vec<String>>()
        };
        let mut blocks: Vec<Vec<String>> = self.slices_of(name).into_iter().map(block).collect();
        blocks.sort();
        blocks.into_iter().flatten().collect()
    }

    fn sizes(&self, name: &str) -> Vec<String> {
        let size = |slice: EndpointSlice| {
            let ports = slice.ports.iter().flatten();
            let ports: Vec<String> = ports.map(|port| text::object(port, &[])).collect();
            let count = slice.endpoints.as_ref().map_or(0, Vec::len);
            (slice.address_type, format!("[{}]", ports.join(",")), count)
        };
        let mut sizes: Vec<_> = self.slices_of(name).into_iter().map(size).collect();
        sizes.sort();
        sizes
            .into_iter()
            .map(|(family, ports, count)| format!("{family} {ports} {count}"))
            .collect()
    }

    fn refusals(&self) -> Vec<String> {
        let said = if self.refusal().is_empty() { "nothing" } else { self.refusal() };
        said.lines().map(str::to_owned).collect()
    }

    fn addresses(&self) -> Vec<String> {
        let specs = self.store().services.values().filter_map(|service| service.spec.as_ref());
        let mut addresses: Vec<String> =
            specs.flat_map(|spec| spec.cluster_ips.clone().unwrap_or_default()).collect();
        addresses.sort();
        addresses
    }

    fn ports(&self) -> Vec<String> {
        let specs = self.store().services.values().filter_map(|service| service.spec.as_ref());
        let ports =
            specs.flat_map(|spec| spec.ports.iter().flatten().filter_map(|port| port.node_port));
        let mut ports: Vec<String> = ports.map(|port| port.to_string()).collect();
        ports.sort();
        ports
    }

    fn pods(&mut self) -> Vec<String> {
        let pods: Vec<Pod> = self.store().pods.values().cloned().collect();
        for pod in &pods {
            HASHES.iter().for_each(|name| self.see_hash(label(&pod.metadata, name)));
        }
        let line = |pod: &Pod| {
            let ending = if pod.metadata.deletion_timestamp.is_some() { " ending" } else { "" };
            let (name, node) = (&pod.key().name, node_of(pod).unwrap_or("-"));
            self.rename(&format!("{name} {node} {}{ending}", phase(pod)))
        };
        let mut lines: Vec<String> = pods.iter().map(line).collect();
        lines.sort();
        lines
    }

    fn pod(&mut self, name: &str) -> Vec<String> {
        let mut pods = self.store().pods.values();
        let pod = pods.find(|pod| pod.key().name.starts_with(name)).unwrap().clone();
        HASHES.iter().for_each(|name| self.see_hash(label(&pod.metadata, name)));
        let spec = pod.spec.unwrap_or_default();
        let tolerations = spec.tolerations.iter().flatten();
        let head = [
            text::object(&pod.metadata, &[]),
            text::object(
                &json!({"affinity": spec.affinity, "hostname": spec.hostname, "subdomain": spec.subdomain}),
                &[],
            ),
        ];
        head.into_iter().chain(tolerations.map(|t| text::object(t, &[]))).collect()
    }

    fn why(&self, name: &str) -> Vec<String> {
        let status = self.get::<Pod>(name).unwrap().status.as_ref();
        let conditions = status.and_then(|status| status.conditions.as_ref());
        let said = conditions.into_iter().flatten().filter(|c| c.type_ == "PodScheduled");
        let line = |c: &k8s_openapi::api::core::v1::PodCondition| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            format!("{} {}: {}", c.status, text(&c.reason), text(&c.message))
        };
        let lines: Vec<String> = said.map(line).collect();
        if lines.is_empty() { vec!["nothing".to_owned()] } else { lines }
    }

    fn nodes(&self) -> Vec<String> {
        let line = |node: &Node| {
            let spec = node.spec.clone().unwrap_or_default();
            let ranges = spec.pod_cidrs.filter(|all| !all.is_empty()).map(|all| all.join(" "));
            let taints = spec.taints.unwrap_or_default();
            let mut taints: Vec<String> =
                taints.iter().map(|t| format!("{}:{}", t.key, t.effect)).collect();
            taints.sort();
            let words = [node.key().name, ranges.unwrap_or_else(|| "-".to_owned())];
            words.into_iter().chain(taints).collect::<Vec<String>>().join(" ")
        };
        self.store().nodes.values().map(line).collect()
    }

    fn sets(&mut self) -> Vec<String> {
        let mut sets: Vec<ReplicaSet> = self.store().replica_sets.values().cloned().collect();
        sets.sort_by_key(|set| {
            let annotations = set.metadata.annotations.as_ref().unwrap();
            annotations["deployment.kubernetes.io/revision"].parse::<u32>().unwrap()
        });
        for set in &mut sets {
            self.see_hash(label(&set.metadata, HASHES[0]));
            set.spec.template = None;
        }
        sets.iter().map(|set| text::object(set, &["apiVersion", "kind"])).collect()
    }

    fn state(&mut self, kind: &str, name: &str) -> Vec<String> {
        let object = match kind {
            "Deployment" => serde_json::to_value(self.get::<Deployment>(name)),
            "StatefulSet" => serde_json::to_value(self.get::<StatefulSet>(name)),
            "DaemonSet" => serde_json::to_value(self.get::<DaemonSet>(name)),
            "Job" => serde_json::to_value(self.get::<Job>(name)),
            other => panic!("no state of a {other}"),
        };
        let mut status = object.unwrap()["status"].take();
        for key in ["currentRevision", "updateRevision"] {
            self.see_hash(status[key].as_str().map(str::to_owned));
        }
        if let Some(Value::Array(conditions)) = status.get_mut("conditions") {
            for condition in conditions {
                *condition = json!({"type": condition["type"], "status": condition["status"]});
            }
        }
        vec![text::object(&status, &["uncountedTerminatedPods"])]
    }
}

/// The name of an object that ends at random, and what it begins with.
fn drawn(meta: &ObjectMeta) -> Option<(&str, &str)> {
    let (name, base) = (meta.name.as_deref()?, meta.generate_name.as_deref()?);
    is_random(name.strip_prefix(base)?, 5).then_some((name, base))
}

fn label(meta: &ObjectMeta, name: &str) -> Option<String> {
    meta.labels.as_ref()?.get(name).cloned()
}
