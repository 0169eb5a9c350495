//! The lab at a terminal, which `script` of util-linux provides.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Labs;

/// What a person sees and types.
struct Terminal {
    script: Child,
    seen: Vec<u8>,
}

impl Terminal {
    /// Starts `kubewire lab` at a terminal, or nothing where there is no `script`.
    fn start(labs: &Labs) -> Option<Self> {
        let program = env!("CARGO_BIN_EXE_kubewire-under-test");
        let mut command = Command::new("script");
        command.args(["-qec", &format!("{program} lab"), "/dev/null"]);
        command.env("TMPDIR", labs.tmp.path()).env("HOME", labs.tmp.path());
        command.env("SHELL", "/bin/bash").env("LC_ALL", "C").env("TERM", "dumb");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        match command.spawn() {
            Ok(script) => Some(Self { script, seen: Vec::new() }),
            Err(error) => {
                let _heard = writeln!(std::io::stderr(), "skipped: script: {error}");
                None
            }
        }
    }

    fn type_in(&mut self, text: &str) {
        self.script.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits until `text` is seen, and forgets everything up to it.
    fn expect(&mut self, text: &str) {
        let text = text.as_bytes();
        loop {
            if let Some(at) = self.seen.windows(text.len()).position(|w| w == text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let mut piece = [0; 1024];
            let count = self.script.stdout.as_mut().unwrap().read(&mut piece).unwrap();
            let seen = String::from_utf8_lossy(&self.seen);
            assert!(count > 0, "{:?} is not in {seen:?}", String::from_utf8_lossy(text));
            self.seen.extend(&piece[..count]);
        }
    }
}

/// Waits until `sleep` of this test's lab has the terminal and waits for its server. A key that comes before
/// that hits `bash` while it starts the command, which is another story.
fn wait_for_foreground_sleep(labs: &Labs) {
    let tmp = labs.tmp.path().to_str().unwrap();
    let is_it = |pid: &str| {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
        let stat = read("stat")?;
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let (state, group, foreground) = (fields[0], fields[2], fields[5]);
        let ours = read("cmdline")? == "sleep\0infinity\0" && read("environ")?.contains(tmp);
        Some(ours && state == "S" && group == foreground)
    };
    loop {
        let mut entries = std::fs::read_dir("/proc").unwrap().flatten();
        if entries.any(|e| e.file_name().to_str().and_then(is_it) == Some(true)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn control_keys_reach_the_command_and_not_the_lab() {
    let labs = Labs::new();
    let Some(mut terminal) = Terminal::start(&labs) else { return };
    terminal.expect("exit` leaves it");
    // The prompt comes when the shell has read its start file.
    terminal.expect("(kubewire) ");
    terminal.type_in("sleep infinity\n");
    wait_for_foreground_sleep(&labs);
    terminal.type_in("\x03");
    terminal.expect("(kubewire) ");
    terminal.type_in("echo \"status $?.\"; sleep infinity\n");
    terminal.expect("status 130.");
    wait_for_foreground_sleep(&labs);
    terminal.type_in("\x1a");
    terminal.expect("Stopped");
    terminal.type_in("sleep 5; fg\n");
    wait_for_foreground_sleep(&labs);
    terminal.type_in("\x03");
    terminal.expect("(kubewire) ");
    terminal.type_in("echo \"sta\"\"tus $?.\"\n");
    terminal.expect("status 130.");
    terminal.type_in("exit 5\n");
    assert_eq!(terminal.script.wait().unwrap().code(), Some(5));
    assert_eq!(labs.left_over(), Vec::<String>::new());
}

#[test]
fn a_start_file_that_replaces_path_does_not_lead_out_of_the_lab() {
    let labs = Labs::new();
    std::fs::write(labs.tmp.path().join(".bashrc"), "PATH=/bin:/usr/bin; PS1='$ '\n").unwrap();
    let Some(mut terminal) = Terminal::start(&labs) else { return };
    terminal.expect("(kubewire) $ ");
    terminal.type_in(
        "sleep 1d; echo pa\"\"st; echo \"${PATH%%:*}\" | sed 's/.*kube.*/the lab/'; exit\n",
    );
    terminal.expect("past");
    terminal.expect("the lab");
    assert!(terminal.script.wait().unwrap().success());
}
