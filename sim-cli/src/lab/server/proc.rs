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
    /// How often it was taken off a CPU. It grows whenever the thread ran in between.
    pub(super) switches: u64,
}

/// All threads of all descendants of the process `root`.
pub(super) fn descendants(root: i32) -> Vec<Thread> {
    let processes = match children(root) {
        Ok(children) => family_by_children(children),
        // The kernel was built without `CONFIG_PROC_CHILDREN`.
        Err(_) => family_by_parents(root, &all_processes()),
    };
    let threads = processes.into_iter().flat_map(|pid| thread_ids(pid).map(move |tid| (pid, tid)));
    threads.filter_map(|(pid, tid)| thread(pid, tid)).collect()
}

/// Processes and all their descendants, parents before children.
fn family_by_children(mut family: Vec<i32>) -> Vec<i32> {
    let mut next = 0;
    while let Some(&pid) = family.get(next) {
        family.extend(children(pid).unwrap_or_default());
        next += 1;
    }
    family
}

/// The descendants of `root` among `all`, parents before children.
fn family_by_parents(root: i32, all: &[i32]) -> Vec<i32> {
    let parents: Vec<(i32, i32)> =
        all.iter().filter_map(|pid| Some((parent_and_start(*pid)?.0, *pid))).collect();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(parents.iter().filter(|(p, _)| *p == parent).map(|(_, pid)| pid));
        next += 1;
    }
    family.split_off(1)
}

/// The children of all threads of a process; an error if there is not one thread that can be asked.
fn children(pid: i32) -> io::Result<Vec<i32>> {
    let lists: Vec<io::Result<String>> = thread_ids(pid)
        .map(|tid| fs::read_to_string(format!("/proc/{pid}/task/{tid}/children")))
        .collect();
    if lists.iter().all(Result::is_err) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let words = lists.iter().flatten().flat_map(|list| list.split_ascii_whitespace());
    Ok(words.filter_map(|pid| pid.parse().ok()).collect())
}

fn all_processes() -> Vec<i32> {
    numbered(Path::new("/proc")).collect()
}

/// The threads of a process; none when it is gone.
fn thread_ids(pid: i32) -> impl Iterator<Item = i32> {
    numbered(&Path::new("/proc").join(pid.to_string()).join("task"))
}

/// The entries of a folder that are numbers.
fn numbered(folder: &Path) -> impl Iterator<Item = i32> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn thread(pid: i32, tid: i32) -> Option<Thread> {
    let status = fs::read_to_string(format!("/proc/{pid}/task/{tid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim_start_matches([':', '\t']))
    };
    let number = |name| field(name).and_then(|n| n.parse().ok()).unwrap_or(0_u64);
    let state = field("State")?.chars().next()?;
    Some(Thread {
        pid,
        tid,
        asleep: matches!(state, 'S' | 'T' | 't' | 'Z' | 'X'),
        switches: number("voluntary_ctxt_switches") + number("nonvoluntary_ctxt_switches"),
    })
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
        let mut child =
            Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let of_child = || descendants(id().cast_signed()).into_iter().find(|t| t.pid == pid);
        let waiting = loop {
            if let Some(thread) = of_child().filter(|t| t.asleep) {
                break thread;
            }
        };
        assert_eq!(of_child(), Some(waiting));
        assert_eq!(descent(pid).len(), 1);
        assert_eq!(descent(pid)[0].1, pid);
        assert!(family_by_parents(id().cast_signed(), &all_processes()).contains(&pid));
        assert!(family_by_children(vec![id().cast_signed()]).contains(&pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(of_child(), None);
        assert_eq!(descent(pid), []);
    }
}
