//! Runs the same paths on the real kernel and in the simulator, one after the other on one CPU, and
//! prints the ratio. The real kernel's side needs to make namespaces.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use sim_benches::path::{PATHS, Path};
use sim_benches::real;
use sim_benches::simulated::Flow;

const LASTING: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        // A process of its own for each path, because it is left inside its namespaces.
        (Some("--real"), Some(name)) => {
            PATHS.iter().find(|path| path.name == name).map_or(ExitCode::FAILURE, measure_real)
        }
        (None, _) => compare(),
        _ => ExitCode::FAILURE,
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a report is its purpose")]
fn compare() -> ExitCode {
    println!("{:<10} {:>14} {:>14} {:>8}", "path", "kernel/s", "kubewire/s", "ratio");
    for path in PATHS {
        let real = match ask_real(path) {
            Ok(rate) => rate,
            Err(why) => {
                eprintln!("{}: the real kernel: {why}", path.name);
                return ExitCode::FAILURE;
            }
        };
        let simulated = measure_simulated(path);
        let tenths = simulated * 10 / real.max(1);
        println!("{:<10} {real:>14} {simulated:>14} {:>6}.{}", path.name, tenths / 10, tenths % 10);
    }
    ExitCode::SUCCESS
}

fn ask_real(path: &Path) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let output =
        Command::new(program).args(["--real", path.name]).output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the answer to the parent process")]
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

fn measure_simulated(path: &Path) -> u64 {
    let mut flow = Flow::new(path);
    let begun = Instant::now();
    let mut sent = 0_u64;
    while begun.elapsed() < LASTING {
        for _ in 0..1000 {
            flow.send();
        }
        sent += 1000;
    }
    let nanos = begun.elapsed().as_nanos().max(1);
    assert!(flow.arrived() > 0, "datagrams have to arrive");
    u64::try_from(u128::from(sent) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}
