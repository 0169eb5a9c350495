//! Programs that write down what happens while a case runs: events of connection tracking, and the ways of
//! traced packets through the rules.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sim_core::case::Directives;

use super::namespaces::Namespaces;
use super::shell::tool_command;

/// The programs, by namespace.
#[derive(Default)]
pub(super) struct Monitors {
    events: BTreeMap<String, Monitor>,
    traces: BTreeMap<String, Monitor>,
}

/// A running program and the file that it writes.
struct Monitor {
    child: Child,
    path: PathBuf,
}

impl Monitors {
    /// Starts what the case asks for in every namespace that there is, and waits until it listens.
    pub(super) fn start(namespaces: &Namespaces, directives: &Directives) -> io::Result<Self> {
        const READY: Duration = Duration::from_millis(300);
        let mut monitors = Self::default();
        for name in namespaces.names() {
            if directives.ctevents {
                let monitor = spawn(namespaces, &name, "ctevents", "conntrack -E -o extended")?;
                monitors.events.insert(name.clone(), monitor);
            }
            let trace = match directives.trace.as_deref() {
                None => continue,
                Some("xtables") => "stdbuf -oL xtables-monitor --trace",
                Some(other) => {
                    return Err(io::Error::other(format!("@trace {other} is not supported here")));
                }
            };
            monitors.traces.insert(name.clone(), spawn(namespaces, &name, "trace", trace)?);
        }
        if !monitors.events.is_empty() || !monitors.traces.is_empty() {
            std::thread::sleep(READY);
        }
        Ok(monitors)
    }

    /// Ends those of a namespace: the events and the trace that they wrote.
    pub(super) fn end(&mut self, netns: &str) -> io::Result<(Vec<String>, Vec<String>)> {
        let written = |monitor: Option<Monitor>| monitor.map_or(Ok(Vec::new()), Monitor::end);
        Ok((written(self.events.remove(netns))?, written(self.traces.remove(netns))?))
    }
}

fn spawn(namespaces: &Namespaces, netns: &str, kind: &str, command: &str) -> io::Result<Monitor> {
    let path = PathBuf::from(format!("/run/{kind}-{netns}"));
    let file = File::create(&path)?;
    let mut words = command.split(' ');
    let tool = words.next().unwrap_or_default();
    let child = namespaces.within(netns, || {
        let mut command = tool_command(tool);
        command.args(words).stdin(Stdio::null()).stdout(file).stderr(Stdio::null()).spawn()
    })?;
    Ok(Monitor { child, path })
}

impl Monitor {
    fn end(mut self) -> io::Result<Vec<String>> {
        let pid = i32::try_from(self.child.id()).map_err(io::Error::other)?;
        kill(Pid::from_raw(pid), Signal::SIGTERM)?;
        self.child.wait()?;
        let text = fs::read(&self.path)?;
        Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
    }
}
