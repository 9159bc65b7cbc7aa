//! JUnit files as those who read them demand: counts, names, times, texts, and legal XML.

mod invented;

use std::collections::BTreeSet;

use invented::{Ending, run};
use quick_junit::{NonSuccessKind, Report, TestCaseStatus, TestSuite};
use squall_results::facts::RunFacts;
use squall_results::junit;
use squall_results::suite::{self, Cell, SuiteResults};
use squall_results::summary::{Results, RunVerdict};

fn summarized(ending: Ending, facts: impl FnOnce(&mut RunFacts)) -> Results {
    let mut run = run(815, 3_000, ending);
    facts(&mut run.facts);
    run.results()
}

/// Reads a file with what all readers need of it, and gives its only suite.
fn read(xml: &str) -> TestSuite {
    // XML 1.0, section 2.2, has no other characters, not even escaped.
    let legal = |c: char| match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        _ => c >= ' ',
    };
    assert_eq!(xml.chars().find(|c| !legal(*c)), None);
    assert!(!xml.contains("hostname="), "nobody knows the host");
    let report = Report::deserialize_from_str(xml).expect("well-formed, and in order");
    assert_eq!(report.test_suites.len(), 1);
    let suite = report.test_suites[0].clone();
    assert_eq!((report.time, report.timestamp), (suite.time, suite.timestamp));
    assert!(!suite.name.as_str().is_empty() && suite.time.is_some());
    let status = |wanted: fn(&TestCaseStatus) -> bool| {
        suite.test_cases.iter().filter(|case| wanted(&case.status)).count()
    };
    let non_success = |wanted: NonSuccessKind| {
        let is = |status: &TestCaseStatus| match status {
            TestCaseStatus::NonSuccess { kind, .. } => *kind == wanted,
            TestCaseStatus::Success { .. } | TestCaseStatus::Skipped { .. } => false,
        };
        suite.test_cases.iter().filter(|case| is(&case.status)).count()
    };
    assert_eq!(suite.tests, suite.test_cases.len());
    assert_eq!(suite.skipped, status(|status| matches!(status, TestCaseStatus::Skipped { .. })));
    assert_eq!(suite.failures, non_success(NonSuccessKind::Failure));
    assert_eq!(suite.errors, non_success(NonSuccessKind::Error));
    assert_eq!(
        [report.tests, report.skipped, report.failures, report.errors],
        [suite.tests, suite.skipped, suite.failures, suite.errors]
    );
    let mut names = BTreeSet::new();
    for case in &suite.test_cases {
        assert!(!case.name.as_str().is_empty() && case.time.is_some(), "{case:?}");
        let class = case.classname.as_ref().expect("each has a class");
        assert!(names.insert((class.as_str(), case.name.as_str())), "{case:?} twice");
    }
    suite
}

/// The message and the text of a case that did not succeed.
fn failure(suite: &TestSuite, case: usize) -> (String, String) {
    match &suite.test_cases[case].status {
        TestCaseStatus::NonSuccess { message, description, .. } => (
            message.as_ref().expect("a message").as_str().to_owned(),
            description.as_ref().expect("a text").as_str().to_owned(),
        ),
        other => panic!("{other:?}"),
    }
}

fn property<'s>(suite: &'s TestSuite, name: &str) -> Option<&'s str> {
    let found = suite.properties.iter().find(|property| property.name.as_str() == name);
    found.map(|property| property.value.as_str())
}

