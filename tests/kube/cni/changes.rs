//! Pods and nodes that come and go.

use sim_kube::cni::{self, sandbox};
use sim_kube::proxy::service::Protocol;

use super::cluster::{Cluster, pod, port};

#[test]
fn a_pod_that_ends_leaves_nothing_behind() {
    for plugin in cni::plugin_names() {
        let mut cluster = Cluster::start(|node| cni::plugin(plugin, node).unwrap());
        cluster.start_kubelet();
        let run = |cluster: &mut Cluster, name: &str| {
            let mut web = pod(name);
            web.host_ports = vec![port(Protocol::Tcp, 80, 80), port(Protocol::Udp, 53, 53)];
            cluster.add(0, &web);
            let with_pod = cluster.look("node1");
            cluster.del(0, &web);
            // Once more is no error.
            cluster.del(0, &web);
            with_pod
        };
        // What all pods share is there from the first one on.
        run(&mut cluster, "first");
        let before = cluster.look("node1");
        let between = run(&mut cluster, "second");
        assert_ne!(between, before);
        assert_eq!(cluster.look("node1"), before, "{plugin}");
        assert_eq!(cluster.world.netns_by_name("second"), None);
        assert_eq!(cluster.run("node1", "ss -Hnaltu"), "", "{plugin}");
    }
}

#[test]
fn a_pod_for_which_there_is_no_address_leaves_nothing_behind() {
    for (plugin, says) in [
        ("bridge", "plugin type=\"bridge\" failed (add): "),
        ("flannel", "plugin type=\"flannel\" failed (add): failed to delegate add: "),
        ("kubenet", "error adding container to network: "),
        ("ptp", "plugin type=\"ptp\" failed (add): "),
    ] {
        let mut cluster = Cluster::start(|mut node| {
            node.pod_cidr = format!("10.244.{}.0/30", &node.name["node".len()..]).parse().unwrap();
            cni::plugin(plugin, node).unwrap()
        });
        cluster.add(0, &pod("pa"));
        let before = cluster.look("node1");
        let error = cluster.on(0, |host, plugin| sandbox::run(host, plugin, &pod("pb")));
        assert_eq!(
            error.unwrap_err().to_string(),
            format!(
                "{says}failed to allocate for range 0: no IP addresses available in range set: 10.244.1.1-10.244.1.2"
            )
        );
        assert_eq!(cluster.look("node1"), before, "{plugin}");
    }
}

#[test]
fn a_node_that_leaves_takes_the_way_to_its_pods_along() {
    for plugin in cni::plugin_names() {
        let mut cluster = Cluster::start(|node| cni::plugin(plugin, node).unwrap());
        let with_peer = cluster.look("node1");
        let peers = vec![cluster.nodes[1].peer.clone()];
        cluster.on(0, |host, plugin| plugin.set_peers(host, &[])).unwrap();
        let alone = cluster.look("node1");
        assert!(with_peer.contains("10.244.2.0") && !alone.contains("10.244.2.0"), "{plugin}");
        assert!(!alone.contains("dst 10.0.0.2"), "{plugin}");
        cluster.on(0, |host, plugin| plugin.set_peers(host, &peers)).unwrap();
        assert_eq!(cluster.look("node1"), with_peer, "{plugin}");
    }
}

#[test]
fn flannel_takes_no_notice_of_nodes_without_flannel() {
    let mut cluster = Cluster::start(|node| cni::plugin("flannel", node).unwrap());
    let mut other = cluster.nodes[1].peer.clone();
    let data = other.annotations["flannel.alpha.coreos.com/backend-data"].clone();
    assert!(data.starts_with("{\"VNI\":1,\"VtepMAC\":\""), "{data}");
    other.annotations.clear();
    cluster.on(0, |host, plugin| plugin.set_peers(host, &[other])).unwrap();
    assert!(!cluster.look("node1").contains("10.244.2.0"));
}

#[test]
fn a_direct_route_needs_no_tunnel() {
    let mut cluster = Cluster::start(|node| {
        let vxlan = cni::flannel::VxlanConfig { direct_routing: true, ..Default::default() };
        let backend = cni::flannel::BackendConfig::Vxlan(vxlan);
        let config = cni::flannel::Config { backend, ..Default::default() };
        Box::new(cni::Flannel::new(config, node).unwrap())
    });
    assert_eq!(
        cluster.run("node1", "ip route"),
        "default via 10.0.0.3 dev eth0 \n\
         10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1 \n\
         10.244.2.0/24 via 10.0.0.2 dev eth0 \n"
    );
    assert_eq!(cluster.run("node1", "ip neigh show dev flannel.1"), "");
}

