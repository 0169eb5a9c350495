//! The lab: real shells whose commands act on a simulated world.

mod commands;
mod determinism;
mod packets;
mod processes;
mod protocol;
mod sockets;
mod terminal;
mod time;
mod topology;

use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// A place in which labs make their folders.
struct Labs {
    tmp: TempDir,
}

impl Labs {
    fn new() -> Self {
        Self { tmp: tempfile::tempdir().unwrap() }
    }

    /// `kubewire` with `args`.
    fn kubewire(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubewire-under-test"));
        command.args(args).current_dir(self.tmp.path()).env("TMPDIR", self.tmp.path());
        command.env("LC_ALL", "C");
        command
    }

    /// A lab that runs `script`, with everything it prints kept.
    fn run(&self, script: &str) -> Output {
        self.kubewire(&["lab", "--", "sh", "-c", script]).stdin(Stdio::null()).output().unwrap()
    }

    /// A lab that runs `script` beside the test, with pipes for input and output.
    fn spawn(&self, script: &str) -> Child {
        self.kubewire(&["lab", "--", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The folders of labs that are there.
    fn left_over(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.tmp.path()).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("kubewire-lab-")).collect()
    }
}

/// What the script printed on standard output; panics if it did not end well.
pub(crate) fn stdout(script: &str) -> String {
    let output = Labs::new().run(script);
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Whether a process of that number is there and can still do something.
fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
