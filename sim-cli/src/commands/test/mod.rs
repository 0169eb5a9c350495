//! `kubewire test`: runs many scenarios and tests of rules, and reports.

mod find;
mod junit;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use sim_kube::reading::Mistake;
use sim_kube::scenario::Failure;

use crate::commands::run::{Ran, run_text};
use crate::commands::written;
use crate::error::{CliError, ErrorKind};
use crate::mistakes::placed;
use find::Found;

/// Runs many scenarios and tests of rules
///
/// Exits with 0 if all was as expected, with 1 if something was not, and with 2 if a file is wrong or there is nothing
/// to run.
#[derive(Debug, Args)]
pub struct Test {
    /// Files, or directories that are searched for them
    #[arg(required = true, value_name = "DIR")]
    paths: Vec<PathBuf>,
    /// Run only files whose paths contain this; given more than once, one of these
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// Write a report in the form of JUnit, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print nothing of files that pass
    #[arg(long)]
    quiet: bool,
}

/// What came of one file.
#[derive(Debug)]
struct Tested {
    path: PathBuf,
    ran: Result<Ran, Vec<CliError>>,
}

impl Test {
    /// Runs everything that is found; the exit status.
    ///
    /// # Errors
    /// When there is nothing to run, or the report cannot be written.
    pub fn run(&self, mut out: impl Write, color: bool) -> Result<u8, CliError> {
        let found = find::find(&self.paths, &self.filter)?;
        if found.tests.is_empty() {
            let message = "there is nothing to run";
            let hint = "files are looked for that have a `topology` or `rules`";
            return Err(CliError::new(ErrorKind::User, message).hint(hint));
        }
        let Found { tests, skipped } = found;
        for path in skipped.iter().filter(|_| !self.quiet) {
            let text = "neither a scenario nor a test of rules";
            written(writeln!(out, "skipped {}: {text}", path.display()))?;
        }
        let mut all = Vec::new();
        for (path, text) in tests {
            let ran = run_text(&path, text);
            let tested = Tested { path, ran };
            written(out.write_all(tested.text(self.quiet, color).as_bytes()))?;
            written(out.flush())?;
            all.push(tested);
        }
        if let Some(path) = &self.junit {
            let report = junit::report(&all)?;
            fs::write(path, report).map_err(|error| CliError::file(path, &error))?;
        }
        let count = |is: fn(&Tested) -> bool| all.iter().filter(|tested| is(tested)).count();
        let (failed, wrong) = (count(Tested::is_failed), count(Tested::is_wrong));
        let passed = all.len() - failed - wrong;
        written(writeln!(out, "{passed} passed, {failed} failed, {wrong} could not be run"))?;
        Ok(match (wrong, failed) {
            (0, 0) => 0,
            (0, _) => ErrorKind::Differs.exit_status(),
            (_, _) => ErrorKind::User.exit_status(),
        })
    }
}

impl Tested {
    const fn is_wrong(&self) -> bool {
        self.ran.is_err()
    }

    fn is_failed(&self) -> bool {
        self.ran.as_ref().is_ok_and(|ran| !ran.report.is_good())
    }

    /// What is printed of it.
    fn text(&self, quiet: bool, color: bool) -> String {
        let path = self.path.display();
        match &self.ran {
            Ok(ran) if ran.report.is_good() && quiet => String::new(),
            Ok(ran) if ran.report.is_good() => format!("passed {path}\n"),
            Ok(ran) => {
                let failures = ran.report.failures();
                let errors = failures.map(|failure| self.error(failure, ran).render(color));
                format!("FAILED {path}\n{}", errors.collect::<String>())
            }
            Err(errors) => {
                let errors = errors.iter().map(|error| error.render(color));
                format!("FAILED {path}: it could not be run\n{}", errors.collect::<String>())
            }
        }
    }

    /// A failure, at the expectation's place in its file.
    fn error(&self, failure: &Failure, ran: &Ran) -> CliError {
        let Failure { span, what, expected, seen, fault } = failure;
        let message = format!("{what}: expected {expected}");
        let help = Some(format!("seen: {seen}"));
        let error = placed(&self.path, &ran.text, Mistake { span: span.clone(), message, help });
        match fault {
            None => error,
            Some(fault) => error.hint(format!("because of: {fault}")),
        }
    }
}
