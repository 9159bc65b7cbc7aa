//! Equal failures have equal fingerprints, and nothing of a single run gets into them.

use serde_json::Value;
use squall_checker::verdict::{Contradiction, OperationId};

use super::*;
use crate::checks::{CheckName, Severity};
use crate::summary::{OperationDetail, Service};

const SECOND: u64 = 1_000_000_000;

fn facts() -> RunFacts {
    RunFacts {
        system: "node".to_owned(),
        workload: "register".to_owned(),
        bug: Some("stale-read".to_owned()),
        nodes: vec!["n1".to_owned(), "n2".to_owned(), "n10".to_owned()],
        ..RunFacts::default()
    }
}

fn fault(f: &str, kind: &str, (start_s, end_s): (u64, u64)) -> FaultRecord {
    FaultRecord {
        id: Some(start_s),
        f: f.to_owned(),
        kind: kind.to_owned(),
        targets: vec!["n2".to_owned()],
        description: format!("{kind} at {start_s}"),
        note: None,
        cut: Vec::new(),
        took_hold: true,
        invoked_ns: start_s * SECOND - 1_000,
        start_ns: start_s * SECOND,
        end_ns: end_s * SECOND,
        undone_ns: Some(end_s * SECOND + 1_000),
        evidence: Value::Null,
        undo_evidence: Value::Null,
        error: None,
        service: Service::default(),
    }
}

/// An operation by when it was invoked and when it was answered, if it was.
fn operation((from_s, to_s): (u64, Option<u64>)) -> OperationDetail {
    OperationDetail {
        id: OperationId(u32::try_from(from_s).expect("small")),
        process: from_s,
        node: Some("n1".to_owned()),
        f: "write".to_owned(),
        key: Some("17".to_owned()),
        argument: Value::from(from_s),
        result: Value::Null,
        outcome: if to_s.is_some() { Outcome::Ok } else { Outcome::Info },
        invoked_ns: from_s * SECOND,
        completed_ns: to_s.map(|to_s| to_s * SECOND),
        error: None,
        revision: None,
        label: format!("write {from_s}"),
    }
}

fn contradiction(kind: Contradiction, spans_s: &[(u64, Option<u64>)]) -> ContradictionDetail {
    let complete_s = spans_s.iter().filter_map(|(_, to_s)| *to_s).max().unwrap_or(0);
    ContradictionDetail {
        key: Some("17".to_owned()),
        placement: None,
        kind,
        explanation: "31 would have to be current both before and after 44.".to_owned(),
        operations: spans_s.iter().copied().map(operation).collect(),
        orders: Vec::new(),
        complete_ns: complete_s * SECOND,
    }
}

/// A write, another that replaces it, and a read of the first, in whole seconds.
const STALE_READ: [(u64, Option<u64>); 3] = [(10, Some(11)), (30, Some(31)), (40, Some(41))];

fn violation(facts: &RunFacts, first: &ContradictionDetail, faults: &[FaultRecord]) -> Fingerprint {
    let failure = Failure {
        facts,
        verdict: RunVerdict::Violation,
        doubt: None,
        contradiction: Some(first),
        checks: &[],
        faults,
    };
    Fingerprint::of(&failure).expect("a violation has one")
}

fn fault_of(spans_s: &[(u64, Option<u64>)], faults: &[FaultRecord]) -> String {
    violation(&facts(), &contradiction(Contradiction::ValueReturned, spans_s), faults).fault
}

fn doubtful(verdict: RunVerdict, doubt: Doubt, faults: &[FaultRecord]) -> Fingerprint {
    let facts = RunFacts { bug: None, ..facts() };
    let failure = Failure {
        facts: &facts,
        verdict,
        doubt: Some(doubt),
        contradiction: None,
        checks: &[],
        faults,
    };
    Fingerprint::of(&failure).expect("a run in doubt has one")
}

#[test]
fn the_digits_are_fixed_for_ever() {
    // Worked out by another program from the definition in the doc comment.
    for (parts, id) in [
        (
            ["node+stale-read", "register", "value-returned", "partition/isolate-leader"],
            "60774572d4e8",
        ),
        (["node", "register", "node-gone", "kill, partition"], "d1d6f25189e7"),
        (["etcd", "cas-register", "logs+recovery", "none"], "30c39477b361"),
        (["ä", "ö · ü", "unknown", "none"], "7cbed9ecdf67"),
    ] {
        let [system, workload, kind, fault] = parts;
        let fingerprint = Fingerprint::new(system, workload, kind, fault);
        assert_eq!(fingerprint.id, id);
        assert_eq!(fingerprint.label, parts.join(" · "));
    }
}

