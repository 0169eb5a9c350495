//! Labs that begin with the machines of a topology, and with its cluster.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs};

use super::{Labs, text};

/// Two nodes, a router, and hosts.
const TWO_NODES: &str = "topologies/two-nodes.toml";
/// Web servers behind Services, and clients.
const WEB: &str = "scenarios/manifests/web.yaml";

/// A file of the repository.
fn file(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    path.to_str().unwrap().to_owned()
}

/// A lab on the two nodes with the web servers, which has other options, too.
fn cluster(labs: &Labs, options: &[&str], script: &str) -> Output {
    let (topology, web) = (file(TWO_NODES), file(WEB));
    let args = ["lab", "--topology", &topology, "--apply", &web];
    let args = [&args, options, &["--", "sh", "-c", script]].concat();
    labs.kubewire(&args).stdin(Stdio::null()).output().unwrap()
}

/// What a script prints there.
fn printed(script: &str) -> String {
    let output = cluster(&Labs::new(), &[], script);
    assert_eq!(text(&output.stderr), "");
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

#[test]
fn every_machine_switch_and_pod_is_a_namespace() {
    let script = "ip netns list | cut -d ' ' -f 1 | sort | paste -s -d ' '";
    let expected = "client.default internet lan neighbour.default node-1 node-2 node-3 outside \
                    port.default router web-1.default\n";
    assert_eq!(printed(script), expected);
}

#[test]
fn what_pods_run_answers_to_commands_of_the_user() {
    let script = "
        printf 'GET / HTTP/1.0\\r\\n\\r\\n' |
            ip netns exec client.default nc -N 10.43.2.2 80 | grep Hostname
        ip netns exec outside nc -v -z 10.0.0.2 30080 2>&1
        ip netns exec client.default nc -v -z 10.43.2.5 80 2>&1
        ip netns exec router ping -c 1 10.0.0.2 | grep -o '1 received'";
    assert_eq!(
        printed(script),
        "Hostname: web-1\n\
         Connection to 10.0.0.2 30080 port [tcp/*] succeeded!\n\
         nc: connect to 10.43.2.5 port 80 (tcp) failed: Connection refused\n\
         1 received\n"
    );
}

#[test]
fn rules_and_packets_of_nodes_are_to_be_seen() {
    let script = "
        ip netns exec node-1 iptables-save -t nat | grep -e '-A KUBE-SERVICES -d 10.43.2.2'
        ip netns exec node-1 tcpdump -n -c 1 -i cni0 'tcp and src port 80' > seen 2> said &
        sleep 1
        ip netns exec client.default nc -z 10.43.2.2 80
        wait; cut -d , -f 1 seen";
    assert_eq!(
        printed(script),
        "-A KUBE-SERVICES -d 10.43.2.2/32 -p tcp -m comment --comment \"default/web:http cluster IP\" \
         -m tcp --dport 80 -j KUBE-SVC-CDGGSHYLG3RE2FKL\n\
         00:00:01.000000 IP 10.43.2.2.80 > 10.42.0.2.38196: Flags [S.]\n"
    );
}

#[test]
fn time_stands_still_until_the_command_needs_it() {
    let script = "ip netns exec client.default ping -c 1 10.42.1.2 > /dev/null; ip -n node-1 neigh | wc -l; \
                  ip netns exec node-1 iptables-save | sed -n '1s/.* on //p'";
    assert_eq!(printed(script).lines().last(), Some("Thu Jan  1 00:00:00 2026"));
}

/// Everything that a lab with these options leaves: what `ip link` prints, and its files.
fn left(options: &[&str]) -> Vec<String> {
    let labs = Labs::new();
    let options = [&["--trace", "t", "--script", "s"], options].concat();
    let script = "ip -n node-1 link; ip netns exec client.default nc -z 10.43.2.2 80";
    let output = cluster(&labs, &options, script);
    assert!(output.status.success(), "{output:?}");
    let read = |name: &str| fs::read_to_string(labs.tmp.path().join(name)).unwrap();
    vec![text(&output.stdout), read("t"), read("s")]
}

#[test]
fn the_seed_of_the_topology_counts_unless_another_one_is_given() {
    let own = left(&[]);
    assert_eq!(own, left(&["--seed", "0"]));
    let other = left(&["--seed", "7"]);
    assert!(own.iter().zip(&other).all(|(own, other)| own != other), "{other:?}");
    let labs = Labs::new();
    let seeded = format!("seed = 7\n{}", fs::read_to_string(file(TWO_NODES)).unwrap());
    let path = labs.tmp.path().join("seeded.toml");
    fs::write(&path, seeded).unwrap();
    let args = ["lab", "--topology", path.to_str().unwrap(), "--apply", &file(WEB), "--"];
    let args = [&args[..], &["ip", "-n", "node-1", "link"]].concat();
    assert_eq!(text(&labs.kubewire(&args).output().unwrap().stdout), other[0]);
}

#[test]
fn what_is_recorded_begins_with_the_building_of_the_machines() {
    let labs = Labs::new();
    let options = ["--pcap", "p", "--trace", "t", "--script", "s"];
    let output = cluster(&labs, &options, "ip netns exec client.default nc -z 10.43.2.2 80");
    assert!(output.status.success(), "{output:?}");
    let read = |name: &str| fs::read_to_string(labs.tmp.path().join(name)).unwrap();
    assert_eq!(read("s").lines().nth(4), Some("ip netns add lan"));
    // The first pod's address is announced.
    let first = "{\"time_ns\":0,\"flow\":1,\"netns\":\"client.default\",\"dev\":\"eth0\",\
                 \"event\":\"started\",\"origin\":\"arp notify\"";
    assert!(read("t").starts_with(first));
    for capture in ["client.default/eth0", "node-1/flannel.1", "lan/node-2", "web-1.default/eth0"] {
        assert!(labs.tmp.path().join(format!("p/{capture}.pcapng")).is_file(), "{capture}");
    }
}

/// What is compared: rules, routes and addresses of nodes and pods, but not counters and IPv6.
const LOOKS: &str = "
    for node in node-1 node-2; do
        ip netns exec $node iptables-save | sed '/^#/d; s/\\[.*\\]//'
        ip -n $node route; ip -n $node neigh show nud permanent
        ip netns exec $node bridge fdb show dev flannel.1
    done
    for pod in client.default web-1.default; do ip -n $pod -4 addr; ip -n $pod route; done";

#[test]
fn the_script_of_a_lab_builds_the_cluster_on_the_real_kernel() {
    let labs = Labs::new();
    let output = cluster(&labs, &["--script", "s"], LOOKS);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    let script = format!("mount -t tmpfs tmpfs /run; sh ./s && {{ {LOOKS}\n}}");
    let run = |options: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(options).args(["sh", "-c", &script]).current_dir(labs.tmp.path());
        let real = command.env("LC_ALL", "C").stdin(Stdio::null()).output().ok()?;
        // What `unshare` fails at is no failure of the script.
        let is_made = !real.stderr.starts_with(b"unshare:");
        is_made.then_some(real)
    };
    let real = run(&["--net", "--mount"]).or_else(|| run(&["--map-root-user", "--net", "--mount"]));
    let Some(real) = real else {
        let required = env::var("KUBEWIRE_KERNEL").is_ok_and(|value| value == "require");
        assert!(!required, "no namespaces can be made");
        return;
    };
    assert_eq!(text(&real.stderr), "");
    let comparable = |bytes: &[u8]| -> Vec<String> {
        let lines = text(bytes);
        lines.lines().filter(|line| !line.starts_with("33:33:")).map(str::to_owned).collect()
    };
    assert_eq!(comparable(&output.stdout), comparable(&real.stdout));
}

