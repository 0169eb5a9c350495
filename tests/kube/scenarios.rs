//! The ready scenarios, and the documented paths over each network plugin.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The ready scenarios, in the order of their names.
fn ready() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("scenarios")).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

/// Runs it in `tests/scenarios`, so that the names of the files there are short.
fn kubewire(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubewire-under-test"));
    command.current_dir(root().join("tests/scenarios")).args(args).output().unwrap()
}

/// What `kubewire run` prints of each ready scenario, which has to be as the file expects it.
#[test]
fn every_ready_scenario_passes_and_its_walks_are_as_they_were_reviewed() {
    let files = ready();
    assert!(files.len() >= 18, "{files:?}");
    for file in files {
        let path = file.to_str().unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap();
        for (format, snapshot) in
            [("text", format!("walk-{name}")), ("json", format!("json-{name}"))]
        {
            let output = kubewire(&["run", path, "--format", format]);
            let text = String::from_utf8(output.stdout).unwrap();
            let errors = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{path}: {text}{errors}");
            insta::assert_snapshot!(snapshot, text);
        }
    }
}

fn run_wrong(name: &str) -> String {
    let output = kubewire(&["run", "--quiet", name]);
    let status = output.status.code().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    format!("{}exit status {status}\n", text.concat())
}

#[test]
fn all_mistakes_of_a_file_are_told_with_their_places_and_what_would_be_right() {
    for name in [
        "mistakes-of-a-scenario",
        "mistakes-of-a-rule-test",
        "mistakes-of-rules",
        "mistakes-of-named-files",
    ] {
        insta::assert_snapshot!(name, run_wrong(&format!("{name}.toml")));
    }
}

#[test]
fn a_manifest_that_the_api_server_refuses_is_shown_at_its_line() {
    insta::assert_snapshot!(run_wrong("refused-manifest.toml"));
}

#[test]
fn what_is_not_as_expected_is_told_with_what_was_seen_and_the_rule_at_fault() {
    insta::assert_snapshot!("not-as-expected", run_wrong("not-as-expected.toml"));
    insta::assert_snapshot!("not-as-expected-rules", run_wrong("not-as-expected-rules.toml"));
}

#[test]
fn many_files_are_tested_and_the_exit_status_says_the_worst() {
    let test = |args: &[&str]| kubewire(&[&["test"], args].concat());
    let good = test(&["../../scenarios", "--filter", "rules-", "--filter", "hairpin"]);
    assert_eq!(
        String::from_utf8(good.stdout).unwrap(),
        "passed ../../scenarios/hairpin.toml\n\
         passed ../../scenarios/rules-home-router.toml\n\
         passed ../../scenarios/rules-web-server.toml\n\
         3 passed, 0 failed, 0 could not be run\n"
    );
    assert_eq!(good.status.code(), Some(0));
    let failing = test(&[".", "--filter", "not-as", "--quiet"]);
    assert_eq!(failing.status.code(), Some(1));
    let wrong = test(&[".", "../../topologies"]);
    assert_eq!(wrong.status.code(), Some(2));
    insta::assert_snapshot!("tested", String::from_utf8(wrong.stdout).unwrap());
    let none = test(&["../../topologies"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(
        String::from_utf8(none.stderr).unwrap().starts_with("kubewire: there is nothing to run")
    );
}

#[test]
fn the_report_in_the_form_of_junit_has_a_case_for_each_step() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.xml");
    let files = ["refused-manifest.toml", "not-as-expected-rules.toml"];
    let output = kubewire(&[&["test"], &files[..], &["--junit", path.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!("junit", std::fs::read_to_string(path).unwrap());
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let file = root().join("scenarios/node-port.toml");
    let run = || kubewire(&["run", file.to_str().unwrap()]).stdout;
    assert_eq!(run(), run());
}
