//! `kubewire topology`: looks at files of topologies.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use sim_kube::topology::Topology as Topo;

use crate::blueprint;
use crate::commands::written;
use crate::error::CliError;
use crate::mistakes;

/// Checks and draws topologies
#[derive(Debug, Args)]
pub struct Topology {
    #[command(subcommand)]
    command: TopologyCommand,
}

#[derive(Debug, Subcommand)]
enum TopologyCommand {
    Check(Check),
    Draw(Draw),
}

/// Says what is wrong with topologies, and with the files that they name; nothing, if nothing is
#[derive(Debug, Args)]
struct Check {
    /// Files
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Draws a topology
#[derive(Debug, Args)]
struct Draw {
    /// The file
    file: PathBuf,
    /// The language of the drawing
    #[arg(long, value_enum, default_value_t = Format::Dot)]
    format: Format,
}

/// A language for drawings.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
}

impl Topology {
    /// Does what is asked for, and writes to `out`.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn run(&self, out: impl Write) -> Result<(), Vec<CliError>> {
        match &self.command {
            TopologyCommand::Check(check) => {
                let mut errors: Vec<CliError> = Vec::new();
                for file in &check.files {
                    let wrong = blueprint::check(file).err().unwrap_or_default();
                    // Topologies may have files in common.
                    let new = wrong.into_iter().filter(|error| !errors.contains(error));
                    errors.extend(new.collect::<Vec<_>>());
                }
                if errors.is_empty() { Ok(()) } else { Err(errors) }
            }
            TopologyCommand::Draw(draw) => draw.run(out),
        }
    }
}

impl Draw {
    fn run(&self, mut out: impl Write) -> Result<(), Vec<CliError>> {
        let topology = read(&self.file)?;
        let text = match self.format {
            Format::Dot => topology.dot(),
            Format::Mermaid => topology.mermaid(),
        };
        written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
            .map_err(|error| vec![error])
    }
}

/// Reads a topology without the files that nothing is drawn of.
fn read(path: &Path) -> Result<Topo, Vec<CliError>> {
    let text = mistakes::read(path).map_err(|error| vec![error])?;
    Topo::load(path, &text, &mut mistakes::read_named).map_err(mistakes::in_files)
}
