//! Sends a number of datagrams in one of the measured scenes and ends: something for profilers that
//! count instructions, which say the same on a busy machine as on an idle one.
//!
//! ```text
//! valgrind --tool=callgrind target/release/walk bridged 10000
//! ```

use std::process::ExitCode;

use sim_benches::scene;
use sim_benches::simulated::Flow;

#[expect(clippy::print_stderr, reason = "the only thing it has to say")]
fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let scene = args.next().and_then(|name| scene::all().find(|scene| scene.name == name));
    let count = args.next().and_then(|count| count.parse::<u64>().ok());
    let (Some(scene), Some(count)) = (scene, count) else {
        let names: Vec<String> = scene::all().map(|scene| scene.name).collect();
        eprintln!("usage: walk {{{}}} COUNT", names.join("|"));
        return ExitCode::FAILURE;
    };
    let mut flow = Flow::new(&scene);
    for _ in 0..count {
        flow.send();
    }
    ExitCode::SUCCESS
}
