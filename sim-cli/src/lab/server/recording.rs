//! Writes what happens in the world to files while it happens.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use sim_core::trace::record::{Record, What};
use sim_core::trace::recorder::{Keep, Recorder};
use sim_core::trace::sink::json;
use sim_core::trace::sink::pcapng::Capture;
use sim_core::world::{World, journal};

use super::Options;
use crate::error::CliError;

/// How many captured bytes are held back at most before they are written.
const HELD_BACK: usize = 1 << 16;

/// The captures, the trace and the script of a lab.
#[derive(Debug, Default)]
pub(super) struct Recording {
    captures: Option<Captures>,
    trace: Option<TextFile>,
    script: Option<TextFile>,
    /// What went wrong first; after that nothing is written any more.
    failed: Option<CliError>,
}

impl Recording {
    /// Has `world` keep what `options` ask for.
    pub(super) fn prepare(world: &mut World, options: &Options) {
        let keep = match (&options.pcap, &options.trace) {
            (None, None) => None,
            (Some(_), None) => Some(Keep::Frames),
            (_, Some(_)) => Some(Keep::Everything),
        };
        world.set_recorder(keep.map(Recorder::new));
        if options.script.is_some() {
            world.keep_journal();
        }
    }

    /// Starts writing what `options` ask for.
    pub(super) fn start(options: &Options) -> Result<Self, CliError> {
        let captures = options.pcap.as_deref().map(Captures::new).transpose()?;
        let trace = options.trace.as_deref().map(TextFile::new).transpose()?;
        let mut script = options.script.as_deref().map(TextFile::new).transpose()?;
        if let Some(script) = &mut script {
            script.push(journal::SCRIPT_HEAD)?;
        }
        Ok(Self { captures, trace, script, failed: None })
    }

    /// Takes what the world has recorded since the last time.
    pub(super) fn take(&mut self, world: &mut World) {
        for record in world.take_records() {
            self.then(|this| {
                if let Some(captures) = &mut this.captures {
                    captures.push(&record)?;
                }
                let trace = this.trace.as_mut();
                trace.map_or(Ok(()), |trace| trace.push(&json::line(&record)))
            });
        }
        if self.script.is_some() {
            let lines = journal::script(&world.take_journal());
            self.then(|this| this.script.as_mut().map_or(Ok(()), |script| script.push(&lines)));
        }
    }

    /// Writes everything that was held back.
    pub(super) fn flush(&mut self) {
        self.then(|this| {
            if let Some(captures) = &mut this.captures {
                captures.flush()?;
            }
            this.trace.as_mut().map_or(Ok(()), TextFile::flush)?;
            this.script.as_mut().map_or(Ok(()), TextFile::flush)
        });
    }

    /// Ends the recording; tells what went wrong, if anything did.
    pub(super) fn finish(mut self) -> Result<(), CliError> {
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
    fn new(path: &Path) -> Result<Self, CliError> {
        let file = File::create(path).map_err(|error| CliError::file(path, &error))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
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
