//! What a run comes to: windows, availability, faults, and when a verdict is withheld.

mod invented;

use std::num::NonZeroU32;

use serde_json::{Value, json};
use squall_checker::history::{Event, EventType, History, Moment, Operation, Outcome};
use squall_checker::verdict::{
    Analysis, Conclusion, Contradiction, Counterexample, KeyAnalysis, OperationId, Verdict,
};
use squall_results::checks::CheckName;
use squall_results::facts::{NodeRecovery, Recovery, RunFacts, StoppedAt};
use squall_results::probes::Probe;
use squall_results::summary::{
    NodeState, Results, RunVerdict, StoryKind, Window, first_contradiction, node_spans, summarize,
};

const MS: u64 = 1_000_000;

fn moment(at_ms: u64) -> Moment {
    let position = u32::try_from(at_ms).ok().and_then(NonZeroU32::new);
    Moment::new(position.expect("an invented run is short"), at_ms * MS)
}

/// Puts an operation on key `k` at `index` among those of the history.
fn insert(
    history: &mut History,
    index: usize,
    f: &str,
    (from_ms, to_ms): (u64, u64),
    outcome: Outcome,
) {
    let History { operations, names, values, .. } = history;
    let argument = if f == "read" { Value::Null } else { json!(from_ms) };
    let operation = Operation {
        process: from_ms,
        node: Some(names.intern("n1")),
        f: names.intern(f),
        key: Some(names.intern("k")),
        argument: values.intern(&argument),
        result: squall_checker::history::Value::NULL,
        outcome,
        invoked: moment(from_ms),
        completed: Some(moment(to_ms)),
        error: None,
        revision: None,
    };
    operations.insert(index, operation);
}

/// The same after all others.
fn push(history: &mut History, f: &str, times_ms: (u64, u64), outcome: Outcome) {
    insert(history, history.operations.len(), f, times_ms, outcome);
}

fn fault(id: u64, f: &'static str, from_ms: u64) -> [Event; 2] {
    let value = json!({ "id": id, "kind": "one", "targets": ["n1"], "description": "n1 gone" });
    [
        invented::event(EventType::Invoke, f, from_ms - 1, &value, &Value::Null),
        invented::event(EventType::Ok, f, from_ms, &value, &json!({ "seen": true })),
    ]
}

fn undo(id: u64, f: &'static str, at_ms: u64) -> Event {
    invented::event(EventType::Ok, f, at_ms, &json!({ "id": id }), &json!({ "seen": true }))
}

/// One write before, during and after a partition from 1 s to 2 s.
fn tested() -> History {
    let [begun, held] = fault(0, "partition", 1_000);
    let nemesis = vec![begun, held, undo(0, "heal", 2_000)];
    let mut history = History { nemesis, ..History::default() };
    push(&mut history, "write", (100, 110), Outcome::Ok);
    push(&mut history, "write", (1_500, 1_520), Outcome::Ok);
    push(&mut history, "read", (2_500, 2_530), Outcome::Ok);
    history
}

fn recovered() -> RunFacts {
    RunFacts {
        recovered: Recovery {
            served_again_ms: Some(5),
            final_reads_expected: 1,
            final_reads_ok: 1,
            ..Recovery::default()
        },
        ..RunFacts::default()
    }
}

fn key(conclusion: Conclusion) -> KeyAnalysis {
    KeyAnalysis {
        key: Some("k".to_owned()),
        operations: 3,
        procedure: "search".to_owned(),
        revisions: None,
        conclusion,
    }
}

fn analysis(verdict: Verdict) -> Analysis {
    let conclusion = match verdict {
        Verdict::Linearizable => Conclusion::Linearizable { order: Vec::new() },
        Verdict::Unknown => {
            Conclusion::Unknown { reason: "the budget of 60 s was spent".to_owned() }
        }
        Verdict::Violation => Conclusion::Violation(Counterexample {
            kind: Contradiction::NoOrder,
            operations: vec![OperationId(0), OperationId(1), OperationId(2)],
            explanation: "these three contradict each other".to_owned(),
            edges: Vec::new(),
        }),
    };
    Analysis { verdict, model: "register".to_owned(), keys: vec![key(conclusion)] }
}

