//! Real output satisfies the published JSON Schema, and the schema is strict enough to notice.

mod invented;

use invented::{Ending, run};
use serde_json::Value;
use squall_results::summary::{Results, summarize};

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
