//! The simulator's tools.

use sim_core::tools::{self, Call};
use sim_core::world::{Output, Poll, World};

use super::{Line, Said, without_dates};

/// Runs commands in a fresh world.
#[must_use]
pub fn simulate(lines: &[Line]) -> Vec<Said> {
    let mut world = World::new(1);
    lines.iter().map(|line| run(&mut world, line)).collect()
}

fn run(world: &mut World, line: &Line) -> Said {
    let Some(tool) = line.argv.first().and_then(|name| tools::find(name)) else {
        return Said { stderr: "no such tool\n".to_owned(), status: 127, ..Said::default() };
    };
    let call = Call { argv: line.argv.clone(), to_terminal: false, columns: None };
    let netns = world.initial_netns();
    let id = world.spawn_program(tool.name, netns, (tool.start)(call));
    if !line.stdin.is_empty() {
        world.feed(id, Some(line.stdin.as_bytes()));
    }
    world.feed(id, None);
    let Some(process) = world.reap(id) else { return Said::default() };
    let mut said = Said::default();
    if let Poll::Exit(status) = process.state {
        said.status = status.into();
    }
    for piece in process.output {
        match piece {
            Output::Stdout(bytes) => said.stdout += &String::from_utf8_lossy(&bytes),
            Output::Stderr(bytes) => said.stderr += &String::from_utf8_lossy(&bytes),
            Output::Exec { .. } | Output::Open { .. } | Output::Read(_) | Output::Write(..) => {}
        }
    }
    said.stdout = without_dates(&said.stdout);
    said
}
