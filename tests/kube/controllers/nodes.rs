//! Ranges and taints of nodes.

use k8s_openapi::api::core::v1::Node;

use super::Cluster;

fn range(cluster: &Cluster, name: &str) -> Option<String> {
    cluster.get::<Node>(name).spec.as_ref().and_then(|spec| spec.pod_cidr.clone())
}

fn taints(cluster: &Cluster, name: &str) -> Vec<String> {
    let spec = cluster.get::<Node>(name).spec.clone().unwrap_or_default();
    let taints = spec.taints.unwrap_or_default().into_iter();
    taints.map(|taint| format!("{}:{}", taint.key, taint.effect)).collect()
}

/// As a kubeadm cluster numbers its nodes: the one that was made first has the first range.
#[test]
fn nodes_get_ranges_in_the_order_in_which_they_were_made() {
    let cluster = Cluster::without_nodes(
        "
apiVersion: v1
kind: Node
metadata: {name: a, creationTimestamp: '2026-01-02T00:00:00Z'}
---
apiVersion: v1
kind: Node
metadata: {name: b, creationTimestamp: '2026-01-01T00:00:00Z'}
",
    );
    assert_eq!(range(&cluster, "b").as_deref(), Some("10.244.0.0/24"));
    assert_eq!(range(&cluster, "a").as_deref(), Some("10.244.1.0/24"));
}

#[test]
fn a_range_that_a_node_brings_is_given_to_no_other() {
    let cluster = Cluster::without_nodes(
        "
apiVersion: v1
kind: Node
metadata: {name: a}
---
apiVersion: v1
kind: Node
metadata: {name: b}
spec: {podCIDR: 10.244.0.0/24, podCIDRs: [10.244.0.0/24]}
",
    );
    assert_eq!(range(&cluster, "a").as_deref(), Some("10.244.1.0/24"));
    assert_eq!(range(&cluster, "b").as_deref(), Some("10.244.0.0/24"));
}

#[test]
fn a_node_for_which_no_range_is_left_has_none() {
    let mut cluster = Cluster::new("");
    cluster.settings.cluster_cidrs = vec!["10.250.0.0/24".parse().unwrap()];
    cluster.apply(
        "
apiVersion: v1
kind: Node
metadata: {name: c}
---
apiVersion: v1
kind: Node
metadata: {name: d}
",
    );
    assert_eq!(range(&cluster, "c").as_deref(), Some("10.250.0.0/24"));
    assert_eq!(range(&cluster, "d"), None);
}

#[test]
fn both_families_get_a_range_of_their_own_size() {
    let mut cluster = Cluster::without_nodes("");
    cluster.settings.cluster_cidrs =
        vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/56".parse().unwrap()];
    cluster.apply("apiVersion: v1\nkind: Node\nmetadata: {name: a}");
    cluster.apply("apiVersion: v1\nkind: Node\nmetadata: {name: b}");
    let spec = cluster.get::<Node>("b").spec.clone().unwrap();
    assert_eq!(spec.pod_cidrs.unwrap(), ["10.1.1.0/24", "fd00:1:0:1::/64"]);
}

#[test]
fn a_node_that_is_not_ready_is_tainted_until_it_is() {
    let node = |ready: &str| {
        format!(
            "
apiVersion: v1
kind: Node
metadata: {{name: node}}
spec: {{taints: [{{key: own, effect: NoSchedule}}]}}
status: {{conditions: [{{type: Ready, status: '{ready}'}}]}}
"
        )
    };
    let mut cluster = Cluster::without_nodes(&node("Unknown"));
    let unreachable = [
        "own:NoSchedule",
        "node.kubernetes.io/unreachable:NoSchedule",
        "node.kubernetes.io/unreachable:NoExecute",
    ];
    assert_eq!(taints(&cluster, "node"), unreachable);
    cluster.edit::<Node>("node", |node| {
        node.status.get_or_insert_default().conditions.get_or_insert_default()[0].status =
            "True".to_owned();
    });
    cluster.settle();
    assert_eq!(taints(&cluster, "node"), ["own:NoSchedule"]);
}

#[test]
fn a_cordoned_node_is_tainted() {
    let mut cluster = Cluster::new("");
    cluster.edit::<Node>("node-a", |node| {
        node.spec.get_or_insert_default().unschedulable = Some(true);
    });
    cluster.settle();
    assert_eq!(taints(&cluster, "node-a"), ["node.kubernetes.io/unschedulable:NoSchedule"]);
}