#[test]
fn flannel_does_not_start_outside_of_its_network() {
    let mut node = super::cluster::node(1);
    node.pod_cidr = "10.1.1.0/24".parse().unwrap();
    let mut plugin = cni::plugin("flannel", node).unwrap();
    let mut cluster = Cluster::start(|node| cni::plugin("flannel", node).unwrap());
    let error = cluster.on(0, |host, _| plugin.start(host)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to acquire lease: subnet \"10.244.0.0/16\" specified in the flannel net config doesn't contain \
         \"10.1.1.0/24\" PodCIDR of the \"node1\" node"
    );
}

#[test]
fn a_bridge_of_another_subnet_is_not_taken_over() {
    let mut cluster = Cluster::start(|node| cni::plugin("bridge", node).unwrap());
    cluster.run("node1", "ip link add cni0 type bridge");
    cluster.run("node1", "ip addr add 10.244.9.1/24 dev cni0");
    let error = cluster.on(0, |host, plugin| sandbox::run(host, plugin, &pod("pa")));
    assert_eq!(
        error.unwrap_err().to_string(),
        "plugin type=\"bridge\" failed (add): failed to set bridge addr: \"cni0\" already has an IP address different from 10.244.1.1/24"
    );
}

#[test]
fn a_flow_of_udp_finds_a_pod_that_came_later() {
    for plugin in ["flannel", "kubenet"] {
        finds_a_pod_that_came_later(plugin);
    }
}

fn finds_a_pod_that_came_later(plugin: &str) {
    let mut cluster = Cluster::start(|node| cni::plugin(plugin, node).unwrap());
    cluster.start_kubelet();
    cluster.add(0, &pod("pa"));
    let client = cluster.udp("ext", 4000);
    let to = Some("10.0.0.1:53".parse().unwrap());
    cluster.world.send_to(client, b"early", to).unwrap();
    let entries = cluster.run("node1", "conntrack -L -p udp --dport 53");
    assert!(entries.contains("sport=4000"), "{entries}");
    let mut dns = pod("dns");
    dns.host_ports = vec![port(Protocol::Udp, 53, 5353)];
    cluster.add(0, &dns);
    let server = cluster.udp("dns", 5353);
    cluster.world.take_error(client);
    cluster.world.send_to(client, b"late", to).unwrap();
    let mut heard = Vec::new();
    let from = cluster.world.recv_from(server, &mut heard).unwrap().from;
    assert_eq!((heard.as_slice(), from.to_string().as_str()), (&b"late"[..], "10.0.0.3:4000"));
}

#[test]
fn kubenet_refuses_a_port_that_a_program_of_the_node_has() {
    let mut cluster = Cluster::start(|node| cni::plugin("kubenet", node).unwrap());
    cluster.start_kubelet();
    let first = |cluster: &mut Cluster| {
        let mut web = pod("first");
        web.host_ports = vec![port(Protocol::Tcp, 80, 80), port(Protocol::Udp, 53, 53)];
        cluster.add(0, &web);
        cluster.del(0, &web);
    };
    first(&mut cluster);
    let daemon = cluster.udp("node1", 53);
    let before = cluster.look("node1");
    let mut dns = pod("dns");
    dns.host_ports = vec![port(Protocol::Tcp, 53, 53), port(Protocol::Udp, 53, 53)];
    let error = cluster.on(0, |host, plugin| sandbox::run(host, plugin, &dns)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot open hostport 53 for pod dns_default: listen udp :53: bind: address already in use"
    );
    assert!(!error.is_unmodelled());
    assert_eq!(cluster.look("node1"), before);
    let listening = cluster.run("node1", "ss -Hnaltu");
    assert_eq!(listening.lines().count(), 1, "{listening}");
    cluster.world.close_socket(daemon);
    cluster.add(0, &dns);
    let listening = cluster.run("node1", "ss -Hnaltu");
    assert!(listening.contains("tcp LISTEN 0      4096   0.0.0.0:53 "), "{listening}");
    assert_eq!(listening.lines().count(), 2, "{listening}");
}
