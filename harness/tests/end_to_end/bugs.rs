//! `squall bugs`: a planted bug is found and counted, and the findings can be shown again.

use serde_json::Value;

use crate::squall::{Place, finish, processes_naming, squall};

#[test]
fn a_planted_bug_is_found_and_counted() {
    let place = Place::new();
    let json = place.path().join("found.json");
    let page = place.path().join("BUGS.md");
    let (json, page) = (json.display(), page.display());
    let asked = format!("bugs --only stale-read --seeds 1 --clean-seeds 0 --json {json}");
    let (code, said) = finish(place.with_store(&asked));
    assert_eq!(code, 0, "{said}");
    let read = |path: &dyn ToString| std::fs::read_to_string(path.to_string()).expect("a file");
    let findings: Value = serde_json::from_str(&read(&json)).expect("JSON");
    let patient = &findings["patients"][0];
    assert_eq!(patient["name"], "stale-read");
    assert_eq!(patient["figures"]["found"], serde_json::json!({"count": 1, "of": 1}));
    assert!(patient["figures"]["seconds"]["median"].as_f64().is_some_and(|s| s > 0.0));
    // The first find of a bug is kept for whoever wants to open it.
    let run_dir = patient["runs"][0]["run_dir"].as_str().expect("a folder");
    let folder = std::fs::read_dir(place.store().join("bugs")).expect("a folder of campaigns");
    let folder = folder.flatten().next().expect("one campaign").path();
    assert!(folder.join(run_dir).join("report.html").exists());
    assert!(processes_naming(place.path()).is_empty());

    let (code, said) = finish(squall(&format!("bugs --findings {json} --markdown {page}")));
    assert_eq!(code, 0, "{said}");
    let page = read(&page);
    assert!(page.contains("| [stale-read](#stale-read) | violation | 1 of 1 |"), "{page}");
    assert!(page.contains("squall test --plan bugs/stale-read.toml --seed 1"), "{page}");
}

#[test]
fn a_bug_that_nobody_planted_is_refused() {
    let (code, said) = finish(squall("bugs --only lost-write"));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("`lost-write`") && said.contains("stale-read"), "{said}");
}
