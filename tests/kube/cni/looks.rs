//! What two nodes and their pods look like with each plugin.

use sim_kube::cni::{self, Sandbox};
use sim_kube::proxy::service::Protocol;

use super::cluster::{Cluster, pod, port};

/// Settings that plugins make.
fn settings(cluster: &mut Cluster, device: &str) -> String {
    let of_node = [
        "net.ipv4.ip_forward",
        "net.bridge.bridge-nf-call-iptables",
        &format!("net/ipv4/conf/{device}/route_localnet"),
        &format!("net/ipv6/conf/{device}/accept_ra"),
    ];
    let node = cluster.settings("node1", &of_node);
    let of_pod = ["net/ipv4/conf/eth0/arp_notify", "net/ipv6/conf/eth0/accept_dad"];
    node + &cluster.settings("pa", &of_pod)
}

#[test]
fn flannel_has_a_tunnel_and_a_bridge() {
    let mut cluster = Cluster::with_pods("flannel");
    insta::assert_snapshot!("flannel-node1", cluster.look("node1"));
    insta::assert_snapshot!("flannel-pa", cluster.look("pa"));
    insta::assert_snapshot!("flannel-settings", settings(&mut cluster, "cni0"));
}

#[test]
fn flannel_with_host_gw_has_routes_and_a_bridge() {
    let mut cluster = Cluster::with_pods("flannel-host-gw");
    insta::assert_snapshot!("flannel-host-gw-node1", cluster.look("node1"));
    insta::assert_snapshot!("flannel-host-gw-pa", cluster.look("pa"));
}

#[test]
fn bridge_has_rules_for_each_pod() {
    let mut cluster = Cluster::with_pods("bridge");
    insta::assert_snapshot!("bridge-node1", cluster.look("node1"));
    insta::assert_snapshot!("bridge-pa", cluster.look("pa"));
}

#[test]
fn ptp_has_a_wire_for_each_pod() {
    let mut cluster = Cluster::with_pods("ptp");
    insta::assert_snapshot!("ptp-node1", cluster.look("node1"));
    insta::assert_snapshot!("ptp-pa", cluster.look("pa"));
}

#[test]
fn kubenet_has_a_promiscuous_bridge() {
    let mut cluster = Cluster::with_pods("kubenet");
    insta::assert_snapshot!("kubenet-node1", cluster.look("node1"));
    insta::assert_snapshot!("kubenet-pa", cluster.look("pa"));
}

#[test]
fn host_ports_have_chains_of_their_own() {
    let mut cluster = Cluster::with_pods("flannel");
    let mut web = pod("web");
    web.host_ports = vec![
        port(Protocol::Tcp, 8080, 80),
        port(Protocol::Tcp, 8443, 443),
        port(Protocol::Udp, 53, 5353),
    ];
    web.host_ports[1].host_ip = Some("10.0.0.1".parse().unwrap());
    cluster.add(0, &web);
    insta::assert_snapshot!("host-ports", cluster.rules("node1"));
    insta::assert_snapshot!("host-ports-settings", settings(&mut cluster, "cni0"));
}

/// The rules are those of the test of the real one.
#[test]
fn kubenet_has_a_chain_for_each_host_port() {
    let mut cluster = Cluster::start(|node| cni::plugin("kubenet", node).unwrap());
    cluster.start_kubelet();
    let mut pod1 = Sandbox { id: "id".to_owned(), pod_namespace: "ns1".to_owned(), ..pod("pod1") };
    pod1.host_ports = vec![
        port(Protocol::Tcp, 8080, 80),
        port(Protocol::Udp, 8081, 81),
        port(Protocol::Sctp, 8083, 83),
    ];
    cluster.add(0, &pod1);
    let mut pod3 = pod("pod3");
    pod3.host_ports = vec![port(Protocol::Tcp, 8443, 443)];
    cluster.add(0, &pod3);
    let rules = cluster.rules("node1");
    let of_ports = |line: &&str| {
        line.contains("KUBE-HOSTPORTS") || line.contains("KUBE-HP-") || line.contains("localhost")
    };
    let lines: Vec<&str> = rules.lines().filter(of_ports).collect();
    insta::assert_snapshot!("kubenet-host-ports", lines.join("\n"));
}
