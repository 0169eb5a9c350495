//! The networks in `topologies/` that are scripts: each is built in a lab by a real shell, and the commands that it
//! invites to try print what the snapshots hold. The same scripts were run on Linux 6.18, where the
//! output differed in nothing but round-trip times, random hardware addresses and IPv6's groups.

use std::fs;
use std::path::Path;

use crate::lab::stdout;

/// The script, and then the commands of its lines `# try: COMMAND`, each echoed first. Ports of bridges
/// need no time here, but they do on a real machine.
fn with_its_commands(script: &str) -> String {
    let tries: Vec<&str> = script.lines().filter_map(|line| line.strip_prefix("# try: ")).collect();
    assert!(!tries.is_empty(), "a network that is never used");
    let tries = tries.iter().map(|command| format!("echo '$ {command}'\n{command}\n"));
    format!("set -e\n{script}\nsleep 2\n{}", tries.collect::<String>())
}

#[test]
fn each_network_is_built_and_carries_what_it_promises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../topologies");
    let mut scripts: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "sh"));
    scripts.sort();
    assert!(scripts.len() >= 3);
    for script in scripts {
        let name = script.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&script).unwrap();
        insta::assert_snapshot!(name, stdout(&with_its_commands(&text)));
    }
}
