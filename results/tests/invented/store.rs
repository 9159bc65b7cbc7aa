//! An invented store: plain runs and a suite over several nights, of all kinds.
//!
//! For tests of the server and to look at its pages. Nothing here was ever measured.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use serde_json::{Value, json};
use squall_results::run_dir::RunDir;
use squall_results::suite::{Cell, SuiteResults, render_html, render_junit};
use squall_results::summary::{Results, RunVerdict};
use squall_results::{junit, report};

use super::{Dice, Ending, run};

/// Nights of the suite.
pub const NIGHTS: usize = 6;

/// Systems, workloads and bugs that take turns.
const KINDS: [(&str, &str, Option<&str>, &str); 6] = [
    ("node", "register", None, "register"),
    ("node", "register", Some("stale-read"), "register-stale-read"),
    ("etcd", "append", None, "etcd-append"),
    ("node", "bank", Some("lost-update"), "bank-lost-update"),
    ("redis", "set", None, "redis-set"),
    ("zookeeper", "queue", None, "zookeeper-queue"),
];

/// The runs of the suite, with the verdict each must come to.
const CELLS: [(usize, &str, RunVerdict); 4] = [
    (0, "clean", RunVerdict::Linearizable),
    (1, "stale-read", RunVerdict::Violation),
    (2, "etcd", RunVerdict::Linearizable),
    (3, "lost-update", RunVerdict::Violation),
];

/// What invented runs are made of: everything is worked out once and then varied.
pub struct Mint {
    linearizable: (Value, String),
    violation: (Value, String),
    dice: Dice,
}

/// Makes a store in `folder` with `runs` plain runs, a suite of [`NIGHTS`] nights, and one
/// run each that is unfinished and damaged.
pub fn store(folder: &Path, runs: usize) {
    let mut mint = Mint::new();
    for number in 0..runs {
        let kind = KINDS[number % KINDS.len()];
        let bad = kind.2.is_some() && !number.is_multiple_of(7);
        let day = 1 + number / 4 % 27;
        let stamp = format!("202601{day:02}T{:02}1500Z", number % 24);
        mint.put(folder, kind, &stamp, number as u64, bad);
    }
    for night in 0..NIGHTS {
        suite(folder, &mut mint, night);
    }
    let unfinished = RunDir::create(folder, "register", "20260128T100000Z", 1).unwrap();
    std::fs::write(unfinished.history(), b"{\"squall\":1}\n").unwrap();
    let damaged = RunDir::create(folder, "register", "20260128T110000Z", 2).unwrap();
    std::fs::write(damaged.history(), b"{\"squall\":1}\n").unwrap();
    std::fs::write(damaged.results(), b"{\"squall\":1,\"verdict\":").unwrap();
}

fn suite(folder: &Path, mint: &mut Mint, night: usize) {
    let day = 20 + night;
    let stamp = format!("202601{day}T010000Z");
    let place = folder.join("nightly").join(&stamp);
    let mut cells = Vec::new();
    for (kind, name, expected) in CELLS {
        let kind = (KINDS[kind].0, KINDS[kind].1, KINDS[kind].2, name);
        // One is not found on every third night.
        let bad = expected == RunVerdict::Violation && (name != "lost-update" || night % 3 != 1);
        let seed = night as u64;
        let stamp = format!("202601{day}T0110{:02}Z", cells.len());
        let run_dir = mint.put(&place.join("runs"), kind, &stamp, seed, bad);
        let verdict = if bad { RunVerdict::Violation } else { RunVerdict::Linearizable };
        cells.push(Cell {
            name: name.to_owned(),
            plan: format!("{}, {}, 5 nodes, all, 30s", kind.0, kind.1),
            expected,
            verdict: Some(verdict),
            as_expected: verdict == expected,
            run_dir: Some(format!("runs/{name}/{run_dir}")),
            seconds: 31.4,
            reason: "All operations fit one legal order.".to_owned(),
            seed,
            command: format!("squall test --plan plans/{name}.toml"),
            fingerprint: None,
        });
    }
    let suite = SuiteResults {
        squall: 1,
        suite: "nightly".to_owned(),
        started_utc: format!("2026-01-{day}T01:00:00Z"),
        cells,
    };
    std::fs::write(place.join("suite.json"), suite.to_json()).unwrap();
    std::fs::write(place.join("suite.html"), render_html(&suite)).unwrap();
    std::fs::write(place.join("junit.xml"), render_junit(&suite)).unwrap();
}

impl Mint {
    /// Works out what all runs have in common.
    pub fn new() -> Self {
        let of = |ending| {
            let run = run(815, 3_000, ending);
            let results = run.results();
            let html = report::render(&run.material(&results));
            (serde_json::to_value(&results).unwrap(), html)
        };
        Self {
            linearizable: of(Ending::Linearizable),
            violation: of(Ending::Violation),
            dice: Dice(4),
        }
    }

