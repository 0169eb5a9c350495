//! Which files are run.

use std::path::{Path, PathBuf};

use sim_kube::scenario::Form;
use walkdir::WalkDir;

use crate::error::CliError;
use crate::mistakes;

/// Files that were found, in the order of the paths that were given, and of names below these.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What is run, with what it holds.
    pub(super) tests: Vec<(PathBuf, String)>,
    /// What is not, although a file was to be expected there.
    pub(super) skipped: Vec<PathBuf>,
}

/// Finds the files that are given or below the directories that are, if their paths contain one of `filter`.
pub(super) fn find(paths: &[PathBuf], filter: &[String]) -> Result<Found, CliError> {
    let mut found = Found::default();
    for path in paths {
        if path.is_dir() {
            below(path, filter, &mut found)?;
        } else if is_wanted(path, filter) {
            // Whoever names a file wants to know what is wrong with it.
            found.tests.push((path.clone(), mistakes::read(path)?));
        }
    }
    Ok(found)
}

fn below(dir: &Path, filter: &[String], found: &mut Found) -> Result<(), CliError> {
    for entry in WalkDir::new(dir).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(dir).to_owned();
            CliError::file(&path, &error.into())
        })?;
        let path = entry.path();
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        if !is_toml || entry.file_type().is_dir() || !is_wanted(path, filter) {
            continue;
        }
        let text = mistakes::read(path)?;
        match Form::of(&text) {
            Form::Scenario | Form::RuleTest => found.tests.push((path.to_owned(), text)),
            Form::Topology => {}
            Form::Unknown => found.skipped.push(path.to_owned()),
        }
    }
    Ok(())
}

fn is_wanted(path: &Path, filter: &[String]) -> bool {
    let name = path.to_string_lossy();
    filter.is_empty() || filter.iter().any(|text| name.contains(text))
}