fn results(history: &History, verdict: Verdict, facts: RunFacts) -> Results {
    summarize(history, &analysis(verdict), &[], None, facts)
}

fn assert_inconclusive(history: &History, facts: RunFacts, why: &str) {
    let results = results(history, Verdict::Linearizable, facts);
    assert_eq!(results.verdict, RunVerdict::Inconclusive);
    assert_eq!(results.exit_code, 11);
    assert!(results.reason.contains(why), "{:?} should say {why:?}", results.reason);
}

#[test]
fn a_run_that_tested_something_keeps_its_verdict() {
    let results = results(&tested(), Verdict::Linearizable, recovered());
    assert_eq!((results.verdict, results.exit_code), (RunVerdict::Linearizable, 0));
}

#[test]
fn a_run_without_planned_faults_needs_none() {
    let history = History { nemesis: Vec::new(), ..tested() };
    let results = results(&history, Verdict::Linearizable, recovered());
    assert_eq!(results.verdict, RunVerdict::Linearizable);
    assert_eq!(results.after_last_heal, None);
}

#[test]
fn nothing_succeeded() {
    let mut history = tested();
    for op in &mut history.operations {
        op.outcome = Outcome::Info;
    }
    assert_inconclusive(&history, recovered(), "No operation succeeded out of 3");
}

#[test]
fn faults_were_planned_but_none_took_hold() {
    let mut history = tested();
    history.nemesis[1].kind = EventType::Fail;
    assert_inconclusive(&history, recovered(), "None of 1 planned fault took hold");
    history.nemesis.clear();
    let facts = RunFacts { faults_planned: 8, ..recovered() };
    assert_inconclusive(&history, facts, "None of 8 planned faults took hold");
}

#[test]
fn what_succeeds_only_after_the_fault_does_not_count_for_it() {
    let mut history = tested();
    history.operations.remove(1);
    insert(&mut history, 1, "write", (1_500, 2_001), Outcome::Ok);
    assert_inconclusive(&history, recovered(), "No operation succeeded while faults were in force");
    history.operations.remove(1);
    insert(&mut history, 1, "write", (999, 1_001), Outcome::Ok);
    assert_inconclusive(&history, recovered(), "No operation succeeded while faults were in force");
}

/// Facts of a run after which only some of three nodes served again, within 15 s.
fn came_back(served: [Option<u64>; 3]) -> RunFacts {
    let mut facts = RunFacts { faults_planned: 1, ..recovered() };
    let nodes = ["n1", "n2", "n3"].into_iter().zip(served);
    facts.recovered.nodes = nodes
        .map(|(node, served_again_ms)| NodeRecovery {
            node: node.to_owned(),
            served_again_ms,
            last_answer: served_again_ms.is_none().then(|| "503: no leader".to_owned()),
        })
        .collect();
    facts.recovered.deadline_ms = 15_000;
    facts.recovered.served_again_ms = served.into_iter().collect::<Option<Vec<_>>>().map(|_| 9);
    facts
}

#[test]
fn a_node_that_did_not_come_back_is_unavailability_and_no_violation() {
    let facts = came_back([Some(4), Some(9), None]);
    let told = results(&tested(), Verdict::Linearizable, facts.clone());
    assert_eq!((told.verdict, told.exit_code), (RunVerdict::Unavailable, 11));
    assert_eq!(told.headline, "Unavailable: n3 did not serve again within 15 s of the heal");
    assert_eq!(
        told.reason,
        "n3 did not serve again within 15 s of the heal, although every fault was undone. n1, n2 \
         served again 9 ms after the heal. What was recorded contradicts nothing."
    );
    assert_eq!(told.availability.not_served_again, ["n3"]);
    let last = "What n3 answered last when it should serve again: 503: no leader.";
    assert!(told.caveats.iter().any(|caveat| caveat == last), "{:?}", told.caveats);
    let check = told.checks.iter().find(|check| check.name == CheckName::Recovery);
    let details = &check.expect("it is always made").details;
    assert!(details.contains(&"n3: not in time; last: 503: no leader".to_owned()), "{details:?}");
    let decided = |verdict| results(&tested(), verdict, facts.clone()).verdict;
    assert_eq!(decided(Verdict::Violation), RunVerdict::Violation);
    assert_eq!(decided(Verdict::Unknown), RunVerdict::Unknown);
}

