//! `kubewire topology`: looks at files of topologies.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use sim_kube::topology::Topology as Topo;

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

/// Says what is wrong with topologies; nothing, if nothing is
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
                let wrong = |file: &PathBuf| read(file).err().unwrap_or_default();
                let errors: Vec<CliError> = check.files.iter().flat_map(wrong).collect();
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

fn read(path: &Path) -> Result<Topo, Vec<CliError>> {
    let text = mistakes::read(path).map_err(|error| vec![error])?;
    Topo::read(&text).map_err(|found| mistakes::placed_all(path, &text, found))
}
