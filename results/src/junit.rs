//! JUnit XML, for continuous integration: a violation is a failure, and so is a system that did
//! not come back or fails a check; a run that proves nothing is an error.
//!
//! What shows these files disagrees on what to read. Jenkins and most actions on GitHub head a
//! failure with its `message`; GitLab, and some actions, show only the text inside. So the text
//! begins with the message, and each stands for itself. All of them tell cases apart by class
//! and name, and keep the first of two that agree, so no two do. Some read no length of a case
//! without `time`, so each has one. No `hostname`: nobody knows it here, and some show it as
//! the machine of a stranger.

use std::time::Duration;

use quick_junit::{
    NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite, XmlString,
};

use squall_checker::history::Outcome;

use crate::checks::{CheckName, CheckReport, CheckStatus, DETAILS_MAX};
use crate::fingerprint::Fingerprint;
use crate::summary::{OperationDetail, Results, RunVerdict};
use crate::wording::{Nanos, count, instant, plural, shorten};

/// The longest message, in characters: it is a heading, and shown as one.
const MESSAGE_CHARS_MAX: usize = 300;

/// The longest text of a case, in characters. GitHub refuses annotations of more than 64 KiB.
const TEXT_CHARS_MAX: usize = 12_000;

/// Operations of a contradiction that are listed before the rest is only counted.
const OPERATIONS_MAX: usize = 40;

/// Renders a run as a JUnit file: a test case for the run, and one for each check beside it.
pub fn render(results: &Results) -> String {
    let facts = &results.facts;
    let name = run_name(results);
    let mut case = case(&name, Some(results.verdict), &results.headline, &details(results));
    case.set_classname(class_name(results));
    case.set_time(Duration::from_nanos(results.duration_ns));
    let mut suite = TestSuite::new(name);
    begun(&mut suite, &facts.started_utc);
    let seed = facts.seed.to_string();
    let told = [
        ("system", facts.system.as_str()),
        ("workload", &facts.workload),
        ("bug", facts.bug.as_deref().unwrap_or("none")),
        ("verdict", results.verdict.as_str()),
        ("seed", &seed),
        ("command", &facts.command),
    ];
    suite.add_properties(told.map(|(name, value)| Property::new(name, bounded(value))));
    if let Some(fingerprint) = &results.fingerprint {
        suite.add_properties(properties(fingerprint));
    }
    suite.set_time(Duration::from_nanos(results.duration_ns));
    suite.add_test_case(case);
    suite.add_test_cases(results.checks.iter().map(|check| check_case(results, check)));
    document("squall", suite)
}

/// What the run is called; some readers drop a case without a name.
fn run_name(results: &Results) -> String {
    Some(heading(&results.facts.name)).filter(|name| !name.is_empty()).unwrap_or("run".to_owned())
}

/// What stands for the class of a case: what Jenkins and GitLab group cases by.
fn class_name(results: &Results) -> String {
    heading(&format!("squall.{}.{}", results.facts.system, results.facts.workload))
}

/// Notes when a suite began, if that is a time.
pub(crate) fn begun(suite: &mut TestSuite, started_utc: &str) {
    suite.timestamp = started_utc.parse().ok();
}

/// A fingerprint as properties.
pub(crate) fn properties(fingerprint: &Fingerprint) -> [Property; 2] {
    [
        Property::new("fingerprint", fingerprint.id.as_str()),
        Property::new("fingerprint-label", fingerprint.label.as_str()),
    ]
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
        status.set_description(bounded(&told(check)));
    }
    if check.status != CheckStatus::Passed && check.status != CheckStatus::Warned {
        status.set_message(heading(&check.sentence));
    }
    let mut case = TestCase::new(format!("{}: {}", run_name(results), check.name), status);
    // Checks are made when the run is over and take no time of it.
    case.set_time(Duration::ZERO);
    if check.status == CheckStatus::Warned {
        case.set_system_out(bounded(&format!("warning: {}", told(check))));
    }
    case.set_classname(format!("{}.checks", class_name(results)));
    case
}

/// What a check found, with its details.
fn told(check: &CheckReport) -> String {
    let details = check.details.iter().take(DETAILS_MAX).map(String::as_str);
    [check.sentence.as_str()].into_iter().chain(details).collect::<Vec<_>>().join("\n")
}

