//! Packets between pods, and to and from outside.

use sim_core::errno::Errno;
use sim_core::socket::SocketType;
use sim_kube::cni::{self, Hairpin, Sandbox};
use sim_kube::proxy::service::Protocol;

use super::cluster::{Cluster, pod, port};

/// The TTL of the answer to a ping.
fn ttl(cluster: &mut Cluster, from: &str, to: &str) -> String {
    let said = cluster.run(from, &format!("ping -c 1 {to}"));
    let ttl = said.split_whitespace().find_map(|word| word.strip_prefix("ttl=")).unwrap();
    ttl.to_owned()
}

/// What machines see as each other's address: who connects, to where, and what the other side sees.
fn expect(plugin: &str, cases: &[(&str, &str, &str, &str)]) {
    let mut cluster = Cluster::with_pods(plugin);
    for (from, to, at, seen) in cases {
        let source = cluster.tcp(from, &format!("{to}:80"), (at, 80));
        assert_eq!(source.as_deref(), Ok(*seen), "{plugin}: {from} to {at} ({to})");
    }
}

#[test]
fn pods_of_a_node_are_bridged_and_those_of_others_two_routers_away() {
    for plugin in ["flannel", "flannel-host-gw", "bridge", "kubenet"] {
        let mut cluster = Cluster::with_pods(plugin);
        assert_eq!(ttl(&mut cluster, "pa", "10.244.1.3"), "64", "{plugin}");
        assert_eq!(ttl(&mut cluster, "pa", "10.244.2.2"), "62", "{plugin}");
        assert_eq!(ttl(&mut cluster, "pa", "10.244.1.1"), "64", "{plugin}");
    }
}

#[test]
fn pods_of_a_node_with_wires_are_routed() {
    let mut cluster = Cluster::with_pods("ptp");
    assert_eq!(ttl(&mut cluster, "pa", "10.244.1.3"), "63");
    assert_eq!(ttl(&mut cluster, "pa", "10.244.2.2"), "62");
}

#[test]
fn flannel_shows_pods_pods_and_others_the_address_of_the_device() {
    expect(
        "flannel",
        &[
            ("pa", "10.244.1.3", "pb", "10.244.1.2"),
            ("pa", "10.244.2.2", "pc", "10.244.1.2"),
            ("node1", "10.244.1.2", "pa", "10.244.1.1"),
            ("node1", "10.244.2.2", "pc", "10.244.1.0"),
            ("pa", "10.0.0.1", "node1", "10.244.1.2"),
            ("pa", "10.0.0.2", "node2", "10.0.0.1"),
            ("pa", "192.0.2.1", "ext", "10.0.0.1"),
            ("node2", "10.244.1.0", "node1", "10.244.2.0"),
        ],
    );
}

#[test]
fn with_host_gw_a_node_has_its_own_address_elsewhere() {
    expect(
        "flannel-host-gw",
        &[
            ("pa", "10.244.2.2", "pc", "10.244.1.2"),
            ("node1", "10.244.1.2", "pa", "10.244.1.1"),
            ("node1", "10.244.2.2", "pc", "10.0.0.1"),
            ("pa", "192.0.2.1", "ext", "10.0.0.1"),
        ],
    );
}

#[test]
fn ip_masq_of_a_plugin_hides_pods_from_those_of_other_nodes() {
    for plugin in ["bridge", "ptp"] {
        expect(
            plugin,
            &[
                ("pa", "10.244.1.3", "pb", "10.244.1.2"),
                ("pa", "10.244.2.2", "pc", "10.0.0.1"),
                ("pa", "192.0.2.1", "ext", "10.0.0.1"),
                ("node1", "10.244.1.2", "pa", "10.244.1.1"),
                ("node1", "10.244.2.2", "pc", "10.0.0.1"),
            ],
        );
    }
}

#[test]
fn kubenet_hides_pods_from_others_than_ten_slash_eight() {
    expect(
        "kubenet",
        &[
            ("pa", "10.244.2.2", "pc", "10.244.1.2"),
            ("pa", "10.0.0.2", "node2", "10.244.1.2"),
            ("pa", "192.0.2.1", "ext", "10.0.0.1"),
        ],
    );
}

/// A cluster with a pod `web` whose port 80 is the first node's port 8080.
fn with_host_port(plugin: &str) -> Cluster {
    let mut cluster = Cluster::with_pods(plugin);
    let mut web = pod("web");
    web.host_ports = vec![port(Protocol::Tcp, 8080, 80)];
    cluster.add(0, &web);
    cluster
}

#[test]
fn a_host_port_leads_to_its_pod_and_hides_who_is_on_the_node() {
    for plugin in ["flannel", "bridge", "ptp"] {
        let mut cluster = with_host_port(plugin);
        let cases = [
            ("ext", "10.0.0.1", "10.0.0.3"),
            ("pc", "10.0.0.1", "10.0.0.2"),
            ("pa", "10.0.0.1", "10.244.1.1"),
            ("web", "10.0.0.1", "10.244.1.1"),
            ("node1", "127.0.0.1", "10.244.1.1"),
        ];
        for (from, to, seen) in cases {
            let source = cluster.tcp(from, &format!("{to}:8080"), ("web", 80));
            assert_eq!(source.as_deref(), Ok(seen), "{plugin}: {from} to {to}");
        }
    }
}

