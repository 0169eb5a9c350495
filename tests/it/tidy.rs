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
    for dir in ["sim-core", "sim-cli", "tests", "benches", "fuzz"] {
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
fn the_library_does_no_input_or_output() {
    let mut found = Vec::new();
    let mut files = Vec::new();
    rust_files(&root().join("sim-core/src"), &mut files);
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
