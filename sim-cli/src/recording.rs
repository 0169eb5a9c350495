//! Writes what happens in the world to files while it happens.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use sim_core::trace::Keep;
use sim_core::trace::record::{Record, What};
use sim_core::trace::sink::json;
use sim_core::trace::sink::pcapng::Capture;
use sim_core::world::journal::{self, Entry};

use crate::error::CliError;

/// How many captured bytes are held back at most before they are written.
const HELD_BACK: usize = 1 << 16;

/// Where packets and what they met are written to.
#[derive(Args, Clone, Debug, Default)]
pub struct Outputs {
    /// Write one capture per namespace and device below this folder
    #[arg(long, value_name = "DIR")]
    pub pcap: Option<PathBuf>,
    /// Write what every packet met to this file, as JSON lines (see `kubewire trace show`)
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
}

impl Outputs {
    /// What has to be recorded for them.
    #[must_use]
    pub const fn keep(&self) -> Option<Keep> {
        match (&self.pcap, &self.trace) {
            (None, None) => None,
            (Some(_), None) => Some(Keep::Frames),
            (_, Some(_)) => Some(Keep::Everything),
        }
    }
}

/// The captures, the trace and the script of a world.
#[derive(Debug, Default)]
pub struct Recording {
    captures: Option<Captures>,
    trace: Option<TextFile>,
    script: Option<TextFile>,
    /// What went wrong first; after that nothing is written any more.
    failed: Option<CliError>,
}

impl Recording {
    /// Opens the files of `outputs`, and perhaps one for a script. They are emptied only when all of them are open.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn start(outputs: &Outputs, script: Option<&Path>) -> Result<Self, CliError> {
        let mut trace = outputs.trace.as_deref().map(TextFile::open).transpose()?;
        let mut script = script.map(TextFile::open).transpose()?;
        let captures = outputs.pcap.as_deref().map(Captures::new).transpose()?;
        trace.iter_mut().chain(&mut script).try_for_each(TextFile::clear)?;
        if let Some(script) = &mut script {
            script.push(journal::SCRIPT_HEAD)?;
        }
        Ok(Self { captures, trace, script, failed: None })
    }

    /// Writes what has happened since the last time.
    pub fn push(&mut self, records: &[Record]) {
        for record in records {
            self.then(|this| {
                if let Some(captures) = &mut this.captures {
                    captures.push(record)?;
                }
                let trace = this.trace.as_mut();
                trace.map_or(Ok(()), |trace| trace.push(&json::line(record)))
            });
        }
    }

    /// Writes what was changed since the last time.
    pub fn push_changes(&mut self, changes: &[Entry]) {
        if self.script.is_some() {
            let lines = journal::script(changes);
            self.then(|this| this.script.as_mut().map_or(Ok(()), |script| script.push(&lines)));
        }
    }

    /// Writes everything that was held back.
    pub fn flush(&mut self) {
        self.then(|this| {
            if let Some(captures) = &mut this.captures {
                captures.flush()?;
            }
            this.trace.as_mut().map_or(Ok(()), TextFile::flush)?;
            this.script.as_mut().map_or(Ok(()), TextFile::flush)
        });
    }

    /// Ends the recording.
    ///
    /// # Errors
    /// What went wrong first, if anything did.
    pub fn finish(mut self) -> Result<(), CliError> {
        self.flush();
        self.failed.map_or(Ok(()), Err)
    }

    fn then(&mut self, act: impl FnOnce(&mut Self) -> Result<(), CliError>) {
        if self.failed.is_none() {
            self.failed = act(self).err();
        }
    }
}

/// One capture file per namespace and device: `DIR/DEV.pcapng` for the initial namespace,
/// `DIR/NETNS/DEV.pcapng` for the others.
#[derive(Debug)]
struct Captures {
    dir: PathBuf,
    files: BTreeMap<(String, String), CaptureFile>,
}

impl Captures {
    fn new(dir: &Path) -> Result<Self, CliError> {
        fs::create_dir_all(dir).map_err(|e| CliError::file(dir, &e))?;
        Ok(Self { dir: dir.to_owned(), files: BTreeMap::new() })
    }

    fn push(&mut self, record: &Record) -> Result<(), CliError> {
        let What::Frame { ethernet, .. } = record.what else { return Ok(()) };
        let key = (record.netns.clone(), record.dev.clone());
        let dir = &self.dir;
        let file = self.files.entry(key).or_insert_with_key(|(netns, dev)| CaptureFile {
            path: capture_path(dir, netns, dev),
            capture: Capture::new(dev, ethernet),
            held_back: Vec::new(),
            exists: false,
        });
        file.capture.push(record);
        file.held_back.append(&mut file.capture.take());
        if file.held_back.len() > HELD_BACK { file.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), CliError> {
        self.files.values_mut().try_for_each(CaptureFile::flush)
    }
}

fn capture_path(dir: &Path, netns: &str, dev: &str) -> PathBuf {
    let file = format!("{dev}.pcapng");
    match netns {
        "-" => dir.join(file),
        "." | ".." => dir.join(format!("_{netns}")).join(file),
        _ => dir.join(netns.replace('/', "_")).join(file),
    }
}

/// A capture and what of it is not yet in its file. The file is open only while it is written, as a
/// world can have more devices than a process may have files.
#[derive(Debug)]
struct CaptureFile {
    path: PathBuf,
    capture: Capture,
    held_back: Vec<u8>,
    exists: bool,
}

impl CaptureFile {
    fn flush(&mut self) -> Result<(), CliError> {
        if self.held_back.is_empty() {
            return Ok(());
        }
        self.write().map_err(|error| CliError::file(&self.path, &error))?;
        self.held_back.clear();
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let mut file = if self.exists {
            OpenOptions::new().append(true).open(&self.path)?
        } else {
            self.path.parent().map_or(Ok(()), fs::create_dir_all)?;
            File::create(&self.path)?
        };
        self.exists = true;
        file.write_all(&self.held_back)
    }
}

/// A file that grows by text.
#[derive(Debug)]
struct TextFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl TextFile {
    /// Opens a file for writing, which is made if there is none.
    fn open(path: &Path) -> Result<Self, CliError> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| CliError::file(path, &error))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Takes away what stood there before. Pipes and terminals hold nothing.
    fn clear(&mut self) -> Result<(), CliError> {
        let file = self.file.get_ref();
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        let cleared = if is_file { file.set_len(0) } else { Ok(()) };
        cleared.map_err(|error| CliError::file(&self.path, &error))
    }

    fn push(&mut self, text: &str) -> Result<(), CliError> {
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| CliError::file(&self.path, &error))
    }

    fn flush(&mut self) -> Result<(), CliError> {
        self.file.flush().map_err(|error| CliError::file(&self.path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_of_the_initial_namespace_stand_on_top() {
        let path = |netns| capture_path(Path::new("d"), netns, "veth1");
        assert_eq!(path("-"), Path::new("d/veth1.pcapng"));
        assert_eq!(path("net1"), Path::new("d/net1/veth1.pcapng"));
        assert_eq!(path("#4"), Path::new("d/#4/veth1.pcapng"));
        assert_eq!(path("../x"), Path::new("d/.._x/veth1.pcapng"));
        assert_eq!(path(".."), Path::new("d/_../veth1.pcapng"));
    }
}
