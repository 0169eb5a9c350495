//! Many random cases on the real kernel and in the simulator, several at a time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sim_core::case::{Case, Normal, compare};

use crate::differential::{RealKernel, RunError, in_words};
use crate::generate::{CaseText, Topic};
use crate::recorded::Row;
use crate::shrink::shrink;
use crate::simulator::simulate_otherwise;

/// How often both sides are asked again when they differ. On a busy machine a step can come later than it should,
/// and meet what belongs to the next one; and what is drawn at random can be what the case names.
const MORE_TRIES: usize = 16;

/// How many smaller cases are tried when one differs.
const SHRINK_ATTEMPTS: u32 = 300;

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seeds, in order.
    pub seeds: Vec<u64>,
    /// What the cases are about.
    pub topic: Topic,
    /// No case is begun after this time.
    pub limit: Option<Duration>,
    /// Compare two answers of the kernel with each other: what differs then is a fault of the generator or of the
    /// normaliser.
    pub stability: bool,
    /// Sections to look at; all if empty.
    pub only: Vec<String>,
    /// Whether cases that differ are made smaller.
    pub shrinks: bool,
}

/// What became of all cases.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many agreed, with what is recorded of them by seed.
    pub agreed: BTreeMap<u64, Row>,
    /// Where the two agreed only when asked again.
    pub unstable: Vec<u64>,
    /// What the kernel could not run, and why.
    pub not_run: BTreeMap<u64, String>,
    /// What differed, made small.
    pub different: BTreeMap<u64, CaseText>,
    /// The kernel and the tools that answered.
    pub system: String,
}

/// A difference.
struct Found {
    /// Where it is: a section, or what the simulator complained about.
    section: String,
    words: String,
}

/// What became of one case.
enum Verdict {
    Agrees { row: Row, tries: usize },
    Differs(Found),
}

/// A campaign under way.
struct Campaign<'a> {
    plan: Plan,
    kernel: &'a RealKernel,
    tell: &'a (dyn Fn(&str) + Sync),
    next: AtomicUsize,
    begun: Instant,
    outcome: Mutex<Outcome>,
}

/// Runs the cases of a plan, `jobs` at a time, and tells what is found as it comes.
pub fn run(plan: Plan, kernel: &RealKernel, jobs: usize, tell: &(dyn Fn(&str) + Sync)) -> Outcome {
    let campaign = Campaign {
        next: AtomicUsize::new(0),
        plan,
        kernel,
        tell,
        begun: Instant::now(),
        outcome: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| campaign.work());
        }
    });
    campaign.outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Campaign<'_> {
    fn work(&self) {
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let late = self.plan.limit.is_some_and(|limit| self.begun.elapsed() > limit);
            let Some(&seed) = self.plan.seeds.get(place).filter(|_| !late) else { return };
            let case = self.plan.topic.case(seed);
            match self.examine(&case, MORE_TRIES) {
                Ok(Verdict::Agrees { row, tries }) => {
                    let mut outcome = self.outcome();
                    outcome.agreed.insert(seed, row);
                    if tries > 1 {
                        outcome.unstable.push(seed);
                    }
                }
                Ok(Verdict::Differs(found)) => self.report(seed, case, &found),
                Err(error) => {
                    self.outcome().not_run.insert(seed, error.to_string());
                }
            }
        }
    }

    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares the two sides, up to `more` times more while they differ.
    fn examine(&self, case: &CaseText, more: usize) -> Result<Verdict, RunError> {
        let parsed = case.parse()?;
        let mut tries = 0;
        loop {
            let other = match self.other_side(case, &parsed, tries)? {
                Ok(other) => other,
                Err(complaint) => {
                    let section = without_line(&complaint);
                    return Ok(Verdict::Differs(Found { section, words: complaint }));
                }
            };
            let kernel = self.kernel.observe_text(case)?;
            self.outcome().system.clone_from(&kernel.kernel);
            tries += 1;
            match self.first_difference(&parsed, &kernel, &other) {
                None => {
                    let world = u64::try_from(tries - 1).unwrap_or(0);
                    let row = Row::new(case, &kernel, world);
                    return Ok(Verdict::Agrees { row, tries });
                }
                Some(found) if tries > more => return Ok(Verdict::Differs(found)),
                Some(_) => {}
            }
        }
    }

    /// What the kernel is compared with the first time, the second time, ...; or what the simulator complains of.
    fn other_side(
        &self,
        case: &CaseText,
        parsed: &Case,
        tries: usize,
    ) -> Result<Result<Normal, String>, RunError> {
        if self.plan.stability {
            Ok(Ok(self.kernel.observe_text(case)?))
        } else {
            Ok(simulate_otherwise(parsed, u64::try_from(tries).unwrap_or(0)))
        }
    }

    fn first_difference(&self, case: &Case, kernel: &Normal, other: &Normal) -> Option<Found> {
        let side = if self.plan.stability { "another run" } else { "simulator" };
        let mut found = compare(case, ("kernel", kernel), (side, other));
        if !self.plan.only.is_empty() {
            found.retain(|one| self.plan.only.contains(&one.section));
        }
        let section = found.first()?.section.clone();
        Some(Found { section, words: in_words(&found) })
    }

    fn report(&self, seed: u64, mut case: CaseText, found: &Found) {
        if self.plan.shrinks {
            case = shrink(&case, SHRINK_ATTEMPTS, &mut |smaller| {
                self.differs(smaller).is_some_and(|other| other.section == found.section)
            });
        }
        let again = self.differs(&case);
        let words = again.as_ref().map_or("not seen again", |found| &found.words);
        let parts = [&case.setup, &case.rules, &case.packets];
        let texts = parts.map(|lines| lines.join("\n")).join("\n--\n");
        (self.tell)(&format!("=== seed {seed}\n{texts}\n--\n{words}"));
        self.outcome().different.insert(seed, case);
    }

    /// The difference that a case shows twice.
    fn differs(&self, case: &CaseText) -> Option<Found> {
        match self.examine(case, 1) {
            Ok(Verdict::Differs(found)) => Some(found),
            Ok(Verdict::Agrees { .. }) | Err(_) => None,
        }
    }
}

/// A complaint without the line that it is about, which changes as a case gets smaller.
fn without_line(complaint: &str) -> String {
    let is_line = |part: &&str| !part.bytes().all(|b| b.is_ascii_digit());
    complaint.split(':').filter(is_line).collect::<Vec<_>>().join(":")
}