#[test]
fn a_linearizable_run_has_none() {
    let failure = Failure {
        facts: &facts(),
        verdict: RunVerdict::Linearizable,
        doubt: None,
        contradiction: None,
        checks: &[],
        faults: &[fault("kill", "kill-one", (1, 2))],
    };
    assert_eq!(Fingerprint::of(&failure), None);
}

#[test]
fn seed_time_key_value_and_client_make_no_difference() {
    let leader_cut = fault("partition", "isolate-leader", (35, 38));
    let one = contradiction(Contradiction::ValueReturned, &STALE_READ);
    let expected = violation(&facts(), &one, &[leader_cut]);
    assert_eq!(
        expected.label,
        "node+stale-read · register · value-returned · partition/isolate-leader"
    );

    let later = STALE_READ.map(|(from_s, to_s)| (from_s + 100, to_s.map(|to_s| to_s + 100)));
    let mut other = contradiction(Contradiction::ValueReturned, &later);
    other.key = Some("another".to_owned());
    other.explanation = "something else".to_owned();
    let mut leader_cut = fault("partition", "isolate-leader", (135, 138));
    leader_cut.targets = vec!["n1".to_owned()];
    let mut facts = facts();
    facts.seed = 99;
    facts.name = "another-name".to_owned();
    facts.versions = [("node".to_owned(), "2.0".to_owned())].into();
    assert_eq!(violation(&facts, &other, &[leader_cut]), expected);
}

#[test]
fn another_system_workload_kind_or_fault_makes_another_one() {
    let cut = [fault("partition", "isolate-leader", (35, 38))];
    let kill = [fault("kill", "kill-leader", (35, 38))];
    let stale = contradiction(Contradiction::ValueReturned, &STALE_READ);
    let lost = contradiction(Contradiction::LostUpdate, &STALE_READ);
    let elsewhere = RunFacts { system: "etcd".to_owned(), ..facts() };
    let clean = RunFacts { bug: None, ..facts() };
    let list = RunFacts { workload: "list-append".to_owned(), ..facts() };
    let unconfirmed = RunFacts { proof_verified: Some(false), ..facts() };
    let all = [
        violation(&facts(), &stale, &cut),
        violation(&facts(), &stale, &kill),
        violation(&facts(), &stale, &[]),
        violation(&facts(), &lost, &cut),
        violation(&elsewhere, &stale, &cut),
        violation(&clean, &stale, &cut),
        violation(&list, &stale, &cut),
        violation(&unconfirmed, &stale, &cut),
    ];
    let ids: BTreeSet<_> = all.iter().map(|fingerprint| fingerprint.id.as_str()).collect();
    assert_eq!(ids.len(), all.len(), "{all:#?}");
}

#[test]
fn a_contradiction_came_about_since_the_last_acknowledgement_before_it() {
    let before = || fault("kill", "kill-one", (12, 20));
    let around = || fault("partition", "isolate-leader", (32, 35));
    let after = || fault("pause", "pause-all", (50, 60));
    let all = [before(), around(), after()];
    assert_eq!(fault_of(&STALE_READ, &all), "partition/isolate-leader");
    // What began before and is still in force counts, and what ends in the middle too.
    assert_eq!(fault_of(&STALE_READ, &[fault("pause", "pause-all", (5, 90))]), "pause/pause-all");
    assert_eq!(fault_of(&STALE_READ, &[fault("pause", "pause-all", (5, 30))]), "pause/pause-all");
    // An indeterminate write of long ago brings no faults with it.
    let with_old_write = [(1, None), (30, Some(31)), (40, Some(41))];
    assert_eq!(fault_of(&with_old_write, &all), "partition/isolate-leader");
    // All under way at once: from the first of them.
    let at_once = [(15, Some(45)), (16, Some(41)), (30, None)];
    assert_eq!(fault_of(&at_once, &all), "kill/kill-one, partition/isolate-leader");
    assert_eq!(fault_of(&STALE_READ, &[after()]), "none");
}

#[test]
fn only_faults_that_took_hold_count_each_kind_once_and_sorted() {
    let mut failed = fault("kill", "kill-all", (31, 33));
    failed.took_hold = false;
    let faults = [
        fault("partition", "one-way", (31, 32)),
        fault("kill", "kill-one", (33, 34)),
        fault("partition", "one-way", (35, 36)),
        fault("membership", "membership", (36, 37)),
        failed,
    ];
    assert_eq!(fault_of(&STALE_READ, &faults), "kill/kill-one, membership, partition/one-way");
}

