//! The report in the form of JUnit: a file is a suite, a step is a case.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use sim_kube::scenario::StepReport;

use super::Tested;
use crate::error::{CliError, ErrorKind};

/// What the whole report is called.
const NAME: &str = "kubewire";

/// Writes the report. It has no times, so that the same run gives the same bytes.
pub(super) fn report(all: &[Tested]) -> Result<String, CliError> {
    let mut report = Report::new(NAME);
    report.add_test_suites(all.iter().map(suite));
    report.to_string().map_err(|error| CliError::new(ErrorKind::Internal, error.to_string()))
}

fn suite(tested: &Tested) -> TestSuite {
    let path = tested.path.display().to_string();
    let mut suite = TestSuite::new(path.as_str());
    match &tested.ran {
        Ok(ran) => {
            let cases = ran.report.steps.iter().enumerate();
            suite.add_test_cases(cases.map(|(i, step)| case(&path, i + 1, step)));
        }
        Err(errors) => {
            let text: String = errors.iter().map(|error| error.render(false)).collect();
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message("it could not be run").set_description(text);
            let mut case = TestCase::new("the file", status);
            case.set_classname(path.as_str());
            suite.add_test_case(case);
        }
    }
    suite
}

fn case(path: &str, number: usize, step: &StepReport) -> TestCase {
    let failures: Vec<String> = step.failures.iter().map(ToString::to_string).collect();
    let status = match failures.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(first.as_str()).set_description(failures.join("\n"));
            status
        }
    };
    // Steps may have one name.
    let mut case = TestCase::new(format!("{number}: {}", step.title), status);
    case.set_classname(path);
    case.set_system_out(step.done.output.as_str());
    case
}
