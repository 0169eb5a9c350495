//! LIMITATIONS.md says which settings are read; the code knows.

use std::fs;
use std::path::{Path, PathBuf};

use sim_core::link::inet::ConfKey;
use sim_core::sysctl::{Sysctl, name_of};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The production code below `dir`, without the tables that declare the settings.
fn production_code(dir: &Path, code: &mut String) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "sysctl" && name != "lab" {
            production_code(&path, code);
        } else if name.ends_with(".rs") && !matches!(name.as_str(), "tests.rs" | "lab.rs") {
            let text = fs::read_to_string(&path).unwrap();
            code.push_str(text.split("#[cfg(test)]").next().unwrap_or_default());
        }
    }
}

/// Whether the code names `ty::variant` other than as part of a longer name.
fn mentions(code: &str, ty: &str, variant: &str) -> bool {
    let word = format!("{ty}::{variant}");
    code.match_indices(&word).any(|(at, _)| {
        !code[at + word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn the_list_of_settings_that_are_read_is_true() {
    let mut code = String::new();
    production_code(&root().join("sim-core/src"), &mut code);
    // What sockets take from the store by a name of its own.
    let store = fs::read_to_string(root().join("sim-core/src/sysctl/store.rs")).unwrap();
    code.extend(store.lines().filter(|line| line.contains("self.numbers(Sysctl::")));
    let mut read: Vec<String> = Sysctl::ALL
        .iter()
        .filter(|key| mentions(&code, "Sysctl", &format!("{key:?}")))
        .map(|key| name_of(key.row().path))
        .collect();
    // Defaults, modes and what is announced are no reads.
    let (before, told) = code.split_once("const NETCONF").expect("a list of what is announced");
    let (_, after) = told.split_once("];").expect("the end of a list");
    let code = [before, after].concat();
    let reads = |line: &&str| !line.contains("values[") && !line.contains("Kind::ReadOnly");
    let code = code.lines().filter(reads).collect::<Vec<_>>().join("\n");
    let conf = ConfKey::ALL.iter().filter(|key| mentions(&code, "ConfKey", &format!("{key:?}")));
    read.extend(conf.map(|key| format!("net.ipv4.conf.*.{}", key.name())));
    read.sort();
    let limitations = fs::read_to_string(root().join("LIMITATIONS.md")).unwrap();
    let section = limitations.split("## Settings").nth(1).expect("a section about settings");
    let listed: Vec<&str> =
        section.split("```").nth(1).expect("a list").split_whitespace().collect();
    assert_eq!(listed, read, "the list should be:\n{}", read.join("\n"));
}
