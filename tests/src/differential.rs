//! Runs cases on the real kernel, as many at a time as there are CPUs, and compares.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sim_cli::kernel::{KernelError, Options, Runner, cpus};
use sim_core::case::{Case, Difference, FormatError, Normal, Observed, compare, normalise};
use tempfile::TempDir;
use thiserror::Error;

use crate::generate::{CaseText, RULES};

/// The real kernel, with one place per CPU.
///
/// Each running case stays on a CPU of its own: sharing one would let the softirqs of two cases mix.
#[derive(Debug)]
pub struct RealKernel {
    runner: Runner,
    free: Mutex<Vec<usize>>,
}

/// A generated case that could not be run.
#[derive(Debug, Error)]
pub enum RunError {
    /// Its texts are not understood.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Its texts cannot be put where the runner reads them.
    #[error(transparent)]
    Folder(#[from] io::Error),
    /// The kernel could not run it.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

impl RealKernel {
    /// Uses the binary `program`, which is `kernel-case`.
    ///
    /// # Errors
    /// Why cases cannot be run on this machine.
    pub fn new(program: &Path) -> Result<Self, KernelError> {
        let runner = Runner::new(program, &[]);
        runner.check()?;
        Ok(Self { runner, free: Mutex::new(cpus()?) })
    }

    /// How many cases can run at a time.
    #[must_use]
    pub fn places(&self) -> usize {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Runs the case in the folder `dir` and makes the observation comparable.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn observe(&self, dir: &Path, case: &Case) -> Result<Normal, KernelError> {
        Ok(normalise(&self.look(dir, false)?, case))
    }

    /// Runs the case in the folder `dir`; answers all that was seen, with the packets that died if `drops` are
    /// wanted.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn look(&self, dir: &Path, drops: bool) -> Result<Observed, KernelError> {
        let cpu = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let observed = self.runner.observe(dir, Options { cpu, drops });
        self.free.lock().unwrap_or_else(PoisonError::into_inner).extend(cpu);
        observed
    }

    /// Runs a case that is in no folder yet.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn observe_text(&self, text: &CaseText) -> Result<Normal, RunError> {
        let case = text.parse()?;
        let folder = TempDir::new()?;
        let dir = folder.path().join(&text.name);
        write(text, &dir)?;
        Ok(self.observe(&dir, &case)?)
    }
}

/// Writes the texts of a case into the folder `dir`, which is made.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn write(text: &CaseText, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join("setup.sh"), text.setup.join("\n") + "\n")?;
    fs::write(dir.join("packets.txt"), text.packets.join("\n") + "\n")?;
    if text.rules.is_empty() {
        return Ok(());
    }
    fs::write(dir.join(RULES), text.rules.join("\n") + "\n")
}

/// Puts differences into one text.
#[must_use]
pub fn in_words(differences: &[Difference]) -> String {
    differences.iter().map(|one| format!("{one}\n")).collect()
}

/// Compares and puts the differences into words; nothing if there are none.
///
/// # Errors
/// The differences in words.
pub fn expect_equal(
    case: &Case,
    left: (&str, &Normal),
    right: (&str, &Normal),
) -> Result<(), String> {
    let differences = compare(case, left, right);
    if differences.is_empty() { Ok(()) } else { Err(in_words(&differences)) }
}

/// What behaviour depends on: the kernel's version without its patch level, and the tools' version.
/// `Linux 6.18.44, iproute2-6.1.0` is of the series `Linux 6.18, iproute2-6.1.0`.
#[must_use]
pub fn series(system: &str) -> String {
    let (kernel, tools) = system.split_once(',').unwrap_or((system, ""));
    let kernel: Vec<&str> = kernel.splitn(3, '.').take(2).collect();
    format!("{},{tools}", kernel.join("."))
}
