//! Runs cases on the real kernel, as many at a time as there are CPUs.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sim_cli::kernel::{KernelError, Runner, cpus};
use sim_core::case::{Case, Difference, Normal, compare, normalise};

/// The real kernel, with one place per CPU.
///
/// Each running case stays on a CPU of its own: sharing one would let the softirqs of two cases mix.
#[derive(Debug)]
pub struct RealKernel {
    runner: Runner,
    free: Mutex<Vec<usize>>,
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

    /// Runs the case in the folder `dir` and makes the observation comparable.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn observe(&self, dir: &Path, case: &Case) -> Result<Normal, KernelError> {
        let cpu = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let observed = self.runner.observe(dir, cpu);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).extend(cpu);
        Ok(normalise(&observed?, case))
    }
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
