//! Whole runs: a clean node passes, a planted bug is found, and what a run leaves can be
//! checked again by anyone.

use std::{io::Write as _, path::Path};

use squall_checker::{CheckOptions, check, history::read_jsonl};
use squall_results::{log_lines::Reading, summary::Results};

use crate::squall::{Place, finish, results, squall, start};

/// Everything DESIGN promises of a run directory.
const FILES: &[&str] = &[
    "plan.toml",
    "history.jsonl",
    "cluster.jsonl",
    "results.json",
    "certificate.json",
    "report.html",
    "junit.xml",
    "logs/n1.log",
];

fn path_of(run_dir: &Path, file: &str) -> String {
    run_dir.join(file).to_str().expect("a plain path").to_owned()
}

fn check_and_verify(run_dir: &Path, verdict_code: i32) {
    let history = path_of(run_dir, "history.jsonl");
    let (code, said) = finish(squall(&format!("check {history}")));
    assert_eq!(code, verdict_code, "{said}");
    let certificate = path_of(run_dir, "certificate.json");
    let (code, said) = finish(squall(&format!("verify {history} {certificate}")));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("verified"), "{said}");
}

#[test]
fn a_clean_cluster_is_linearizable_under_faults() {
    let place = Place::new();
    let (code, said) = finish(place.with_store("test --nodes 3 --time 8s --seed 1"));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("report.html"), "{said}");
    let run_dir = place.latest();
    for file in FILES {
        let size = std::fs::metadata(run_dir.join(file)).map(|file| file.len());
        assert!(size.as_ref().is_ok_and(|size| *size > 0), "{file}: {size:?}");
    }
    let results = results(&run_dir);
    assert_eq!(results["verdict"], "linearizable");
    assert_eq!(results["facts"]["proof_verified"], true);
    let faults = results["faults"].as_array().expect("a list");
    assert!(!faults.is_empty());
    for fault in faults {
        assert_eq!(fault["took_hold"], true, "{fault}");
    }
    assert!(results["stormy"]["total"]["ok"].as_u64().is_some_and(|ok| ok > 0));
    check_and_verify(&run_dir, 0);
    assert!(!run_dir.join("data").exists(), "a pass leaves no node data behind");
    logs_have_their_place_in_time(&run_dir);
}

/// Whatever the run left tells when each line of its logs was written.
fn logs_have_their_place_in_time(run_dir: &Path) {
    let read = |file: &str| std::fs::read(run_dir.join(file)).expect("a run leaves its files");
    let results: Results = serde_json::from_slice(&read("results.json")).expect("results");
    let history = read_jsonl(&read("history.jsonl")[..]).expect("a history");
    let header = history.header.as_ref().expect("a header");
    assert!(header.started_unix_ns.is_some(), "a run that is cut short has lines, too");
    assert_eq!(header.started_unix_ns, results.facts.started_unix_ns);
    assert_eq!(header.utc_offset_s, results.facts.utc_offset_s);
    let analysis = check(&history, &CheckOptions::default()).expect("it can be checked");
    let mut reading = Reading::of_run(&results.facts, &history, &analysis, &[]);
    for node in &results.facts.nodes {
        reading.log(node, &read(&format!("logs/{node}.log"))[..]);
    }
    let (findings, lines) = reading.finish();
    assert_eq!(findings.map(|findings| findings.logs), Some(3));
    for node in &results.facts.nodes {
        let mut of_node = lines.iter().filter(|line| line.node == *node);
        let first = of_node.next().unwrap_or_else(|| panic!("no line of {node}"));
        // It starts while the cluster does, and is heard of as long as clients are.
        assert!(first.time_ns / 1_000_000 <= results.facts.timings.boot_ms, "{first:?}");
        let last = of_node.next_back().unwrap_or_else(|| panic!("one line of {node}"));
        assert!(last.time_ns > 1_000_000_000, "{last:?}");
        assert!(last.time_ns < results.duration_ns + 1_000_000_000, "{last:?}");
    }
}

