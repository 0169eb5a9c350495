//! Files that users write, and what is wrong in them as the users see it.

use std::fs;
use std::path::Path;

use sim_kube::blueprint::Stopped;
use sim_kube::files::FileMistake;
use sim_kube::reading::Mistake;

use crate::error::{CliError, ErrorKind, FilePlace};

/// Reads a file that the user names.
pub(crate) fn read(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path).map_err(|error| CliError::file(path, &error))
}

/// Reads a file that another one names, or says why that cannot be.
pub(crate) fn read_named(path: &Path) -> Result<String, String> {
    read(path).map_err(|error| error.message)
}

/// Why what a file says could not be done.
pub(crate) fn stopped(path: &Path, stopped: Stopped) -> Vec<CliError> {
    match stopped {
        Stopped::Mistakes(found) => in_files(found),
        Stopped::Cluster(error) => {
            let message = format!("{}: {error}", path.display());
            vec![CliError::new(ErrorKind::Internal, message)]
        }
    }
}

/// Mistakes in several files.
pub(crate) fn in_files(found: Vec<FileMistake>) -> Vec<CliError> {
    found.into_iter().map(|found| placed(&found.path, &found.text, found.mistake)).collect()
}

/// Mistakes in a file.
pub(crate) fn placed_all(path: &Path, text: &str, found: Vec<Mistake>) -> Vec<CliError> {
    found.into_iter().map(|mistake| placed(path, text, mistake)).collect()
}

/// A mistake in a file.
pub(crate) fn placed(path: &Path, text: &str, mistake: Mistake) -> CliError {
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
