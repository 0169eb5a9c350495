//! Reads a case from its folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sim_core::case::{Case, FormatError};
use thiserror::Error;

/// A case that cannot be read.
#[derive(Debug, Error)]
pub enum CaseFileError {
    /// One of its files cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A line is not understood.
    #[error("{}/{error}", dir.display())]
    Format {
        /// The folder.
        dir: PathBuf,
        /// The line and what is wrong with it.
        error: FormatError,
    },
}

/// Reads the case in the folder `dir`, which names it.
///
/// # Errors
/// When a file is missing or a line is not understood.
pub fn read(dir: &Path) -> Result<Case, CaseFileError> {
    let file = |name: &str| {
        let path = dir.join(name);
        fs::read_to_string(&path).map_err(|error| CaseFileError::File { path, error })
    };
    let name = dir.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut case = Case::parse(&name, &file("setup.sh")?, &file("packets.txt")?)
        .map_err(|error| CaseFileError::Format { dir: dir.to_owned(), error })?;
    case.files = files(dir, &case)?;
    Ok(case)
}

/// Reads the files beside the two texts that commands name.
fn files(dir: &Path, case: &Case) -> Result<BTreeMap<String, String>, CaseFileError> {
    let words = case.commands().flat_map(|command| command.argv.iter().chain(&command.stdin));
    let mut files = BTreeMap::new();
    for name in words.filter(|word| !word.contains('/') && !word.starts_with('.')) {
        let path = dir.join(name);
        if path.is_file() {
            let text =
                fs::read_to_string(&path).map_err(|error| CaseFileError::File { path, error })?;
            files.insert(name.clone(), text);
        }
    }
    Ok(files)
}
