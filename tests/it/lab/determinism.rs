//! One seed, the same bytes: output, captures and traces. Their hashes stand here, so that every machine
//! compares its own run with all the others.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::Labs;

const LESSON: &str = include_str!("../../../scenarios/first-lesson.sh");

/// What a run of the lesson with seed 7 leaves behind, by file, each as its FNV-1a hash. A change here
/// changes what users see for the same seed: say so in the commit that makes it.
const KNOWN: &[(&str, u64)] = &[
    ("pcap/net1/veth1.pcapng", 16_858_754_975_036_641_884),
    ("pcap/net2/veth2.pcapng", 4_797_689_847_556_617_723),
    ("stdout", 10_392_309_496_272_915_866),
    ("trace.jsonl", 17_902_383_382_609_278_996),
];

/// FNV-1a with 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn collect(dir: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), found);
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// Everything that a run with this seed leaves behind.
fn run(seed: &str) -> BTreeMap<String, Vec<u8>> {
    let labs = Labs::new();
    let left = labs.tmp.path().join("left");
    fs::create_dir(&left).unwrap();
    fs::write(labs.tmp.path().join("lesson.sh"), LESSON).unwrap();
    let options = ["--seed", seed, "--pcap", "left/pcap", "--trace", "left/trace.jsonl"];
    let output = labs
        .kubewire(&[&["lab"], &options[..], &["--", "sh", "lesson.sh"]].concat())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut found = BTreeMap::from([("stdout".to_owned(), output.stdout)]);
    collect(&left, "", &mut found);
    found
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_machine() {
    let (once, twice) = (run("7"), run("7"));
    assert!(once == twice, "two runs of one seed differ");
    let hashes: Vec<(&str, u64)> =
        once.iter().map(|(name, bytes)| (name.as_str(), hash(bytes))).collect();
    assert_eq!(hashes, KNOWN);
}

#[test]
fn another_seed_gives_other_addresses() {
    assert_ne!(run("7")["trace.jsonl"], run("8")["trace.jsonl"]);
}
