//! Whole-system tests: one binary, one module a subject.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod compiled_chains;
#[cfg(test)]
mod entries;
#[cfg(test)]
mod generated;
mod kept_cases;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod lab;
mod licences;
#[cfg(test)]
mod monitor;
#[cfg(test)]
mod nat_choices;
#[cfg(test)]
mod netem;
#[cfg(test)]
mod observed;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod router;
#[cfg(test)]
mod rule_sets;
#[cfg(test)]
mod sysctls;
#[cfg(test)]
mod tcpdump;
#[cfg(test)]
mod tidy;
#[cfg(target_os = "linux")]
mod topologies;
#[cfg(test)]
mod transcripts;

/// A file that no `mod` names would never run.
#[test]
fn no_test_file_is_forgotten() {
    let named = include_str!("main.rs");
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/it");
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let is_module =
            path.join("mod.rs").is_file() || path.extension().is_some_and(|e| e == "rs");
        if is_module && stem != "main" {
            assert!(named.contains(&format!("mod {stem};")), "{stem} is not declared in main.rs");
        }
    }
}
