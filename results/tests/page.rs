//! What docs/results-json.md says of the files is so, and its jq programs run on them.

mod invented;

use std::collections::BTreeSet;

use invented::{Ending, run};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data};
use jaq_json::Val;
use serde_json::{Value, json};
use squall_results::suite::{Cell, SuiteResults};
use squall_results::summary::{Results, RunVerdict};

const PAGE: &str = include_str!("../../docs/results-json.md");

fn violation() -> Results {
    run(815, 2_000, Ending::Violation).results()
}

fn suite() -> SuiteResults {
    let results = violation();
    let cell = Cell {
        name: "one".to_owned(),
        plan: "register".to_owned(),
        expected: RunVerdict::Linearizable,
        verdict: Some(results.verdict),
        as_expected: false,
        run_dir: None,
        seconds: 1.0,
        reason: results.reason,
        seed: 1,
        command: String::new(),
        fingerprint: results.fingerprint,
    };
    let broken = Cell { verdict: None, fingerprint: None, ..cell.clone() };
    let cells = vec![cell.clone(), broken, cell];
    SuiteResults { squall: 1, suite: "s".to_owned(), started_utc: String::new(), cells }
}

/// The section of the page under the heading `title`.
fn section(title: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("\n{title}\n")).expect("the page has the section");
    rest.split("\n## ").next().expect("a split has a first part")
}

#[test]
fn the_page_has_every_field_there_is_and_no_other() {
    let rows = section("## results.json").lines().filter_map(|line| line.strip_prefix("| `"));
    let told: BTreeSet<&str> = rows.filter_map(|row| Some(row.split_once('`')?.0)).collect();
    let results = serde_json::to_value(violation()).expect("results are JSON");
    let fields = results.as_object().expect("an object").keys();
    assert_eq!(told, fields.map(String::as_str).collect());
}

#[test]
fn the_example_is_part_of_real_results() {
    let json = section("## results.json").split("```json\n").nth(1).expect("there is an example");
    let example: Value = serde_json::from_str(json.split("```").next().expect("it ends")).unwrap();
    assert_fits(&example, &serde_json::to_value(violation()).unwrap(), "");
    // Nobody has to trust the page for the words it has of fingerprints.
    assert_eq!(example["fingerprint"]["label"].as_str().unwrap().split(" · ").count(), 4);
}

/// Demands that every field of `example` is in `real`, and is of the same type.
fn assert_fits(example: &Value, real: &Value, at: &str) {
    match (example, real) {
        (Value::Object(fields), Value::Object(real)) => {
            for (name, value) in fields {
                let there = real.get(name).unwrap_or_else(|| panic!("{at}/{name}"));
                assert_fits(value, there, &format!("{at}/{name}"));
            }
        }
        (Value::String(_), Value::String(_)) | (Value::Number(_), Value::Number(_)) => {}
        _ => panic!("{at}: {example} is not like {real}"),
    }
}

/// The programs of the page, whether they take all inputs as one list, and the file they read.
fn programs() -> Vec<(&'static str, bool, &'static str)> {
    let commands = PAGE.lines().filter(|line| line.starts_with("jq "));
    let part = |line: &'static str| {
        let mut parts = line.split('\'');
        let flags = parts.next().expect("flags");
        let program = parts.next().expect("a program in quotes");
        let file = parts.next().expect("a file").trim();
        assert_eq!(parts.next(), None, "{line}");
        (program, flags.contains('s'), file)
    };
    commands.map(part).collect()
}

fn outputs(program: &str, input: &Value) -> Vec<String> {
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let arena = Arena::default();
    let modules = Loader::new(definitions).load(&arena, File { code: program, path: () });
    let modules = modules.unwrap_or_else(|errors| panic!("{program}: {errors:?}"));
    let filter = Compiler::default().with_funs(functions).compile(modules);
    let filter = filter.unwrap_or_else(|errors| panic!("{program}: {errors:?}"));
    let input = jaq_json::read::parse_single(input.to_string().as_bytes()).expect("JSON is JSON");
    let context = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let outputs = filter.id.run((context, input));
    outputs.map(|output| output.map(|it| it.to_string()).expect("it runs")).collect()
}

#[test]
fn the_programs_of_the_page_run_on_real_files() {
    let results = serde_json::to_value(violation()).expect("results are JSON");
    let suite: Value = serde_json::from_str(&suite().to_json()).expect("a suite is JSON");
    let told: Vec<String> = programs()
        .into_iter()
        .map(|(program, all_as_one, file)| {
            let input = if file.ends_with("suite.json") { &suite } else { &results };
            let input = if all_as_one { json!([input, input]) } else { input.clone() };
            outputs(program, &input).join("\n")
        })
        .collect();
    assert_eq!(told.len(), 4, "{told:#?}");
    assert!(told[0].contains("violation") && told[0].contains("60774572d4e8"), "{}", told[0]);
    assert!(told[1].contains("s  n1  read → 31") && told[1].lines().count() == 4, "{}", told[1]);
    assert!(told[2].contains("isolate-leader") && told[2].lines().count() == 7, "{}", told[2]);
    let counted = "4  node+stale-read · register · value-returned · partition/isolate-leader";
    assert!(told[3].contains(counted) && told[3].contains("2  no fingerprint"), "{}", told[3]);
}