#[test]
fn a_failure_begins_with_the_headline_and_tells_what_a_person_needs() {
    let suite = read(&junit::render(&summarized(Ending::Violation, |_| ())));
    assert_eq!(suite.name.as_str(), "register");
    assert_eq!(suite.timestamp.expect("when it began").to_rfc3339(), "2026-01-02T03:04:05+00:00");
    let (message, text) = failure(&suite, 0);
    assert_eq!(message, "Not linearizable: key 17");
    assert!(text.starts_with("Not linearizable: key 17\nn1 answered 31 to a read"), "{text}");
    for part in [
        "Fingerprint: 60774572d4e8 node+stale-read · register · value-returned · partition/",
        "Run it again: squall test --workload register --time 30s --seed 815\n",
        "Report: report.html, beside this file\n",
        "3.120 s  client 1 → n1  read → 31  for 3.21 ms\n",
        "2.010 s  n1 (leader) cut off from n2, n3, n4, n5\n",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    for (name, value) in [
        ("verdict", "violation"),
        ("seed", "815"),
        ("system", "node"),
        ("bug", "stale-read"),
        ("fingerprint", "60774572d4e8"),
    ] {
        assert_eq!(property(&suite, name), Some(value), "{name}");
    }
}

#[test]
fn a_linearizable_run_has_neither_failure_nor_fingerprint() {
    let suite = read(&junit::render(&summarized(Ending::Linearizable, |_| ())));
    assert_eq!((suite.failures, suite.errors), (0, 0));
    assert_eq!(suite.tests, 11, "the run and ten checks");
    assert_eq!(property(&suite, "fingerprint"), None);
}

#[test]
fn a_start_that_is_no_time_and_a_run_without_a_name_are_left_out() {
    let nothing = invented::nothing();
    let results = nothing.results();
    let suite = read(&junit::render(&results));
    assert_eq!(suite.timestamp, None);
    let (message, text) = failure(&suite, 0);
    assert_eq!(message, "Inconclusive: too little was put to the test");
    assert!(!text.contains("Run it again"), "{text}");
}

#[test]
fn whatever_comes_from_outside_the_file_is_legal_and_no_text_is_huge() {
    let hostile = "a\u{0}\u{1}\u{1b}[31m\u{fffe}\u{ffff}\r\n\t]]>&lt;<failure/>\u{202e}";
    let results = summarized(Ending::Violation, |facts| {
        facts.name = hostile.to_owned();
        facts.system = hostile.to_owned();
        facts.bug = Some(hostile.to_owned());
        facts.command = hostile.repeat(9_999);
        facts.started_utc = hostile.to_owned();
        facts.verify_error = Some(hostile.repeat(9_999));
        facts.proof_verified = Some(false);
    });
    let suite = read(&junit::render(&results));
    let (message, text) = failure(&suite, 0);
    assert!(message.chars().count() <= 300 && !message.contains('\n'), "{message}");
    assert!(text.chars().count() < 13_000 && text.contains("more characters"), "{message}");
    assert!(junit::render(&results).len() < 200_000);
}

fn cell(name: &str, expected: RunVerdict, verdict: Option<RunVerdict>) -> Cell {
    let results = summarized(Ending::Violation, |_| ());
    Cell {
        name: name.to_owned(),
        plan: "register on 5 nodes".to_owned(),
        expected,
        verdict,
        as_expected: verdict == Some(expected),
        run_dir: verdict.map(|_| format!("runs/{name}/1")),
        seconds: 31.25,
        reason: "Because.".to_owned(),
        seed: 1,
        command: "squall test --seed 1".to_owned(),
        fingerprint: results.fingerprint.filter(|_| verdict == Some(RunVerdict::Violation)),
    }
}

#[test]
fn a_suite_has_a_case_for_each_run_that_stands_for_itself() {
    let suite = SuiteResults {
        squall: 1,
        suite: "nightly".to_owned(),
        started_utc: "2026-01-02T03:04:05Z".to_owned(),
        cells: vec![
            cell("good", RunVerdict::Linearizable, Some(RunVerdict::Linearizable)),
            cell("bad", RunVerdict::Linearizable, Some(RunVerdict::Violation)),
            cell("missed", RunVerdict::Violation, Some(RunVerdict::Linearizable)),
            cell("found", RunVerdict::Violation, Some(RunVerdict::Violation)),
            cell("broken", RunVerdict::Linearizable, None),
        ],
    };
    let read = read(&suite::render_junit(&suite));
    assert_eq!((read.tests, read.failures, read.errors, read.skipped), (5, 2, 1, 0));
    assert!(read.timestamp.is_some());
    assert_eq!(read.time.expect("together").as_secs_f64(), 156.25);

    let (message, text) = failure(&read, 1);
    assert_eq!(message, "expected linearizable, came to violation: Because.");
    assert!(text.starts_with(&message), "{text}");
    for part in [
        "Fingerprint: 60774572d4e8 ",
        "Run it again: squall test --seed 1",
        "Report: runs/bad/1/report.html, beside this file",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let (message, _) = failure(&read, 2);
    assert_eq!(message, "expected violation, came to linearizable: Because.");
    let told = read.test_cases[3].system_out.as_ref().expect("why it is good");
    assert_eq!(told.as_str(), "violation, as expected: Because.");
    let (_, text) = failure(&read, 4);
    assert!(text.contains("Report: suite.html, beside this file"), "{text}");
    let fingerprints = read.test_cases.iter().map(|case| case.properties.len());
    assert_eq!(fingerprints.collect::<Vec<_>>(), [0, 2, 0, 2, 0]);
}
