//! Whatever comes in, nothing panics: the entries of the fuzz targets, with inputs that are kept, with
//! damaged ones, and with random ones.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use sim_core::case::Action;
use sim_core::trace::sink::json;
use sim_core::trace::{Keep, Recorder};
use sim_core::world::World;
use sim_tests::cases::{KeptCase, folders};
use sim_tests::entries::{self, ENTRIES, frame_input};

/// Inputs that are worth keeping: one folder an entry.
fn kept(entry: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("inputs").join(entry);
    let Ok(files) = fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn no_kept_input_does_harm() {
    for (name, entry) in ENTRIES {
        for input in kept(name) {
            entry(&input);
        }
    }
}

/// The frames and the commands of all cases.
static SEEN: LazyLock<(Vec<Vec<u8>>, Vec<String>)> = LazyLock::new(|| {
    let (mut frames, mut commands) = (Vec::new(), Vec::new());
    for dir in folders().unwrap() {
        let case = KeptCase::read(&dir).unwrap().case;
        commands.extend(case.setup.iter().map(|command| command.text.clone()));
        for step in case.steps {
            if let Action::Tx(frame) = step.action {
                frames.push(frame);
            } else if let Action::Sh(command) = step.action {
                commands.push(command.text);
            }
        }
    }
    (frames, commands)
});

/// Places and what stands there instead; a place beyond the end cuts there.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)
}

fn damaged(bytes: &[u8], damage: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, byte) in damage {
        let at = at.index(bytes.len() + 1);
        match bytes.get_mut(at) {
            Some(old) if *byte != 0x55 => *old = *byte,
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

fn seen_frame() -> impl Strategy<Value = Vec<u8>> {
    let frame = any::<prop::sample::Index>().prop_map(|at| at.get(&SEEN.0).clone());
    (frame, damage()).prop_map(|(frame, damage)| damaged(&frame, &damage))
}

fn any_frames() -> impl Strategy<Value = Vec<u8>> {
    let random = prop::collection::vec(any::<u8>(), 0..200);
    let frame = prop_oneof![4 => seen_frame(), 1 => random];
    let one = (any::<u8>(), any::<bool>(), frame);
    let one = one.prop_map(|(dev, repair, frame)| frame_input(dev, repair, &frame));
    prop::collection::vec(one, 1..12).prop_map(|frames| frames.concat())
}

/// Words of commands that there are, some of them elsewhere or replaced.
fn any_commands() -> impl Strategy<Value = String> {
    let line = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        prop_oneof![
            3 => Just(None),
            1 => prop::sample::select(WORDS).prop_map(|word| Some(word.to_owned())),
            1 => "[ -~]{0,12}".prop_map(Some),
        ],
    );
    let line = line.prop_map(|(first, second, at, word)| {
        let (first, second) = (first.get(&SEEN.1), second.get(&SEEN.1));
        let mut words: Vec<&str> = first.split_whitespace().collect();
        let cut = at.index(words.len()) + 1;
        if let Some(word) = &word {
            words.insert(cut, word);
        } else if at.index(4) == 0 {
            words.truncate(cut);
            words.extend(second.split_whitespace().skip(cut));
        }
        words.join(" ")
    });
    prop::collection::vec(line, 1..6).prop_map(|lines| lines.join("\n"))
}

/// A recording of a ping.
static RECORDING: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut world = World::new(1);
    world.set_recorder(Some(Recorder::new(Keep::Everything)));
    let netns = world.initial_netns();
    for line in ["ip link set lo up", "ping -c 1 127.0.0.1"] {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        assert_eq!(world.run_command(netns, &words).unwrap().status, 0, "{line}");
    }
    world.take_records().iter().map(json::line).collect::<String>().into_bytes()
});

/// Manifests that are refused; damage may put them right.
static MANIFESTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/refused");
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
});

/// Ready topologies, scenarios and tests of rules.
static SCENARIOS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut texts = Vec::new();
    for dir in ["../topologies", "../scenarios", "scenarios", "topologies"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
        let mut paths: Vec<_> =
            fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
        texts.extend(paths.iter().map(|path| fs::read(path).unwrap()));
    }
    texts
});

/// Files with settings, right and wrong.
static SETTINGS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies");
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension != "toml"));
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
});