#[test]
fn without_a_sandbox_proxies_cut_the_nodes_apart() {
    let place = Place::new();
    let args = "test --nodes 3 --time 8s --seed 4 --net proxy --nemesis partition";
    let (code, said) = finish(place.with_store(args));
    assert_eq!(code, 0, "{said}");
    let results = results(&place.latest());
    let network = results["facts"]["network"].as_str().expect("a sentence");
    assert!(network.contains("prox"), "{network}");
    assert!(!results["faults"].as_array().expect("a list").is_empty());
}

#[test]
fn planted_bugs_are_found_and_proved() {
    for bug in ["stale-read", "ack-before-commit"] {
        let place = Place::new();
        let args = format!("test --time 15s --seed 5 --bug {bug}");
        let (code, said) = finish(place.with_store(&args));
        assert_eq!(code, 10, "{bug}: {said}");
        let run_dir = place.latest();
        let results = results(&run_dir);
        let operations = results["contradictions"][0]["operations"].as_array().expect("a list");
        assert!((1..=6).contains(&operations.len()), "{bug}: {} operations", operations.len());
        check_and_verify(&run_dir, 10);
        assert!(run_dir.join("data/n1").exists(), "a violation keeps the node data");
    }
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let place = Place::new();
    let other = Place::new();
    // Cuts alone: they are what one network could do to the other, and they always leave a
    // majority that serves.
    let calm = "test --nodes 3 --time 8s --nemesis partition --seed";
    let mut background = start(other.with_store(&format!("{calm} 7")));
    let (code, said) = finish(place.with_store(&format!("{calm} 8")));
    assert_eq!(code, 0, "{said}");
    let status = background.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_recorded_plan_runs_again_with_the_same_schedule() {
    let place = Place::new();
    let (code, said) = finish(place.with_store("test --nodes 3 --time 3s --seed 9"));
    assert_eq!(code, 0, "{said}");
    let first = std::fs::read_to_string(place.latest().join("plan.toml")).expect("a plan");
    assert!(first.contains("schedule"), "{first}");
    let plan = place.file("again.toml", &first);
    let (code, said) = finish(place.with_store(&format!("test --plan {plan}")));
    assert_eq!(code, 0, "{said}");
    let second = std::fs::read_to_string(place.latest().join("plan.toml")).expect("a plan");
    assert_eq!(first, second);
}

#[test]
fn a_report_can_be_made_again_from_the_run_directory() {
    let place = Place::new();
    let (code, said) = finish(place.with_store("test --nodes 1 --time 2s --seed 2 --nemesis none"));
    assert_eq!(code, 0, "{said}");
    let run_dir = place.latest();
    for file in ["report.html", "certificate.json", "junit.xml"] {
        std::fs::remove_file(run_dir.join(file)).expect("it was there");
    }
    let (code, said) = finish(squall(&format!("report {}", run_dir.display())));
    assert_eq!(code, 0, "{said}");
    for file in ["report.html", "certificate.json", "junit.xml"] {
        assert!(run_dir.join(file).exists(), "{file}");
    }
}

#[test]
fn a_panic_in_a_log_fails_the_run_unless_the_plan_is_lenient() {
    for (flag, expected, verdict) in [("", 11, "failed"), (" --check logs=warn", 0, "warned")] {
        let place = Place::new();
        let args = format!("test --nodes 1 --time 2s --seed 2 --nemesis none{flag}");
        let (code, said) = finish(place.with_store(&args));
        assert_eq!(code, 0, "{said}");
        let run_dir = place.latest();
        let log = run_dir.join("logs").join("n1.log");
        let mut log = std::fs::OpenOptions::new().append(true).open(log).expect("a log");
        writeln!(log, "thread 'main' panicked at src/main.rs:1:1:").expect("it is written");
        let (code, said) = finish(squall(&format!("report {}", run_dir.display())));
        assert_eq!(code, expected, "{said}");
        assert!(said.contains(&format!("logs {verdict}: In 1 log, panic: 1 line.")), "{said}");
    }
}
