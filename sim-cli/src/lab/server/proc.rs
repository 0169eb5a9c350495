//! What `/proc` says about the processes of the lab.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// The state of one thread at one look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Thread {
    /// The process it belongs to.
    pub(super) pid: i32,
    /// The thread.
    pub(super) tid: i32,
    /// Whether it can go on only if something wakes it: asleep, stopped or dead.
    pub(super) asleep: bool,
    /// Whether it was stopped by a signal.
    pub(super) stopped: bool,
    /// How often it was taken off a CPU. It grows whenever the thread ran in between.
    pub(super) switches: u64,
}

/// All threads of all descendants of the process `root`, which has one thread.
pub(super) fn descendants(root: i32) -> Vec<Thread> {
    let (mut family, lists_children) = match children(root, root) {
        Ok(children) => (children, true),
        // The kernel was built without `CONFIG_PROC_CHILDREN`.
        Err(_) => (family_by_parents(root), false),
    };
    let mut threads = Vec::new();
    let mut next = 0;
    while let Some(&pid) = family.get(next) {
        next += 1;
        for thread in threads_of(pid) {
            if lists_children {
                family.extend(children(pid, thread.tid).unwrap_or_default());
            }
            threads.push(thread);
        }
    }
    threads
}

/// The children that a thread has started.
fn children(pid: i32, tid: i32) -> io::Result<Vec<i32>> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{tid}/children"))?;
    Ok(list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect())
}

/// All descendants of the process `root`, found by asking each process for its parent.
fn family_by_parents(root: i32) -> Vec<i32> {
    let parents: Vec<(i32, i32)> = all_processes()
        .into_iter()
        .filter_map(|pid| Some((parent_and_start(pid)?.0, pid)))
        .collect();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(parents.iter().filter(|(p, _)| *p == parent).map(|(_, pid)| pid));
        next += 1;
    }
    family.split_off(1)
}

fn all_processes() -> Vec<i32> {
    numbered(Path::new("/proc")).collect()
}

/// The entries of a folder that are numbers.
fn numbered(folder: &Path) -> impl Iterator<Item = i32> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The threads of a process; none when it is gone.
fn threads_of(pid: i32) -> Vec<Thread> {
    match thread(pid, pid) {
        Some((only, 1)) => vec![only],
        Some(_) => {
            let tids = numbered(&Path::new("/proc").join(pid.to_string()).join("task"));
            tids.filter_map(|tid| Some(thread(pid, tid)?.0)).collect()
        }
        None => Vec::new(),
    }
}

/// The state of a thread, and how many threads its process has.
fn thread(pid: i32, tid: i32) -> Option<(Thread, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/task/{tid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim_start_matches([':', '\t']))
    };
    let number = |name| field(name).and_then(|n| n.parse().ok()).unwrap_or(0_u64);
    let state = field("State")?.chars().next()?;
    let thread = Thread {
        pid,
        tid,
        asleep: matches!(state, 'S' | 'T' | 't' | 'Z' | 'X'),
        stopped: state == 'T',
        switches: number("voluntary_ctxt_switches") + number("nonvoluntary_ctxt_switches"),
    };
    Some((thread, number("Threads")))
}

/// The processor time that a process has used; zero if it is gone.
pub(super) fn cpu_time(pid: i32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let nanos = stat.split_ascii_whitespace().next().and_then(|n| n.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// Where a process comes from: when it and its ancestors up to this process started, and their numbers,
/// the oldest first. Of two commands that one shell started, the first one is the smaller; so is the one
/// in the subshell that was started first, however the subshells got on.
pub(super) type Descent = Vec<(u64, i32)>;

/// The descent of the process `pid`.
pub(super) fn descent(pid: i32) -> Descent {
    let root = std::process::id().cast_signed();
    let mut descent = Vec::new();
    let mut next = pid;
    while next != root
        && let Some((parent, started)) = parent_and_start(next)
    {
        descent.push((started, next));
        next = parent;
    }
    descent.reverse();
    descent
}

/// The parent of a process, and when it started, in clock ticks since the machine's start.
fn parent_and_start(pid: i32) -> Option<(i32, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the command's name, which may hold blanks and parentheses.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some((parent, started))
}

/// The environment that a process started with; none when it is gone or about to go.
pub(super) fn environment(pid: i32) -> Option<Vec<String>> {
    let environ =
        fs::read(format!("/proc/{pid}/environ")).ok().filter(|bytes| !bytes.is_empty())?;
    let entries = environ.split(|byte| *byte == 0);
    Some(entries.map(|entry| String::from_utf8_lossy(entry).into_owned()).collect())
}

/// Whether any process of this machine that can be looked into has `needle` in its environment.
pub(super) fn is_in_an_environment(needle: &str) -> bool {
    all_processes().into_iter().any(|pid| {
        fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
            environ.windows(needle.len()).any(|window| window == needle.as_bytes())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio, id};

    #[test]
    fn a_waiting_child_is_asleep_and_does_not_switch() {
        let mut shell = Command::new("sh")
            .args(["-c", "cat; :"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let root = shell.id().cast_signed();
        let waiting = loop {
            if let [cat] = descendants(root)[..]
                && cat.asleep
            {
                break cat;
            }
        };
        assert_eq!(descendants(root), [waiting]);
        assert_eq!(family_by_parents(root), [waiting.pid]);
        let pids: Vec<i32> = descent(waiting.pid).iter().map(|(_, pid)| *pid).collect();
        assert_eq!(pids, [root, waiting.pid]);
        assert!(family_by_parents(id().cast_signed()).contains(&waiting.pid));
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert_eq!(descendants(root), []);
        assert_eq!(descent(waiting.pid), []);
    }
}
