//! The command of the lab, and all processes that come from it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};

use super::proc;
use super::room::Room;
use crate::lab::names;

/// How long processes have for ending themselves when the lab is over.
const GRACE: Duration = Duration::from_millis(500);

/// The command of the lab.
#[derive(Debug)]
pub(super) struct Shell {
    pid: Pid,
    /// Its exit status, as a shell would give it.
    pub(super) status: Option<u8>,
}

impl Shell {
    /// Starts `command`, or the user's own shell. Orphans among its descendants become children of this
    /// process, so that none is lost.
    pub(super) fn start(room: &Room, command: &[OsString]) -> io::Result<Self> {
        prctl::set_child_subreaper(true)?;
        let mut command = match command.split_first() {
            Some((program, args)) => {
                let mut command = Command::new(program);
                command.args(args);
                command
            }
            None => own_shell(room)?,
        };
        let shims = room.shims();
        let old = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(shims).chain(std::env::split_paths(&old));
        let path = std::env::join_paths(path).map_err(io::Error::other)?;
        command.env("PATH", path).env(names::LAB, room.path()).env_remove(names::NETNS);
        let child = command.spawn()?;
        Ok(Self { pid: Pid::from_raw(child.id().cast_signed()), status: None })
    }

    /// Takes note of all processes that have ended.
    pub(super) fn reap(&mut self) {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, status)) if pid == self.pid => {
                    self.status = Some(status.to_le_bytes()[0]);
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == self.pid => {
                    self.status = Some((128 + signal as i32).to_le_bytes()[0]);
                }
                Ok(WaitStatus::StillAlive) => return,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Ends what is left of the lab's processes. The commands that they know are about to go, and
    /// the real ones of the same names must not take their place.
    pub(super) fn end_all(&mut self) {
        self.signal_all(Signal::SIGHUP);
        // A stopped process ends only when it goes on.
        self.signal_all(Signal::SIGCONT);
        if !self.all_ended(GRACE) {
            self.signal_all(Signal::SIGKILL);
            self.all_ended(GRACE);
        }
    }

    fn signal_all(&self, signal: Signal) {
        for thread in proc::descendants(getpid().as_raw()) {
            if thread.pid == thread.tid {
                // It may have ended just now; then nothing is to be done.
                let _sent = kill(Pid::from_raw(thread.pid), signal);
            }
        }
    }

    fn all_ended(&mut self, within: Duration) -> bool {
        let start = Instant::now();
        loop {
            self.reap();
            if proc::descendants(getpid().as_raw()).is_empty() {
                return true;
            }
            if start.elapsed() > within {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The shell of the user. Its start files may replace `PATH`, which would lead to the real commands, so
/// `bash` puts the shims first after reading them.
fn own_shell(room: &Room) -> io::Result<Command> {
    let shell = std::env::var_os("SHELL").filter(|s| !s.is_empty());
    let shell = PathBuf::from(shell.unwrap_or_else(|| "/bin/sh".into()));
    let mut command = Command::new(&shell);
    if shell.file_name() == Some(OsStr::new("bash")) {
        let file = room.path().join("bashrc");
        fs::write(&file, bash_start_file(&room.shims()))?;
        command.arg("--rcfile").arg(file);
    }
    if io::stdin().is_terminal() {
        // Whether the greeting is seen makes no difference to the lab.
        let _greeted = writeln!(
            io::stderr(),
            "kubewire: a world of your own; {} act on it. `exit` leaves it.",
            names::shims().collect::<Vec<_>>().join(", ")
        );
    }
    Ok(command)
}

fn bash_start_file(shims: &Path) -> String {
    let shims = shims.display().to_string().replace('\'', r"'\''");
    format!(
        "[ -r ~/.bashrc ] && . ~/.bashrc\n\
         PATH='{shims}':$PATH\n\
         PS1=\"(kubewire) $PS1\"\n"
    )
}
