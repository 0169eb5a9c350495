//! The cases kept under `tests/cases/`, one folder each: `about.txt` (one sentence that could be false),
//! `setup.sh`, `packets.txt`, and `golden.txt` with what the real kernel did.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sim_core::case::golden::{self, GoldenError};
use sim_core::case::{Action, Case, Normal, Observed};
use thiserror::Error;

/// The name of the kept answer of the kernel in a case's folder.
pub const GOLDEN: &str = "golden.txt";

/// The name of the list of packets that died, in a case's folder.
pub const DROPS: &str = "drops.txt";

/// A kept case.
#[derive(Debug, Clone)]
pub struct KeptCase {
    /// Its folder.
    pub dir: PathBuf,
    /// What it says.
    pub case: Case,
}

/// A kept case that cannot be used.
#[derive(Debug, Error)]
pub enum KeptCaseError {
    /// Its texts cannot be read.
    #[error(transparent)]
    Case(#[from] sim_cli::case_file::CaseFileError),
    /// Its golden answer cannot be read.
    #[error("{}: {error}", path.display())]
    Golden {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: GoldenError,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// The folder of all kept cases.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// Names the folders of all kept cases, in order of their names.
///
/// # Errors
/// When the folder cannot be listed.
pub fn folders() -> Result<Vec<PathBuf>, KeptCaseError> {
    let root = root();
    let failed = |error| KeptCaseError::File { path: root.clone(), error };
    let mut folders = Vec::new();
    for entry in fs::read_dir(&root).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.join("packets.txt").is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// The packets that died within the system call that sent them, one a line: the step and the reason. What was
/// for another station is left out.
#[must_use]
pub fn died_at_once(case: &Case, observed: &Observed) -> String {
    // A kernel's tracer is only asked during system calls, and tells no virtual time.
    let is_simulated = observed.kernel.starts_with("kubewire");
    let died = observed.drops.iter().filter(|drop| {
        let Some(step) = case.step_at(drop.step) else { return false };
        let sends = matches!(step.action, Action::Tx(_) | Action::Raw(_) | Action::Udp { .. });
        let at_once = !is_simulated || u64::try_from(drop.t_us) == Ok(step.at_us);
        sends && at_once && drop.reason != "OTHERHOST"
    });
    died.map(|drop| format!("{} {}\n", drop.step, drop.reason)).collect()
}

impl KeptCase {
    /// Reads the case in a folder.
    ///
    /// # Errors
    /// When it is no case.
    pub fn read(dir: &Path) -> Result<Self, KeptCaseError> {
        Ok(Self { dir: dir.to_owned(), case: sim_cli::case_file::read(dir)? })
    }

    /// Reads what the kernel did.
    ///
    /// # Errors
    /// When it is not there, or not understood.
    pub fn golden(&self) -> Result<Normal, KeptCaseError> {
        let path = self.dir.join(GOLDEN);
        let text = fs::read_to_string(&path)
            .map_err(|error| KeptCaseError::File { path: path.clone(), error })?;
        golden::read(&text).map_err(|error| KeptCaseError::Golden { path, error })
    }

    /// Keeps what the kernel did.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn bless(&self, normal: &Normal) -> Result<(), KeptCaseError> {
        let path = self.dir.join(GOLDEN);
        let text = golden::write(normal)
            .map_err(|error| KeptCaseError::Golden { path: path.clone(), error })?;
        fs::write(&path, text).map_err(|error| KeptCaseError::File { path, error })
    }

    /// Reads where packets died; a case without the list lost nothing.
    #[must_use]
    pub fn drops(&self) -> String {
        fs::read_to_string(self.dir.join(DROPS)).unwrap_or_default()
    }

    /// Keeps where packets died.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn bless_drops(&self, drops: &str) -> Result<(), KeptCaseError> {
        let path = self.dir.join(DROPS);
        let done = match (drops, path.exists()) {
            ("", false) => Ok(()),
            ("", true) => fs::remove_file(&path),
            _ => fs::write(&path, drops),
        };
        done.map_err(|error| KeptCaseError::File { path, error })
    }
}
