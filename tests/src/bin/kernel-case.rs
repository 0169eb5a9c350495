//! The process in which one case runs on the real kernel.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    sim_cli::kernel::child_main(&args)
}
