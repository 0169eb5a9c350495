//! Runs the same scenes on the real kernel and in the simulator, one after the other on one CPU, and
//! prints the ratio. The real kernel's side needs to make namespaces, and root where there are rules.
//!
//! ```text
//! side_by_side            all scenes
//! side_by_side first      those whose name begins so
//! ```

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use sim_benches::real::{self, MOST_FLOWS, rate};
use sim_benches::scene::{Scene, Traffic, all};
use sim_benches::simulated::Flow;

const LASTING: Duration = Duration::from_secs(2);
fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        // A process of its own for each scene, because it is left inside its namespaces.
        (Some("--real"), Some(name)) => all()
            .find(|scene| scene.name == name)
            .map_or(ExitCode::FAILURE, |scene| measure_real(&scene)),
        (prefix, None) => compare(prefix.unwrap_or_default()),
        _ => ExitCode::FAILURE,
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a report is its purpose")]
fn compare(prefix: &str) -> ExitCode {
    println!("{:<18} {:>14} {:>14} {:>8}", "scene", "kernel/s", "kubewire/s", "ratio");
    let mut status = ExitCode::SUCCESS;
    for scene in all().filter(|scene| scene.name.starts_with(prefix)) {
        let name = &scene.name;
        match ask_real(&scene) {
            Ok(real) => {
                let simulated = measure_simulated(&scene);
                let tenths = simulated * 10 / real.max(1);
                let (whole, tenth) = (tenths / 10, tenths % 10);
                println!("{name:<18} {real:>14} {simulated:>14} {whole:>6}.{tenth}");
            }
            Err(why) => {
                eprintln!("{name}: the real kernel: {why}");
                status = ExitCode::FAILURE;
            }
        }
    }
    status
}

fn ask_real(scene: &Scene) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let output =
        Command::new(program).args(["--real", &scene.name]).output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the answer to the parent process")]
fn measure_real(scene: &Scene) -> ExitCode {
    match real::datagrams_per_second(scene, LASTING) {
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

fn measure_simulated(scene: &Scene) -> u64 {
    let mut flow = Flow::new(scene);
    let most = match scene.traffic {
        Traffic::OneFlow => u64::MAX,
        Traffic::FirstPackets => MOST_FLOWS,
    };
    let begun = Instant::now();
    let mut sent = 0_u64;
    while begun.elapsed() < LASTING && sent < most {
        for _ in 0..1000 {
            flow.send();
        }
        sent += 1000;
    }
    let elapsed = begun.elapsed();
    assert!(flow.arrived() > sent, "datagrams have to arrive");
    rate(sent, elapsed)
}