#[test]
fn a_cluster_that_did_not_come_back_is_named_as_a_whole() {
    let headline = |facts| results(&tested(), Verdict::Linearizable, facts).headline;
    let nobody = came_back([None; 3]);
    assert_eq!(
        headline(nobody.clone()),
        "Unavailable: the cluster did not serve again within 15 s of the heal"
    );
    let calm = RunFacts { faults_planned: 0, ..nobody };
    assert!(headline(calm).ends_with("of the end of the clients"));
    let mut of_old = recovered();
    of_old.recovered.served_again_ms = None;
    assert!(headline(of_old).starts_with("Unavailable: the cluster did not serve again"));
    let everybody = came_back([Some(4), Some(9), Some(5)]);
    assert_eq!(headline(everybody), "Linearizable");
}

#[test]
fn unavailability_comes_before_too_little_and_after_an_interruption() {
    let mut history = tested();
    history.operations[1].outcome = Outcome::Info;
    let facts = came_back([None; 3]);
    let told = results(&history, Verdict::Linearizable, facts.clone());
    assert_eq!(told.verdict, RunVerdict::Unavailable);
    let interrupted = RunFacts { interrupted: true, ..facts };
    assert_inconclusive(&history, interrupted, "The cluster did not serve again");
}

#[test]
fn gaps_are_looked_for_while_clients_worked_and_no_fault_was_in_force() {
    let mut history = tested();
    // The fault is in force from 1 s to 2 s.
    push(&mut history, "read", (8_000, 8_100), Outcome::Ok);
    push(&mut history, "read", (8_200, 9_000), Outcome::Info);
    let mut facts = recovered();
    facts.timings.clients_began_ms = Some(100);
    facts.timings.workload_ms = 9_100;
    let told = results(&history, Verdict::Linearizable, facts);
    let ms = |gap: &Window| (gap.start_ns / 1_000_000, gap.end_ns / 1_000_000);
    let gaps: Vec<_> = told.availability.gaps.iter().map(ms).collect();
    assert_eq!(gaps, [(2_530, 8_100)]);
    assert_eq!(told.availability.longest_gap.as_ref().map(ms), Some((2_530, 8_100)));
    let caveat = "No operation succeeded from 2.530 s for 5.57 s, though no fault was in force.";
    assert!(told.caveats.iter().any(|told| told == caveat), "{:?}", told.caveats);
    assert_eq!(told.verdict, RunVerdict::Linearizable, "a gap that ends is no failure");
}

#[test]
fn final_reads_without_answer_are_too_little() {
    let mut facts = recovered();
    facts.recovered.final_reads_expected = 40;
    assert_inconclusive(&tested(), facts, "Only 1 of 40 final reads");
}

#[test]
fn violation_beats_unknown_beats_inconclusive() {
    let nothing = History::default();
    let never_back = RunFacts::default();
    let verdict = |verdict| results(&nothing, verdict, never_back.clone()).verdict;
    assert_eq!(verdict(Verdict::Violation), RunVerdict::Violation);
    assert_eq!(verdict(Verdict::Unknown), RunVerdict::Unknown);
    assert_eq!(verdict(Verdict::Linearizable), RunVerdict::Inconclusive);
}

