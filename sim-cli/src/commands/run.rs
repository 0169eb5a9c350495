//! `kubewire run`: runs a scenario and shows what its packets met.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use sim_kube::cluster::Cluster;
use sim_kube::manifest;
use sim_kube::proxy::config::Config;
use sim_kube::reading::{Mistake, Placed};
use sim_kube::scenario::{self, Report, RunError, Scenario, print};
use sim_kube::topology::Topology;

use crate::commands::written;
use crate::error::{CliError, ErrorKind, FilePlace};

/// Runs a scenario and prints what its packets met, there and back
#[derive(Debug, Args)]
pub struct Run {
    /// The scenario
    file: PathBuf,
    /// Print only what is not as expected
    #[arg(long)]
    quiet: bool,
}

/// A scenario that was run.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) report: Report,
    /// What the scenario's file holds.
    text: String,
}

impl Run {
    /// Runs the scenario; whether all was as expected.
    ///
    /// # Errors
    /// All that is wrong with the files, or what failed.
    pub fn run(&self, mut out: impl Write) -> Result<bool, Vec<CliError>> {
        let ran = run(&self.file)?;
        written(ran.print(self.quiet, &mut out)).map_err(|error| vec![error])?;
        Ok(ran.report.is_good())
    }
}

impl Ran {
    /// Writes what is printed of it.
    fn print(&self, quiet: bool, out: &mut impl Write) -> io::Result<()> {
        for (i, step) in self.report.steps.iter().enumerate() {
            if quiet && step.failures.is_empty() {
                continue;
            }
            writeln!(out, "step {}: {}", i + 1, step.title)?;
            if !quiet {
                out.write_all(print::walks(i + 1, &step.done.walks).as_bytes())?;
            }
            for line in step.done.output.lines() {
                writeln!(out, "  | {line}")?;
            }
            writeln!(out, "  result: {}", step.done.result)?;
            for failure in &step.failures {
                let line = self.text[..failure.span.start].matches('\n').count() + 1;
                writeln!(out, "  NOT AS EXPECTED (line {line}): {}", failure.message)?;
            }
        }
        writeln!(out, "{}", if self.report.is_good() { "passed" } else { "failed" })?;
        out.flush()
    }
}

/// Reads a scenario with all its files, and runs it.
pub(super) fn run(path: &Path) -> Result<Ran, Vec<CliError>> {
    let text = read(path)?;
    let scenario = Scenario::read(&text).map_err(|found| placed_all(path, &text, found))?;
    let topology_path = beside(path, &scenario.topology.value);
    let topology_text = read_named(&topology_path, path, &text, &scenario.topology)?;
    let topology = Topology::read(&topology_text)
        .map_err(|found| placed_all(&topology_path, &topology_text, found))?;
    let mut config = Config::default();
    let mut manifests = Vec::new();
    if let Some(spec) = &topology.cluster {
        if let Some(file) = &spec.kube_proxy_config {
            let config_path = beside(&topology_path, &file.value);
            let yaml = read_named(&config_path, &topology_path, &topology_text, file)?;
            config = Config::read(&yaml).map_err(|error| {
                let message = format!("{}: {error}", config_path.display());
                vec![CliError::new(ErrorKind::User, message)]
            })?;
        }
        for file in &spec.manifests {
            let manifest = beside(&topology_path, &file.value);
            let yaml = read_named(&manifest, &topology_path, &topology_text, file)?;
            manifests.push((manifest, yaml));
        }
    }
    for file in &scenario.manifests {
        let manifest = beside(path, &file.value);
        let yaml = read_named(&manifest, path, &text, file)?;
        manifests.push((manifest, yaml));
    }
    let internal = |error: &dyn std::error::Error| {
        vec![CliError::new(ErrorKind::Internal, format!("{}: {error}", path.display()))]
    };
    let mut cluster = Cluster::start(&topology, config).map_err(|error| internal(&error))?;
    for (path, yaml) in &manifests {
        apply(&mut cluster, path, yaml)?;
    }
    let report = scenario::run(&scenario, &topology, &mut cluster)
        .map_err(|error| vec![not_run(path, &text, &error)])?;
    Ok(Ran { report, text })
}

fn apply(cluster: &mut Cluster, path: &Path, yaml: &str) -> Result<(), Vec<CliError>> {
    let wrong = |message: String| {
        vec![CliError::new(ErrorKind::User, format!("{}: {message}", path.display()))]
    };
    let manifest = manifest::Reading::default().read(yaml).map_err(|e| wrong(e.to_string()))?;
    match cluster.apply(&manifest.objects) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(refusals)) => Err(wrong(refusals.to_string())),
        Err(error) => Err(vec![CliError::new(ErrorKind::Internal, error.to_string())]),
    }
}

/// A file that stands beside another one.
fn beside(path: &Path, name: &str) -> PathBuf {
    path.parent().unwrap_or_else(|| Path::new("")).join(name)
}

fn read(path: &Path) -> Result<String, Vec<CliError>> {
    fs::read_to_string(path).map_err(|error| vec![CliError::file(path, &error)])
}

/// Reads a file that another one names.
fn read_named(
    path: &Path,
    by: &Path,
    text: &str,
    named: &Placed<String>,
) -> Result<String, Vec<CliError>> {
    fs::read_to_string(path).map_err(|error| {
        let message = CliError::file(path, &error).message;
        let mistake = Mistake { span: named.span.clone(), message, help: None };
        vec![placed(by, text, mistake)]
    })
}

/// A step that cannot be done.
fn not_run(path: &Path, text: &str, error: &RunError) -> CliError {
    match error {
        RunError::Nobody { name, .. } => {
            let mistake =
                Mistake { span: name.span.clone(), message: error.to_string(), help: None };
            placed(path, text, mistake)
        }
        RunError::Command(..) => CliError::new(ErrorKind::User, error.to_string()),
    }
}

/// Mistakes in a file as the user sees them.
pub(super) fn placed_all(path: &Path, text: &str, found: Vec<Mistake>) -> Vec<CliError> {
    found.into_iter().map(|mistake| placed(path, text, mistake)).collect()
}

/// A mistake in a file as the user sees it.
fn placed(path: &Path, text: &str, mistake: Mistake) -> CliError {
    let error = CliError::new(ErrorKind::User, &mistake.message).at(FilePlace {
        path: path.display().to_string(),
        line: 1,
        text: text.to_owned(),
        span: mistake.span,
        label: String::new(),
    });
    match mistake.help {
        None => error,
        Some(help) => error.hint(help),
    }
}
