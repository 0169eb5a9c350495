//! The same nodes on the real kernel, built by the script that the simulator writes.

use std::env;
use std::fmt::Write as _;
use std::process::{Command, Stdio};

use sim_core::world::journal;
use sim_kube::cni::{self, Hairpin};
use sim_kube::proxy::service::Protocol;

use super::cluster::{Cluster, LOOKS, pod, port};
use super::{flows, options};

/// Where is looked.
const PLACES: &[&str] = &["node1", "node2", "pa", "pc"];

/// Runs a script in namespaces of its own; `None` if none can be made.
fn run(script: &str) -> Option<String> {
    let run = |options: &[&str]| {
        let output = Command::new("unshare")
            .args(options)
            .args(["sh", "-c", &format!("mount -t tmpfs tmpfs /run\n{script}")])
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let failed = String::from_utf8_lossy(&output.stderr).into_owned();
        // What `unshare` fails at is no failure of the script.
        if failed.starts_with("unshare:") {
            return None;
        }
        assert!(output.status.success(), "{failed}");
        Some(said)
    };
    run(&["--net", "--mount"]).or_else(|| run(&["--map-root-user", "--net", "--mount"]))
}

/// What is compared: not IPv6, nor the number of CPUs, nor how long ago something was, nor what was counted.
fn comparable(text: &str) -> String {
    let mut comparable = String::new();
    let mut after_inet6 = false;
    for line in text.lines() {
        let is_inet6 = line.contains("inet6") || line.starts_with("33:33:ff:");
        let is_left_out = is_inet6 || after_inet6 && line.contains("valid_lft");
        after_inet6 = is_inet6;
        if is_left_out || line.starts_with('#') {
            continue;
        }
        let mut hides_next = false;
        for word in line.split_whitespace() {
            let hides = hides_next || line.starts_with(':') && word.starts_with('[');
            comparable += if hides { "-" } else { word };
            comparable.push(' ');
            hides_next = word.ends_with("_timer") || word.ends_with("xqueues");
        }
        comparable.push('\n');
    }
    comparable
}

#[test]
fn the_real_kernel_shows_the_same_nodes_and_pods() {
    for plugin in cni::plugin_names() {
        let mut cluster = Cluster::with_pods(plugin);
        if plugin == "kubenet" {
            cluster.start_kubelet();
        }
        let mut web = pod("web");
        web.host_ports = vec![port(Protocol::Tcp, 8080, 80), port(Protocol::Udp, 53, 5353)];
        cluster.add(0, &web);
        compare(plugin, cluster);
    }
}

#[test]
fn the_real_kernel_shows_the_same_with_other_settings() {
    for (name, cni) in [
        ("kube-flannel", options::KUBE_FLANNEL),
        ("other tunnel", options::OTHER_TUNNEL),
        ("conflist", options::CONFLIST),
        ("ptp", options::PTP),
        ("kubenet", options::KUBENET),
    ] {
        compare(name, options::with_pods(cni));
    }
}

#[test]
fn the_real_kernel_leads_host_ports_of_kubenet_to_where_they_lead_here() {
    for (hairpin, cases) in
        [(Hairpin::Promiscuous, flows::KUBENET), (Hairpin::Port, flows::KUBENET_HAIRPIN_VETH)]
    {
        let (mut cluster, _) = flows::kubenet_with_host_port(hairpin);
        let mut script = format!("set -e\n{}", journal::script(&cluster.world.take_journal()));
        for (from, to, _) in cases {
            let listen = "ip netns exec web timeout 5 nc -nvl 80";
            let connect = format!("ip netns exec {from} nc -nNw 2 {to} 8080");
            writeln!(script, "{listen} < /dev/null > /run/seen 2>&1 &").unwrap();
            writeln!(script, "sleep 0.2; {connect} < /dev/null || true").unwrap();
            writeln!(script, "wait; grep received /run/seen || echo nobody").unwrap();
        }
        let Some(real) = run(&script) else { return none_can_be_made() };
        let sources: Vec<_> = real.lines().map(|line| line.split(' ').nth(3)).collect();
        let expected: Vec<_> = cases.iter().map(|(_, _, seen)| *seen).collect();
        assert_eq!(sources, expected, "{hairpin:?}: {real}");
    }
}

/// Without namespaces nothing is compared, where that is not demanded.
fn none_can_be_made() {
    let required = env::var("KUBEWIRE_KERNEL").is_ok_and(|value| value == "require");
    assert!(!required, "no namespaces can be made");
}

/// Builds the nodes on the real kernel, too, and compares what is to be seen of them.
fn compare(name: &str, mut cluster: Cluster) {
    let mut script = format!("set -e\n{}", journal::script(&cluster.world.take_journal()));
    for place in PLACES {
        for line in LOOKS {
            writeln!(script, "echo '{place}# {line}'; ip netns exec {place} {line}").unwrap();
        }
    }
    let Some(real) = run(&script) else { return none_can_be_made() };
    let simulated: String = PLACES.iter().map(|place| cluster.look(place)).collect();
    similar(name, &comparable(&simulated), &comparable(&real));
}

/// Fails with the first line that differs.
fn similar(name: &str, simulated: &str, real: &str) {
    for (n, (here, there)) in simulated.lines().zip(real.lines()).enumerate() {
        assert_eq!(here, there, "{name}, line {n}");
    }
    assert_eq!(simulated.lines().count(), real.lines().count(), "{name}");
}