/// What numbers, addresses and options go wrong with.
const WORDS: &[&str] = &[
    "-1",
    "0",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "0x",
    "1e9",
    "255.255.255.255",
    "0.0.0.0/0",
    "10.0.2.1/33",
    "::/0",
    "ff:ff:ff:ff:ff:ff",
    "all",
    "dev",
    "via",
    "n",
    "lo",
    "br0",
    "vx0",
    "t0",
    "m1",
    "-force",
    "-batch",
    "-",
    "-j",
    "-s",
    "-d",
    "help",
    "ping -c3 10.0.2.2",
];

/// A quarter of the usual number of cases: each of them takes its time.
fn a_quarter() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 4, ..usual }
}

proptest! {
    #![proptest_config(a_quarter())]

    #[test]
    fn no_frame_does_harm(input in any_frames()) {
        entries::frames(&input);
        entries::packet(&input);
    }

    #[test]
    fn no_command_line_does_harm(text in any_commands()) {
        entries::commands(text.as_bytes());
    }

    #[test]
    fn no_filter_does_harm(
        words in prop::collection::vec(prop::sample::select(FILTER), 1..12),
        other in "[ -~]{0,10}",
        frame in seen_frame(),
    ) {
        let mut input = format!("{} {other}\0", words.join(" ")).into_bytes();
        input.extend(frame);
        entries::filter(&input);
    }

    #[test]
    fn no_recording_does_harm(damage in damage()) {
        entries::trace(&damaged(&RECORDING, &damage));
    }

    #[test]
    fn no_manifest_does_harm(at in any::<prop::sample::Index>(), damage in damage()) {
        entries::manifests(&damaged(at.get::<Vec<u8>>(&MANIFESTS), &damage));
    }

    #[test]
    fn no_topology_or_scenario_does_harm(at in any::<prop::sample::Index>(), damage in damage()) {
        entries::scenarios(&damaged(at.get::<Vec<u8>>(&SCENARIOS), &damage));
    }

    #[test]
    fn no_file_with_settings_does_harm(at in any::<prop::sample::Index>(), damage in damage()) {
        entries::settings(&damaged(at.get::<Vec<u8>>(&SETTINGS), &damage));
    }

    #[test]
    fn no_packet_that_is_written_does_harm(
        words in prop::collection::vec(prop::sample::select(PACKET), 0..10),
        other in "[ -~]{0,10}",
    ) {
        entries::scenarios(format!("{} {other}", words.join(" ")).as_bytes());
        entries::scenarios(words.join(" ").as_bytes());
    }

    #[test]
    fn no_text_of_a_case_does_harm(
        at in any::<prop::sample::Index>(),
        damage in damage(),
    ) {
        let folders = folders().unwrap();
        let dir = at.get(&folders);
        let texts = ["setup.sh", "packets.txt"].map(|name| fs::read(dir.join(name)).unwrap());
        entries::case(&damaged(&texts.join(&0), &damage));
    }
}

/// Words of packets.
const PACKET: &[&str] = &[
    "tcp 10.0.0.9:4000 > 10.0.0.1:80",
    "udp 10.0.0.9:4000 > 10.0.0.1:53",
    "icmp 10.0.0.9 > 10.0.0.1",
    "sctp 0.0.0.0:0 > 255.255.255.255:65535",
    "ip-proto-255 10.0.0.9 > 10.0.0.1",
    "flags",
    "syn,ack",
    "none",
    "ttl",
    "tos",
    "0xff",
    "length",
    "9000",
    "seq",
    "ack",
    "4294967295",
    "id",
    "65535",
    "type",
    "init-ack",
    "echo-reply",
    "1",
];

/// Words of filter expressions.
const FILTER: &[&str] = &[
    "(",
    ")",
    "not",
    "and",
    "or",
    "host",
    "net",
    "port",
    "portrange",
    "src",
    "dst",
    "tcp",
    "udp",
    "icmp",
    "arp",
    "ip",
    "ip6",
    "ether",
    "proto",
    "1-9",
    "10.0.3.1",
    "10.0.0.0/8",
    "mask",
    "less",
    "greater",
    "53",
    "65536",
    "tcp[tcpflags]",
    "&",
    "=",
    "!=",
    "ip[0]",
    "ether[0:4]",
    ">",
    "tcp-syn",
    "broadcast",
    "multicast",
    "vlan",
    "len",
    "+",
    "<<",
    "/",
    "0",
    "0xffffffff",
    "gateway",
    "type",
];