/// Who connects to a host port of kubenet, to which address, and whom the pod sees, if it hears of it: only the pod
/// itself and loopback addresses are hidden.
type HostPortCase = (&'static str, &'static str, Option<&'static str>);

/// With its usual hairpin mode. What a promiscuous bridge takes for the pod itself has lost its connection, and is not
/// translated.
pub(super) const KUBENET: &[HostPortCase] = &[
    ("ext", "10.0.0.1", Some("10.0.0.3")),
    ("pc", "10.0.0.1", Some("10.244.2.2")),
    ("pa", "10.0.0.1", Some("10.244.1.2")),
    ("web", "10.0.0.1", None),
    ("node1", "10.0.0.1", Some("10.0.0.1")),
    ("node1", "127.0.0.1", Some("10.244.1.1")),
];

/// With ports that reflect frames.
pub(super) const KUBENET_HAIRPIN_VETH: &[HostPortCase] = &[
    ("pa", "10.0.0.1", Some("10.244.1.2")),
    ("web", "10.0.0.1", Some("10.244.1.1")),
    ("node1", "127.0.0.1", Some("10.244.1.1")),
];

/// A cluster with kubenet and a pod `web` whose port 80 is the first node's port 8080.
pub(super) fn kubenet_with_host_port(hairpin: Hairpin) -> (Cluster, Sandbox) {
    let config = cni::kubenet::Config { hairpin, ..Default::default() };
    let mut cluster = Cluster::start(|node| Box::new(cni::Kubenet::new(config, node).unwrap()));
    for (node, name) in [(0, "pa"), (0, "pb"), (1, "pc")] {
        cluster.add(node, &pod(name));
    }
    cluster.start_kubelet();
    let mut web = pod("web");
    // Up to 1.20.2 the address does not count.
    let mut http = port(Protocol::Tcp, 8080, 80);
    http.host_ip = Some("10.9.9.9".parse().unwrap());
    web.host_ports = vec![http];
    cluster.add(0, &web);
    (cluster, web)
}

/// Holds the cluster to what these see.
fn expect_host_port(cluster: &mut Cluster, cases: &[HostPortCase]) {
    for (from, to, seen) in cases {
        let source = cluster.tcp(from, &format!("{to}:8080"), ("web", 80));
        let expected = seen.ok_or(Some(Errno::EINPROGRESS));
        assert_eq!(source.as_deref(), expected.as_ref().copied(), "{from} to {to}");
    }
}

#[test]
fn a_pod_of_kubenet_reaches_itself_by_its_host_port_if_its_port_reflects_frames() {
    let (mut cluster, _) = kubenet_with_host_port(Hairpin::Port);
    expect_host_port(&mut cluster, KUBENET_HAIRPIN_VETH);
}

#[test]
fn a_host_port_of_kubenet_leads_to_its_pod_but_not_from_the_pod_itself() {
    let (mut cluster, web) = kubenet_with_host_port(Hairpin::Promiscuous);
    expect_host_port(&mut cluster, KUBENET);
    cluster.del(0, &web);
    let client = cluster.netns("ext");
    let socket = cluster.world.socket(client, SocketType::Tcp).unwrap();
    let refused = cluster.world.connect(socket, "10.0.0.1:8080".parse().unwrap());
    assert_eq!(refused, Err(Errno::ECONNREFUSED));
}

#[test]
fn without_portmap_a_host_port_leads_nowhere() {
    let mut cluster = Cluster::start(|node| {
        let config = cni::flannel::Config { portmap: None, ..Default::default() };
        Box::new(cni::Flannel::new(config, node).unwrap())
    });
    let mut web = pod("web");
    web.host_ports = vec![port(Protocol::Tcp, 8080, 80)];
    cluster.add(0, &web);
    assert_eq!(cluster.tcp("ext", "10.0.0.1:8080", ("web", 80)), Err(Some(Errno::ECONNREFUSED)));
}

#[test]
fn without_hairpin_a_pod_does_not_reach_itself() {
    let mut cluster = Cluster::start(|node| {
        let mut config = cni::flannel::Config::default();
        config.delegate.bridge.hairpin = Hairpin::Off;
        Box::new(cni::Flannel::new(config, node).unwrap())
    });
    let mut web = pod("web");
    web.host_ports = vec![port(Protocol::Tcp, 8080, 80)];
    cluster.add(0, &web);
    assert_eq!(cluster.tcp("web", "10.0.0.1:8080", ("web", 80)), Err(Some(Errno::EINPROGRESS)));
    assert_eq!(cluster.tcp("ext", "10.0.0.1:8080", ("web", 80)).as_deref(), Ok("10.0.0.3"));
}