/// A lab whose files are wrong: what it says. Nothing is run, and files of before are as they were.
fn refused(labs: &Labs, args: &[&str]) -> String {
    let write = |name: &str, text: &str| fs::write(labs.tmp.path().join(name), text).unwrap();
    write("t", "of before");
    write("wrong.toml", WRONG);
    write("alone.toml", ALONE);
    for name in ["not-strict.yaml", "refused.yaml"] {
        write(name, &fs::read_to_string(file(&format!("tests/scenarios/{name}"))).unwrap());
    }
    let args = [&["lab", "--trace", "t", "--pcap", "p"], args, &["--", "echo", "ran"]].concat();
    let output = labs.kubewire(&args).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()));
    assert_eq!(fs::read_to_string(labs.tmp.path().join("t")).unwrap(), "of before");
    assert!(!labs.tmp.path().join("p").exists());
    text(&output.stderr)
}

/// A topology with two mistakes.
const WRONG: &str = "\
[[network]]
name = \"lan\"
subnets = [\"10.0.0.0/24\"]

[[host]]
name = \"a\"
interfaces = [{ network = \"lan\", address = \"10.0.1.1\" }]
";

/// A topology without a cluster.
const ALONE: &str = "\
[[network]]
name = \"lan\"
subnets = [\"10.0.0.0/24\"]

[[host]]
name = \"a\"
interface = [{ network = \"lan\", address = \"10.0.0.1\" }]
";

#[test]
fn all_mistakes_of_all_files_are_told_with_their_places() {
    let args = ["--topology", "wrong.toml", "--apply", "not-strict.yaml", "--apply", "none.yaml"];
    insta::assert_snapshot!(refused(&Labs::new(), &args));
}

#[test]
fn objects_that_the_api_server_refuses_are_told_before_anything_runs() {
    let args = ["--topology", &file(TWO_NODES), "--apply", "refused.yaml"];
    insta::assert_snapshot!(refused(&Labs::new(), &args));
}

#[test]
fn manifests_want_a_cluster() {
    assert_eq!(
        refused(&Labs::new(), &["--topology", "alone.toml", "--apply", "refused.yaml"]),
        "kubewire: alone.toml: there is no cluster that takes manifests\n  \
         a topology with a `[[node]]` and a `[cluster]` has one\n"
    );
}

#[test]
fn machines_without_a_cluster_are_a_world_too() {
    let labs = Labs::new();
    let path = labs.tmp.path().join("alone.toml");
    fs::write(&path, ALONE).unwrap();
    let args = ["lab", "--topology", path.to_str().unwrap(), "--", "ip", "-n", "a", "route"];
    let output = labs.kubewire(&args).output().unwrap();
    assert_eq!(
        text(&output.stdout),
        "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1 \n"
    );
}
