//! Sends a number of datagrams over one of the measured paths and ends: something for profilers that
//! count instructions, which say the same on a busy machine as on an idle one.
//!
//! ```text
//! valgrind --tool=callgrind target/release/walk bridged 10000
//! ```

use std::process::ExitCode;

use sim_benches::path::PATHS;
use sim_benches::simulated::Flow;

#[expect(clippy::print_stderr, reason = "the only thing it has to say")]
fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let path = args.next().and_then(|name| PATHS.iter().find(|path| path.name == name));
    let count = args.next().and_then(|count| count.parse::<u64>().ok());
    let (Some(path), Some(count)) = (path, count) else {
        let names: Vec<&str> = PATHS.iter().map(|path| path.name).collect();
        eprintln!("usage: walk {{{}}} COUNT", names.join("|"));
        return ExitCode::FAILURE;
    };
    let mut flow = Flow::new(path);
    for _ in 0..count {
        flow.send();
    }
    ExitCode::SUCCESS
}
