//! Where pods come to, and what becomes of those that fit nowhere.

use k8s_openapi::api::core::v1::{Node, Pod};

use super::{Cluster, node_of, phase, said};

fn pod(name: &str, spec: &str) -> String {
    format!(
        "
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: default}}
spec: {{{spec}}}
"
    )
}

fn with_port(name: &str, port: &str, rest: &str) -> String {
    pod(name, &format!("{rest} containers: [{{name: c, ports: [{{{port}}}]}}]"))
}

const PLAIN: &str = "containers: [{name: c}]";
const PORT: &str = "containerPort: 80, hostPort: 8080";

#[test]
fn pods_of_a_workload_are_spread_over_nodes() {
    let cluster = Cluster::new(
        "
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: rs, namespace: default, uid: u}
spec:
  replicas: 7
  selector: {matchLabels: {app: rs}}
  template: {metadata: {labels: {app: rs}}, spec: {containers: [{name: c}]}}
",
    );
    let counts: Vec<usize> = cluster.pods_per_node().into_values().collect();
    assert_eq!(counts, [4, 3]);
}

#[test]
fn a_single_pod_comes_to_the_emptier_node_and_of_equal_ones_to_the_first() {
    let mut cluster = Cluster::new(&pod("first", PLAIN));
    assert_eq!(node_of(cluster.get("first")), Some("node-a"));
    cluster.apply(&pod("second", PLAIN));
    assert_eq!(node_of(cluster.get("second")), Some("node-b"));
}

/// The parts of this are in the answers of real schedulers, see `scheduler`.
#[test]
fn a_pod_whose_host_port_is_taken_everywhere_is_pending_with_the_schedulers_words() {
    let mut cluster = Cluster::new("");
    cluster.edit::<Node>("node-b", |node| {
        let taint = k8s_openapi::api::core::v1::Taint {
            key: "node-role.kubernetes.io/control-plane".to_owned(),
            effect: "NoSchedule".to_owned(),
            ..Default::default()
        };
        node.spec.get_or_insert_default().taints = Some(vec![taint]);
    });
    cluster.apply(&with_port("first", PORT, ""));
    cluster.apply(&with_port("second", PORT, ""));
    let second = cluster.get::<Pod>("second");
    assert_eq!((phase(second), node_of(second)), ("Pending", None));
    assert_eq!(
        said(second, "PodScheduled"),
        "0/2 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, \
         1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/2 nodes are \
         available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for \
         scheduling."
    );
    cluster.delete::<Pod>("first");
    cluster.settle();
    let second = cluster.get::<Pod>("second");
    assert_eq!((phase(second), node_of(second)), ("Running", Some("node-a")));
}

/// As a kubelet says it since 1.31.
#[test]
fn a_pod_bound_to_a_node_where_its_host_port_is_taken_fails() {
    let mut cluster = Cluster::new(&with_port("z-first", PORT, "nodeName: node-a,"));
    cluster.apply(&with_port("a-second", PORT, "nodeName: node-a,"));
    assert_eq!(phase(cluster.get("z-first")), "Running");
    let status = cluster.get::<Pod>("a-second").status.clone().unwrap();
    assert_eq!(status.phase.as_deref(), Some("Failed"));
    assert_eq!(status.reason.as_deref(), Some("NodePorts"));
    assert_eq!(
        status.message.as_deref(),
        Some(
            "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the \
             requested pod ports"
        )
    );
    assert_eq!(status.pod_ip, None);
}

#[test]
fn host_ports_clash_by_number_protocol_and_address() {
    let cases = [
        ("containerPort: 80, hostPort: 8081", "Running"),
        ("containerPort: 81, hostPort: 8080", "Failed"),
        ("containerPort: 80, hostPort: 8080, protocol: UDP", "Running"),
        ("containerPort: 80, hostPort: 8080, hostIP: 192.168.50.11", "Failed"),
        ("containerPort: 8080", "Running"),
    ];
    for (port, expected) in cases {
        let mut cluster = Cluster::new(&with_port("first", PORT, "nodeName: node-a,"));
        cluster.apply(&with_port("second", port, "nodeName: node-a,"));
        assert_eq!(phase(cluster.get("second")), expected, "{port}");
    }
    let on = |ip: &str| format!("containerPort: 80, hostPort: 8080, hostIP: {ip}");
    let mut cluster = Cluster::new(&with_port("first", &on("127.0.0.1"), "nodeName: node-a,"));
    cluster.apply(&with_port("second", &on("127.0.0.2"), "nodeName: node-a,"));
    assert_eq!(phase(cluster.get("second")), "Running");
}

