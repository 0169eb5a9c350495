//! The `kubewire` command.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sim_cli::commands::observe::Observe;

/// A Linux host and a Kubernetes cluster network in one process
#[derive(Debug, Parser)]
#[command(name = "kubewire", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Observe(Observe),
    /// Runs one case on the real kernel, in this process
    #[command(name = "kernel-case", hide = true)]
    KernelCase {
        #[arg(num_args = 0.., allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Observe(observe) => report(observe.run()),
        Command::KernelCase { args } => kernel_case(&args),
    }
}

#[cfg(target_os = "linux")]
fn kernel_case(args: &[OsString]) -> ExitCode {
    sim_cli::kernel::child_main(args)
}

#[cfg(not(target_os = "linux"))]
fn kernel_case(_args: &[OsString]) -> ExitCode {
    ExitCode::FAILURE
}

fn report(result: Result<(), impl std::fmt::Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell when standard error is gone.
            let _unheard = writeln!(io::stderr(), "kubewire: {error}");
            ExitCode::FAILURE
        }
    }
}
