//! Runs the same paths on the real kernel and in the simulator, one after the other on one CPU, and
//! prints the ratio.

use std::process::ExitCode;
use std::time::Duration;

use sim_benches::path::{PATHS, Path};
use sim_benches::real;

const LASTING: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (Some("--real"), Some(name)) => {
            PATHS.iter().find(|path| path.name == name).map_or(ExitCode::FAILURE, measure_real)
        }
        _ => ExitCode::FAILURE,
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a report is its purpose")]
fn measure_real(path: &Path) -> ExitCode {
    match real::datagrams_per_second(path, LASTING) {
        Ok(rate) => {
            println!("{rate}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
