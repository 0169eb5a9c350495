//! The `kubewire` command as a program of this package, so that the tests of this package find it.

use std::process::ExitCode;

fn main() -> ExitCode {
    sim_cli::args::main(std::env::args_os())
}