#[test]
fn a_fault_loses_its_nodes_and_figures() {
    for (kind, expected) in [
        ("kill-n1", "kill/kill-node"),
        ("kill-n10", "kill/kill-node"),
        ("groups leader+other|n1+n10", "kill/groups leader+other|node+node"),
        ("one-way n1>n2", "kill/one-way node>node"),
        ("lose-35%-for-20ms", "kill/lose-#%-for-#ms"),
        ("kill-one", "kill/kill-one"),
        ("kill-n11", "kill/kill-n#"),
    ] {
        assert_eq!(fault_of(&STALE_READ, &[fault("kill", kind, (31, 33))]), expected);
    }
}

#[test]
fn a_run_without_a_contradiction_is_named_by_its_doubt_and_the_faults_of_the_run() {
    let faults = [
        fault("partition", "isolate-leader", (5, 8)),
        fault("partition", "one-way", (15, 18)),
        fault("kill", "kill-n1", (25, 28)),
    ];
    let gone = doubtful(RunVerdict::Unavailable, Doubt::NodeGone, &faults);
    assert_eq!(gone.label, "node · register · node-gone · kill, partition");
    let all_gone = doubtful(RunVerdict::Unavailable, Doubt::ClusterGone, &faults);
    assert_ne!(gone.id, all_gone.id);
    let unknown = doubtful(RunVerdict::Unknown, Doubt::Undecided, &[]);
    assert_eq!(unknown.label, "node · register · undecided · none");
}

#[test]
fn a_failed_run_is_named_by_its_failed_checks() {
    let check = |name, status| CheckReport {
        name,
        severity: Severity::Fail,
        status,
        sentence: "20 lines on n1".to_owned(),
        details: Vec::new(),
        figures: None,
    };
    let failure = Failure {
        facts: &facts(),
        verdict: RunVerdict::Failed,
        doubt: None,
        contradiction: None,
        checks: &[
            check(CheckName::Availability, CheckStatus::Warned),
            check(CheckName::Logs, CheckStatus::Failed),
            check(CheckName::Errors, CheckStatus::Passed),
            check(CheckName::Revisions, CheckStatus::Failed),
        ],
        faults: &[],
    };
    let fingerprint = Fingerprint::of(&failure).expect("a failed run has one");
    assert_eq!(fingerprint.kind, "logs+revisions");
}

#[test]
fn parts_from_outside_are_short_and_plain_and_still_told_apart() {
    let long = "é".repeat(5_000);
    let name = |end: &str| format!("\u{1b}[2J\n\u{202e}{long}{end}");
    let one = Fingerprint::new(&name("a"), "w", "k", "f");
    let other = Fingerprint::new(&name("b"), "w", "k", "f");
    assert_eq!(one.system.chars().count(), PART_CHARS_MAX);
    assert!(one.label.chars().count() < 5 * PART_CHARS_MAX);
    assert!(one.system.starts_with("\u{fffd}[2J\u{fffd}\u{fffd}é"), "{}", one.system);
    assert_ne!(one.id, other.id, "what was cut off counts");
    assert_ne!(one.system, other.system);
    assert_eq!(Fingerprint::new("", "w", "k", "f").label, "unknown · w · k · f");
}

#[test]
fn the_documentation_has_every_word_for_a_doubt() {
    let page = include_str!("../../../docs/results-json.md");
    for doubt in [
        Doubt::Undecided,
        Doubt::ResultMisshapen,
        Doubt::ProofRejected,
        Doubt::StoppedInVain,
        Doubt::Interrupted,
        Doubt::NodeGone,
        Doubt::ClusterGone,
        Doubt::NothingInvoked,
        Doubt::NothingSucceeded,
        Doubt::NoFaultTookHold,
        Doubt::NothingUnderFaults,
        Doubt::FunctionUnderFaults,
        Doubt::NotReadBack,
        Doubt::FinalReadsMissing,
    ] {
        assert!(page.contains(&format!("| `{}` |", doubt.as_str())), "{doubt:?}");
    }
    let vector = Fingerprint::new(
        "node+stale-read",
        "register",
        "value-returned",
        "partition/isolate-leader",
    );
    assert!(page.contains(&format!("`{}`", vector.id)));
}
