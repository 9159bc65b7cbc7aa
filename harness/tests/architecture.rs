//! The crates link each other as ARCHITECTURE.md draws it, and no other way.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// Who links whom, without development dependencies.
const PICTURE: &[(&str, &[&str])] = &[
    ("squall-checker", &[]),
    ("squall-workloads", &["squall-checker"]),
    ("squall-nemesis", &[]),
    ("squall-results", &["squall-checker"]),
    ("squall-node", &[]),
    (
        "squall",
        &["squall-checker", "squall-nemesis", "squall-node", "squall-results", "squall-workloads"],
    ),
];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

fn ours(package: &Value) -> Vec<&str> {
    let dependencies = package["dependencies"].as_array().expect("a list");
    let linked = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
    let names = linked.filter_map(|dependency| dependency["name"].as_str());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("squall")).collect();
    names.sort_unstable();
    names
}

#[test]
fn crates_depend_on_each_other_as_drawn() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("a list");
    let found: BTreeMap<_, _> = packages
        .iter()
        .map(|package| (package["name"].as_str().expect("a name"), ours(package)))
        .collect();
    let drawn: BTreeMap<_, _> =
        PICTURE.iter().map(|(name, links)| (*name, links.to_vec())).collect();
    assert_eq!(found, drawn);
}

/// The library drives the built-in node over HTTP, like any other system.
#[test]
fn the_harness_library_never_names_the_node_crate() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut looked = 0;
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.starts_with(root.join("bin")) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file");
            assert!(!text.contains("squall_node"), "{} names the node crate", path.display());
            looked += 1;
        }
    }
    assert!(looked > 10, "looked at only {looked} files");
}
