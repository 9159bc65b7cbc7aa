//! What documents show is what is compiled.

use std::{fs, path::Path};

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_workload_of_ones_own_is_the_example_and_short() {
    let example = read("harness/examples/own_workload.rs");
    assert!(example.lines().count() < 60, "{} lines", example.lines().count());
    let page = read("docs/own-workload.md");
    assert!(page.contains(&format!("```rust\n{example}```")), "docs/own-workload.md differs");
}

#[test]
fn every_workload_has_its_row() {
    let page = read("docs/workloads.md");
    for entry in squall_workloads::WORKLOADS {
        assert!(page.contains(&format!("| `{}` |", entry.name)), "{} is missing", entry.name);
        for bug in entry.finds {
            let section = page.split(&format!("\n### {}\n", entry.name)).nth(1);
            let section = section.and_then(|rest| rest.split("\n### ").next());
            let section = section.unwrap_or_else(|| panic!("{} has no section", entry.name));
            assert!(section.contains(&format!("`{bug}`")), "{}: {bug}", entry.name);
        }
    }
}
