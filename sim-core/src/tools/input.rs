//! A program's reading of a file or of its standard input.

use crate::world::{FileId, FileState, OpenMode, Stdin, Sys};

/// Something to read from: a file of the user's, or standard input by the name `-`.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    name: String,
    open: Option<FileId>,
}

/// What could be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Piece {
    /// These bytes.
    Data(Vec<u8>),
    /// Nothing yet: the program waits.
    Pending,
    /// Nothing any more.
    End,
    /// It cannot be opened; what `strerror(3)` says.
    Failed(String),
}

impl Input {
    /// Reads from `name`.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), open: None }
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Reads what is there.
    pub(crate) fn read(&mut self, sys: &mut Sys<'_>) -> Piece {
        let piece = if self.name == "-" {
            sys.read_stdin()
        } else {
            let name = &self.name;
            let file = *self.open.get_or_insert_with(|| sys.open(name, OpenMode::Read));
            match sys.file_state(file) {
                FileState::Opening => return Piece::Pending,
                FileState::Open => sys.read_file(file),
                FileState::Failed(why) => return Piece::Failed(why),
            }
        };
        match piece {
            Stdin::Data(bytes) => Piece::Data(bytes),
            Stdin::Empty => Piece::Pending,
            Stdin::Eof => Piece::End,
        }
    }
}
