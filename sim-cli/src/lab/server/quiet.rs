//! Tells when the programs around the lab have done all they can do.
//!
//! What happens in the world must not depend on how fast the shell, `grep` or a shim are. So the
//! server acts only at moments at which every descendant of the lab's command sleeps: then each of
//! them waits for the server, for the user, or for another one that waits. Whoever is woken by a
//! write, a signal or an exit counts as running from that instant on, so nothing can be on its way
//! between two sleeping processes.
//!
//! One look takes time, and who slept at its beginning may run at its end. So it takes two looks in a
//! row with the same processes, all asleep, none of which ran in between (their context switches
//! tell). Then all of them slept at the moment between the two.
//!
//! Two things limit the waiting. A process that computes for [`CPU_LIMIT`] without ever sleeping is
//! left out until it sleeps again. And when there was no quiet moment within [`PATIENCE`] (a loop that
//! starts one command after the other, a disk that does not answer), the server goes on regardless,
//! and waits no longer than [`IMPATIENCE`] at a time until it sees a quiet moment again. In both cases
//! the order of events depends on the machine's speed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::proc::{self, Thread};

/// How much a process may compute before it is not waited for.
const CPU_LIMIT: Duration = Duration::from_millis(100);
/// How long the server waits for a quiet moment. It is long because a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it waits after it had to go on without one.
const IMPATIENCE: Duration = Duration::from_millis(20);

/// Watches the descendants of one process.
#[derive(Debug)]
pub(super) struct Watch {
    root: i32,
    /// When the present wait began.
    since: Option<Instant>,
    patience: Duration,
    /// What those that run had computed when they were first seen running.
    running: BTreeMap<i32, Duration>,
    /// Those that are not waited for.
    left_out: BTreeSet<i32>,
    /// Those that a signal had stopped when they were last looked at.
    stopped: BTreeSet<i32>,
}

impl Watch {
    /// Watches the descendants of the process `root`.
    pub(super) fn new(root: i32) -> Self {
        Self {
            root,
            since: None,
            patience: PATIENCE,
            running: BTreeMap::new(),
            left_out: BTreeSet::new(),
            stopped: BTreeSet::new(),
        }
    }

    /// Whether everybody sleeps, or that cannot be waited for. Questions that follow each other until
    /// the answer is yes are one wait.
    pub(super) fn is_quiet(&mut self) -> bool {
        let sleeping = self.look();
        if sleeping.is_some() && sleeping == self.look() {
            self.patience = PATIENCE;
        } else if self.since.get_or_insert_with(Instant::now).elapsed() > self.patience {
            self.patience = IMPATIENCE;
        } else {
            return false;
        }
        self.since = None;
        true
    }

    /// All descendants that live.
    pub(super) fn family(&self) -> BTreeSet<i32> {
        proc::descendants(self.root).into_iter().map(|thread| thread.pid).collect()
    }

    /// Whether a signal had stopped the process `pid` when it was last looked at.
    pub(super) fn is_stopped(&self, pid: i32) -> bool {
        self.stopped.contains(&pid)
    }

    /// All threads, if all of them sleep. Who is left out does not count.
    fn look(&mut self) -> Option<Vec<Thread>> {
        let mut threads = proc::descendants(self.root);
        let running: BTreeSet<i32> = threads.iter().filter(|t| !t.asleep).map(|t| t.pid).collect();
        self.leave_out_the_busy(&running);
        self.stopped = threads.iter().filter(|t| t.stopped).map(|t| t.pid).collect();
        threads.retain(|thread| !self.left_out.contains(&thread.pid));
        running.is_subset(&self.left_out).then_some(threads)
    }

    /// Takes note of those that compute for too long, and forgets those that sleep again.
    fn leave_out_the_busy(&mut self, running: &BTreeSet<i32>) {
        self.left_out.retain(|pid| running.contains(pid));
        self.running.retain(|pid, _| running.contains(pid));
        for pid in running {
            let computed = proc::cpu_time(*pid);
            let before = *self.running.entry(*pid).or_insert(computed);
            if computed.saturating_sub(before) > CPU_LIMIT {
                self.left_out.insert(*pid);
            }
        }
    }
}
