//! The `kubewire` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    sim_cli::args::main(std::env::args_os())
}
