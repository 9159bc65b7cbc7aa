//! What the analysis of a run adds to its verdict.

use std::fmt::Write as _;

use tempfile::TempDir;

use super::*;

/// A run of which only a history is left: a stale read on each of these keys, one after the other.
fn stale_reads(keys: &[&str]) -> (TempDir, RunDir) {
    let (mut text, mut index) = (String::new(), 0_u64);
    for key in keys {
        for (process, f, value) in [(0, "write", 1), (0, "write", 2), (1, "read", 1)] {
            for kind in ["invoke", "ok"] {
                let value =
                    if (kind, f) == ("invoke", "read") { "null" } else { &value.to_string() };
                let time_ns = index * 1_000_000;
                writeln!(
                    text,
                    r#"{{"index":{index},"time":{time_ns},"process":{process},"type":"{kind}","f":"{f}","key":"{key}","value":{value}}}"#
                )
                .expect("a string takes it");
                index += 1;
            }
        }
    }
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("history.jsonl"), text).expect("a file of ours");
    let run_dir = RunDir::open(folder.path()).expect("a run");
    (folder, run_dir)
}

#[test]
fn the_first_contradiction_says_where_its_other_operations_fit() {
    let (_folder, run_dir) = stale_reads(&["a", "b"]);
    let results = conclude_again(&run_dir, Budget::default()).expect("a history");
    let placed: Vec<_> = results
        .contradictions
        .iter()
        .map(|found| (found.key.as_deref(), found.placement.as_ref().map(|it| it.left_out.0)))
        .collect();
    assert_eq!(placed, [(Some("a"), Some(2)), (Some("b"), None)]);
    let written = std::fs::read(run_dir.results()).expect("written");
    let written: Results = serde_json::from_slice(&written).expect("as it was");
    assert_eq!(written.contradictions, results.contradictions);
}
