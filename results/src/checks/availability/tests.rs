use serde_json::{Value, json};
use squall_checker::history::{Event, EventType, Process};

use super::super::testing::{Script, at, judged_as};
use super::super::{CheckName, CheckReport, CheckStatus};
use super::*;
use crate::facts::RunFacts;
use crate::summary::summarize;

const MS: u64 = 1_000_000;

fn event(kind: EventType, f: &'static str, at_ms: u64, value: &Value) -> Event {
    Event {
        index: None,
        time: at_ms * MS,
        process: Process::NEMESIS,
        node: None,
        kind,
        f: f.into(),
        key: None,
        value: value.clone(),
        error: None,
        revision: None,
        evidence: Value::Null,
    }
}

/// A fault in force from `from_ms` to `to_ms`.
fn fault(script: &mut Script, f: &'static str, undo: &'static str, times: (u64, u64), what: Value) {
    let mut value = what;
    value["id"] = json!(script.history.nemesis.len());
    value["kind"] = json!(f);
    let events = &mut script.history.nemesis;
    events.push(event(EventType::Invoke, f, times.0, &value));
    events.push(event(EventType::Ok, f, times.0, &value));
    events.push(event(EventType::Invoke, undo, times.1, &value));
    events.push(event(EventType::Ok, undo, times.1, &value));
}

fn reported(script: &Script, nodes: &[&str]) -> CheckReport {
    let nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
    let facts = RunFacts { nodes, ..RunFacts::default() };
    let results = summarize(&script.history, &judged_as("register"), &[], None, facts);
    let reports = results.checks.into_iter();
    reports.into_iter().find(|report| report.name == CheckName::Availability).expect("it is made")
}

fn under_faults(report: &CheckReport) -> &UnderFaults {
    let Some(Figures::Availability(figures)) = &report.figures else { panic!("figures") };
    figures
}

const THREE: &[&str] = &["n1", "n2", "n3"];

/// One success before and one after a second without any.
fn silent(f: &'static str, undo: &'static str, what: Value) -> Script {
    let mut script = Script::default();
    fault(&mut script, f, undo, (1_000, 3_000), what);
    script.ok("read", "k", at(500, 510), &Value::Null, &json!(1));
    script.lost("read", "k", at(1_500, 2_500), "timeout");
    script.ok("read", "k", at(3_500, 3_510), &Value::Null, &json!(1));
    script
}

#[test]
fn silence_without_need_is_told() {
    let script =
        silent("kill", "restart", json!({ "targets": ["n2"], "description": "n2 killed" }));
    let report = reported(&script, THREE);
    assert_eq!(report.status, CheckStatus::Warned);
    assert!(report.sentence.starts_with("Nothing succeeded in 2.00 s under `n2 killed`"));
    let cut = json!({ "cut": [["n1", "n2"], ["n1", "n3"]] });
    assert_eq!(reported(&silent("partition", "heal", cut), THREE).status, CheckStatus::Warned);
}

#[test]
fn silence_that_has_to_be_or_may_have_to_be_is_only_measured() {
    let pause = |targets: Value| silent("pause", "resume", json!({ "targets": targets }));
    let halves = json!({ "cut": [["n1", "n2"], ["n2", "n3"], ["n3", "n1"]] });
    for script in [
        pause(json!(["n1", "n2"])),
        pause(json!([])),
        silent("partition", "heal", halves),
        silent("partition", "heal", json!({ "cut": "strange" })),
        silent("disk", "mend", json!({ "targets": ["n1"] })),
    ] {
        let report = reported(&script, THREE);
        assert_eq!(report.status, CheckStatus::Passed, "{}", report.sentence);
        assert!(under_faults(&report).all.longest_unserved_ns >= 2_000 * MS);
    }
    let unknown = reported(&pause(json!(["n1"])), &[]);
    assert_eq!(unknown.status, CheckStatus::Passed);
}

#[test]
fn faults_that_overlap_count_together() {
    let mut script = silent("kill", "restart", json!({ "targets": ["n2"] }));
    fault(&mut script, "pause", "resume", (2_900, 3_400), json!({ "targets": ["n1"] }));
    assert_eq!(reported(&script, THREE).status, CheckStatus::Passed);
}

#[test]
fn one_success_is_enough_and_the_figures_are_told_by_kind() {
    let mut script = silent("kill", "restart", json!({ "targets": ["n2"] }));
    script.ok("read", "k", at(1_600, 1_700), &Value::Null, &json!(1));
    let report = reported(&script, THREE);
    assert_eq!(report.status, CheckStatus::Passed);
    let figures = under_faults(&report);
    let kill = &figures.kinds["kill"];
    assert_eq!((kill.invoked, kill.ok, kill.ok_share), (2, 1, Some(0.5)));
    assert_eq!(kill.longest_unserved_ns, 1_300 * MS);
    assert_eq!(figures.windows[0].majority, Some(true));
    assert_eq!(
        report.details,
        ["kill: 1 of 2 ok (50 %) in 2.0 s, longest without a success 1.30 s"]
    );
}

#[test]
fn a_run_without_faults_is_not_judged() {
    let report = reported(&Script::default(), THREE);
    assert_eq!(report.status, CheckStatus::NotApplicable);
}
