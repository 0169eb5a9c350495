//! What came of a scenario or of a test of rules.

use std::fmt;
use std::ops::Range;

use super::walk::Walks;

/// What came of a step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Done {
    /// What the one who acted sees.
    pub result: &'static str,
    /// What was printed.
    pub output: String,
    /// The walks of its first packet and of what answered it.
    pub walks: Walks,
}

/// Something that is not as it was expected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// Where the expectation stands.
    pub span: Range<usize>,
    /// What was looked at.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// The rule or route that is the reason, if one is.
    pub fault: Option<String>,
}

/// In one line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, expected, seen, .. } = self;
        write!(f, "{what}: expected {expected}, seen {seen}")?;
        self.fault.iter().try_for_each(|fault| write!(f, " ({fault})"))
    }
}

/// What came of a step, and what should have come of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StepReport {
    /// What it is called: its name, or what it does.
    pub title: String,
    /// Its place in the file.
    pub span: Range<usize>,
    /// What came of it.
    pub done: Done,
    /// What is not as it was expected.
    pub failures: Vec<Failure>,
    /// What is wrong in the cluster since then: pods that wait, plugins that do not work.
    pub notes: Vec<String>,
}

/// What came of a whole file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// What the file calls itself.
    pub name: String,
    /// What is wrong in the cluster from the beginning.
    pub notes: Vec<String>,
    /// Its steps, or its packets.
    pub steps: Vec<StepReport>,
}

impl Report {
    /// Whether everything was as it was expected.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.steps.iter().all(|step| step.failures.is_empty())
    }

    /// All that was not as it was expected.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.steps.iter().flat_map(|step| &step.failures)
    }
}