#[test]
fn a_function_that_never_succeeded_under_faults_was_not_put_to_the_test() {
    let mut history = tested();
    insert(&mut history, 2, "read", (1_600, 1_620), Outcome::Ok);
    let verdict = |history: &History| results(history, Verdict::Linearizable, recovered()).verdict;
    assert_eq!(verdict(&history), RunVerdict::Linearizable);
    history.operations[1].outcome = Outcome::Info;
    assert_inconclusive(&history, recovered(), "No write succeeded while faults were in force");
    insert(&mut history, 3, "cas", (1_700, 2_001), Outcome::Ok);
    assert_inconclusive(&history, recovered(), "No cas and no write succeeded");

    // All windows together: what succeeds under one fault need not under the next.
    let [begun, held] = fault(1, "kill", 3_000);
    history.nemesis.extend([begun, held, undo(1, "restart", 4_000)]);
    push(&mut history, "write", (3_100, 3_110), Outcome::Ok);
    push(&mut history, "cas", (3_200, 3_210), Outcome::Ok);
    assert_eq!(verdict(&history), RunVerdict::Linearizable);
}

#[test]
fn an_interrupted_run_is_no_pass() {
    let interrupted = RunFacts { interrupted: true, ..recovered() };
    let why = "linearizable as far as it went, but the run was interrupted before its time";
    assert_inconclusive(&tested(), interrupted.clone(), why);
    for (decided, expected) in
        [(Verdict::Violation, RunVerdict::Violation), (Verdict::Unknown, RunVerdict::Unknown)]
    {
        assert_eq!(results(&tested(), decided, interrupted.clone()).verdict, expected);
    }
}

#[test]
fn a_run_stopped_at_a_violation_says_so_and_without_one_is_no_pass() {
    let stopped_at = Some(StoppedAt { operation: 7, event_ms: 1_000, noticed_ms: 12 });
    let stopped = RunFacts { stopped_at, ..recovered() };
    let found = results(&tested(), Verdict::Violation, stopped.clone());
    assert_eq!(found.verdict, RunVerdict::Violation);
    let caveat = "stopped at the first violation, 12 ms after the event";
    assert!(found.caveats.iter().any(|said| said.contains(caveat)), "{:?}", found.caveats);
    assert_inconclusive(&tested(), stopped, "checking online and checking the whole disagree");
}

fn rejected() -> RunFacts {
    RunFacts {
        proof_verified: Some(false),
        verify_error: Some("operation 7 is missing".to_owned()),
        ..recovered()
    }
}

#[test]
fn a_history_whose_proof_is_rejected_is_not_linearizable() {
    let results = results(&tested(), Verdict::Linearizable, rejected());
    assert_eq!((results.verdict, results.exit_code), (RunVerdict::Unknown, 11));
    assert!(results.reason.contains("operation 7 is missing"), "{}", results.reason);
}

#[test]
fn a_violation_whose_proof_is_rejected_stays_one_and_says_so() {
    let results = results(&tested(), Verdict::Violation, rejected());
    assert_eq!((results.verdict, results.exit_code), (RunVerdict::Violation, 10));
    assert!(results.headline.contains("NOT CONFIRMED"), "{}", results.headline);
    for part in ["did not confirm", "operation 7 is missing", "these three contradict each other"] {
        assert!(results.reason.contains(part), "{}", results.reason);
    }
    assert!(results.caveats.iter().any(|caveat| caveat.contains("did not confirm")));
}

fn undo_with(value: &Value, kind: EventType, f: &'static str, at_ms: u64) -> Event {
    invented::event(kind, f, at_ms, value, &Value::Null)
}

#[test]
fn a_fault_is_in_force_until_its_undo_begins() {
    let mut history = tested();
    let begun = undo_with(&json!({ "id": 0 }), EventType::Invoke, "heal", 1_510);
    history.nemesis.insert(2, begun);
    let results = results(&history, Verdict::Linearizable, recovered());
    let fault = &results.faults[0];
    assert_eq!((fault.end_ns / MS, fault.undone_ns), (1_510, Some(2_000 * MS)));
    // The write was acknowledged while the undo was under way.
    assert_eq!(results.verdict, RunVerdict::Inconclusive, "{}", results.reason);
    let after = results.after_last_heal.unwrap();
    assert_eq!((after.total.invoked, after.seconds), (1, 0.530_000_001));
}

