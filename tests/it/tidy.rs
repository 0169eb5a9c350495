//! The house rules that a compiler cannot check.

use std::fs;
use std::path::{Path, PathBuf};

/// No file has more lines than this: one subject a file.
const MAX_LINES: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust files below `dir`.
fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(dir).into_iter().flatten().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path.file_name().is_none_or(|n| n != "target") {
                rust_files(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn all_rust_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for dir in ["sim-core", "sim-kube", "sim-cli", "tests", "benches", "fuzz"] {
        rust_files(&root().join(dir), &mut found);
    }
    found
}

#[test]
fn no_file_is_too_long_to_have_one_subject() {
    let long: Vec<String> = all_rust_files()
        .into_iter()
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .map(|(lines, path)| format!("{}: {lines}", path.display()))
        .collect();
    assert!(long.is_empty(), "more than {MAX_LINES} lines: {long:#?}");
}

#[test]
fn nothing_is_left_undone() {
    // Put together here so that this file does not find itself.
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("dbg", "!(")];
    let mut left = Vec::new();
    for path in all_rust_files() {
        let text = fs::read_to_string(&path).unwrap();
        for (n, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                left.push(format!("{}:{}: {}", path.display(), n + 1, line.trim()));
            }
        }
    }
    assert!(left.is_empty(), "{left:#?}");
}

/// What the library must not reach for: input and output, clocks, threads, the environment.
const FORBIDDEN_IN_CORE: &[&str] =
    &["std::fs", "std::env", "std::thread", "std::process", "std::os", "println!", "eprintln!"];

#[test]
fn the_libraries_do_no_input_or_output() {
    let mut found = Vec::new();
    let mut files = Vec::new();
    for library in ["sim-core", "sim-kube"] {
        rust_files(&root().join(library).join("src"), &mut files);
    }
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let production = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (n, line) in production.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if FORBIDDEN_IN_CORE.iter().any(|word| code.contains(word)) {
                found.push(format!("{}:{}: {}", path.display(), n + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// What every module of the library may name: values, and the state that layers are handed.
const COMMON: &[&str] =
    &["time", "id", "rng", "errno", "family", "packet", "trace", "kernel", "netns"];

/// What else each module of the library may name. A module that is not here may name none but these.
///
/// `kernel` and `netns` hold the state of all layers, and `netns::stack` calls them in their order.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("id", &[]),
    ("rng", &[]),
    ("errno", &[]),
    ("family", &[]),
    ("packet", &[]),
    ("libc", &[]),
    ("sysctl", &[]),
    // Names of devices, and where a packet was routed to, are part of what is told.
    ("trace", &["link", "route"]),
    ("netfilter", &["bridge", "ip", "libc", "link", "neigh", "route", "socket", "sysctl"]),
    // A device hands frames to its bridge and shows them to packet sockets; a vxlan's neighbours have states.
    ("link", &["bridge", "neigh", "socket", "sysctl"]),
    // A querier asks from an address of this host.
    ("bridge", &["link", "route", "sysctl"]),
    // Which of several default routes is taken depends on whose router answers.
    ("route", &["link", "neigh", "sysctl"]),
    // A packet that waits for an address holds its connection.
    ("neigh", &["link", "netfilter", "route", "sysctl"]),
    ("tunnel", &["bridge", "ip", "link", "neigh", "route", "sysctl"]),
    // A bridge that snoops is in a group of its own.
    ("ip", &["bridge", "link", "neigh", "netfilter", "route", "socket", "sysctl"]),
    ("socket", &["ip", "link", "neigh", "netfilter", "route", "sysctl", "tunnel"]),
    // What is announced is kept as the messages that are read.
    (
        "kernel",
        &["bridge", "ip", "link", "neigh", "netfilter", "netlink", "route", "socket", "sysctl"],
    ),
    (
        "netns",
        &["bridge", "ip", "link", "neigh", "netfilter", "route", "socket", "sysctl", "tunnel"],
    ),
    (
        "netlink",
        &[
            "bridge",
            "ip",
            "link",
            "neigh",
            "netfilter",
            "route",
            "socket",
            "sysctl",
            "tunnel",
            "world",
        ],
    ),
    ("world", &["link", "netlink", "route", "socket"]),
    (
        "tools",
        &[
            "bridge",
            "ip",
            "libc",
            "link",
            "neigh",
            "netfilter",
            "netlink",
            "route",
            "socket",
            "sysctl",
            "world",
        ],
    ),
    ("case", &["link", "netfilter", "netlink", "socket", "tools", "world"]),
];

/// The files that are compiled for tests only: those of modules declared behind `#[cfg(test)]`.
fn test_files(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let dir = match file.file_stem().and_then(|stem| stem.to_str()) {
            Some("mod" | "lib") => file.parent().unwrap().to_owned(),
            _ => file.with_extension(""),
        };
        // Between the mark and the module there may be further attributes.
        let mut marked = false;
        for line in text.lines() {
            let item = line.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
            if line == "#[cfg(test)]" {
                marked = true;
            } else if let Some(module) = item.strip_prefix("mod ") {
                if let Some(name) = module.strip_suffix(';').filter(|_| marked) {
                    found.push(dir.join(format!("{name}.rs")));
                    found.push(dir.join(name));
                }
                marked = false;
            } else if line.ends_with(';') || line.ends_with('{') {
                marked = false;
            }
        }
    }
    found
}

/// The top-level modules that the code of a file names by `crate::`.
fn named_modules(text: &str) -> Vec<String> {
    let production = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String =
        production.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut names = Vec::new();
    for path in code.split("crate::").skip(1) {
        match path.strip_prefix('{') {
            None => names.push(word(path)),
            // `use crate::{a, b::c};`: each word at the first level.
            Some(group) => {
                let mut depth = 0;
                let mut item = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => names.push(word(&std::mem::take(&mut item))),
                        c => item.push(c),
                    }
                }
                names.push(word(&item));
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn the_modules_of_the_library_depend_in_one_direction() {
    let source = root().join("sim-core/src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let for_tests = test_files(&files);
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| !for_tests.iter().any(|test| file.starts_with(test))) {
        let inside = file.strip_prefix(&source).unwrap();
        let top = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if top == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_NAME.iter().find(|(module, _)| *module == top) else {
            wrong.push(format!("{top} stands in no line of MAY_NAME"));
            continue;
        };
        for name in named_modules(&fs::read_to_string(file).unwrap()) {
            if name != top && !COMMON.contains(&name.as_str()) && !allowed.contains(&name.as_str())
            {
                wrong.push(format!("{}: crate::{name}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_direction_check_reads_paths_and_groups() {
    let text = "use crate::{bridge, ip::{a, b}, link};\nlet x = crate::route::input(); // crate::no\n#[cfg(test)]\nuse crate::world;";
    assert_eq!(named_modules(text), ["bridge", "ip", "link", "route"]);
}
