//! `kubewire lab`: a shell whose commands act on a simulated world.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::error::CliError;
use crate::lab;

/// Runs your own shell, or a command, with ip, ping, tcpdump and others acting on a simulated world
///
/// The world begins with one namespace that holds a loopback device. It needs no rights, changes nothing
/// on this machine, and is gone when the shell ends. Time in it is virtual: `sleep 5` and `ping -c 3`
/// take no time, and a command that waits for nothing but you follows the clock.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubewire lab                      your own shell
  kubewire lab -- sh lesson.sh      a script
  kubewire lab --pcap captures/ -- sh lesson.sh
                                    captures/DEV.pcapng, captures/NETNS/DEV.pcapng

The exit status is that of the shell or the command.")]
pub struct Lab {
    /// The seed of the world's randomness; the same seed gives the same bytes
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Write one capture per namespace and device below this folder
    #[arg(long, value_name = "DIR")]
    pcap: Option<PathBuf>,
    /// Write what every packet met to this file, as JSON lines (see `kubewire trace show`)
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write every change of the configuration that succeeds to this file, as a shell script that builds
    /// the same on a real machine
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// The command to run instead of your shell
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Lab {
    /// Runs the lab; returns the exit status of its command.
    ///
    /// # Errors
    /// See [`lab::run`].
    pub fn run(self) -> Result<u8, CliError> {
        lab::run(&lab::Options {
            seed: self.seed,
            pcap: self.pcap,
            trace: self.trace,
            script: self.script,
            command: self.command,
        })
    }
}
