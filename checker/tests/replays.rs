//! Real histories with known verdicts, from the folder that `SQUALL_HISTORIES` names.
//!
//! `porcupine/expected.tsv` there lists files with their model and verdict; those that are
//! logs of Jepsen (compare-and-set registers of etcd) are checked.

use std::borrow::Cow;
use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use squall_checker::certificate::Certificate;
use squall_checker::history::{Event, EventType, History, Process};
use squall_checker::model::ModelName;
use squall_checker::{CheckOptions, check, verify};

#[test]
fn logs_of_etcd_have_their_known_verdicts() {
    let Some(folder) = env::var_os("SQUALL_HISTORIES") else {
        println!("skipped: SQUALL_HISTORIES is not set");
        return;
    };
    let folder = Path::new(&folder).join("porcupine");
    let expected = fs::read_to_string(folder.join("expected.tsv")).expect("a list of histories");
    let mut checked = 0;
    for line in expected.lines().skip(1) {
        let mut columns = line.split('\t');
        let mut column = || columns.next().expect("file, model, operations, expected, ms");
        let (file, model, operations, verdict) = (column(), column(), column(), column());
        if model != ModelName::CasRegister.as_str() {
            continue;
        }
        let history = history(&fs::read_to_string(folder.join(file)).expect("a log"));
        assert_eq!(history.operations.len().to_string(), operations, "{file}");
        let options = CheckOptions { model: Some(ModelName::CasRegister), ..Default::default() };
        let analysis = check(&history, &options).expect("a register");
        assert_eq!(analysis.verdict.to_string(), verdict, "{file}");
        verify(&history, &Certificate::of(&analysis)).expect(file);
        checked += 1;
    }
    assert!(checked > 0, "no history listed for the model cas-register");
}

/// The operations of a log, each by a process of its own: the log reuses those whose
/// operations were indeterminate.
fn history(log: &str) -> History {
    let mut events: Vec<Event> = Vec::new();
    let mut in_flight: HashMap<&str, u64> = HashMap::new();
    let mut invoked = 0;
    for line in log.lines().filter_map(|line| line.strip_prefix("INFO  jepsen.util - ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [process, kind, f, value @ ..] = words.as_slice() else { panic!("{line}") };
        let kind = match *kind {
            ":invoke" => EventType::Invoke,
            ":ok" => EventType::Ok,
            ":fail" => EventType::Fail,
            ":info" => EventType::Info,
            other => panic!("{other} in {line}"),
        };
        if kind == EventType::Invoke {
            in_flight.insert(process, invoked);
            invoked += 1;
        }
        let client = in_flight[process];
        events.push(event(events.len() as u64, client, kind, f, &value.join(" ")));
    }
    History::from_events(None, events).expect("a good history")
}

fn event(index: u64, process: u64, kind: EventType, f: &str, value: &str) -> Event {
    Event {
        index: Some(index),
        time: index,
        process: Process::Client(process),
        node: None,
        kind,
        f: Cow::Owned(f.trim_start_matches(':').to_owned()),
        key: None,
        value: spell(value),
        error: None,
        revision: None,
        evidence: Value::Null,
    }
}

/// `nil`, a number, `[expected new]`, or `:timed-out`, which is no value.
fn spell(value: &str) -> Value {
    let numbers: Vec<i64> =
        value.trim_matches(['[', ']']).split(' ').filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [] => Value::Null,
        [number] => json!(number),
        _ => json!(numbers),
    }
}
