//! The real tools, in namespaces of their own.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Line, Said, quote, quoted, without_dates};

/// Why the real tools cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("the real iptables cannot be asked: {0}")]
pub struct NoTools(String);

/// The version that the simulator follows.
const VERSION: &str = "v1.8.9";

/// The real tools.
#[derive(Debug)]
pub struct Tools {
    dir: tempfile::TempDir,
    unshare: &'static [&'static str],
}

impl Tools {
    /// Finds out whether they are there and may be used.
    ///
    /// # Errors
    /// They are not, or are of another version.
    pub fn new() -> Result<Self, NoTools> {
        let mut why = String::new();
        for unshare in [&["-n"][..], &["-r", "-n"]] {
            let dir = tempfile::tempdir().map_err(|error| NoTools(error.to_string()))?;
            match (Self { dir, unshare }).checked() {
                Ok(tools) => return Ok(tools),
                Err(NoTools(reason)) => why = reason,
            }
        }
        Err(NoTools(why))
    }

    fn checked(self) -> Result<Self, NoTools> {
        let line = |tool: &str, option: &str| Line {
            argv: vec![tool.to_owned(), option.to_owned()],
            stdin: String::new(),
        };
        let lines =
            [line("iptables-nft", "-V"), line("iptables-nft", "-S"), line("iptables-legacy", "-S")];
        let said = self.ask(&lines).map_err(|error| NoTools(error.to_string()))?;
        if let Some(failed) = said.iter().find(|said| said.status != 0) {
            return Err(NoTools(failed.stderr.clone()));
        }
        if !said[0].stdout.contains(VERSION) {
            return Err(NoTools(format!("they are not {VERSION}")));
        }
        Ok(self)
    }

    /// Runs commands in a fresh network namespace.
    ///
    /// # Errors
    /// The namespace cannot be made, or files not be read.
    pub fn ask(&self, lines: &[Line]) -> std::io::Result<Vec<Said>> {
        let dir = self.dir.path();
        let mut script = String::new();
        for (n, line) in lines.iter().enumerate() {
            fs::write(dir.join(format!("{n}.in")), &line.stdin)?;
            let place = |end: &str| quote(&dir.join(format!("{n}.{end}")).to_string_lossy());
            writeln!(
                script,
                "{} <{} >{} 2>{}; echo $? >{}",
                quoted(&line.argv),
                place("in"),
                place("out"),
                place("err"),
                place("status"),
            )
            .expect("a string");
        }
        let status = Command::new("unshare")
            .args(self.unshare)
            .args(["sh", "-c", &script])
            .env("LC_ALL", "C")
            .env("XTABLES_LOCKFILE", dir.join("lock"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        if !status.success() {
            return Err(std::io::Error::other("no namespace can be made"));
        }
        (0..lines.len()).map(|n| said(dir, n)).collect()
    }
}

fn said(dir: &Path, n: usize) -> std::io::Result<Said> {
    let read = |end: &str| {
        let bytes = fs::read(dir.join(format!("{n}.{end}")))?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(Said {
        stdout: without_dates(&read("out")?),
        stderr: read("err")?,
        status: read("status")?.trim().parse().unwrap_or(-1),
    })
}
