//! What checks beside linearizability do to a run, and how they are shown.

mod invented;

use invented::{Ending, Invented, run};
use serde_json::json;
use squall_checker::verdict::Verdict;
use squall_results::checks::logs::Scan;
use squall_results::checks::{CheckName, CheckReport, CheckStatus, Severity};
use squall_results::facts::{Beside, Pace, StoppedAt};
use squall_results::summary::{Latency, Results, RunVerdict, summarize};
use squall_results::text::{Colour, Width, one_screen};
use squall_results::{junit, report};

fn summarized(run: &Invented) -> Results {
    summarize(&run.history, &run.analysis, &run.probes, run.logs.as_ref(), run.facts.clone())
}

fn report_of(results: &Results, name: CheckName) -> &CheckReport {
    results.checks.iter().find(|check| check.name == name).expect("every check is reported")
}

/// A run one of whose nodes panicked.
fn panicked(ending: Ending) -> Invented {
    let mut run = run(815, 3_000, ending);
    let mut scan = Scan::default();
    scan.log("n1", &b"listening\n"[..]);
    scan.log("n3", &b"listening\nthread 'main' panicked at src/log.rs:7:5:\n"[..]);
    run.logs = scan.finish();
    run
}

#[test]
fn every_check_is_reported_once_in_an_ordinary_run_and_none_found_anything() {
    let results = summarized(&run(815, 3_000, Ending::Linearizable));
    let names: Vec<_> = results.checks.iter().map(|check| check.name).collect();
    assert_eq!(names, CheckName::ALL);
    for check in &results.checks {
        assert!(
            matches!(check.status, CheckStatus::Passed | CheckStatus::NotApplicable),
            "{check:?}"
        );
    }
}

#[test]
fn a_failed_check_fails_a_run_that_is_linearizable() {
    let results = summarized(&panicked(Ending::Linearizable));
    assert_eq!((results.verdict, results.exit_code), (RunVerdict::Failed, 11));
    assert_eq!(results.headline, "Failed: logs");
    assert!(results.reason.starts_with("In 2 logs, panic: 1 line. What was recorded"));
    assert_eq!(results.check.verdict, Verdict::Linearizable);
}

