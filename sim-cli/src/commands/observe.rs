//! `kubewire observe`: runs cases and writes down what was seen.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use sim_core::case::golden::{self, GoldenError};
use sim_core::case::run::{RunError, run};
use sim_core::case::{Observed, normalise};
use thiserror::Error;

use crate::case_file::{self, CaseFileError};
use crate::error::{CliError, ErrorKind};
#[cfg(target_os = "linux")]
use crate::kernel::{KernelError, Options, Runner};

/// The name of each observation in its folder.
const OBSERVED: &str = "observed.json";
/// The name of each normalised observation in its folder.
const NORMAL: &str = "normal.txt";

/// Runs cases and writes what was seen to `DIR/<case>/observed.json`, and in comparable form to
/// `normal.txt` beside it
#[derive(Debug, Args)]
pub struct Observe {
    /// Folders with `setup.sh` and `packets.txt`
    #[arg(required = true)]
    cases: Vec<PathBuf>,
    /// Where the observations go
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Run on the real kernel of this machine
    #[arg(long, conflicts_with = "seed")]
    kernel: bool,
    /// The seed of the simulated world
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// An observation that could not be made or kept.
#[derive(Debug, Error)]
pub enum ObserveError {
    /// The case cannot be read.
    #[error(transparent)]
    Case(#[from] CaseFileError),
    /// The kernel could not run it.
    #[cfg(target_os = "linux")]
    #[error("{}: {error}", case.display())]
    Kernel {
        /// The folder of the case.
        case: PathBuf,
        /// Why not.
        error: KernelError,
    },
    /// The simulator could not run it.
    #[error(transparent)]
    Run(#[from] RunError),
    /// There is no kernel here to run it.
    #[cfg(not(target_os = "linux"))]
    #[error("this is not Linux: there is no kernel to ask")]
    NoKernel,
    /// The observation cannot be written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The observation cannot be put into words.
    #[error(transparent)]
    Golden(#[from] GoldenError),
    /// The observation is no JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl From<ObserveError> for CliError {
    fn from(error: ObserveError) -> Self {
        let kind = match &error {
            ObserveError::Case(_) | ObserveError::Run(_) => ErrorKind::User,
            ObserveError::File { .. } => ErrorKind::Machine,
            ObserveError::Golden(_) | ObserveError::Json(_) => ErrorKind::Internal,
            #[cfg(target_os = "linux")]
            ObserveError::Kernel { .. } => ErrorKind::Machine,
            #[cfg(not(target_os = "linux"))]
            ObserveError::NoKernel => ErrorKind::Machine,
        };
        Self::new(kind, error.to_string())
    }
}

impl Observe {
    /// Runs the cases one after the other.
    ///
    /// # Errors
    /// The first case that cannot be run or written.
    pub fn run(&self) -> Result<(), ObserveError> {
        self.cases.iter().try_for_each(|dir| self.one(dir))
    }

    fn one(&self, dir: &Path) -> Result<(), ObserveError> {
        let case = case_file::read(dir)?;
        let observed = if self.kernel { on_kernel(dir)? } else { run(&case, self.seed)? };
        let normal = golden::write(&normalise(&observed, &case))?;
        let folder = self.out.join(&case.name);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let path = folder.join(OBSERVED);
        fs::write(&path, serde_json::to_string_pretty(&observed)?).map_err(at(&path))?;
        let path = folder.join(NORMAL);
        fs::write(&path, normal).map_err(at(&path))
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ObserveError {
    let path = path.to_owned();
    move |error| ObserveError::File { path, error }
}

#[cfg(target_os = "linux")]
pub(super) fn on_kernel(dir: &Path) -> Result<Observed, ObserveError> {
    let failed = |error| ObserveError::Kernel { case: dir.to_owned(), error };
    // Only root may trace.
    let options = Options { cpu: None, drops: nix::unistd::geteuid().is_root() };
    let program = std::env::current_exe().map_err(|error| failed(KernelError::Child(error)))?;
    Runner::new(program, &["kernel-case"]).observe(dir, options).map_err(failed)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn on_kernel(_dir: &Path) -> Result<Observed, ObserveError> {
    Err(ObserveError::NoKernel)
}
