//! The user's files that a program in the world reads and writes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Write as _};

use sim_core::world::{FileAnswer, FileId, OpenMode};

use crate::error::reason;
use crate::lab::protocol::PIECE;

/// The open files of a shim.
#[derive(Debug, Default)]
pub(super) struct Files {
    open: BTreeMap<FileId, File>,
}

impl Files {
    pub(super) fn open(&mut self, file: FileId, mode: OpenMode, path: &str) -> FileAnswer {
        let opened = match mode {
            OpenMode::Read => File::open(path),
            OpenMode::Create => File::create(path),
        };
        match opened {
            Ok(opened) => {
                self.open.insert(file, opened);
                FileAnswer::Opened
            }
            Err(error) => FileAnswer::Failed(reason(&error)),
        }
    }

    /// Reads the next piece; nothing at the end of the file.
    pub(super) fn read(&self, file: FileId) -> FileAnswer {
        let mut bytes = vec![0; PIECE];
        let result = loop {
            match self.file(file).and_then(|mut file| file.read(&mut bytes)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match result {
            Ok(count) => {
                bytes.truncate(count);
                FileAnswer::Data(bytes)
            }
            Err(error) => FileAnswer::Failed(reason(&error)),
        }
    }

    /// Writes; says only what went wrong.
    pub(super) fn write(&self, file: FileId, bytes: &[u8]) -> Option<FileAnswer> {
        let written = self.file(file).and_then(|mut file| file.write_all(bytes));
        written.err().map(|error| FileAnswer::Failed(reason(&error)))
    }

    fn file(&self, file: FileId) -> Result<&File, Error> {
        self.open.get(&file).ok_or_else(|| Error::from(ErrorKind::NotFound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_in_pieces_and_failures_are_those_of_the_machine() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let path = path.to_str().unwrap();
        let mut files = Files::default();
        let (out, input) = (FileId(0), FileId(1));
        assert_eq!(files.open(out, OpenMode::Create, path), FileAnswer::Opened);
        assert_eq!(files.write(out, &vec![7; PIECE + 1]), None);
        assert_eq!(files.open(input, OpenMode::Read, path), FileAnswer::Opened);
        assert_eq!(files.read(input), FileAnswer::Data(vec![7; PIECE]));
        assert_eq!(files.read(input), FileAnswer::Data(vec![7]));
        assert_eq!(files.read(input), FileAnswer::Data(Vec::new()));
        let missing = FileAnswer::Failed("No such file or directory".into());
        assert_eq!(files.open(FileId(2), OpenMode::Read, "/no/such/file"), missing);
        let folder = files.open(FileId(3), OpenMode::Read, "/");
        assert_eq!(folder, FileAnswer::Opened);
        assert_eq!(files.read(FileId(3)), FileAnswer::Failed("Is a directory".into()));
    }
}
