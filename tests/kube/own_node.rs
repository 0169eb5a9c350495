//! What a kube-proxy does when its own Node changes.

use std::fs;
use std::path::Path;

use k8s_openapi::api::core::v1::Node;
use sim_kube::cluster::Cluster;
use sim_kube::host::{Host, IptablesBackend};
use sim_kube::manifest;
use sim_kube::object::{Key, Store};
use sim_kube::proxy::config::Config;
use sim_kube::proxy::{Reaction, Version};
use sim_kube::topology::Topology;

use crate::cases::Case;
use crate::running::Running;

const ZONE: &str = "topology.kubernetes.io/zone";

/// The objects of a case, and the kube-proxy that has written its rules for them.
fn running(kind: &str, name: &str, version: Version) -> (Case, Store, Running) {
    let cases = Case::all(kind);
    let case = cases.into_iter().find(|case| case.name == format!("{kind}/{name}")).unwrap();
    let objects = case.objects();
    let mut running = Running::start(&case, &objects, version, IptablesBackend::Nft);
    running.sync("").unwrap();
    (case, objects, running)
}

/// Changes the node of a kube-proxy.
fn change(objects: &mut Store, act: impl FnOnce(&mut Node)) -> Node {
    let node = objects.nodes.get_mut(&Key::of_cluster("node-a")).unwrap();
    act(node);
    node.clone()
}

fn label(objects: &mut Store, key: &str, value: &str) -> Node {
    let set = |node: &mut Node| {
        node.metadata.labels.get_or_insert_default().insert(key.to_owned(), value.to_owned());
    };
    change(objects, set)
}

/// What a kube-proxy writes that starts with `objects`, and what `iptables-save` prints then.
fn written_anew(case: &Case, objects: &Store, version: Version) -> (String, String) {
    let mut fresh = Running::start(case, objects, version, IptablesBackend::Nft);
    let restore = fresh.sync("").unwrap();
    (restore, fresh.save())
}

/// A jump that somebody removes.
const JUMP: [&str; 3] = ["OUTPUT", "-j", "KUBE-FIREWALL"];

fn remove_jump(running: &mut Running) {
    running.host().must_run(&[&["iptables", "-D"], &JUMP[..]].concat(), "").unwrap();
}

#[test]
fn a_kube_proxy_whose_node_gets_into_another_zone_writes_all_rules_for_it() {
    let (case, mut objects, mut running) =
        running("1.36", "topology-hints-etp-local", Version::V1_36);
    let before = running.save();
    remove_jump(&mut running);
    let node = label(&mut objects, ZONE, "z2");
    assert_eq!(running.set_node(&node), Reaction::FullSync);
    // Chains that are wanted no longer go with the rules, so what was given is not what a fresh one gives.
    running.sync("").unwrap();
    let (_, saved) = written_anew(&case, &objects, Version::V1_36);
    assert_eq!(running.save(), saved);
    assert_ne!(before, saved);
}

#[test]
fn a_kube_proxy_of_1_36_takes_no_notice_of_other_labels() {
    let (_, mut objects, mut running) = running("1.36", "three-endpoints", Version::V1_36);
    let node = label(&mut objects, "disk", "fast");
    assert_eq!(running.set_node(&node), Reaction::None);
    assert_eq!(running.sync(""), None);
}

#[test]
fn a_kube_proxy_of_1_30_writes_all_rules_at_any_other_label_and_looks_after_its_jumps() {
    let (case, mut objects, mut running) = running("1.30", "three-endpoints", Version::V1_30);
    remove_jump(&mut running);
    let node = label(&mut objects, "disk", "fast");
    assert_eq!(running.set_node(&node), Reaction::FullSync);
    let text = running.sync("");
    assert_eq!((text.unwrap(), running.save()), written_anew(&case, &objects, Version::V1_30));
    assert_eq!(running.set_node(&node), Reaction::None);
}

#[test]
fn a_kube_proxy_of_1_20_asks_for_its_node_only_when_it_starts() {
    let (_, mut objects, mut running) = running("1.20", "three-endpoints", Version::V1_20);
    label(&mut objects, ZONE, "z2");
    let node = change(&mut objects, |node| {
        node.spec.get_or_insert_default().pod_cidrs = Some(vec!["10.244.7.0/24".to_owned()]);
    });
    assert_eq!(running.set_node(&node), Reaction::None);
    assert_eq!(running.sync(""), None);
}

#[test]
fn a_kube_proxy_that_goes_by_the_range_of_its_pods_starts_again_when_that_changes() {
    let (case, mut objects, mut running) = running("1.36", "detectlocal-nodecidr", Version::V1_36);
    let node = change(&mut objects, |node| {
        node.spec.get_or_insert_default().pod_cidrs = Some(vec!["10.244.7.0/24".to_owned()]);
    });
    assert_eq!(running.set_node(&node), Reaction::Restart);
    let text = running.sync("").unwrap();
    assert!(text.contains("! -s 10.244.7.0/24 "), "{text}");
    assert_eq!((text, running.save()), written_anew(&case, &objects, Version::V1_36));
}

#[test]
fn another_address_of_its_node_is_nothing_to_a_kube_proxy() {
    let (_, mut objects, mut running) = running("1.36", "lb-sourceranges", Version::V1_36);
    let node = change(&mut objects, |node| {
        for address in node.status.iter_mut().flat_map(|s| s.addresses.iter_mut().flatten()) {
            "192.168.50.99".clone_into(&mut address.address);
        }
    });
    assert_eq!(running.set_node(&node), Reaction::None);
    assert_eq!(running.sync(""), None);
}

const SHOP: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  trafficDistribution: PreferClose
  ports: [{port: 80, targetPort: 8080}]
";

/// The rules of a node's `nat` that name endpoints of the Service `web`.
fn ways_to_endpoints(cluster: &mut Cluster, node: &str) -> usize {
    let mut host = Host::named(&mut cluster.world, node).unwrap();
    let saved = host.must_run(&["iptables-save", "-t", "nat"], "").unwrap();
    saved.lines().filter(|line| line.contains("\"default/web -> ")).count()
}

#[test]
fn nodes_of_a_cluster_that_get_zones_keep_traffic_in_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../topologies/two-nodes.toml");
    let topology = Topology::read(&fs::read_to_string(path).unwrap()).unwrap();
    let mut cluster = Cluster::start(&topology, Config::default()).unwrap();
    let apply = |cluster: &mut Cluster, text: &str| {
        let manifest = manifest::Reading::default().read(text).unwrap();
        cluster.apply(&manifest.objects).unwrap().unwrap();
    };
    apply(&mut cluster, SHOP);
    assert_eq!(ways_to_endpoints(&mut cluster, "node-1"), 2);
    for (node, zone) in [("node-1", "a"), ("node-2", "b")] {
        let text = format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: {node}, labels: {{{ZONE}: {zone}}}}}\n"
        );
        apply(&mut cluster, &text);
    }
    assert_eq!(ways_to_endpoints(&mut cluster, "node-1"), 1);
    assert_eq!(ways_to_endpoints(&mut cluster, "node-2"), 1);
}
