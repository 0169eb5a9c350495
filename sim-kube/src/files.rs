//! Files that name each other, and what is wrong with them. Who has files reads them; here is what they say.

use std::path::{Path, PathBuf};

use crate::reading::{self, Fields, Mistake, Mistakes, Placed};

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

/// Reads a file that the one at `by` names.
///
/// # Errors
/// The mistake is that of the name.
pub(crate) fn read_named(
    read: ReadFile<'_>,
    by: &Path,
    name: &Placed<String>,
) -> Result<(PathBuf, String), Mistake> {
    let path = beside(by, &name.value);
    let text = read(&path);
    let wrong = |message| Mistake { span: name.span.clone(), message, help: None };
    text.map_err(wrong).map(|text| (path, text))
}

/// Mistakes of one file.
pub(crate) fn in_file(path: &Path, text: &str, found: Vec<Mistake>) -> Vec<FileMistake> {
    let in_file = |mistake| FileMistake { path: path.to_owned(), text: text.to_owned(), mistake };
    found.into_iter().map(in_file).collect()
}

/// The files that a text names, which are read while the text itself is.
pub(crate) struct NamedFiles<'a> {
    /// The file that names them.
    by: &'a Path,
    /// Without this they are left alone.
    read: Option<ReadFile<'a>>,
    /// What is wrong in them.
    mistakes: Vec<FileMistake>,
}

impl<'a> NamedFiles<'a> {
    /// The files that the one at `by` names.
    pub(crate) const fn new(by: &'a Path, read: ReadFile<'a>) -> Self {
        Self { by, read: Some(read), mistakes: Vec::new() }
    }

    /// The same, but nothing is read, and nothing said about it: for a text in which names may not be those that were meant.
    pub(crate) const fn left_alone(by: &'a Path) -> Self {
        Self { by, read: None, mistakes: Vec::new() }
    }

    /// All that is wrong in those that were read.
    pub(crate) fn into_mistakes(self) -> Vec<FileMistake> {
        self.mistakes
    }

    /// Reads an object of JSON, whose fields are given to `read`. That there is no such file is a mistake of the text that
    /// names it.
    pub(crate) fn json<T>(
        &mut self,
        name: &Placed<String>,
        what: &'static str,
        mistakes: &mut Mistakes,
        read: impl FnOnce(&mut Fields<'_, '_>, &mut Mistakes) -> T,
    ) -> Option<T> {
        let (path, text) = match read_named(self.read.as_mut()?, self.by, name) {
            Ok(file) => file,
            Err(mistake) => {
                let help = "what has no `{` is the name of a file, and no object of JSON";
                mistakes.push(Mistake { help: Some(help.to_owned()), ..mistake });
                return None;
            }
        };
        let read = reading::read_json(&text, what, read);
        read.map_err(|found| self.mistakes.extend(in_file(&path, &text, found))).ok()
    }
}

/// Reads no file at all.
///
/// # Errors
/// Always.
pub(crate) fn no_files(path: &Path) -> Result<String, String> {
    Err(format!("{}: files are not read here", path.display()))
}