#[test]
fn no_fault_outlasts_the_final_heal_even_if_it_cannot_be_undone() {
    let id = |id: u64| json!({ "id": id });
    for failed_at in [None, Some(1_300)] {
        let mut history = History::default();
        history.nemesis.extend(fault(0, "kill", 1_000));
        if let Some(at_ms) = failed_at {
            history.nemesis.push(undo_with(&id(0), EventType::Invoke, "restart", at_ms));
            history.nemesis.push(undo_with(&id(0), EventType::Fail, "restart", at_ms + 100));
        }
        // The final heal has no id, and heals the network first.
        for (f, at_ms) in [("heal", 1_800), ("restart", 1_900)] {
            history.nemesis.push(undo_with(&json!({}), EventType::Invoke, f, at_ms));
            history.nemesis.push(undo_with(&json!({}), EventType::Fail, f, at_ms + 50));
        }
        push(&mut history, "write", (2_500, 2_510), Outcome::Ok);
        let results = results(&history, Verdict::Linearizable, recovered());
        let fault = &results.faults[0];
        assert_eq!(fault.end_ns / MS, failed_at.unwrap_or(1_800));
        assert_eq!(fault.undone_ns, None);
        assert!(results.reason.contains("while faults were in force"), "{}", results.reason);
    }
}

#[test]
fn a_nemesis_that_numbers_nothing_undoes_what_it_names() {
    let mut history = History::default();
    let plain = |kind, f, at_ms| undo_with(&Value::Null, kind, f, at_ms);
    history.nemesis.push(plain(EventType::Ok, "kill", 1_000));
    history.nemesis.push(plain(EventType::Ok, "partition", 1_100));
    history.nemesis.push(plain(EventType::Invoke, "heal", 1_200));
    history.nemesis.push(plain(EventType::Ok, "heal", 1_210));
    history.nemesis.push(plain(EventType::Ok, "restart", 1_400));
    let results = results(&history, Verdict::Linearizable, recovered());
    let ends: Vec<_> = results.faults.iter().map(|fault| fault.end_ns / MS).collect();
    assert_eq!(ends, [1_400, 1_200]);
}

#[test]
fn operations_count_where_they_were_invoked() {
    let mut history = tested();
    insert(&mut history, 2, "write", (1_600, 2_100), Outcome::Ok);
    insert(&mut history, 3, "write", (1_700, 2_200), Outcome::Info);
    let results = results(&history, Verdict::Linearizable, recovered());
    let during = &results.faults[0].service.total;
    assert_eq!((during.invoked, during.ok, during.info, during.ok_within), (3, 2, 1, 1));
    assert_eq!(during.ok_share, Some(2.0 / 3.0));
    assert!((during.ok_per_s - 1.0).abs() < 1e-9, "{}", during.ok_per_s);
    assert_eq!(results.stormy.total, *during);
    assert_eq!(results.calm.total.invoked, 2);
    assert_eq!(results.after_last_heal.unwrap().total.invoked, 1);
    assert_eq!(results.whole.total.invoked, 5);
    assert_eq!(results.whole.functions["write"].invoked, 4);
    assert_eq!(results.whole.functions["read"].latency.unwrap().max_ns / MS, 30);
}

#[test]
fn overlapping_faults_are_not_counted_twice_and_the_windows_cover_the_run() {
    let mut history = tested();
    history.nemesis.extend(fault(1, "kill", 1_400));
    history.nemesis.push(undo(1, "restart", 2_400));
    let results = results(&history, Verdict::Linearizable, recovered());
    assert_eq!(results.stormy.total.invoked, 1);
    assert!((results.stormy.seconds - 1.4).abs() < 1e-9);
    let covered = results.stormy.seconds + results.calm.seconds;
    assert!((covered - results.whole.seconds).abs() < 1e-9);
}

