//! `kubewire observe`: runs cases and writes down what was seen.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use sim_core::case::golden::{self, GoldenError};
use sim_core::case::{Observed, normalise};
use thiserror::Error;

use crate::case_file::{self, CaseFileError};
#[cfg(target_os = "linux")]
use crate::kernel::{KernelError, Runner};

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
    #[arg(long)]
    kernel: bool,
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
    /// There is nothing here to run it.
    #[error("{0}")]
    NoRunner(&'static str),
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
        let observed = if self.kernel { on_kernel(dir)? } else { simulated(dir)? };
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

fn simulated(_dir: &Path) -> Result<Observed, ObserveError> {
    Err(ObserveError::NoRunner("cases run on the real kernel only: give --kernel"))
}

#[cfg(target_os = "linux")]
fn on_kernel(dir: &Path) -> Result<Observed, ObserveError> {
    let failed = |error| ObserveError::Kernel { case: dir.to_owned(), error };
    let program = std::env::current_exe().map_err(|error| failed(KernelError::Child(error)))?;
    Runner::new(program, &["kernel-case"]).observe(dir, None).map_err(failed)
}

#[cfg(not(target_os = "linux"))]
fn on_kernel(_dir: &Path) -> Result<Observed, ObserveError> {
    Err(ObserveError::NoRunner("this is not Linux: there is no kernel to ask"))
}
