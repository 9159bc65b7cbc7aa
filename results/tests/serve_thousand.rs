//! A store of a thousand runs: the index answers at once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod invented;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use client::serve;
use invented::store::Mint;
use serde_json::{Value, json};

const RUNS: usize = 1_000;

/// What an answer may take once the store was read.
const ANSWER_MAX: Duration = Duration::from_millis(200);

/// Makes a thousand runs with results of the size that a run of all faults has.
fn thousand(folder: &Path) -> u64 {
    let mut mint = Mint::new();
    let kind = ("node", "register", Some("stale-read"), "seed");
    let leaf = mint.put(folder, kind, "20260102T030405Z", 0, true);
    let first = folder.join("seed").join(leaf);
    let mut results: Value =
        serde_json::from_slice(&fs::read(first.join("results.json")).unwrap()).unwrap();
    // As many keys and stretches as it takes to be as long as real ones.
    let keys = results["check"]["keys"].as_array_mut().unwrap();
    let more = std::iter::repeat_n(keys.clone(), 3);
    keys.extend(more.flatten());
    let history = fs::read(first.join("history.jsonl")).unwrap();
    for number in 0..RUNS - 1 {
        let run = folder.join(format!("run-{}", number % 40)).join(format!(
            "202601{:02}T{:02}{:02}00Z-{number}",
            1 + number % 28,
            number % 24,
            number % 60
        ));
        fs::create_dir_all(run.join("logs")).unwrap();
        results["facts"]["seed"] = json!(number);
        fs::write(run.join("results.json"), serde_json::to_vec_pretty(&results).unwrap()).unwrap();
        for file in ["history.jsonl", "cluster.jsonl", "certificate.json", "report.html"] {
            fs::write(run.join(file), &history).unwrap();
        }
    }
    fs::metadata(folder.join("run-0/20260101T000000Z-0/results.json")).unwrap().len()
}

#[tokio::test]
async fn a_thousand_runs_are_listed_within_a_fifth_of_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let size = thousand(folder.path());
    assert!(size > 55_000, "results of {size} bytes are smaller than real ones");
    let served = serve(folder.path()).await;
    let ask = async |target: &str| {
        let began = Instant::now();
        let page = served.page(target).await;
        (began.elapsed(), page)
    };
    let (cold, page) = ask("/").await;
    assert!(page.contains("1,000 runs, page 1 of 10"), "{page}");
    let mut worst = Duration::ZERO;
    for target in [
        "/",
        "/?page=10",
        "/?q=stale+read",
        "/?system=node&from=2026-01-05",
        "/api/runs",
        "/failures",
        "/suites/",
        "/series/run-7",
    ] {
        let (mut best, _) = ask(target).await;
        // Others use this machine too: the best of a few says what the server takes.
        for _ in 0..4 {
            best = best.min(ask(target).await.0);
        }
        println!("{target}: {best:?}");
        worst = worst.max(best);
    }
    println!("{RUNS} runs of {size} bytes each: first answer {cold:?}, later at most {worst:?}");
    assert!(worst < ANSWER_MAX, "an answer took {worst:?}");
}
