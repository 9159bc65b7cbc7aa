//! Real output satisfies the published JSON Schema, and the schema is strict enough to notice.

mod invented;

use std::collections::BTreeSet;

use invented::{Ending, run};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use squall_checker::history::Outcome;
use squall_checker::verdict::{Conclusion, Contradiction, Precedence, Verdict};
use squall_results::checks::logs::{Scan, Trouble};
use squall_results::checks::{CheckName, CheckStatus, Severity};
use squall_results::facts::{Beside, Pace, StoppedAt};
use squall_results::suite::{Cell, SuiteResults};
use squall_results::summary::{Latency, Results, RunVerdict, StoryKind};

const RESULTS: &str = include_str!("../schema/results.schema.json");
const SUITE: &str = include_str!("../schema/suite.schema.json");

fn results_schema() -> Value {
    serde_json::from_str(RESULTS).expect("the schema is JSON")
}

fn schema() -> jsonschema::Validator {
    jsonschema::validator_for(&results_schema()).expect("the schema is a JSON Schema")
}

fn suite_schema() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(SUITE).expect("the schema is JSON");
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
        assert_valid(&run(1, 2_000, ending).results());
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
    (run.facts.started_unix_ns, run.facts.utc_offset_s) = (Some(1 << 60), Some(-34_200));
    run.facts.checks = [(CheckName::Logs, Severity::Warn), (CheckName::Pace, Severity::Off)].into();
    run.facts.beside = vec![
        Beside::ConstantTotal { keys: vec!["a".to_owned()], total: -5, may_be_negative: true },
        Beside::FencingTokens,
        Beside::Revisions { keys_prefix: "register/".to_owned() },
    ];
    let latency = Latency { p50_ns: 1, p95_ns: 2, p99_ns: 3, max_ns: 4 };
    let latencies = [("read".to_owned(), latency)].into();
    run.facts.pace = Some(Pace { asked_per_s: 7.5, latencies, ..Pace::default() });
    run.results()
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
    assert_valid(&nothing.results());
}

#[test]
fn results_of_every_verdict_are_valid_and_all_but_one_have_a_fingerprint() {
    let violation = run(1, 500, Ending::Violation).results();
    let linearizable = run(1, 500, Ending::Linearizable).results();
    let mut unconfirmed = run(1, 500, Ending::Violation);
    unconfirmed.facts.proof_verified = Some(false);
    unconfirmed.facts.verify_error = Some("too large".to_owned());
    let mut unknown = run(1, 500, Ending::Linearizable);
    unknown.analysis.verdict = Verdict::Unknown;
    unknown.analysis.keys[0].conclusion = Conclusion::Unknown { reason: "no time".to_owned() };
    let mut gone = run(1, 500, Ending::Linearizable);
    gone.facts.recovered.served_again_ms = None;
    gone.facts.recovered.nodes[2].served_again_ms = None;
    gone.facts.recovered.nodes[2].last_answer = Some("503".to_owned());
    let mut interrupted = run(1, 500, Ending::Linearizable);
    interrupted.facts.interrupted = true;
    let mut stopped = run(1, 500, Ending::Violation);
    stopped.facts.stopped_at = Some(StoppedAt { operation: 7, event_ms: 3_123, noticed_ms: 4 });
    let mut failed = run(1, 500, Ending::Linearizable);
    let mut scan = Scan::default();
    scan.log("n1", &b"panic: no\n"[..]);
    failed.logs = scan.finish();
    let kinds = [
        (linearizable, RunVerdict::Linearizable, None),
        (violation, RunVerdict::Violation, Some("value-returned")),
        (unconfirmed.results(), RunVerdict::Violation, Some("value-returned+unconfirmed")),
        (unknown.results(), RunVerdict::Unknown, Some("undecided")),
        (gone.results(), RunVerdict::Unavailable, Some("node-gone")),
        (interrupted.results(), RunVerdict::Inconclusive, Some("interrupted")),
        (stopped.results(), RunVerdict::Violation, Some("value-returned")),
        (failed.results(), RunVerdict::Failed, Some("logs")),
    ];
    for (results, verdict, kind) in kinds {
        assert_eq!(results.verdict, verdict);
        let fingerprint = results.fingerprint.as_ref();
        assert_eq!(fingerprint.map(|fingerprint| fingerprint.kind.as_str()), kind);
        assert_valid(&results);
    }
}