#[test]
fn an_undo_meets_its_own_fault_and_a_lone_heal_is_no_fault() {
    let mut history = History::default();
    history.nemesis.extend(fault(0, "kill", 100));
    history.nemesis.extend(fault(1, "kill", 200));
    history.nemesis.push(undo(0, "restart", 300));
    history.nemesis.push(undo(7, "heal", 400));
    let results = results(&history, Verdict::Linearizable, recovered());
    let ends: Vec<_> =
        results.faults.iter().map(|f| (f.undone_ns.is_some(), f.end_ns / MS)).collect();
    assert_eq!(ends, [(true, 300), (false, 400)], "the second lasts to the end of the run");
}

#[test]
fn a_contradiction_without_a_cycle_shows_the_order_in_real_time() {
    let results = results(&tested(), Verdict::Violation, recovered());
    let orders: Vec<_> = results.contradictions[0]
        .orders
        .iter()
        .map(|o| (o.before.0, o.after.0, o.gap_ns))
        .collect();
    // Not 0 before 2: that follows.
    assert_eq!(orders, [(0, 1, Some(1_390 * MS)), (1, 2, Some(980 * MS))]);
    assert_eq!(results.contradictions[0].complete_ns, 2_530 * MS);
}

#[test]
fn the_first_contradiction_is_the_one_that_results_begin_with() {
    let history = tested();
    let mut found = analysis(Verdict::Violation);
    let mut earlier = found.keys[0].clone();
    let Conclusion::Violation(fewer) = &mut earlier.conclusion else { panic!("a violation") };
    fewer.operations.pop();
    found.keys.push(earlier);
    let first = first_contradiction(&history, &found).expect("the earlier of two");
    assert_eq!(first.operations, [OperationId(0), OperationId(1)]);
    let results = summarize(&history, &found, &[], None, recovered());
    let shown: Vec<_> = results.contradictions.iter().map(|one| one.operations.len()).collect();
    assert_eq!(shown, [2, 3]);
    assert!(results.contradictions.iter().all(|one| one.placement.is_none()), "for the caller");
    assert_eq!(first_contradiction(&history, &analysis(Verdict::Linearizable)), None);
}

#[test]
fn a_stale_read_is_the_one_operation_without_a_place() {
    let results = invented::run(3, 3_000, invented::Ending::Violation).results();
    let first = &results.contradictions[0];
    let placement = first.placement.as_ref().expect("the others fit an order");
    let last = first.operations.iter().max_by_key(|op| op.completed_ns).expect("an operation");
    assert_eq!(placement.left_out, last.id);
    assert_eq!(placement.order.len() + 1, first.operations.len());
    for placed in &placement.order {
        let operation = first.operations.iter().find(|op| op.id == placed.id).expect("one of them");
        assert!(operation.invoked_ns <= placed.point_ns, "{placed:?} of {operation:?}");
        assert!(operation.completed_ns >= Some(placed.point_ns), "{placed:?} of {operation:?}");
    }
}

#[test]
fn the_story_is_in_order_and_names_faults_leaders_and_the_last_operation() {
    let run = invented::run(3, 3_000, invented::Ending::Violation);
    let results = summarize(&run.history, &run.analysis, &run.probes, run.logs.as_ref(), run.facts);
    let times: Vec<_> = results.story.iter().map(|line| line.time_ns).collect();
    assert!(times.is_sorted());
    let told =
        |kind, text: &str| results.story.iter().any(|l| l.kind == kind && l.text.contains(text));
    assert!(told(StoryKind::Fault, "n1 (leader) cut off"));
    assert!(told(StoryKind::Leader, "n3 leads, term 5"));
    assert!(told(StoryKind::Contradiction, "n1 answers client 1: read → 31"));
}