#[test]
fn a_node_takes_no_more_pods_than_it_says() {
    let mut cluster = Cluster::new("");
    for name in ["node-a", "node-b"] {
        cluster.edit::<Node>(name, |node| {
            let one = k8s_openapi::apimachinery::pkg::api::resource::Quantity("1".to_owned());
            let status = node.status.get_or_insert_default();
            status.allocatable = Some([("pods".to_owned(), one)].into());
        });
    }
    ["one", "two", "three"].iter().for_each(|name| cluster.apply(&pod(name, PLAIN)));
    assert!(
        said(cluster.get("three"), "PodScheduled")
            .starts_with("0/2 nodes are available: 2 Too many pods. ")
    );
    cluster.apply(&pod("four", "nodeName: node-a, containers: [{name: c}]"));
    let status = cluster.get::<Pod>("four").status.clone().unwrap();
    assert_eq!(status.reason.as_deref(), Some("OutOfpods"));
}

#[test]
fn a_pod_comes_only_where_its_selector_and_affinity_let_it() {
    let affinity = |expression: &str| {
        format!(
            "affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: \
             {{nodeSelectorTerms: [{{matchExpressions: [{expression}]}}]}}}}}}, {PLAIN}"
        )
    };
    let zone = "key: topology.kubernetes.io/zone, operator";
    let cases = [
        (format!("nodeSelector: {{topology.kubernetes.io/zone: z2}}, {PLAIN}"), Some("node-b")),
        (format!("nodeSelector: {{topology.kubernetes.io/zone: z3}}, {PLAIN}"), None),
        (affinity(&format!("{{{zone}: NotIn, values: [z1]}}")), Some("node-b")),
        (affinity(&format!("{{{zone}: In, values: [z1, z3]}}")), Some("node-a")),
        (affinity(&format!("{{{zone}: DoesNotExist}}")), None),
        (affinity("{key: cpus, operator: Gt, values: ['4']}"), None),
    ];
    for (spec, node) in cases {
        let cluster = Cluster::new(&pod("p", &spec));
        assert_eq!(node_of(cluster.get("p")), node, "{spec}");
        if node.is_none() {
            assert!(said(cluster.get("p"), "PodScheduled").starts_with(
                "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. "
            ));
        }
    }
}

#[test]
fn a_cordoned_node_and_one_that_is_not_ready_get_no_pods() {
    let mut cluster = Cluster::new("");
    cluster.edit::<Node>("node-a", |node| {
        node.spec.get_or_insert_default().unschedulable = Some(true);
    });
    cluster.edit::<Node>("node-b", |node| {
        let ready = k8s_openapi::api::core::v1::NodeCondition {
            type_: "Ready".to_owned(),
            status: "False".to_owned(),
            ..Default::default()
        };
        node.status.get_or_insert_default().conditions = Some(vec![ready]);
    });
    cluster.apply(&pod("p", PLAIN));
    assert!(said(cluster.get("p"), "PodScheduled").starts_with(
        "0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. "
    ));
}

#[test]
fn without_nodes_there_is_nothing_to_choose_from() {
    let cluster = Cluster::without_nodes(&pod("p", PLAIN));
    assert_eq!(said(cluster.get("p"), "PodScheduled"), "no nodes available to schedule pods");
}

#[test]
fn what_the_scheduler_does_not_know_it_refuses_by_name() {
    let spec = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: \
                [{topologyKey: kubernetes.io/hostname}]}}, containers: [{name: c}]";
    let cluster = Cluster::new(&pod("p", spec));
    assert_eq!(node_of(cluster.get("p")), None);
    assert_eq!(said(cluster.get("p"), "PodScheduled"), "required podAntiAffinity is not modelled");
}

#[test]
fn a_pod_of_another_scheduler_waits_for_that_one() {
    let cluster = Cluster::new(&pod("p", &format!("schedulerName: mine, {PLAIN}")));
    assert_eq!(node_of(cluster.get("p")), None);
    assert_eq!(said(cluster.get("p"), "PodScheduled"), "");
}

#[test]
fn a_pod_on_the_network_of_its_node_has_its_address() {
    let cluster = Cluster::new(&pod("p", "hostNetwork: true, containers: [{name: c}]"));
    let status = cluster.get::<Pod>("p").status.clone().unwrap();
    assert_eq!(status.pod_ip.as_deref(), Some("192.168.50.11"));
    assert_eq!(status.host_ip.as_deref(), Some("192.168.50.11"));
    assert_eq!(status.phase.as_deref(), Some("Running"));
}

#[test]
fn an_owner_whose_pods_all_fail_never_comes_to_rest() {
    let mut cluster = Cluster::new(&with_port("first", PORT, "nodeName: node-a,"));
    cluster.put(
        "
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: rs, namespace: default, uid: u}
spec:
  replicas: 1
  selector: {matchLabels: {app: rs}}
  template:
    metadata: {labels: {app: rs}}
    spec: {nodeName: node-a, containers: [{name: c, ports: [{containerPort: 1, hostPort: 8080}]}]}
",
    );
    let answer =
        sim_kube::controllers::reconcile(&mut cluster.store, &cluster.settings, &mut cluster.rng);
    assert_eq!(answer, Err(sim_kube::controllers::Restless));
}
