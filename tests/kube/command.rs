//! `kubewire kube-proxy`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::cases::Case;

fn kube_proxy(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kubewire-under-test"))
        .arg("kube-proxy")
        .args(args)
        .output()
        .unwrap()
}

/// A case with one Service, whose order is no question.
fn case() -> (Case, String, String) {
    named("1.36/three-endpoints")
}

/// A case, its settings and its manifest.
fn named(name: &str) -> (Case, String, String) {
    let cases = Case::all(name.split('/').next().unwrap());
    let case = cases.into_iter().find(|case| case.name == name).unwrap();
    let path = |file| case.dir.join(file).to_str().unwrap().to_owned();
    let (config, manifest) = (path("config.yaml"), path("manifest.yaml"));
    (case, config, manifest)
}

#[test]
fn the_command_prints_what_a_real_kube_proxy_gave_to_iptables_restore() {
    let (case, config, manifest) = case();
    let output = kube_proxy(&["--config", &config, "--node", "node-a", &manifest]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), case.restores("")[0]);
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn the_command_prints_what_iptables_save_printed_then() {
    let (case, config, manifest) = case();
    let output = kube_proxy(&["--config", &config, "--node", "node-a", "--save", &manifest]);
    let text = String::from_utf8(output.stdout).unwrap();
    let rules: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(rules, case.text("iptables-save.txt").lines().collect::<Vec<_>>());
}

#[test]
fn the_command_prints_what_a_cleanup_leaves() {
    let (case, config, manifest) = named("1.36-legacy/cleanup");
    let args = ["--config", &config, "--node", "node-a", "--save", "--legacy", "--cleanup"];
    let output = kube_proxy(&[&args[..], &[manifest.as_str()]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let rules: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(rules, case.saved("step1-after-cleanup").lines().collect::<Vec<_>>());
}

#[test]
fn a_node_that_is_not_there_is_named_with_those_that_are() {
    let (_, _, manifest) = case();
    let output = kube_proxy(&["--node", "node-z", &manifest]);
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "kubewire: there is no node called \"node-z\"\n  \
         the nodes of the manifests: node-a, node-b, node-c\n"
    );
    assert_eq!(output.status.code(), Some(2));
}

/// Runs it in `tests/scenarios`, so that the names of the files there are short.
fn in_scenarios(args: &[&str], input: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubewire-under-test"));
    command.current_dir(dir).arg("kube-proxy").args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(2), Vec::new()), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn all_mistakes_of_all_files_are_shown_at_their_lines() {
    let config = "../topologies/wrong-kube-proxy.yaml";
    let args = ["--config", config, "--node", "node-1", "not-strict.yaml", "none.yaml", "-"];
    insta::assert_snapshot!(in_scenarios(&args, "apiVersion: v1\nkind: Nod\n"));
}
