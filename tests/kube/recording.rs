//! What `kubewire run` writes of all that happens.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pcap_file::pcapng::{Block, PcapNgReader};
use sim_core::trace::record::{Record, What};
use sim_core::trace::sink::json;
use tempfile::TempDir;

/// A folder of its own, in which files are run.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubewire-under-test"));
        command.current_dir(self.0.path()).arg("run").args(args).output().unwrap()
    }

    /// The events of a file that was written.
    fn trace(&self, name: &str) -> Vec<Record> {
        json::parse(&self.read(name)).unwrap()
    }
}

/// A file of the repository.
fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    path.to_str().unwrap().to_owned()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// The number of packets in each capture below `dir`, by namespace and device.
fn captured(dir: &Path) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for netns in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        for path in fs::read_dir(&netns).unwrap().map(|entry| entry.unwrap().path()) {
            let bytes = fs::read(&path).unwrap();
            let mut reader = PcapNgReader::new(&bytes[..]).unwrap();
            let mut count = 0;
            while let Some(block) = reader.next_block() {
                count += usize::from(matches!(block.unwrap(), (Block::EnhancedPacket(_), _)));
            }
            let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
            let netns = netns.file_name().unwrap().to_str().unwrap().to_owned();
            counts.insert((netns, name(&path)), count);
        }
    }
    counts
}

#[test]
fn each_frame_of_the_trace_is_in_the_capture_of_its_device() {
    for name in ["node-port", "endpoints-change", "paths-bridge", "rules-home-router"] {
        let folder = Folder::new();
        let path = file(&format!("scenarios/{name}.toml"));
        let recorded = folder.run(&[&path, "--pcap", "p", "--trace", "t"]);
        let plain = folder.run(&[&path]);
        assert_eq!(text(recorded.stdout), text(plain.stdout), "{name}");
        let mut frames = BTreeMap::new();
        for record in folder.trace("t") {
            if matches!(record.what, What::Frame { .. }) {
                *frames.entry((record.netns, record.dev)).or_default() += 1;
            }
        }
        assert!(frames.len() >= 4, "{name}");
        assert_eq!(captured(&folder.path("p")), frames, "{name}");
        // Captures alone are the same.
        folder.run(&[&path, "--pcap", "alone", "--quiet"]);
        assert_eq!(captured(&folder.path("alone")), frames, "{name}");
    }
}

/// What the packets of each step of a scenario meet is printed; that of all others is recorded, too.
#[test]
fn what_happens_before_and_between_the_steps_is_recorded() {
    let folder = Folder::new();
    let topology = file("topologies/two-nodes.toml");
    let steps =
        "[[step]]\nping = { from = \"node-1\", to = \"node-2\" }\n[[step]]\nwait = \"1m\"\n";
    folder.write("s.toml", &format!("topology = {topology:?}\n{steps}"));
    assert!(folder.run(&["s.toml", "--trace", "t"]).status.success());
    let trace = folder.trace("t");
    // A neighbour that was used is asked five seconds later whether it is still there, by unicast.
    let is_probe = |record: &&Record| {
        let What::Frame { hex, pkt_type: 4, .. } = &record.what else { return false };
        record.time_ns > 4_000_000_000 && hex[0] != 0xff && hex[12..14] == [0x08, 0x06]
    };
    let probes: Vec<&str> = trace.iter().filter(is_probe).map(|r| r.netns.as_str()).collect();
    assert!(probes.contains(&"node-1") && probes.contains(&"node-2"), "{probes:?}");
    // Every event is there once, in order.
    assert!(trace.is_sorted_by_key(|record| record.time_ns));
    let requests = trace.iter().filter(
        |record| matches!(&record.what, What::Consumed { by } if by == "icmp echo request"),
    );
    assert_eq!(requests.count(), 1);
}

/// Whether somebody has to listen is found out by a trial, in a copy of the world.
#[test]
fn a_test_of_rules_records_each_packet_once() {
    let folder = Folder::new();
    folder.write(
        "s.toml",
        "rules = \"none.rules\"
        interface = [{ name = \"eth0\", addresses = [\"192.0.2.1/24\"] }]
        packet = [
          { in = \"eth0\", send = \"tcp 192.0.2.9:4000 > 192.0.2.1:80\", verdict = \"delivered\", answer = \"sent\" },
          { in = \"eth0\", send = \"udp 192.0.2.9:4000 > 192.0.2.1:53\", verdict = \"delivered\" },
        ]\n",
    );
    folder.write("none.rules", "*filter\nCOMMIT\n");
    let output = folder.run(&["s.toml", "--trace", "t"]);
    assert!(output.status.success(), "{output:?}");
    let is_injected = |record: &&Record| matches!(&record.what, What::Started { origin, .. } if origin == "injected");
    assert_eq!(folder.trace("t").iter().filter(is_injected).count(), 2);
}

#[test]
fn a_run_that_stops_has_written_what_happened_until_then() {
    let folder = Folder::new();
    let topology = file("topologies/two-nodes.toml");
    let step = |to: &str| format!("[[step]]\nping = {{ from = \"node-1\", to = \"{to}\" }}\n");
    let steps = step("node-2") + &step("pod/nobody");
    folder.write("s.toml", &format!("topology = {topology:?}\n{steps}"));
    let output = folder.run(&["s.toml", "--trace", "t", "--pcap", "p"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let trace = folder.trace("t");
    let is_answered = |record: &Record| matches!(&record.what, What::Delivered { .. });
    assert!(trace.iter().any(is_answered));
    assert!(folder.path("p/node-2/eth0.pcapng").is_file());
}

#[test]
fn mistakes_cost_no_file_of_before() {
    let folder = Folder::new();
    folder.write("t", "of before");
    let path = file("tests/scenarios/mistakes-of-named-files.toml");
    let output = folder.run(&[&path, "--trace", "t", "--pcap", "p"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(folder.read("t"), "of before");
    assert!(!folder.path("p").exists());
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_before_anything_runs() {
    let folder = Folder::new();
    folder.write("t", "of before");
    let path = file("scenarios/pod-to-pod.toml");
    for (pcap, trace) in [("p", "no/such"), ("t/below", "t")] {
        let output = folder.run(&[&path, "--pcap", pcap, "--trace", trace]);
        assert_eq!((output.status.code(), text(output.stdout)), (Some(2), String::new()));
        assert!(text(output.stderr).starts_with("kubewire: "));
        assert_eq!(folder.read("t"), "of before");
        assert!(!folder.path("p").exists());
    }
}

#[test]
fn a_capture_that_cannot_be_made_is_told_in_the_place_of_the_report() {
    let folder = Folder::new();
    fs::create_dir(folder.path("p")).unwrap();
    folder.write("p/node-1", "in the way");
    let output = folder.run(&[&file("scenarios/pod-to-pod.toml"), "--pcap", "p"]);
    assert_eq!((output.status.code(), text(output.stdout)), (Some(74), String::new()));
    let said = text(output.stderr);
    assert!(said.starts_with("kubewire: p/node-1/") && said.ends_with(": File exists\n"), "{said}");
}
