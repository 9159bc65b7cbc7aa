//! Real output satisfies the published JSON Schema, and the schema is strict enough to notice.

mod invented;

use invented::{Ending, run};
use serde_json::{Value, json};
use squall_results::checks::logs::Scan;
use squall_results::checks::{CheckName, Severity};
use squall_results::facts::{Beside, Pace};
use squall_results::summary::{Latency, Results, summarize};

fn schema() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(include_str!("../schema/results.schema.json"))
        .expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is a JSON Schema")
}

fn assert_valid(results: &Results) {
    let value = serde_json::to_value(results).expect("results are JSON");
    let errors: Vec<_> = schema()
        .iter_errors(&value)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let read: Results = serde_json::from_value(value).expect("results.json must be readable");
    assert_eq!(&read, results, "results.json must survive a round trip");
}

#[test]
fn results_of_both_endings_are_valid() {
    for ending in [Ending::Linearizable, Ending::Violation] {
        let run = run(1, 2_000, ending);
        assert_valid(&summarize(
            &run.history,
            &run.analysis,
            &run.probes,
            run.logs.as_ref(),
            run.facts,
        ));
    }
}

/// A run with everything that checks may have figures of.
fn checked() -> Results {
    let mut run = run(1, 2_000, Ending::Linearizable);
    let mut scan = Scan::default();
    scan.log("n1", &b"panic: no\nWARNING: DATA RACE\n"[..]);
    scan.unreadable("n2", &std::io::Error::other("gone"));
    run.logs = scan.finish();
    run.analysis.model = "list-append".to_owned();
    let read = run.history.names.find("read").expect("there are reads");
    let (f, result) = (run.history.names.intern("append"), run.history.values.intern(&json!([7])));
    let argument = run.history.values.intern(&json!(7));
    for operation in &mut run.history.operations {
        match operation.f == read {
            true => operation.result = result,
            false => (operation.f, operation.argument) = (f, argument),
        }
    }
    run.facts.checks = [(CheckName::Logs, Severity::Warn), (CheckName::Pace, Severity::Off)].into();
    run.facts.beside = vec![
        Beside::ConstantTotal { keys: vec!["a".to_owned()], total: -5, may_be_negative: true },
        Beside::FencingTokens,
        Beside::Revisions { keys_prefix: "register/".to_owned() },
    ];
    let latency = Latency { p50_ns: 1, p95_ns: 2, p99_ns: 3, max_ns: 4 };
    let latencies = [("read".to_owned(), latency)].into();
    run.facts.pace = Some(Pace { asked_per_s: 7.5, latencies, ..Pace::default() });
    summarize(&run.history, &run.analysis, &run.probes, run.logs.as_ref(), run.facts)
}

#[test]
fn results_with_figures_of_every_check_are_valid() {
    let results = checked();
    let with_figures = results.checks.iter().filter(|check| check.figures.is_some());
    assert_eq!(with_figures.count(), 7);
    assert_valid(&results);
}

#[test]
fn results_of_an_empty_run_are_valid() {
    let nothing = invented::nothing();
    assert_valid(&summarize(
        &nothing.history,
        &nothing.analysis,
        &nothing.probes,
        None,
        nothing.facts,
    ));
}

#[test]
fn the_schema_notices_a_field_it_does_not_know_and_one_that_is_gone() {
    let run = run(1, 200, Ending::Violation);
    let results = summarize(&run.history, &run.analysis, &run.probes, run.logs.as_ref(), run.facts);
    let good = serde_json::to_value(&results).unwrap();
    let mut extra = good.clone();
    extra["faults"][0]["surprise"] = Value::Bool(true);
    assert!(!schema().is_valid(&extra));
    let mut gone = good;
    gone.as_object_mut().unwrap().remove("verdict");
    assert!(!schema().is_valid(&gone));
}
