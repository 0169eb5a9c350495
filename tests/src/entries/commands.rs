//! Command lines, and what `tcpdump` filters by.

use std::time::Duration;

use sim_core::id::{NetnsId, ProcId};
use sim_core::tools::{Call, find};
use sim_core::world::{Signal, World};

use super::frames::NETWORK;

/// How long each command may run.
const PATIENCE: Duration = Duration::from_secs(3);
/// How much may happen meanwhile.
const MOST_EVENTS: usize = 3000;
/// More commands than that would only take longer.
const MOST_COMMANDS: usize = 8;
/// A DNS query in UDP in IPv4 from 10.0.3.9 to 10.0.3.1.
const FRAME: &str = "02000000030102000000030908004500002d000000004011608f0a0003090a000301\
                     d903003500190000303901000001000000000000013100000100\
                     01";

/// A world in which these commands have been run.
fn world(setup: &str) -> World {
    let mut world = World::new(1);
    let netns = world.initial_netns();
    for line in setup.lines() {
        let outcome = world.run_command(netns, &words(line)).expect("such a tool is there");
        assert_eq!(outcome.status, 0, "{line}: {}", outcome.stderr);
    }
    world
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// Starts a command, if there is such a tool.
fn start(world: &mut World, netns: NetnsId, line: &str) -> Option<ProcId> {
    let argv = words(line);
    let tool = find(argv.first()?)?;
    let call = Call { argv, to_terminal: line.len().is_multiple_of(2), columns: None };
    Some(world.spawn_program(tool.name, netns, (tool.start)(call)))
}

/// Lets a command run for a while, and ends it.
fn finish(world: &mut World, program: ProcId, input: &[u8]) {
    world.feed(program, Some(input));
    world.feed(program, None);
    let end = world.now() + PATIENCE;
    let happened = (0..MOST_EVENTS).take_while(|_| world.step_until(end)).count();
    if happened < MOST_EVENTS {
        world.run_until(end);
    }
    world.signal(program, Signal::Quit);
    world.signal(program, Signal::Interrupt);
    drop(world.reap(program));
}

/// Runs lines of text as commands in a network, with the text as their input too.
pub fn commands(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut world = world(NETWORK);
    for line in text.lines().take(MOST_COMMANDS) {
        let netns = world.netns_by_name("n").unwrap_or_else(|| world.initial_netns());
        if let Some(program) = start(&mut world, netns, line) {
            finish(&mut world, program, input);
        }
    }
}

/// Has `tcpdump` read an expression, and frames pass by. The text before a zero byte is the expression, what
/// comes behind it is a frame.
pub fn filter(input: &[u8]) {
    let zero = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (expression, rest) = input.split_at(zero);
    let expression = String::from_utf8_lossy(expression).replace(['\n', '\r'], " ");
    let mut world =
        world("ip link add v type veth peer name w\nip link set v up\nip link set w up");
    let netns = world.initial_netns();
    let Some(program) = start(&mut world, netns, &format!("tcpdump -ni v -- {expression}")) else {
        return;
    };
    let names = &world.kernel.netns[netns].names;
    let dev = "v".parse().ok().and_then(|name| names.get(&name).copied());
    if let Some(dev) = dev {
        let known: Vec<u8> = (0..FRAME.len())
            .step_by(2)
            .filter_map(|at| u8::from_str_radix(FRAME.get(at..at + 2)?, 16).ok())
            .collect();
        world.inject(dev, &known);
        world.inject(dev, rest.get(1..).unwrap_or_default());
    }
    finish(&mut world, program, &[]);
}
