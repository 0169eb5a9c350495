//! The ready scenarios, and the documented paths over each network plugin.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sim_kube::cluster::Cluster;
use sim_kube::manifest;
use sim_kube::proxy::config::Config;
use sim_kube::scenario::{self, Scenario};
use sim_kube::topology::Topology;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(dir: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(dir)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    files
}

/// What `kubewire run` prints of each ready scenario, which has to be as the file expects it.
#[test]
fn every_ready_scenario_passes_and_its_walks_are_as_they_were_reviewed() {
    let files = files("scenarios");
    assert!(files.len() >= 8, "{files:?}");
    for file in files {
        let output = Command::new(env!("CARGO_BIN_EXE_kubewire-under-test"))
            .arg("run")
            .arg(&file)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{}: {text}{errors}", file.display());
        let name = file.file_stem().unwrap().to_str().unwrap();
        insta::assert_snapshot!(format!("walk-{name}"), text);
    }
}

/// The four documented paths, with what holds of them whatever connects the pods.
const PATHS: &str = r#"
topology = "-"
serve = [{ on = "outside", port = 80 }]
[[step]]
name = "pod to pod on one node"
http = { from = "pod/client", to = "pod/neighbour:8080" }
expect = { result = "answered", at = "pod/neighbour", nat = "none" }
[[step]]
name = "pod to pod across nodes"
http = { from = "pod/client", to = "pod/web-1:8080" }
expect = { result = "answered", at = "pod/web-1", nat = "none" }
[[step]]
name = "pod to service"
http = { from = "pod/client", to = "svc/web:80" }
expect = { result = "answered", at = "pod/web-1", nat = "destination" }
[[step]]
name = "hairpin"
http = { from = "pod/web-1", to = "svc/web:80" }
expect = { result = "answered", at = "pod/web-1", nat = "both" }
[[step]]
name = "egress"
http = { from = "pod/client", to = "outside:80" }
expect = { result = "answered", at = "outside", nat = "source", source = "10.0.0.1" }
[[step]]
name = "node port"
http = { from = "outside", to = "node-1:30080" }
expect = { result = "answered", at = "pod/web-1", nat = "both" }
[[step]]
name = "node port under policy Local"
http = { from = "outside", to = "node-2:30081" }
expect = { result = "answered", at = "pod/web-1", nat = "destination", source = "203.0.113.80" }
[[step]]
name = "host port"
http = { from = "outside", to = "node-2:8000" }
expect = { result = "answered", at = "pod/port", nat = "destination" }
[[step]]
name = "no endpoints"
connect = { from = "pod/client", to = "svc/nobody:80" }
expect = { result = "refused", verdict = "rejected" }
"#;

#[test]
fn the_documented_paths_work_with_every_plugin() {
    let yaml = std::fs::read_to_string(root().join("scenarios/manifests/web.yaml")).unwrap();
    let manifest = manifest::Reading::default().read(&yaml).unwrap();
    let scenario = Scenario::read(PATHS).unwrap();
    let mut found = String::new();
    for file in files("topologies") {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let topology = Topology::read(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let mut cluster = Cluster::start(&topology, Config::default()).unwrap();
        // What kubenet does for ports of nodes is not modelled.
        let leaves_out = |name: &str| {
            let kubenet = topology.cluster.as_ref().unwrap().cni.as_deref() == Some("kubenet");
            kubenet && ["port", "host port"].contains(&name)
        };
        let objects = manifest
            .objects
            .iter()
            .filter(|placed| !leaves_out(placed.object.metadata().name.as_deref().unwrap()));
        let objects: Vec<_> = objects.cloned().collect();
        cluster.apply(&objects).unwrap().unwrap();
        let mut scenario = scenario.clone();
        // With `ipMasq` these two masquerade whatever leaves the node's own range.
        if ["bridge", "ptp"].map(Some).contains(&topology.cluster.as_ref().unwrap().cni.as_deref())
        {
            for step in &mut scenario.steps {
                let nat = match step.name.as_str() {
                    "pod to pod across nodes" => "source",
                    "pod to service" => "both",
                    _ => continue,
                };
                step.expect.nat.as_mut().unwrap().value = nat.to_owned();
            }
        }
        scenario.steps.retain(|step| !leaves_out(&step.name));
        let report = scenario::run(&scenario, &topology, &mut cluster).unwrap();
        for step in report.steps {
            for failure in step.failures {
                writeln!(found, "{name}: {}: {}", step.title, failure.message).unwrap();
            }
        }
    }
    assert!(found.is_empty(), "{found}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let file = root().join("scenarios/node-port.toml");
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubewire-under-test"));
        command.arg("run").arg(&file).output().unwrap().stdout
    };
    assert_eq!(run(), run());
}
