//! `kubewire lab`: a shell whose commands act on a simulated world.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::blueprint;
use crate::error::{CliError, ErrorKind};
use crate::lab::{self, Beginning};
use crate::recording::Outputs;

/// Runs your own shell, or a command, with ip, ping, tcpdump and others acting on a simulated world
///
/// The world begins with one namespace that holds a loopback device, and with the machines of a topology if one is
/// given. It needs no rights, changes nothing on this machine, and is gone when the shell ends. Time in it is virtual:
/// `sleep 5` and `ping -c 3` take no time, and a command that waits for nothing but you follows the clock.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubewire lab                      your own shell
  kubewire lab -- sh lesson.sh      a script
  kubewire lab --pcap captures/ -- sh lesson.sh
                                    captures/DEV.pcapng, captures/NETNS/DEV.pcapng
  kubewire lab --topology topologies/two-nodes.toml --apply web.yaml
                                    a cluster; `ip netns` lists its machines and pods

The exit status is that of the shell or the command.")]
pub struct Lab {
    /// Begin with the machines of this topology, and with its cluster
    #[arg(long, value_name = "FILE")]
    topology: Option<PathBuf>,
    /// Apply the objects of these files, too, before the command begins
    #[arg(long, value_name = "MANIFEST", requires = "topology")]
    apply: Vec<PathBuf>,
    /// The seed of the world's randomness; the same seed gives the same bytes. Without it, that of the topology, or 0
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    outputs: Outputs,
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
    /// All that is wrong with the files, or see [`lab::run`].
    pub fn run(self) -> Result<u8, Vec<CliError>> {
        lab::run(&lab::Options {
            beginning: self.beginning()?,
            outputs: self.outputs,
            script: self.script,
            command: self.command,
        })
    }

    fn beginning(&self) -> Result<Beginning, Vec<CliError>> {
        let Some(path) = &self.topology else {
            return Ok(Beginning::Bare(self.seed.unwrap_or_default()));
        };
        let mut blueprint = blueprint::load(path, &self.apply)?;
        blueprint.topology.seed = self.seed.unwrap_or(blueprint.topology.seed);
        if blueprint.topology.cluster.is_none() && !self.apply.is_empty() {
            let message = format!("{}: there is no cluster that takes manifests", path.display());
            let hint = "a topology with a `[[node]]` and a `[cluster]` has one";
            return Err(vec![CliError::new(ErrorKind::User, message).hint(hint)]);
        }
        Ok(Beginning::Topology { path: path.clone(), blueprint: Box::new(blueprint) })
    }
}