/// A test case for one run; `None` is a run that could not be set up.
///
/// `message` heads the failure, also in its text, of which `details` are the rest.
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
    tell(&mut status, message, details);
    TestCase::new(name, status)
}

/// Gives a failure its heading and its text.
pub(crate) fn tell(status: &mut TestCaseStatus, message: &str, details: &str) {
    status.set_message(heading(message));
    status.set_description(bounded(&format!("{message}\n{details}")));
}

/// `text` on one line, not too long.
fn heading(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    shorten(&words.join(" "), MESSAGE_CHARS_MAX)
}

/// `text`, or its beginning and how much is missing.
pub(crate) fn bounded(text: &str) -> String {
    // Sequences for terminals are left out first: one that was cut would swallow what follows.
    let text = XmlString::new(text);
    let text = text.as_str();
    let more = text.chars().count().saturating_sub(TEXT_CHARS_MAX);
    if more == 0 {
        return text.to_owned();
    }
    let kept: String = text.chars().take(TEXT_CHARS_MAX).collect();
    format!("{kept}…\n({} more characters)", count(more as u64))
}

/// A whole file with one suite.
pub(crate) fn document(name: &str, suite: TestSuite) -> String {
    let mut report = Report::new(name);
    (report.time, report.timestamp) = (suite.time, suite.timestamp);
    report.add_test_suite(suite);
    let xml =
        report.to_string().expect("writing XML to memory cannot fail, and strings are valid UTF-8");
    // Whoever made the strings left out control characters, but XML 1.0 lacks these two as well,
    // and a file with one of them is none to a parser that is exact.
    xml.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// What a person needs who reads nothing else.
fn details(results: &Results) -> String {
    let mut parts = vec![results.reason.clone()];
    if results.verdict == RunVerdict::Failed {
        let failed = results.checks.iter().filter(|check| check.status == CheckStatus::Failed);
        parts.extend(failed.map(|check| format!("{}: {}", check.name, told(check))));
    }
    if let Some(first) = results.contradictions.first() {
        let more = first.operations.len().saturating_sub(OPERATIONS_MAX) as u64;
        let mut lines: Vec<String> =
            first.operations.iter().take(OPERATIONS_MAX).map(operation_line).collect();
        if more > 0 {
            lines.push(format!("and {}", plural(more, "more operation", "more operations")));
        }
        parts.push(format!("Operations that contradict each other:\n{}", lines.join("\n")));
    }
    if !results.story.is_empty() {
        let lines = results.story.iter();
        let lines = lines.map(|line| format!("{:>10}  {}", instant(line.time_ns), line.text));
        let lines: Vec<String> = lines.collect();
        parts.push(format!("What was observed around them:\n{}", lines.join("\n")));
    }
    // Long texts are cut at their end, so what finds the run again stands before the rest.
    parts.insert(1, finding(results.fingerprint.as_ref(), &results.facts.command, "report.html"));
    parts.join("\n\n")
}

/// How to recognize a run, to run it again, and to read its report.
pub(crate) fn finding(fingerprint: Option<&Fingerprint>, command: &str, report: &str) -> String {
    let mut lines = Vec::new();
    if let Some(fingerprint) = fingerprint {
        lines.push(format!("Fingerprint: {} {}", fingerprint.id, fingerprint.label));
    }
    if !command.is_empty() {
        lines.push(format!("Run it again: {command}"));
    }
    lines.push(format!("Report: {report}, beside this file"));
    lines.join("\n")
}

/// An operation of a contradiction on one line.
pub(crate) fn operation_line(op: &OperationDetail) -> String {
    let node = op.node.as_deref().unwrap_or("-");
    let took = match (op.outcome, op.completed_ns) {
        (Outcome::Ok, Some(at)) => format!("for {}", Nanos(at.saturating_sub(op.invoked_ns))),
        (Outcome::Fail, _) => "refused".to_owned(),
        (Outcome::Ok | Outcome::Info, _) => "outcome unknown".to_owned(),
    };
    format!("{:>10}  client {} → {node}  {}  {took}", instant(op.invoked_ns), op.process, op.label)
}