#[test]
fn a_warning_is_told_and_changes_nothing() {
    let mut run = panicked(Ending::Linearizable);
    run.facts.checks.insert(CheckName::Logs, Severity::Warn);
    let results = summarized(&run);
    assert_eq!(results.verdict, RunVerdict::Linearizable);
    assert!(
        one_screen(&results, Colour::Plain, Width::Unlimited)
            .contains("  checks      logs warned: In 2 logs,")
    );
    assert!(junit::render(&results).contains(r#"failures="0" errors="0""#));
    run.facts.checks.insert(CheckName::Logs, Severity::Off);
    let results = summarized(&run);
    assert_eq!(report_of(&results, CheckName::Logs).status, CheckStatus::NotApplicable);
    assert!(!one_screen(&results, Colour::Plain, Width::Unlimited).contains("checks  "));
}

#[test]
fn what_is_graver_stays_what_it_is() {
    let violation = summarized(&panicked(Ending::Violation));
    assert_eq!(violation.verdict, RunVerdict::Violation);
    assert_eq!(report_of(&violation, CheckName::Logs).status, CheckStatus::Failed);

    let mut unknown = panicked(Ending::Linearizable);
    unknown.facts.proof_verified = Some(false);
    assert_eq!(summarized(&unknown).verdict, RunVerdict::Unknown);

    let mut interrupted = panicked(Ending::Linearizable);
    interrupted.facts.interrupted = true;
    assert_eq!(summarized(&interrupted).verdict, RunVerdict::Inconclusive);

    let mut stopped = panicked(Ending::Linearizable);
    stopped.facts.stopped_at = Some(StoppedAt { operation: 7, event_ms: 1_000, noticed_ms: 12 });
    assert_eq!(summarized(&stopped).verdict, RunVerdict::Inconclusive);

    let mut gone = panicked(Ending::Linearizable);
    gone.facts.recovered.served_again_ms = None;
    let gone = summarized(&gone);
    assert_eq!(gone.verdict, RunVerdict::Unavailable);
    assert_eq!(report_of(&gone, CheckName::Recovery).status, CheckStatus::Failed);

    let mut doubtful = panicked(Ending::Linearizable);
    doubtful.facts.recovered.final_reads_ok = 3;
    let doubtful = summarized(&doubtful);
    assert_eq!(doubtful.verdict, RunVerdict::Failed);
    assert!(doubtful.reason.ends_with("Only 3 of 40 final reads were answered."));
}

#[test]
fn a_cluster_that_stays_away_is_unavailable_and_counted_once() {
    let mut gone = run(815, 3_000, Ending::Linearizable);
    gone.facts.recovered.served_again_ms = None;
    let results = summarized(&gone);
    assert_eq!(results.verdict, RunVerdict::Unavailable);
    assert!(junit::render(&results).contains(r#"failures="1" errors="0""#));
    assert!(!one_screen(&results, Colour::Plain, Width::Unlimited).contains("checks  "));
    gone.facts.checks.insert(CheckName::Recovery, Severity::Off);
    assert_eq!(summarized(&gone).verdict, RunVerdict::Unavailable);
}

#[test]
fn a_failed_check_is_counted_once_by_junit() {
    let failed = junit::render(&summarized(&panicked(Ending::Linearizable)));
    assert!(failed.contains(r#"failures="1" errors="0""#), "{failed}");
    assert!(failed.contains(r#"type="failed""#), "{failed}");
    assert!(
        failed.contains("logs: In 2 logs, panic: 1 line.\nn3 line 2, panic: thread"),
        "{failed}"
    );

    // What the verdict does not rest on counts by itself.
    let violation = junit::render(&summarized(&panicked(Ending::Violation)));
    assert!(violation.contains(r#"failures="2" errors="0""#), "{violation}");
    let mut gone = panicked(Ending::Linearizable);
    gone.facts.recovered.served_again_ms = None;
    let gone = junit::render(&summarized(&gone));
    assert!(gone.contains(r#"failures="2" errors="0""#), "{gone}");
    let mut interrupted = panicked(Ending::Linearizable);
    interrupted.facts.interrupted = true;
    let interrupted = junit::render(&summarized(&interrupted));
    assert!(interrupted.contains(r#"failures="1" errors="1""#), "{interrupted}");
}

#[test]
fn a_failed_check_is_shown_first_everywhere() {
    let run = panicked(Ending::Linearizable);
    let results = summarized(&run);
    let screen = one_screen(&results, Colour::Plain, Width::Unlimited);
    assert!(screen.contains("  checks      logs failed: In 2 logs, panic: 1 line."), "{screen}");
    let page = report::render(&run.material(&results));
    let table = page.split(r#"id="checks""#).nth(1).expect("a table of checks");
    let place = |text: &str| table.find(text).unwrap_or_else(|| panic!("{text} is shown"));
    assert!(place("✗ failed") < place("✓ passed"));
    assert!(place("✓ passed") < place("Not applicable: 5"));
    assert!(place("n3 line 2, panic: thread") < place("✓ passed"));
    let xml = junit::render(&results);
    assert!(xml.contains(r#"name="register: logs""#), "{xml}");
    assert!(xml.contains("n3 line 2, panic: thread"), "{xml}");
}

#[test]
fn a_pace_that_was_not_held_takes_a_line_and_its_latencies_a_table() {
    let mut run = run(815, 3_000, Ending::Linearizable);
    let latency = Latency { p50_ns: 1_000_000, p95_ns: 2, p99_ns: 3, max_ns: 4 };
    run.facts.pace = Some(Pace {
        asked_per_s: 2_000.0,
        achieved_per_s: 1_500.0,
        held: false,
        why_not: Some("all clients waited for replies".to_owned()),
        latencies: [("read".to_owned(), latency)].into(),
    });
    let results = summarized(&run);
    assert_eq!(results.verdict, RunVerdict::Linearizable);
    let line = "pace warned: Only 1,500 of 2,000 operations a second: all clients waited";
    assert!(one_screen(&results, Colour::Plain, Width::Unlimited).contains(line));
    let page = report::render(&run.material(&results));
    assert!(page.contains("From when it was due") && page.contains("<td>1.00 ms</td>"));
}

#[test]
fn what_a_workload_declares_survives_the_file() {
    let beside = [
        Beside::ConstantTotal { keys: vec!["a".to_owned()], total: 5, may_be_negative: false },
        Beside::FencingTokens,
        Beside::Revisions { keys_prefix: String::new() },
    ];
    let value = json!([
        { "kind": "constant-total", "keys": ["a"], "total": 5 },
        { "kind": "fencing-tokens" },
        { "kind": "revisions" },
    ]);
    let read: Vec<Beside> = serde_json::from_value(value).expect("three declarations");
    assert_eq!(read, beside);
}
