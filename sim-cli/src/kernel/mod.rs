//! Runs a case on the real kernel, in namespaces of a process of its own.
//!
//! Root is not needed where the kernel lets users make user namespaces. A case runs in a child process
//! (the calling binary again, with a hidden argument) because namespaces belong to a process, and
//! because everything that the case made goes away with that process.

mod capture;
mod child;
mod drops;
mod dump;
mod monitors;
mod namespaces;
mod netlink;
mod nfqueue;
pub mod sandbox;
mod shell;
mod sockets;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use sim_core::case::{Case, Observed};
use thiserror::Error;

use crate::case_file::{self, CaseFileError};

/// A case that the real kernel could not run.
#[derive(Debug, Error)]
pub enum KernelError {
    /// The case itself cannot be read.
    #[error(transparent)]
    Case(#[from] CaseFileError),
    /// The child process cannot be started or listened to.
    #[error("cannot run the case: {0}")]
    Child(#[from] io::Error),
    /// The child process gave up.
    #[error("{0}")]
    Failed(String),
    /// The child process took too long.
    #[error("the case was given up after {} s", .0.as_secs())]
    TimedOut(Duration),
    /// What the child process wrote is not understood.
    #[error("the answer of the child process: {0}")]
    Answer(#[from] serde_json::Error),
}

/// How a case is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The CPU that it is pinned to; the last one there is unless given.
    pub cpu: Option<usize>,
    /// Whether the kernel's tracer is asked where packets die. Only root may ask.
    pub drops: bool,
}

/// Starts child processes that run cases.
#[derive(Debug, Clone)]
pub struct Runner {
    /// The binary whose `main` calls [`child_main`], and the words before a case's folder.
    program: PathBuf,
    args: Vec<OsString>,
}

impl Runner {
    /// Uses `program`, which calls [`child_main`] with what follows `args`.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, args: &[&str]) -> Self {
        Self { program: program.into(), args: args.iter().map(OsString::from).collect() }
    }

    /// Tells why cases cannot be run here, if they cannot.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn check(&self) -> Result<(), KernelError> {
        let output = Command::new(&self.program).args(&self.args).arg("--check").output()?;
        match output.status.success() {
            true => Ok(()),
            false => Err(KernelError::Failed(complaint(&output.stderr))),
        }
    }

    /// Runs the case in the folder `dir`.
    ///
    /// # Errors
    /// When it cannot be read or run, or its setup fails.
    pub fn observe(&self, dir: &Path, options: Options) -> Result<Observed, KernelError> {
        let case = case_file::read(dir)?;
        let mut command = Command::new(&self.program);
        command.args(&self.args).arg(dir);
        command.args(options.drops.then_some(DROPS));
        command.args(options.cpu.map(|cpu| cpu.to_string()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let limit = Duration::from_micros(case.directives.timeout_us);
        let answer = listen(command.spawn()?, limit)?;
        if answer.stdout.is_empty() {
            return Err(KernelError::Failed(complaint(&answer.stderr)));
        }
        Ok(serde_json::from_slice(&answer.stdout)?)
    }
}

/// What a child process wrote.
struct Answer {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Reads what the child writes until it closes its outputs. Its end is awaited beside that: the kernel
/// takes a while (synchronize_net() for every packet socket) to let it go, which nobody has to wait for.
fn listen(mut child: Child, limit: Duration) -> Result<Answer, KernelError> {
    let (sender, answers) = mpsc::channel();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::spawn(move || {
        let stderr = std::thread::spawn(move || read_all(stderr));
        let stdout = read_all(stdout);
        let stderr = stderr.join().unwrap_or_default();
        // Nobody listens any more once the time is over.
        let _late = sender.send(Answer { stdout, stderr });
    });
    let answer = answers.recv_timeout(limit);
    if answer.is_err() {
        child.kill()?;
    }
    std::thread::spawn(move || child.wait());
    answer.map_err(|_| KernelError::TimedOut(limit))
}

fn read_all(pipe: Option<impl io::Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What was read before an error is all there is to show.
        let _partial = pipe.read_to_end(&mut bytes);
    }
    bytes
}

fn complaint(stderr: &[u8]) -> String {
    String::from_utf8_lossy(stderr).trim_end().to_owned()
}

/// Names the CPUs that cases can be pinned to.
///
/// # Errors
/// When the kernel does not tell.
pub fn cpus() -> io::Result<Vec<usize>> {
    sandbox::cpus()
}

/// The word that asks the child process for [`Options::drops`].
const DROPS: &str = "--drops";

/// The `main` of the child process: `--check`, or `CASE_DIR [--drops] [CPU]`.
#[must_use]
pub fn child_main(args: &[OsString]) -> ExitCode {
    match run_child(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell when standard error is gone.
            let _unheard = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run_child(args: &[OsString]) -> Result<(), KernelError> {
    let Some(dir) = args.first() else {
        return Err(KernelError::Failed("no case".to_owned()));
    };
    if dir == "--check" {
        sandbox::enter()?;
        return Ok(());
    }
    let options = Options {
        cpu: args.iter().skip(1).find_map(|cpu| cpu.to_str()?.parse().ok()),
        drops: args.iter().skip(1).any(|word| word == DROPS),
    };
    let dir = std::path::absolute(dir)?;
    let case: Case = case_file::read(&dir)?;
    let observed = child::run(&case, &dir, options)?;
    serde_json::to_writer(io::stdout().lock(), &observed)?;
    Ok(())
}
