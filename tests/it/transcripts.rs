//! Shell sessions that were run on a real kernel, replayed: what the commands print must be the same.
//!
//! Lines of `tests/transcripts/*.txt` that begin with `$ ` are commands; what stands below one is its
//! output, standard error included. They were taken on Linux 6.18.44 with iproute2 6.1 and procps
//! 4.0.2, with IPv6 switched off. Of `ip addr show` only the lines of addresses are kept, and of
//! iproute2's warning about deletions without a prefix length nothing.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sim_core::world::World;

/// Runs the commands of `transcript` and writes down what they print.
fn replay(transcript: &str) -> String {
    let mut world = World::new(1);
    let mut ours = String::new();
    for line in transcript.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            writeln!(ours, "{line}").unwrap();
            ours.push_str(&run(&mut world, command));
        } else if line.starts_with('#') || line.is_empty() {
            writeln!(ours, "{line}").unwrap();
        }
    }
    ours
}

fn run(world: &mut World, command: &str) -> String {
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let netns = world.initial_netns();
    let outcome = world.run_command(netns, &words).expect(command);
    let printed = outcome.stderr + &outcome.stdout;
    let shows_addresses = command.starts_with("ip addr show");
    let mut warning = 0;
    printed
        .lines()
        .filter(|line| {
            if line.starts_with("Warning: Executing wildcard deletion") {
                warning = 4;
            }
            let part_of_warning = warning > 0;
            warning -= i32::from(part_of_warning);
            !part_of_warning && (!shows_addresses || line.starts_with("    inet "))
        })
        // A flag of the kernel's that iproute2 takes for another one.
        .map(|line| line.replace("rt_offload_failed ", "") + "\n")
        .collect()
}

/// The lines around the first one that differs.
fn around_difference(ours: &str, theirs: &str) -> String {
    let at = ours.lines().zip(theirs.lines()).position(|(a, b)| a != b).unwrap_or_default();
    let excerpt = |text: &str| {
        let lines: Vec<&str> = text.lines().collect();
        lines[at.saturating_sub(8).min(lines.len())..(at + 4).min(lines.len())].join("\n")
    };
    format!("the kernel:\n{}\n\nkubewire:\n{}", excerpt(theirs), excerpt(ours))
}

#[test]
fn commands_print_what_they_printed_on_a_real_kernel() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut failures = Vec::new();
    for file in files {
        let theirs = fs::read_to_string(&file).unwrap();
        let ours = replay(&theirs);
        if ours != theirs {
            let difference = around_difference(&ours, &theirs);
            failures.push(format!("== {}\n{difference}", file.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
