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
fn the_system_of_ones_own_is_the_test_and_short() {
    let test = read("harness/tests/own_system/tiny_kv.rs");
    assert!(test.lines().count() < 100, "{} lines", test.lines().count());
    let page = read("docs/library.md");
    assert!(page.contains(&format!("```rust\n{test}```")), "docs/library.md differs");
    let sandboxed = read("harness/tests/in_sandbox.rs");
    let main = sandboxed.find("fn main()").map(|at| &sandboxed[at..]).expect("it has one");
    assert!(page.contains(&format!("```rust\n{main}```")), "docs/library.md differs");
}

#[test]
fn the_store_to_try_it_on_is_short() {
    let lines = read("harness/examples/tiny_kv.rs").lines().count();
    assert!(lines < 200, "{lines} lines");
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
