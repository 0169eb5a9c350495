//! Files that name each other, and what is wrong with them. Who has files reads them; here is what they say.

use std::path::{Path, PathBuf};

use crate::reading::{Mistake, Placed};

/// Reads a file, or says why it cannot be read.
pub type ReadFile<'a> = &'a mut dyn FnMut(&Path) -> Result<String, String>;

/// Something wrong in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileMistake {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
    /// What is wrong with it.
    pub mistake: Mistake,
}

/// A file that stands beside another one.
pub(crate) fn beside(path: &Path, name: &str) -> PathBuf {
    path.parent().unwrap_or_else(|| Path::new("")).join(name)
}

/// Reads a file that another one names.
pub(crate) fn read_named(
    read: ReadFile<'_>,
    by: &Path,
    text: &str,
    name: &Placed<String>,
) -> Result<(PathBuf, String), FileMistake> {
    let path = beside(by, &name.value);
    match read(&path) {
        Ok(text) => Ok((path, text)),
        Err(message) => {
            let mistake = Mistake { span: name.span.clone(), message, help: None };
            Err(FileMistake { path: by.to_owned(), text: text.to_owned(), mistake })
        }
    }
}

/// Mistakes of one file.
pub(crate) fn in_file(path: &Path, text: &str, found: Vec<Mistake>) -> Vec<FileMistake> {
    let in_file = |mistake| FileMistake { path: path.to_owned(), text: text.to_owned(), mistake };
    found.into_iter().map(in_file).collect()
}
