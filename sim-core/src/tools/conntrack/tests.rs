//! What conntrack-tools 1.4.7 said on Linux 6.18 when these commands were run one after the other.
//!
//! In `observed.txt`, `| ` leads a line of output and `= ` the exit status. Connections are listed in the order of the
//! kernel's hash there and are compared in any order; times, numbers and moments are not compared.

use proptest::prelude::*;

use super::*;
use crate::tools::Outcome;
use crate::world::{Output as Written, World};

/// Replaces the digits behind `key` by `letter`.
fn blank(line: &str, key: &str, letter: char) -> String {
    let Some(at) = line.find(key).map(|at| at + key.len()) else { return line.to_owned() };
    let (before, after) = line.split_at(at);
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() == after.len() {
        return line.to_owned();
    }
    before.to_owned() + &letter.to_string() + &blank(rest, key, letter)
}

/// Replaces the time to live behind the protocol's number.
fn blank_timeout(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    let is_number = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let skip = if line.starts_with("ipv") { 1 } else { 0 };
    let listed = line.contains(" src=") && !line.starts_with('-');
    let place = words.iter().enumerate().filter(|(_, w)| is_number(w)).nth(1 + skip);
    if let Some((at, _)) = place.filter(|_| listed) {
        words[at] = "T";
    }
    words.join(" ")
}

/// A line as it is compared.
fn normal(line: &str) -> String {
    let line = if line.contains(" use=") { blank(line, "id=", 'N') } else { line.to_owned() };
    let line = blank(&blank(&line, "<id>", 'N'), "<timeout>", 'T');
    let line = blank(&blank(&line, "delta-time=", 'D'), "-t ", 'T');
    let line = match line.split_once("[start=") {
        Some((before, after)) => {
            let (_, rest) = after.split_once(']').expect("a moment ends");
            format!("{before}[start=S]{rest}")
        }
        None => line,
    };
    blank_timeout(&line)
}

/// What is compared of a command's output.
fn shown(outcome: &Outcome) -> Vec<String> {
    let stdout = outcome.stdout.replace(USAGE, "<usage>\n");
    let mut lines: Vec<String> = outcome.stderr.lines().chain(stdout.lines()).map(normal).collect();
    lines.sort();
    lines
}

#[test]
fn commands_say_what_the_real_tool_says() {
    let mut world = World::new(0);
    let netns = world.initial_netns();
    let observed = include_str!("observed.txt");
    let mut commands = 0;
    for part in observed.split("$ ").skip(1) {
        let mut lines = part.lines();
        let command = lines.next().expect("a command");
        let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
        let outcome = world.run_command(netns, &argv).expect(command);
        let said = |line: &str| line.strip_prefix("| ").map(normal);
        let mut theirs: Vec<String> = lines.clone().filter_map(said).collect();
        theirs.sort();
        assert_eq!(shown(&outcome), theirs, "{command}");
        let status = lines.last().and_then(|line| line.strip_prefix("= "));
        assert_eq!(Some(outcome.status.to_string().as_str()), status, "{command}");
        commands += 1;
    }
    assert!(commands > 200);
}

/// As the real tool told them, numbers of processes apart.
#[test]
fn what_programs_do_to_connections_is_told() {
    let mut world = World::new(0);
    let netns = world.initial_netns();
    let run = |world: &mut World, line: &str| {
        let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
        world.run_command(netns, &argv).expect(line)
    };
    let argv = ["conntrack", "-E"].map(str::to_owned).to_vec();
    let call = Call { argv, to_terminal: false, columns: None };
    let id = world.spawn_program("conntrack", netns, start(call));
    let made = "conntrack -I -p tcp -t 100 -s 1.1.1.1 -d 2.2.2.2 --state ESTABLISHED --sport 10 \
                --dport 20 -m 3 -u ASSURED,SEEN_REPLY";
    assert_eq!(run(&mut world, made).status, 0);
    assert_eq!(run(&mut world, "conntrack -D -p tcp").status, 0);
    world.signal(id, Signal::Interrupt);
    let mut text = String::new();
    for piece in std::mem::take(&mut world.process_mut(id).expect("it is there").output) {
        if let Written::Stdout(bytes) | Written::Stderr(bytes) = piece {
            text += &String::from_utf8_lossy(&bytes);
        }
    }
    let lines: Vec<String> = text.lines().map(|line| blank(line, "portid=", 'P')).collect();
    let tuples = "src=1.1.1.1 dst=2.2.2.2 sport=10 dport=20 src=2.2.2.2 dst=1.1.1.1 sport=20 \
                  dport=10 [ASSURED] mark=6 [USERSPACE] portid=P progname=conntrack";
    assert_eq!(
        lines,
        [
            format!("    [NEW] tcp      6 100 ESTABLISHED {tuples}"),
            format!("[DESTROY] tcp      6 100 ESTABLISHED {tuples}"),
            "conntrack v1.4.7 (conntrack-tools): 2 flow events have been shown.".to_owned(),
        ]
    );
}

proptest! {
    #[test]
    fn no_words_make_it_panic(words in prop::collection::vec(
        prop_oneof![
            "-[A-Za-z<>()]{1,3}", "--[a-z-]{1,12}", "[0-9.:/]{1,9}", "tcp|udp|icmp|gre|sctp|89",
            "[ -~]{0,6}", Just("expect".to_owned()),
        ],
        0..8,
    )) {
        let mut world = World::new(0);
        let netns = world.initial_netns();
        let argv: Vec<String> = std::iter::once("conntrack".to_owned()).chain(words).collect();
        drop(world.run_command(netns, &argv));
    }
}
