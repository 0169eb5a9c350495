//! Topologies: what files may say, and the worlds that come of them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sim_core::world::World;
use sim_kube::blueprint::Blueprint;
use sim_kube::reading::Mistake;
use sim_kube::topology::Topology;

/// What is wrong with a text: place, message, help.
fn complaints(text: &str) -> String {
    let Err(mistakes) = Topology::read(text) else { return String::new() };
    let mut said = String::new();
    for Mistake { span, message, help } in mistakes {
        let line = text[..span.start].matches('\n').count() + 1;
        writeln!(said, "{line}: {message}").unwrap();
        if let Some(help) = help {
            writeln!(said, "   {help}").unwrap();
        }
    }
    said
}

fn two_nodes() -> Topology {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../topologies/two-nodes.toml");
    Topology::read(&fs::read_to_string(path).unwrap()).unwrap()
}

fn run(world: &mut World, machine: &str, command: &str) -> String {
    let netns = world.netns_by_name(machine).unwrap();
    let argv: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let outcome = world.run_command(netns, &argv).unwrap();
    assert_eq!(outcome.status, 0, "{machine}: {command}: {}{}", outcome.stdout, outcome.stderr);
    outcome.stdout
}

#[test]
fn every_machine_reaches_every_other_one() {
    let topology = two_nodes();
    let mut world = topology.build().unwrap();
    for from in &topology.machines {
        for to in &topology.machines {
            let ip = to.ip().unwrap();
            let said = run(&mut world, &from.name, &format!("ping -c 1 -W 1 {ip}"));
            assert!(said.contains("1 received"), "{} {}: {said}", from.name, to.name);
        }
    }
}

#[test]
fn machines_have_the_addresses_and_ways_of_the_file() {
    let mut world = two_nodes().build().unwrap();
    let expected = "default via 10.0.0.254 dev eth0 \n10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1 \n";
    assert_eq!(run(&mut world, "node-1", "ip route"), expected);
    let expected = "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.254 \n\
                    203.0.113.0/24 dev eth1 proto kernel scope link src 203.0.113.1 \n";
    assert_eq!(run(&mut world, "router", "ip route"), expected);
}

#[test]
fn a_topology_is_drawn_as_a_graph() {
    insta::assert_snapshot!("two-nodes.dot", two_nodes().dot());
    insta::assert_snapshot!("two-nodes.mermaid", two_nodes().mermaid());
}

/// A topology with something wrong in each part.
const WRONG: &str = r#"
sede = 1
[[network]]
name = "lan"
subnets = ["10.0.0.0/24", "10.0.0.5/24"]
[[network]]
name = "Dmz"
subnets = ["10.0.0.128/25"]
[[node]]
name = "node-1"
interface = [{ network = "lann", address = "10.0.0.1" }, { network = "lan", address = "10.9.0.1" }]
gateway = "10.9.9.9"
[[node]]
name = "node-1"
interface = [{ network = "lan", address = "10.0.0.0" }]
pod-cidr = "10.50.0.0/24"
[[host]]
interface = []
route = [{ to = "10.43.0.0/16", via = "10.0.0.1" }]
[cluster]
version = "1.15"
pod-cidr = "10.42.0.0"
service-cidr = "10.42.0.0/16"
node-port-range = "9-1"
cni = "flanel"
"#;

#[test]
fn all_mistakes_of_a_file_are_told_with_what_would_be_right() {
    insta::assert_snapshot!(complaints(WRONG));
}

/// Two networks that nothing connects.
const APART: &str = r#"
network = [{ name = "a", subnets = ["10.1.0.0/24"] }, { name = "b", subnets = ["10.2.0.0/24"] }]
node = [
  { name = "one", interface = [{ network = "a", address = "10.1.0.1" }] },
  { name = "two", interface = [{ network = "b", address = "10.2.0.1" }] },
]
cluster = {}
"#;

#[test]
fn nodes_that_cannot_reach_each_other_are_named() {
    let expected = "5: no way leads from `one` to `two`\n   \
                    a `[[router]]` with an interface in the networks of both connects them\n";
    assert_eq!(complaints(APART), expected);
}

/// Three switches in a ring.
const RING: &str = r#"
network = [
  { name = "a", subnets = [] }, { name = "b", subnets = [] }, { name = "c", subnets = [] },
]
wire = [
  { between = ["a", "b"] },
  { between = ["b", "c"] },
  { between = ["c", "a"] },
]
"#;

