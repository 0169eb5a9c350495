//! The command line of `kubewire`: one table of commands.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::diff::Diff;
use crate::commands::kube_proxy::KubeProxy;
#[cfg(target_os = "linux")]
use crate::commands::lab::Lab;
use crate::commands::observe::Observe;
use crate::commands::run::Run;
use crate::commands::test::Test;
use crate::commands::topology::Topology;
use crate::commands::trace::Trace;
use crate::error::{CliError, ErrorKind};

/// A Linux host and a Kubernetes cluster network in one process
#[derive(Debug, Parser)]
#[command(name = "kubewire", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Diff(Diff),
    KubeProxy(KubeProxy),
    #[cfg(target_os = "linux")]
    Lab(Lab),
    Observe(Observe),
    Run(Run),
    Test(Test),
    Topology(Topology),
    Trace(Trace),
    /// Runs one case on the real kernel, in this process
    #[cfg(target_os = "linux")]
    #[command(name = "kernel-case", hide = true)]
    KernelCase {
        #[arg(num_args = 0.., allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// Runs the program with its words, the first of which is its own name. Under the name of a tool of the
/// lab it is that tool.
#[must_use]
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    #[cfg(target_os = "linux")]
    if let Some(status) = shim(&words) {
        return ExitCode::from(status);
    }
    match Cli::parse_from(words).command {
        #[cfg(target_os = "linux")]
        Command::Lab(lab) => match lab.run() {
            Ok(status) => ExitCode::from(status),
            Err(errors) => report_all(&errors),
        },
        Command::Diff(diff) => match diff.run() {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(ErrorKind::Differs.exit_status()),
            Err(error) => report(&error.into()),
        },
        Command::KubeProxy(proxy) => match proxy.run(io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(errors) => report_all(&errors),
        },
        Command::Observe(observe) => match observe.run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report(&error.into()),
        },
        Command::Run(run) => match run.run(io::stdout().lock()) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(ErrorKind::Differs.exit_status()),
            Err(errors) => report_all(&errors),
        },
        Command::Test(test) => match test.run(io::stdout().lock(), io::stdout().is_terminal()) {
            Ok(status) => ExitCode::from(status),
            Err(error) => report(&error),
        },
        Command::Topology(topology) => match topology.run(io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(errors) => report_all(&errors),
        },
        Command::Trace(trace) => match trace.run(io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report(&error),
        },
        #[cfg(target_os = "linux")]
        Command::KernelCase { args } => crate::kernel::child_main(&args),
    }
}

#[cfg(target_os = "linux")]
fn shim(words: &[OsString]) -> Option<u8> {
    let (program, args) = words.split_first()?;
    crate::lab::shim::run(Path::new(program).file_name()?.to_str()?, args)
}

fn report_all(errors: &[CliError]) -> ExitCode {
    errors.iter().map(report).fold(ExitCode::FAILURE, |_, status| status)
}

fn report(error: &CliError) -> ExitCode {
    complain(&error.render(io::stderr().is_terminal()));
    error.exit_code()
}

fn complain(text: &str) {
    // There is nobody left to tell when standard error is gone.
    let _unheard = io::stderr().write_all(text.as_bytes());
}
