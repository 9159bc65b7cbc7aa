//! `--fail-fast`: a run ends at the first violation, with everything a run leaves.

use std::time::Instant;

use crate::squall::{Place, finish, results, squall};

#[test]
fn a_planted_bug_stops_the_run_and_is_proved() {
    let place = Place::new();
    let began = Instant::now();
    let args = "test --time 300s --seed 5 --bug stale-read --fail-fast";
    let (code, said) = finish(place.with_store(args));
    assert_eq!(code, 10, "{said}");
    assert!(began.elapsed().as_secs() < 150, "it went on for {:?}", began.elapsed());
    assert!(said.contains("stopped at the first violation"), "{said}");

    let run_dir = place.latest();
    let results = results(&run_dir);
    assert_eq!(results["verdict"], "violation");
    assert_eq!(results["facts"]["interrupted"], false);
    assert_eq!(results["facts"]["proof_verified"], true);
    assert_eq!(results["facts"]["plan"]["fail_fast"], true);
    let stopped_at = &results["facts"]["stopped_at"];
    let noticed_ms = stopped_at["noticed_ms"].as_u64().expect("it was stopped");
    println!("noticed {noticed_ms} ms after the event");
    assert!(noticed_ms < 2_000, "{noticed_ms} ms");
    let command = results["facts"]["command"].as_str().expect("a line");
    assert!(command.contains("--fail-fast"), "{command}");
    let report = std::fs::read_to_string(run_dir.join("report.html")).expect("a report");
    assert!(report.contains("stopped at the first violation"));

    // What the event completed is part of the first counterexample, or at least in the history.
    let history = run_dir.join("history.jsonl");
    let certificate = run_dir.join("certificate.json");
    let (code, said) =
        finish(squall(&format!("verify {} {}", history.display(), certificate.display())));
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_clean_run_goes_on_to_its_end() {
    let place = Place::new();
    let args = "test --nodes 3 --time 4s --seed 6 --nemesis none --fail-fast";
    let (code, said) = finish(place.with_store(args));
    assert_eq!(code, 0, "{said}");
    let results = results(&place.latest());
    assert_eq!(results["facts"]["stopped_at"], serde_json::Value::Null);
    assert!(results["facts"]["timings"]["workload_ms"].as_u64().is_some_and(|ms| ms >= 4_000));
}
