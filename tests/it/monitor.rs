//! Monitors print in the simulator what they printed on the kernel.
//!
//! The sessions under `tests/monitor/` are written by `tests/monitor/record.py`, which says what their lines
//! mean.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use sim_core::id::ProcId;
use sim_core::tools::{self, Call};
use sim_core::world::{Output, World};

use crate::commands::words;

/// A session under way.
struct Session {
    world: World,
    monitors: Vec<ProcId>,
}

impl Session {
    fn start(&mut self, line: &str) {
        let argv = words(line);
        let tool = tools::find(&argv[0]).unwrap();
        let call = Call { argv, to_terminal: false, columns: None };
        let netns = self.world.initial_netns();
        self.monitors.push(self.world.spawn_program(tool.name, netns, (tool.start)(call)));
    }

    fn pass(&mut self, seconds: f64) {
        let end = self.world.now() + Duration::from_secs_f64(seconds);
        self.world.run_until(end);
    }

    /// What all monitors have printed since the last time.
    fn said(&mut self) -> String {
        let mut text = String::new();
        for (number, id) in self.monitors.iter().enumerate() {
            let process = self.world.process_mut(*id).unwrap();
            for piece in std::mem::take(&mut process.output) {
                let (Output::Stdout(bytes) | Output::Stderr(bytes)) = piece else { continue };
                let printed = String::from_utf8(bytes).unwrap();
                // When membership reports are sent is drawn at random; recordings leave them out.
                for line in printed.lines().filter(|line| !line.contains("224.0.0.22 ")) {
                    writeln!(text, "{number}|{line}").unwrap();
                }
            }
        }
        text
    }
}

/// As long as the recording waits after a command.
fn settles(argv: &[String]) -> f64 {
    const CHANGES: [&str; 8] =
        ["up", "down", "master", "nomaster", "netns", "add", "del", "carrier"];
    let is = |word: &str| argv.iter().any(|given| given == word);
    if is("link") && CHANGES.iter().any(|word| is(word)) { 1.15 } else { 0.1 }
}

/// Replays a session and writes it down anew.
fn replay(text: &str) -> String {
    let mut session = Session { world: World::new(1), monitors: Vec::new() };
    let initial = session.world.initial_netns();
    let mut ours = String::new();
    for line in text.lines() {
        if line.split_once('|').is_some_and(|(n, _)| n.bytes().all(|b| b.is_ascii_digit())) {
            continue;
        }
        writeln!(ours, "{line}").unwrap();
        if let Some(command) = line.strip_prefix("& ") {
            session.start(command);
        } else if let Some(command) = line.strip_prefix("$ ") {
            let argv = words(command);
            session.world.run_command(initial, &argv).expect(command);
            session.pass(settles(&argv));
        } else if let Some(seconds) = line.strip_prefix("wait ") {
            session.pass(seconds.parse().unwrap());
        }
        ours += &session.said();
    }
    ours
}

#[test]
fn monitors_print_what_they_printed_on_a_real_kernel() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("monitor");
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "txt"));
    files.sort();
    assert!(!files.is_empty());
    let mut failures = String::new();
    for file in files {
        let theirs = fs::read_to_string(&file).unwrap();
        let ours = replay(&theirs);
        if let Some(difference) = difference(&theirs, &ours) {
            writeln!(failures, "== {}\n{difference}", file.display()).unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Each command after which the monitors say something else.
fn difference(theirs: &str, ours: &str) -> Option<String> {
    let blocks = |text: &str| -> Vec<String> {
        let text =
            format!("\n{text}").replace("\n$ ", "\n\x01$ ").replace("\nwait ", "\n\x01wait ");
        text.split('\x01').map(str::to_owned).collect()
    };
    let mut different = String::new();
    for (theirs, ours) in blocks(theirs).iter().zip(&blocks(ours)) {
        if theirs != ours {
            let (command, ours) = ours.split_once('\n').unwrap_or((ours, ""));
            let theirs = theirs.split_once('\n').map_or("", |(_, rest)| rest);
            write!(different, "{command}\nthe kernel:\n{theirs}kubewire:\n{ours}\n").unwrap();
        }
    }
    (!different.is_empty()).then_some(different)
}

#[test]
fn a_monitor_tells_when_it_happened() {
    let session = |monitor: &str| {
        let text = format!("& {monitor}\nwait 3723.25\n$ ip addr add 10.0.0.1/8 dev lo\n");
        replay(&text)
    };
    assert!(
        session("ip -ts monitor address")
            .contains("0|[2026-01-01T01:02:03.250000] 1: lo    inet 10.0.0.1/8 scope global lo\n")
    );
    assert!(
        session("ip -t monitor address")
            .contains("0|Timestamp: Thu Jan  1 01:02:03 2026 250000 usec\n0|1: lo    inet")
    );
}

/// 2 MiB, at 832 bytes a message, as Linux 6.18 holds for a monitor that was stopped.
#[test]
fn what_a_stopped_monitor_has_not_read_waits_until_there_is_no_room() {
    let mut session = Session { world: World::new(1), monitors: Vec::new() };
    let initial = session.world.initial_netns();
    session.start("ip monitor address");
    let monitor = session.monitors[0];
    session.world.stop(monitor);
    let change = |session: &mut Session, number: u32, verb: &str| {
        let addr = format!("10.0.{}.{}/32", number / 250, number % 250);
        let argv = words(&format!("ip addr {verb} {addr} dev lo"));
        session.world.run_command(initial, &argv).unwrap();
    };
    for number in 0..1250 {
        change(&mut session, number, "add");
        change(&mut session, number, "del");
    }
    assert_eq!(session.said(), "");
    session.world.resume(monitor);
    assert_eq!(session.said().lines().filter(|line| line.contains("inet")).count(), 2500);
    session.world.stop(monitor);
    for number in 0..1300 {
        change(&mut session, number, "add");
        change(&mut session, number, "del");
    }
    session.world.resume(monitor);
    let said = session.said();
    assert!(said.contains("0|netlink receive error No buffer space available (105)\n"));
    assert_eq!(said.lines().filter(|line| line.contains("inet")).count(), 2520);
    change(&mut session, 0, "add");
    assert!(session.said().starts_with("0|1: lo    inet 10.0.0.0/32 scope global lo\n"));
}

#[test]
fn what_nobody_listens_to_is_not_kept() {
    let mut world = World::new(1);
    let initial = world.initial_netns();
    let before = format!("{:?}", world.kernel.rtnl);
    world.run_command(initial, &words("ip link set lo up")).unwrap();
    assert_eq!(format!("{:?}", world.kernel.rtnl), before);
}
