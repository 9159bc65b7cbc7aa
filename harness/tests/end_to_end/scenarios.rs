//! `squall scenario`: scripted situations of the protocol hold with real processes.

use serde_json::Value;

use crate::squall::{Place, finish, processes_naming, squall};

/// Performs a scenario and looks at its report.
fn holds(name: &str) {
    let place = Place::new();
    let (code, said) = finish(place.with_store(&format!("scenario {name}")));
    assert_eq!(code, 0, "{said}");
    let folder = place.latest();
    let json = std::fs::read(folder.join("scenario.json")).expect("a transcript");
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    let lines = json["lines"].as_array().expect("a list");
    let expected: Vec<_> = lines.iter().filter(|line| line["step"] == "expected").collect();
    assert!(expected.len() >= 3 && expected.iter().all(|line| line["held"] == true), "{said}");
    let html = std::fs::read_to_string(folder.join("report.html")).expect("a report");
    assert!(html.contains("expectations held"), "{html}");
    assert!(processes_naming(place.path()).is_empty());
}

#[test]
fn one_down_two_down() {
    holds("one-down-two-down");
}

#[test]
fn minority_discarded() {
    holds("minority-discarded");
}

#[test]
fn older_log_refused() {
    holds("older-log-refused");
}

#[test]
fn candidate_hears_leader() {
    holds("candidate-hears-leader");
}

#[test]
fn conflicting_suffix() {
    holds("conflicting-suffix");
}

#[test]
fn old_term_not_counted() {
    holds("old-term-not-counted");
}

#[test]
fn the_list_says_a_sentence_of_each() {
    let (code, said) = finish(squall("scenario --list"));
    assert_eq!(code, 0, "{said}");
    for name in ["cold-start", "split-vote", "heartbeats-above", "conflicting-suffix"] {
        let line = said.lines().find(|line| line.starts_with(name)).expect(name);
        assert!(line.ends_with('.'), "{line}");
    }
    let (code, said) = finish(squall("scenario warm-start"));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("`warm-start`") && said.contains("cold-start"), "{said}");
}