    /// Puts a run into `store` and says how its folder is called.
    pub fn put(
        &mut self,
        store: &Path,
        (system, workload, bug, name): (&str, &str, Option<&str>, &str),
        stamp: &str,
        seed: u64,
        bad: bool,
    ) -> String {
        let speed = 0.7 + 0.6 * self.dice.unit();
        let (results, html) = if bad { &self.violation } else { &self.linearizable };
        let mut results = results.clone();
        let facts = &mut results["facts"];
        facts["name"] = json!(name);
        facts["system"] = json!(system);
        facts["workload"] = json!(workload);
        facts["bug"] = json!(bug);
        facts["seed"] = json!(seed);
        facts["plan"]["seed"] = json!(seed);
        facts["plan"]["nodes"] = json!(3 + 2 * (seed % 2));
        facts["started_utc"] = json!(started(stamp));
        for window in ["whole", "calm", "stormy"] {
            scale(&mut results[window], speed);
        }
        if bad {
            let first = &mut results["contradictions"][0]["complete_ns"];
            *first = json!((first.as_u64().unwrap() as f64 * speed) as u64);
            let label = format!("{system}+{} · {workload} · value-returned", bug.unwrap_or("none"));
            results["fingerprint"] = json!({
                "id": format!("{:012x}", label.len() * 7_919 + label.bytes().map(usize::from).sum::<usize>()),
                "label": label,
                "system": system,
                "workload": workload,
                "kind": "value-returned",
                "fault": "partition isolate-leader",
            });
        }
        let run = RunDir::create(store, name, stamp, seed).unwrap();
        std::fs::write(run.results(), serde_json::to_vec_pretty(&results).unwrap()).unwrap();
        std::fs::write(run.report(), html).unwrap();
        std::fs::write(run.history(), "{\"squall\":1,\"type\":\"header\"}\n".repeat(40)).unwrap();
        std::fs::write(run.plan(), format!("system = \"{system}\"\nseed = {seed}\n")).unwrap();
        std::fs::write(run.log("n1"), "n1: <b>started</b>\n".repeat(20)).unwrap();
        let typed: Results = serde_json::from_value(results).unwrap();
        std::fs::write(run.junit(), junit::render(&typed)).unwrap();
        run.path().file_name().unwrap().to_str().unwrap().to_owned()
    }
}

/// `20260102T030405Z` as a moment is written.
fn started(stamp: &str) -> String {
    let part = |range: std::ops::Range<usize>| &stamp[range];
    let (date, time) = (
        [part(0..4), part(4..6), part(6..8)].join("-"),
        [part(9..11), part(11..13), part(13..15)].join(":"),
    );
    format!("{date}T{time}Z")
}

/// Makes a system quicker or slower by a factor.
fn scale(service: &mut Value, factor: f64) {
    let functions = service["functions"].as_object_mut().unwrap().values_mut();
    let mut all: Vec<&mut Value> = functions.collect();
    for counts in &mut all {
        scale_counts(counts, factor);
    }
    scale_counts(&mut service["total"], factor);
}

fn scale_counts(counts: &mut Value, factor: f64) {
    counts["ok_per_s"] = json!(counts["ok_per_s"].as_f64().unwrap() * factor);
    if let Some(latency) = counts.get_mut("latency").and_then(Value::as_object_mut) {
        for value in latency.values_mut() {
            *value = json!((value.as_f64().unwrap() / factor) as u64);
        }
    }
}

/// Puts a run into the store in `place` all of whose words are `evil`; returns its folder.
pub fn put_hostile(
    mint: &mut Mint,
    place: &Path,
    name: &str,
    stamp: &str,
    seed: u64,
    evil: &str,
) -> String {
    let leaf = mint.put(place, ("node", "register", None, name), stamp, seed, true);
    let results = place.join(name).join(&leaf).join("results.json");
    let text = std::fs::read(&results).unwrap();
    let mut hostile: Value = serde_json::from_slice(&text).unwrap();
    for path in [
        "/headline",
        "/reason",
        "/facts/system",
        "/facts/workload",
        "/facts/bug",
        "/facts/plan/workload",
        "/faults/0/kind",
        "/faults/0/f",
        "/fingerprint/label",
        "/fingerprint/id",
        "/contradictions/0/explanation",
    ] {
        *hostile.pointer_mut(path).expect(path) = json!(evil);
    }
    let functions = hostile["whole"]["functions"].as_object_mut().unwrap();
    let counts = functions["read"].clone();
    functions.insert(evil.to_owned(), counts);
    std::fs::write(&results, hostile.to_string()).unwrap();
    leaf
}

/// Puts a night of a suite beside the runs of `name`, all of whose words are `evil`.
pub fn put_hostile_night(place: &Path, name: &str, stamp: &str, evil: &str) {
    let night = place.join(name).join(stamp);
    std::fs::create_dir(&night).unwrap();
    let cell = json!({ "name": evil, "plan": evil, "expected": "violation", "verdict": "violation",
        "as_expected": true, "run_dir": evil, "seconds": 1.0, "reason": evil, "seed": 1, "command": evil });
    let suite = json!({ "squall": 1, "suite": evil, "started_utc": evil, "cells": [cell] });
    std::fs::write(night.join("suite.json"), suite.to_string()).unwrap();
}
