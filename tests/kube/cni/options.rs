//! Settings of plugins, as topologies say them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sim_kube::cluster;
use sim_kube::cni::{Setup, sandbox};
use sim_kube::proxy::config::Config;
use sim_kube::proxy::service::Protocol;
use sim_kube::reading::Mistake;
use sim_kube::topology::Topology;

use super::cluster::{Cluster, pod, port};

/// A topology whose cluster has this `cni`.
fn text(cni: &str) -> String {
    format!(
        "network = [{{ name = \"lan\", subnets = [\"10.0.0.0/24\"] }}]
[[node]]
name = \"node-1\"
interface = [{{ network = \"lan\", address = \"10.0.0.1\" }}]
[[node]]
name = \"node-2\"
interface = [{{ network = \"lan\", address = \"10.0.0.2\" }}]
[cluster]
pod-cidr = \"10.244.0.0/16\"
{cni}"
    )
}

/// The plugin with the settings that a topology says.
pub(super) fn setup(cni: &str) -> Setup {
    Topology::read(&text(cni)).unwrap().cluster.unwrap().cni.unwrap()
}

/// Two nodes with this plugin, and pods.
pub(super) fn with_pods(cni: &str) -> Cluster {
    let setup = setup(cni);
    let mut cluster = Cluster::start(|node| setup.on(node).unwrap());
    cluster.add(0, &pod("pa"));
    cluster.add(0, &pod("pb"));
    cluster.add(1, &pod("pc"));
    cluster
}

/// The manifest of flannel: its two texts.
pub(super) const KUBE_FLANNEL: &str = r#"
[cluster.cni]
plugin = "flannel"
ip-masq = true
cni-conf = '''
{
  "name": "cbr0",
  "cniVersion": "0.3.1",
  "plugins": [
    { "type": "flannel", "delegate": { "hairpinMode": true, "isDefaultGateway": true } },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
'''
net-conf = '''
{
  "Network": "10.244.0.0/16",
  "EnableNFTables": false,
  "Backend": { "Type": "vxlan" }
}
'''
"#;

/// Tunnels of another number and port.
pub(super) const OTHER_TUNNEL: &str = r#"
[cluster.cni]
plugin = "flannel"
ip-masq = false
Backend = { Type = "vxlan", VNI = 7, Port = 4789, MTU = 1400 }
delegate = { bridge = "pods0", hairpinMode = false, promiscMode = true, ipMasq = false }
"#;

/// A list of plugins as people have it in `/etc/cni/net.d`.
pub(super) const CONFLIST: &str = r#"
[cluster.cni]
plugin = "bridge"
conflist = '''
{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "br-pods",
      "isDefaultGateway": true,
      "ipMasq": true,
      "promiscMode": true,
      "mtu": 1300,
      "ipam": {
        "type": "host-local",
        "ranges": [[{ "subnet": "{{.PodCIDR}}" }]],
        "routes": [{ "dst": "192.0.2.0/24" }]
      }
    },
    { "type": "portmap", "snat": true, "markMasqBit": 20, "capabilities": { "portMappings": true } }
  ]
}
'''
"#;

/// Wires without masquerading.
pub(super) const PTP: &str = r#"
[cluster.cni]
plugin = "ptp"
ipMasq = false
mtu = 1320
portmap = { externalSetMarkChain = "KUBE-MARK-MASQ", conditionsV4 = ["-d", "10.0.0.1"] }
node-routes = false
"#;

/// kubenet that masquerades what leaves its own range.
pub(super) const KUBENET: &str = r#"
[cluster.cni]
plugin = "kubenet"
hairpin-mode = "hairpin-veth"
non-masquerade-cidr = "10.244.0.0/16"
network-plugin-mtu = 1460
"#;

#[test]
fn the_manifest_of_flannel_says_what_flannel_does_without_a_word() {
    let mut said = with_pods(KUBE_FLANNEL);
    let mut usual = Cluster::with_pods("flannel");
    for place in ["node1", "pa"] {
        assert_eq!(said.look(place), usual.look(place));
    }
}

#[test]
fn a_tunnel_has_the_number_port_and_room_that_the_backend_says() {
    let mut cluster = with_pods(OTHER_TUNNEL);
    let tunnel = cluster.run("node1", "ip -d link show flannel.7");
    assert!(tunnel.contains("flannel.7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1350 "), "{tunnel}");
    let kind = "vxlan id 7 local 10.0.0.1 dev eth0 srcport 0 0 dstport 4789 nolearning ";
    assert!(tunnel.contains(kind), "{tunnel}");
    let bridge = cluster.run("node1", "ip -d link show pods0");
    assert!(bridge.contains("<BROADCAST,MULTICAST,PROMISC,UP,LOWER_UP> mtu 1350 "), "{bridge}");
    assert!(!cluster.rules("node1").contains("MASQUERADE"));
    assert_eq!(cluster.tcp("pa", "10.244.2.2:80", ("pc", 80)).as_deref(), Ok("10.244.1.2"));
}

#[test]
fn a_node_on_the_same_link_is_reached_without_a_tunnel_only_if_routing_is_direct() {
    let backend = |direct: bool| {
        format!(
            "cni = {{ plugin = \"flannel\", Backend = {{ Type = \"vxlan\", DirectRouting = {direct} }} }}"
        )
    };
    let route = |cni: &str| {
        let mut cluster = with_pods(cni);
        cluster.run("node1", "ip route show 10.244.2.0/24")
    };
    assert_eq!(route(&backend(true)), "10.244.2.0/24 via 10.0.0.2 dev eth0 \n");
    assert_eq!(route(&backend(false)), "10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink \n");
    let host_gw = "cni = { plugin = \"flannel\", Backend = { Type = \"host-gw\" } }";
    assert_eq!(route(host_gw), "10.244.2.0/24 via 10.0.0.2 dev eth0 \n");
}

#[test]
fn a_conflist_says_the_bridge_the_routes_and_the_ports() {
    let mut cluster = with_pods(CONFLIST);
    let mut web = pod("web");
    web.host_ports = vec![port(Protocol::Tcp, 8080, 80)];
    cluster.add(0, &web);
    let addresses = cluster.run("web", "ip -4 -o addr show eth0");
    assert!(addresses.contains("inet 10.244.1.4/24 "), "{addresses}");
    let routes = cluster.run("web", "ip route");
    assert!(routes.starts_with("default via 10.244.1.1 dev eth0 \n"), "{routes}");
    assert!(routes.contains("192.0.2.0/24 via 10.244.1.1 dev eth0 \n"), "{routes}");
    let bridge = cluster.run("node1", "ip addr show br-pods");
    assert!(bridge.contains("PROMISC,UP,LOWER_UP> mtu 1300 "), "{bridge}");
    let rules = cluster.rules("node1");
    assert!(rules.contains("-A CNI-HOSTPORT-MASQ -m mark --mark 0x100000/0x100000 -j MASQUERADE"));
    assert!(rules.contains("-m comment --comment \"dnat name: \\\"pods\\\" id: "), "{rules}");
}

#[test]
fn a_range_of_its_own_begins_and_routes_where_it_says() {
    let range =
        r#"{ "subnet": "172.16.5.0/24", "rangeStart": "172.16.5.20", "gateway": "172.16.5.254" }"#;
    let of_node = r#"{ "subnet": "{{.PodCIDR}}" }"#;
    let mut cluster = with_pods(&CONFLIST.replace(of_node, range));
    let addresses = cluster.run("pb", "ip -4 -o addr show eth0");
    assert!(addresses.contains("inet 172.16.5.21/24 brd 172.16.5.255 "), "{addresses}");
    assert!(cluster.run("node1", "ip addr show br-pods").contains("inet 172.16.5.254/24 "));
    // A container gets an address of each set, and a bridge cannot be the gateway of two.
    let sets = CONFLIST.replace(of_node, &format!("{of_node}], [{range}"));
    let setup = setup(&sets);
    let mut cluster = Cluster::start(|node| setup.on(node).unwrap());
    let error = cluster.on(0, |host, plugin| sandbox::run(host, plugin, &pod("pa")));
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("already has an IP address different from 172.16.5.254/24")
    );
}

#[test]
fn settings_of_ptp_and_kubenet_act() {
    let mut cluster = with_pods(PTP);
    let mut web = pod("web");
    web.host_ports = vec![port(Protocol::Tcp, 8080, 80)];
    cluster.run("node1", "iptables -t nat -N KUBE-MARK-MASQ");
    cluster.add(0, &web);
    let rules = cluster.rules("node1");
    assert!(!rules.contains("MASQUERADE"), "{rules}");
    assert!(
        rules.contains("--dports 8080 -d 10.0.0.1/32 -j CNI-DN-")
            || rules.contains("-d 10.0.0.1/32")
    );
    assert!(cluster.run("web", "ip link show eth0").contains(" mtu 1320 "));
    assert_eq!(cluster.run("node1", "ip route show 10.244.2.0/24"), "");
    let mut cluster = with_pods(KUBENET);
    assert!(cluster.rules("node1").contains("! -d 10.244.0.0/16 "));
    let bridge = cluster.run("node1", "ip link show cbr0");
    assert!(bridge.contains("<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1460 "), "{bridge}");
}

#[test]
fn the_short_form_is_that_of_a_table_with_a_name_alone() {
    for plugin in ["bridge", "flannel", "flannel-host-gw", "kubenet", "ptp"] {
        let [short, long] =
            [format!("cni = \"{plugin}\""), format!("[cluster.cni]\nplugin = \"{plugin}\"")]
                .map(|cni| setup(&cni));
        assert_eq!(short.plugin(), plugin);
        assert_eq!(format!("{short:?}"), format!("{long:?}"));
    }
    assert!(
        Topology::read(&text("cni = { plugin = \"none\" }"))
            .unwrap()
            .cluster
            .unwrap()
            .cni
            .is_none()
    );
}

/// The plugin with the settings that a topology in `tests/topologies` says or names.
fn setup_with_files(cni: &str) -> Setup {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies/any.toml");
    let mut read = |path: &Path| fs::read_to_string(path).map_err(|error| error.to_string());
    Topology::load(&path, &text(cni), &mut read).unwrap().cluster.unwrap().cni.unwrap()
}

#[test]
fn settings_in_a_file_are_the_same_as_in_a_text() {
    for (plugin, key, file) in [
        ("bridge", "conflist", "10-pods.conflist"),
        ("flannel", "net-conf", "net-conf.json"),
        ("flannel", "cni-conf", "cni-conf.json"),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies").join(file);
        let held = fs::read_to_string(path).unwrap();
        let with = |setting: String| {
            let setup = setup_with_files(&format!("[cluster.cni]\nplugin = {plugin:?}\n{setting}"));
            format!("{setup:?}")
        };
        let named = with(format!("{key} = {file:?}"));
        assert_eq!(named, with(format!("{key} = '''\n{held}'''")));
        assert_ne!(named, with(String::new()));
    }
}

#[test]
fn a_cluster_runs_with_the_settings_of_its_topology() {
    let topology = Topology::read(&text(OTHER_TUNNEL)).unwrap();
    let mut cluster = cluster::Cluster::start(&topology, Config::default()).unwrap();
    let node = cluster.world.netns_by_name("node-2").unwrap();
    let argv = ["ip", "-d", "link", "show", "flannel.7"].map(str::to_owned);
    let outcome = cluster.world.run_command(node, &argv).unwrap();
    assert!(outcome.stdout.contains("dstport 4789"), "{}{}", outcome.stdout, outcome.stderr);
}

/// What is wrong with settings: place within them, message, help.
fn complaints(cni: &str) -> String {
    let text = text(cni);
    let before = text.len() - cni.len();
    let mut said = String::new();
    for Mistake { span, message, help } in Topology::read(&text).err().unwrap_or_default() {
        let line = text[before..span.start].matches('\n').count();
        let found = text[span].lines().next().unwrap_or_default();
        writeln!(said, "{line}: {found}: {message}").unwrap();
        if let Some(help) = help {
            writeln!(said, "   {help}").unwrap();
        }
    }
    said
}

/// Settings with something wrong in each part.
const WRONG: &[&str] = &[
    r#"
[cluster.cni]
plugin = "flanel"
vni = 7
"#,
    r#"
cni = { backend = "vxlan" }
"#,
    r#"
cni = { plugin = "none", mtu = 3 }
"#,
    r#"
[cluster.cni]
plugin = "flannel"
ip-masq = "yes"
backend = "vxlan"
Backend = { Type = "wireguard" }
delegate = { hairpinMode = true, promiscMode = true, ipam = {}, type = "ipvlan" }
portmap = { markMasqBit = 40, snat = 1 }
"#,
    r#"
[cluster.cni]
plugin = "flannel"
Backend = { Type = "vxlan", vni = 7, Port = 70000, GBP = true, Learning = false }
"#,
    r#"
[cluster.cni]
plugin = "flannel"
net-conf = '''
{
  "Network": "10.244.0.0",
  "EnableIPv4": false,
  "EnableNFTables": true,
  "SubnetLen": 24,
  "backend": { "Type": "vxlan" }
}
'''
Backend = { Type = "vxlan" }
cni-conf = """
{
  "plugins": [{ "type": "bridge" }, { "type": "bandwidth" }]
}
"""
"#,
    r#"
[cluster.cni]
plugin = "ptp"
conflist = '''
{
  "cniVersion": "1.0.0",
  "plugins": [
    {
      "type": "bridge",
      "vlan": 3,
      "ipam": {
        "type": "dhcp",
        "ranges": [[{ "subnet": "10.1.0.7/24" }, { "rangeStart": "x" }]],
        "routes": [{ "dst": "0.0.0.0/0", "gw": "10.1.0.1" }, { "dest": "10.0.0.0/8" }]
      }
    },
    { "type": "firewall" },
    { "snat": true }
  ]
}
'''
mtu = 3
"#,
    r#"
[cluster.cni]
plugin = "bridge"
bridge = "a-name-that-is-too-long"
ipam = { type = "host-local", subnet = "10.1.0.0/24", rangeStart = "10.1.0.20", rangeEnd = "10.1.0.10" }
macspoofchk = true
portmap = { externalSetMarkChain = "MINE", markMasqBit = 3, backend = "nftables" }
"#,
    r#"
[cluster.cni]
plugin = "bridge"
conflist = '{ "name": "pods", }'
"#,
    r#"
[cluster.cni]
plugin = "flannel"
net-conf = ""
cni-conf = "10-flannel.conflist"
"#,
    r#"
[cluster.cni]
plugin = "kubenet"
hairpin-mode = "veth"
non-masquerade-cidr = "ten"
mtu = 1400
"#,
];

#[test]
fn all_mistakes_of_settings_are_told_with_what_would_be_right() {
    let said: Vec<String> = WRONG.iter().map(|cni| complaints(cni)).collect();
    insta::assert_snapshot!("option-mistakes", said.join("\n"));
}
