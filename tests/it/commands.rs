//! Every command line under `tests/commands/` prints in the simulator what it printed on the kernel.
//!
//! The transcripts are written by `tests/commands/record.py`, which says what their lines mean.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sim_core::id::NetnsId;
use sim_core::netlink::{Command, Request};
use sim_core::tools::{self, Call};
use sim_core::world::journal::Entry;
use sim_core::world::{Output, Poll, World};

/// A command line and what it said.
#[derive(Debug, Default)]
struct Step {
    line: usize,
    command: String,
    stdin: String,
    sorted: bool,
    stdout: String,
    stderr: String,
    status: u8,
}

fn read(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut sorted = false;
    for (number, line) in text.lines().enumerate() {
        if let Some(command) = line.strip_prefix("$ ") {
            let command = command.to_owned();
            steps.push(Step { line: number + 1, command, sorted, ..Step::default() });
            sorted = false;
            continue;
        }
        let mut marks = line.chars();
        let (mark, rest) = (marks.next(), marks.as_str());
        let last = steps.last_mut();
        match (mark, last) {
            (None, _) => {}
            (Some('#'), _) => sorted = rest == "sort",
            (Some('<'), Some(step)) => writeln!(step.stdin, "{rest}").unwrap(),
            (Some('|'), Some(step)) => writeln!(step.stdout, "{rest}").unwrap(),
            (Some('%'), Some(step)) => step.stdout.push_str(rest),
            (Some('!'), Some(step)) => writeln!(step.stderr, "{rest}").unwrap(),
            (Some('?'), Some(step)) => step.status = rest.parse().unwrap(),
            (Some(_), _) => panic!("line {}: not a line of a transcript: {line}", number + 1),
        }
    }
    steps
}

/// The words of a command line, which may be quoted.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, ' ') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(q), c) if q == c => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Runs a command to its end, following it where it becomes another one.
fn run(world: &mut World, netns: NetnsId, argv: Vec<String>, stdin: &str) -> (String, String, u8) {
    let tool = tools::find(&argv[0]).unwrap_or_else(|| panic!("no tool is called {}", argv[0]));
    let call = Call { argv, to_terminal: false, columns: None };
    let id = world.spawn_program(tool.name, netns, (tool.start)(call));
    if !stdin.is_empty() {
        world.feed(id, Some(stdin.as_bytes()));
    }
    world.feed(id, None);
    while let Poll::WaitBounded = world.process(id).unwrap().state {
        let at = world.next_event().expect("something to wait for");
        world.step_until(at);
    }
    let process = world.reap(id).unwrap();
    let Poll::Exit(status) = process.state else { return (String::new(), "waits\n".into(), 255) };
    let (mut out, mut err) = (String::new(), String::new());
    let mut next = None;
    for piece in process.output {
        match piece {
            Output::Stdout(bytes) => out += &String::from_utf8(bytes).unwrap(),
            Output::Stderr(bytes) => err += &String::from_utf8(bytes).unwrap(),
            Output::Exec { netns, argv } => next = Some((netns, argv)),
            Output::Open { .. } | Output::Read(_) | Output::Write(..) => panic!("no files here"),
        }
    }
    match next {
        None => (out, err, status),
        Some((_, argv)) if tools::find(&argv[0]).is_none() => (out, err, status),
        Some((netns, argv)) => {
            let (more_out, more_err, status) = run(world, netns, argv, stdin);
            (out + &more_out, err + &more_err, status)
        }
    }
}

fn sort(text: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.sort_unstable();
    lines.concat()
}

/// Replays a transcript; what differs, one paragraph a command line.
fn differences(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let mut world = World::new(1);
    let initial = world.initial_netns();
    let mut different = Vec::new();
    for step in read(&text) {
        let (out, err, status) = run(&mut world, initial, words(&step.command), &step.stdin);
        let out = if step.sorted { sort(&out) } else { out };
        if (out.as_str(), err.as_str(), status) != (&step.stdout, &step.stderr, step.status) {
            let name = path.file_name().unwrap().to_string_lossy();
            let mut text = format!("{name}:{}: $ {}\n", step.line, step.command);
            for (what, wanted, got) in
                [("stdout", &step.stdout, &out), ("stderr", &step.stderr, &err)]
            {
                if wanted != got {
                    write!(text, "--- {what} of the kernel\n{wanted}+++ {what} here\n{got}")
                        .unwrap();
                }
            }
            if status != step.status {
                writeln!(text, "exit status {} on the kernel, {status} here", step.status).unwrap();
            }
            different.push(text);
        }
    }
    different
}

fn transcripts() -> Vec<PathBuf> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/commands");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "txt"));
    paths.sort();
    paths
}

#[test]
fn every_command_prints_what_the_real_one_prints() {
    let mut different = Vec::new();
    for path in transcripts() {
        different.extend(differences(&path));
    }
    let count = different.len();
    assert!(count == 0, "{count} command lines differ:\n{}", different.join("\n"));
}

/// What commands ask for and no other command can.
const UNTOLD: [&str; 2] =
    ["a chain whose name is too long for a command", "renaming a chain without its handle"];

/// What a command line asks for, refused or not, and the commands that would ask for the same.
fn asked(world: &mut World, line: &[String], stdin: &str) -> Vec<(NetnsId, Request, Command)> {
    let initial = world.initial_netns();
    world.keep_journal();
    run(world, initial, line.to_vec(), stdin);
    let entries = world.take_journal().into_iter();
    let told = |e: Entry| match e.command {
        Ok(command) => Some((e.netns, e.request?, command)),
        Err(why) if UNTOLD.contains(&why.0) => None,
        Err(why) => panic!("no command for {why}"),
    };
    entries.filter_map(told).collect()
}

#[test]
fn every_recorded_request_prints_as_a_command_that_asks_for_the_same() {
    let mut count = 0;
    for path in transcripts() {
        let text = fs::read_to_string(&path).unwrap();
        let mut world = World::new(1);
        for step in read(&text) {
            let mut twin = world.clone();
            let first = asked(&mut world, &words(&step.command), &step.stdin);
            for wanted in &first {
                let again = asked(&mut twin, &wanted.2.argv(), wanted.2.input());
                assert_eq!(again, std::slice::from_ref(wanted), "{}", step.command);
            }
            count += first.len();
        }
    }
    assert!(count > 300, "only {count} requests in all transcripts");
}
