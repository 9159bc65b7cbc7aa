//! JUnit XML, for continuous integration: a violation is a failure, and so is a system that did
//! not come back or fails a check; a run that proves nothing is an error.

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use squall_checker::history::Outcome;

use crate::checks::{CheckName, CheckReport, CheckStatus, DETAILS_MAX};
use crate::summary::{OperationDetail, Results, RunVerdict};
use crate::wording::{Nanos, instant};

/// Renders a run as a JUnit file: a test case for the run, and one for each check beside it.
pub fn render(results: &Results) -> String {
    let facts = &results.facts;
    let mut case = case(&facts.name, Some(results.verdict), &results.headline, &details(results));
    case.set_classname(format!("squall.{}.{}", facts.system, facts.workload));
    case.set_time(std::time::Duration::from_nanos(results.duration_ns));
    let mut suite = TestSuite::new(facts.name.clone());
    suite.add_property(Property::new("seed", facts.seed.to_string()));
    suite.add_property(Property::new("command", facts.command.clone()));
    suite.set_time(std::time::Duration::from_nanos(results.duration_ns));
    suite.add_test_case(case);
    suite.add_test_cases(results.checks.iter().map(|check| check_case(results, check)));
    document("squall", suite)
}

/// A test case for a check beside linearizability; a warning is a success that says so.
fn check_case(results: &Results, check: &CheckReport) -> TestCase {
    // What the verdict rests on is told, and counted, by the run's own case.
    let is_told = match results.verdict {
        RunVerdict::Failed => true,
        RunVerdict::Unavailable => check.name == CheckName::Recovery,
        _ => false,
    };
    let mut status = match check.status {
        CheckStatus::Passed | CheckStatus::Warned => TestCaseStatus::success(),
        CheckStatus::Failed if !is_told => TestCaseStatus::non_success(NonSuccessKind::Failure),
        CheckStatus::Failed | CheckStatus::NotApplicable => TestCaseStatus::skipped(),
    };
    if check.status == CheckStatus::Failed && !is_told {
        status.set_type("check");
        status.set_description(told(check));
    }
    if check.status != CheckStatus::Passed && check.status != CheckStatus::Warned {
        status.set_message(check.sentence.clone());
    }
    let mut case = TestCase::new(format!("{}: {}", results.facts.name, check.name), status);
    if check.status == CheckStatus::Warned {
        case.set_system_out(format!("warning: {}", told(check)));
    }
    let facts = &results.facts;
    case.set_classname(format!("squall.{}.{}.checks", facts.system, facts.workload));
    case
}

/// What a check found, with its details.
fn told(check: &CheckReport) -> String {
    let details = check.details.iter().take(DETAILS_MAX).map(String::as_str);
    [check.sentence.as_str()].into_iter().chain(details).collect::<Vec<_>>().join("\n")
}

/// A test case for one run; `None` is a run that could not be set up.
pub(crate) fn case(
    name: &str,
    verdict: Option<RunVerdict>,
    message: &str,
    details: &str,
) -> TestCase {
    let kind = match verdict {
        Some(RunVerdict::Linearizable) => return TestCase::new(name, TestCaseStatus::success()),
        // A system that does not come back has failed, whatever it answered before.
        Some(RunVerdict::Violation | RunVerdict::Unavailable | RunVerdict::Failed) => {
            NonSuccessKind::Failure
        }
        Some(RunVerdict::Unknown | RunVerdict::Inconclusive) | None => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(verdict.map_or("setup", RunVerdict::as_str));
    status.set_message(message);
    status.set_description(details);
    TestCase::new(name, status)
}

/// A whole file with one suite.
pub(crate) fn document(name: &str, suite: TestSuite) -> String {
    let mut report = Report::new(name);
    report.add_test_suite(suite);
    report.to_string().expect("writing XML to memory cannot fail, and strings are valid UTF-8")
}

fn details(results: &Results) -> String {
    let mut text = results.reason.clone();
    if results.verdict == RunVerdict::Failed {
        for check in results.checks.iter().filter(|check| check.status == CheckStatus::Failed) {
            text.push_str(&format!("\n{}: {}", check.name, told(check)));
        }
    }
    if let Some(first) = results.contradictions.first() {
        text.push('\n');
        for op in &first.operations {
            text.push_str(&operation_line(op));
            text.push('\n');
        }
    }
    if !results.facts.command.is_empty() {
        text.push_str("\nRun it again: ");
        text.push_str(&results.facts.command);
    }
    text
}

/// An operation of a contradiction on one line.
pub(crate) fn operation_line(op: &OperationDetail) -> String {
    let node = op.node.as_deref().unwrap_or("-");
    let took = match (op.outcome, op.completed_ns) {
        (Outcome::Ok, Some(at)) => format!("for {}", Nanos(at.saturating_sub(op.invoked_ns))),
        (Outcome::Fail, _) => "refused".to_owned(),
        (Outcome::Ok | Outcome::Info, _) => "never answered".to_owned(),
    };
    format!("{:>10}  client {} → {node}  {}  {took}", instant(op.invoked_ns), op.process, op.label)
}