/// Results with as much in them as there can be, and one or two of each.
fn everything() -> Value {
    let mut results = serde_json::to_value(checked()).expect("results are JSON");
    let violation = run(1, 500, Ending::Violation).results();
    let violation = serde_json::to_value(violation).expect("results are JSON");
    for part in ["fingerprint", "contradictions", "story", "faults", "caveats"] {
        results[part] = violation[part].clone();
    }
    results["facts"]["stopped_at"] = json!({ "operation": 7, "event_ms": 3, "noticed_ms": 4 });
    few(&mut results);
    results
}

/// Keeps two elements of each list.
fn few(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.truncate(2);
            list.iter_mut().for_each(few);
        }
        Value::Object(fields) => fields.values_mut().for_each(few),
        _ => {}
    }
}

/// Fields whose values are whatever somebody else made them.
const FREE: [&str; 5] = ["plan", "argument", "result", "evidence", "undo_evidence"];

/// Fields whose values are maps from names.
const MAPS: [&str; 6] = ["versions", "functions", "latencies", "procedures", "kinds", "checks"];

/// The addresses of all objects with fields of their own in `value`, as JSON Pointers.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    let name = at.rsplit('/').next().unwrap_or_default();
    match value {
        _ if FREE.contains(&name) => {}
        Value::Object(fields) => {
            if !MAPS.contains(&name) {
                found.push(at.to_owned());
            }
            for (name, value) in fields {
                objects(value, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                objects(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Fields that may be absent, by the schema's own word and by that of the documentation.
const OPTIONAL: [&str; 22] = [
    "placement",
    "started_unix_ns",
    "utc_offset_s",
    "fingerprint",
    "ok_share",
    "latency",
    "last_answer",
    "reason",
    "revisions",
    "id",
    "note",
    "cut",
    "undone_ns",
    "evidence",
    "undo_evidence",
    "error",
    "revision",
    "gap_ns",
    "details",
    "figures",
    "majority",
    "visible_after",
];

/// Demands that `validator` notices whatever field of `good` is missing or misspelt.
fn assert_notices(validator: &jsonschema::Validator, good: &Value) {
    assert!(validator.is_valid(good));
    let mut found = Vec::new();
    objects(good, "", &mut found);
    assert!(found.len() > 3);
    for at in &found {
        // Each check has the figures of its own, or none.
        let is_figures = at.ends_with("/figures");
        let fields = good.pointer(at).and_then(Value::as_object).expect("an object");
        for (name, value) in fields {
            let mut bad = good.clone();
            let object = bad.pointer_mut(at).and_then(Value::as_object_mut).expect("an object");
            object.remove(name);
            let may_lack = OPTIONAL.contains(&name.as_str()) || is_figures;
            assert!(may_lack || !validator.is_valid(&bad), "{at} without {name}");
            let object = bad.pointer_mut(at).and_then(Value::as_object_mut).expect("an object");
            object.insert(format!("{name}x"), value.clone());
            assert!(!validator.is_valid(&bad), "{at} with {name}x");
        }
    }
}

#[test]
fn the_schema_notices_every_field_that_is_missing_or_misspelt() {
    assert_notices(&schema(), &everything());
    assert_notices(&suite_schema(), &serde_json::to_value(suite()).expect("a suite is JSON"));
}

/// The words that `T` is read from, as serde tells them of one it does not know.
fn words<T: DeserializeOwned>() -> BTreeSet<String> {
    let unknown = serde_json::from_value::<T>(json!("no such word")).err().expect("no such word");
    let told = unknown.to_string();
    let (_, known) = told.split_once("expected one of ").expect("it tells the words there are");
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn enumerated(schema: &Value, at: &str) -> BTreeSet<String> {
    let listed = schema.pointer(at).and_then(Value::as_array).unwrap_or_else(|| panic!("{at}"));
    listed.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

#[test]
fn the_schema_has_every_word_there_is() {
    let schema = results_schema();
    for (words, at) in [
        (words::<RunVerdict>(), "/$defs/runVerdict/enum"),
        (words::<Verdict>(), "/$defs/verdict/enum"),
        (words::<CheckName>(), "/$defs/checkName/enum"),
        (words::<Severity>(), "/$defs/severity/enum"),
        (words::<CheckStatus>(), "/$defs/checkReport/properties/status/enum"),
        (words::<Trouble>(), "/$defs/trouble/enum"),
        (words::<StoryKind>(), "/$defs/storyLine/properties/kind/enum"),
        (words::<Outcome>(), "/$defs/operation/properties/outcome/enum"),
        (words::<Precedence>(), "/$defs/order/properties/why/enum"),
        (words::<Contradiction>(), "/$defs/contradiction/properties/kind/enum"),
    ] {
        assert_eq!(enumerated(&schema, at), words, "{at}");
    }
    let codes = [RunVerdict::Linearizable, RunVerdict::Violation, RunVerdict::Failed];
    assert_eq!(schema["properties"]["exit_code"]["enum"], json!(codes.map(RunVerdict::exit_code)));
}

/// Demands that `schema` says of each property what it is, and of each object all it may have.
fn assert_told(schema: &Value, at: &str) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        assert_eq!(schema["additionalProperties"], json!(false), "{at}");
        for (name, property) in properties {
            let told = property["description"].as_str().unwrap_or_default();
            assert!(told.ends_with('.') && told.len() > 5, "{at}/{name}: {told:?}");
            for (unit, word) in [("_ns", "nanosecond"), ("_ms", "millisecond")] {
                assert!(!name.ends_with(unit) || told.contains(word), "{at}/{name}: {told:?}");
            }
        }
    }
    match schema {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, part)| assert_told(part, &format!("{at}/{name}")));
        }
        Value::Array(list) => list.iter().for_each(|part| assert_told(part, at)),
        _ => {}
    }
}

#[test]
fn the_schemas_say_who_they_are_and_what_each_field_is() {
    let suite: Value = serde_json::from_str(SUITE).expect("the schema is JSON");
    for (schema, name) in [(&results_schema(), "results"), (&suite, "suite")] {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["$id"], format!("urn:squall:{name}:1"));
        assert_eq!(schema["title"], format!("Squall {name}"));
        assert_eq!(schema["properties"]["squall"]["const"], 1);
        assert!(jsonschema::meta::is_valid(schema));
        assert_told(schema, name);
    }
    for shared in ["fingerprint", "runVerdict"] {
        assert_eq!(suite["$defs"][shared], results_schema()["$defs"][shared]);
    }
}

fn suite() -> SuiteResults {
    let cell = |ending, expected| {
        let results = run(1, 200, ending).results();
        Cell {
            name: "one".to_owned(),
            plan: "register on 5 nodes".to_owned(),
            expected,
            verdict: Some(results.verdict),
            as_expected: results.verdict == expected,
            run_dir: Some("runs/one/1".to_owned()),
            seconds: 31.5,
            reason: results.reason,
            seed: u64::MAX,
            command: results.facts.command,
            fingerprint: results.fingerprint,
        }
    };
    let broken = Cell {
        verdict: None,
        run_dir: None,
        fingerprint: None,
        ..cell(Ending::Linearizable, RunVerdict::Violation)
    };
    SuiteResults {
        squall: 1,
        suite: "nightly".to_owned(),
        started_utc: "2026-01-02T03:04:05Z".to_owned(),
        cells: vec![cell(Ending::Violation, RunVerdict::Linearizable), broken],
    }
}

#[test]
fn a_suite_is_valid_and_survives_a_round_trip() {
    let suite = suite();
    let value: Value = serde_json::from_str(&suite.to_json()).expect("a suite is JSON");
    let errors: Vec<_> =
        suite_schema().iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(serde_json::from_value::<SuiteResults>(value).expect("readable"), suite);
}

#[test]
fn results_of_before_there_were_fingerprints_are_still_read() {
    let mut old = serde_json::to_value(run(1, 200, Ending::Violation).results()).unwrap();
    old.as_object_mut().unwrap().remove("fingerprint");
    let read: Results = serde_json::from_value(old).expect("a field that came later is optional");
    assert_eq!(read.fingerprint, None);
}