#[test]
fn a_loop_of_switches_is_found_at_the_wire_that_closes_it() {
    let expected = "8: this wire closes a loop of `c` and `a`\n   \
                    frames would go round in it for ever\n";
    assert_eq!(complaints(RING), expected);
}

/// Three networks in a row, and a way round that is longer.
const ROW: &str = r#"
network = [
  { name = "a", subnets = ["10.1.0.0/24"] },
  { name = "b", subnets = ["10.2.0.0/24"] },
  { name = "c", subnets = ["10.3.0.0/24"] },
]
router = [
  { name = "ab", interface = [{ network = "a", address = "10.1.0.254" }, { network = "b", address = "10.2.0.1" }] },
  { name = "bc", interface = [{ network = "b", address = "10.2.0.254" }, { network = "c", address = "10.3.0.1" }] },
]
host = [
  { name = "one", interface = [{ network = "a", address = "10.1.0.1" }] },
  { name = "two", interface = [{ network = "c", address = "10.3.0.9" }] },
]
"#;

/// Words that `ip link set` would take for its own where it expects the name of a device.
#[test]
fn machines_may_be_called_like_words_of_commands() {
    for name in ["ad", "up", "mtu", "dev"] {
        let text = ROW.replace("\"one\"", &format!("\"{name}\""));
        let mut world = Topology::read(&text).unwrap().build().unwrap();
        let said = run(&mut world, name, "ping -c 1 10.3.0.9");
        assert!(said.contains("1 received"), "{said}");
    }
}

#[test]
fn routers_know_the_way_to_networks_behind_others() {
    let mut world = Topology::read(ROW).unwrap().build().unwrap();
    let said = run(&mut world, "one", "ping -c 1 10.3.0.9");
    assert!(said.contains("ttl=62"), "{said}");
}

/// Runs it in `tests/topologies`, so that the names of the files there are short.
fn kubewire(args: &[&str]) -> Output {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies");
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubewire-under-test"));
    command.current_dir(dir).args(args).output().unwrap()
}

/// What a command says about files that are wrong.
fn refused(args: &[&str]) -> String {
    let output = kubewire(args);
    assert_eq!((output.status.code(), output.stdout), (Some(2), Vec::new()), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Topologies that name files with something wrong in them.
const NAMING_WRONG_FILES: [&str; 4] =
    ["mistakes-of-named-files", "mistakes-of-flannel", "no-json", "refused-manifest"];

#[test]
fn a_topology_is_checked_with_all_files_that_it_names() {
    for name in NAMING_WRONG_FILES {
        let file = format!("{name}.toml");
        let said = refused(&["topology", "check", &file]);
        assert_eq!(said, refused(&["lab", "--topology", &file, "--", "true"]), "{name}");
        insta::assert_snapshot!(format!("check-{name}"), said);
    }
}

#[test]
fn names_in_what_is_no_toml_are_not_taken_for_those_of_files() {
    let cluster = "[cluster]\nmanifests = [\"a.yaml, \"b.yaml\"]\nkube-proxy-config = \"c.yaml\"\n";
    let text = format!("{cluster}[cluster.cni]\nplugin = \"bridge\"\nconflist = \"d.conflist\"\n");
    let mut read = |path: &Path| -> Result<String, String> { panic!("{path:?}") };
    let mistakes = Blueprint::load(Path::new("any.toml"), &text, &[], &mut read).unwrap_err();
    let expected = "missing comma between array elements, expected `,`";
    assert!(mistakes.iter().any(|found| found.mistake.message == expected), "{mistakes:?}");
}

#[test]
fn what_is_wrong_with_a_file_that_two_topologies_name_is_told_once() {
    let once = refused(&["topology", "check", "refused-manifest.toml"]);
    let file = "refused-manifest.toml";
    assert_eq!(refused(&["topology", "check", file, file]), once);
}

#[test]
fn ready_topologies_are_in_order() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../topologies");
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    let files: Vec<&str> = files.iter().map(|path| path.to_str().unwrap()).collect();
    assert!(files.len() >= 5, "{files:?}");
    let output = kubewire(&[&["topology", "check"], &files[..]].concat());
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_topology_is_drawn_whatever_its_manifests_say() {
    assert!(kubewire(&["topology", "draw", "refused-manifest.toml"]).status.success());
    // Settings of the plugin belong to the topology itself.
    let file = "mistakes-of-flannel.toml";
    assert_eq!(refused(&["topology", "draw", file]), refused(&["topology", "check", file]));
}