#[test]
fn a_silent_node_is_told_by_the_fault_that_explains_it() {
    let mut history = History::default();
    history.nemesis.extend(fault(0, "pause", 1_000));
    history.nemesis.push(undo(0, "resume", 2_000));
    let results = results(&history, Verdict::Linearizable, recovered());
    let probe = |at_ms: u64, alive| Probe {
        time: at_ms * MS,
        node: "n1".to_owned(),
        alive,
        role: alive.then(|| "leader".to_owned()),
        term: alive.then_some(4),
        leader: None,
        commit: None,
        applied: None,
    };
    let probes = [
        probe(500, true),
        probe(900, true),
        probe(1_500, false),
        probe(2_100, true),
        probe(2_500, false),
    ];
    let lanes = node_spans(&["n1".to_owned()], &probes, &results.faults, 9_000 * MS);
    let states: Vec<_> =
        lanes[0].1.iter().map(|s| (s.state, s.start_ns / MS, s.end_ns / MS)).collect();
    assert_eq!(
        states,
        [
            (NodeState::Leader, 500, 1_500),
            (NodeState::Paused, 1_500, 2_100),
            (NodeState::Leader, 2_100, 2_500),
            (NodeState::Silent, 2_500, 5_500),
        ],
        "the last probe speaks for three seconds, not for ever"
    );
}

#[test]
fn a_fault_explains_silence_until_it_was_seen_to_be_undone() {
    let probe = |at_ms: u64, alive| Probe {
        time: at_ms * MS,
        node: "n1".to_owned(),
        alive,
        role: None,
        term: None,
        leader: None,
        commit: None,
        applied: None,
    };
    let mut history = tested();
    history.nemesis.extend(fault(1, "kill", 3_000));
    history.nemesis.push(undo_with(&json!({ "id": 1 }), EventType::Invoke, "restart", 3_100));
    history.nemesis.push(undo(1, "restart", 4_600));
    let probes = [probe(2_900, true), probe(3_200, false), probe(4_500, false), probe(4_700, true)];
    let told = summarize(&history, &analysis(Verdict::Linearizable), &probes, None, recovered());
    assert!(told.caveats.is_empty(), "{:?}", told.caveats);
}

#[test]
fn a_node_that_falls_silent_by_itself_is_a_caveat() {
    let probe = |at_ms: u64, alive| Probe {
        time: at_ms * MS,
        node: "n2".to_owned(),
        alive,
        role: None,
        term: None,
        leader: None,
        commit: None,
        applied: None,
    };
    let silent = |from_ms: u64, to_ms: u64| {
        let probes =
            [probe(0, false), probe(1_100, true), probe(from_ms, false), probe(to_ms, true)];
        summarize(&tested(), &analysis(Verdict::Linearizable), &probes, None, recovered()).caveats
    };
    let told = silent(1_200, 2_400);
    assert_eq!(told, ["n2 did not answer from 1.200 s for 1.20 s, and no fault explains it."]);
    assert!(silent(1_200, 1_900).is_empty(), "neither a short one nor the time before it was up");
}

#[test]
fn two_leaders_of_one_term_are_told() {
    let leads = |node: &str, at_ms: u64, term: u64| Probe {
        time: at_ms * MS,
        node: node.to_owned(),
        alive: true,
        role: Some("leader".to_owned()),
        term: Some(term),
        leader: None,
        commit: None,
        applied: None,
    };
    let told = |probes: &[Probe]| {
        let facts = RunFacts { nodes: vec!["n1".to_owned(), "n2".to_owned()], ..recovered() };
        let history = tested();
        let results = summarize(&history, &analysis(Verdict::Linearizable), probes, None, facts);
        results.caveats.into_iter().filter(|caveat| caveat.contains("led term")).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&[leads("n1", 1_000, 45), leads("n2", 1_500, 45), leads("n2", 2_000, 46)]),
        ["More than one node said that it led term 45: n1 from 1.000 s, n2 from 1.500 s."]
    );
    assert!(told(&[leads("n1", 1_000, 45), leads("n2", 1_500, 46)]).is_empty());
}
