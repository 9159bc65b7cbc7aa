//! Of how many contradictions all operations but one fit an order, by model; and that what is
//! said of each holds, checker and verifier being asked about excerpts that are made here once
//! more: that the operations show by themselves the very contradiction, and what fits.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use squall_checker::certificate::{Certificate, CertificateTag, KeyCertificate};
use squall_checker::formats::{Written, write};
use squall_checker::history::{FORMAT_VERSION, History, Moment, Operation, Outcome, read_jsonl};
use squall_checker::model::ModelName;
use squall_checker::placement::{OPERATIONS_MAX, Placement, all_but_one, points};
use squall_checker::verdict::{Conclusion, Contradiction, Counterexample, Edge, OperationId};
use squall_checker::{Budget, CheckOptions, check, verify};

use crate::mixed::generated;
use crate::trials::Random;

/// How many counterexamples of several operations there were, how many have a placement, and
/// how many of these leave out the operation that was acknowledged last.
#[derive(Clone, Debug, Default)]
struct Placed {
    counterexamples: u32,
    placed: u32,
    last: u32,
    /// Those of one operation, which has no others to be placed.
    single: u32,
    /// Those of several without a placement, by kind.
    without: BTreeMap<String, u32>,
}

fn counterexamples(history: &History, model: ModelName) -> Vec<Counterexample> {
    let options = CheckOptions { model: Some(model), ..CheckOptions::default() };
    let analysis = check(history, &options).expect("operations of the model");
    let violated = analysis.keys.into_iter().filter_map(|key| match key.conclusion {
        Conclusion::Violation(found) => Some(found),
        Conclusion::Linearizable { order } => {
            within(history, &order, &points(history, &order));
            None
        }
        Conclusion::Unknown { reason } => panic!("{reason}"),
    });
    violated.collect()
}

/// Every point lies between invocation and completion.
fn within(history: &History, order: &[OperationId], points_ns: &[u64]) {
    assert_eq!(order.len(), points_ns.len());
    for (id, point_ns) in order.iter().zip(points_ns) {
        let operation = history.get(*id);
        assert!(operation.invoked.time_ns() <= *point_ns, "{id:?} in {order:?}: {points_ns:?}");
        let ended = operation.completed.filter(|_| operation.outcome == Outcome::Ok);
        let in_time = ended.is_none_or(|at| *point_ns <= at.time_ns());
        assert!(in_time, "{id:?} in {order:?}: {points_ns:?}");
    }
}

/// The events of these operations, as another reader would take them from the file.
fn excerpt(history: &History, ids: &[OperationId]) -> History {
    let mut text = Vec::new();
    write(history, Written::Jsonl, &mut text).expect("a history that can be numbered");
    let (mut operation, mut in_flight) = (0, std::collections::HashMap::new());
    let mut kept = String::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let mut event: Json = serde_json::from_slice(line).expect("an event");
        let process = event["process"].as_u64();
        let begins = event["type"] == "invoke";
        if begins {
            in_flight.insert(process, OperationId(operation));
            operation += 1;
        }
        let id = in_flight[&process];
        if !ids.contains(&id) {
            continue;
        }
        // Of events without indices, those of one time are concurrent: as they are here.
        let Operation { invoked, completed, .. } = history.operations[id.0 as usize];
        let at = if begins { invoked } else { completed.expect("it ended") };
        event["time"] = at.position().into();
        event.as_object_mut().expect("an event").remove("index");
        kept += &format!("{event}\n");
    }
    read_jsonl(kept.as_bytes()).expect("an excerpt of a good history")
}

/// What a placement says holds, as far as checker and verifier can tell: its operations show by
/// themselves what they show among all others, and all but one of them fit its order.
fn confirm(history: &History, model: ModelName, found: &Counterexample, placement: &Placement) {
    let all = &found.operations;
    let whole = excerpt(history, all);
    let shown = &counterexamples(&whole, model)[..];
    let [shown] = shown else { panic!("{shown:?} by itself, {found:?} among others") };
    // What nobody else did, somebody did in the history, or that would have been its kind.
    let rests_on_others = matches!(
        shown.kind,
        Contradiction::NeverWritten
            | Contradiction::NeverEnqueued
            | Contradiction::CountTooHigh
            | Contradiction::MissingId
            | Contradiction::NotHeld
            | Contradiction::G1a
    );
    let nameless = found.kind == Contradiction::NoOrder && !rests_on_others;
    let is_same = shown.kind == found.kind || nameless;
    assert!(is_same, "{shown:?} by itself, {found:?} among others");
    let named: Vec<OperationId> = shown.operations.iter().map(|id| all[id.0 as usize]).collect();
    assert_eq!(named, *all, "{shown:?} by itself, {found:?} among others");
    let place = |id| OperationId(place(all, id));
    let edges = found.edges.iter().map(|edge| Edge {
        from: place(edge.from),
        to: place(edge.to),
        why: edge.why,
    });
    let claimed = Counterexample {
        operations: all.iter().copied().map(place).collect(),
        edges: edges.collect(),
        ..found.clone()
    };
    proven(&whole, model, Conclusion::Violation(claimed));

    let Placement { left_out, order } = placement;
    let (ids, points_ns): (Vec<_>, Vec<_>) =
        order.iter().map(|placed| (placed.id, placed.point_ns)).unzip();
    within(history, &ids, &points_ns);
    assert!(points_ns.is_sorted(), "{placement:?}");
    let rest: Vec<OperationId> = all.iter().copied().filter(|id| id != left_out).collect();
    assert_eq!(rest.len() + 1, all.len(), "{placement:?} of {found:?}");
    let order = ids.iter().map(|id| OperationId(self::place(&rest, *id))).collect();
    proven(&excerpt(history, &rest), model, Conclusion::Linearizable { order });
}

/// The place of an operation among these.
fn place(ids: &[OperationId], id: OperationId) -> u32 {
    ids.iter().position(|other| *other == id).expect("one of them") as u32
}

/// The verifier accepts `conclusion` of an excerpt.
fn proven(alone: &History, model: ModelName, conclusion: Conclusion) {
    let key = alone.operations.first().and_then(|first| first.key);
    let certificate = Certificate {
        squall: FORMAT_VERSION,
        kind: CertificateTag::Certificate,
        model: model.to_string(),
        verdict: conclusion.verdict(),
        keys: vec![KeyCertificate {
            key: key.map(|key| alone.names.get(key).to_owned()),
            conclusion,
        }],
    };
    let verified = verify(alone, &certificate);
    assert!(verified.is_ok(), "{verified:?}: {certificate:?}");
}

fn placed(model: ModelName, histories: u32) -> Placed {
    let mut random = Random::new(71);
    let mut tally = Placed::default();
    for _ in 0..histories {
        let history = generated(model, &mut random);
        for found in counterexamples(&history, model) {
            assert!(found.operations.len() <= OPERATIONS_MAX);
            let placement = all_but_one(&history, model, &found, &Budget::default());
            if found.operations.len() < 2 {
                assert_eq!(placement, None);
                tally.single += 1;
                continue;
            }
            tally.counterexamples += 1;
            let Some(placement) = placement else {
                *tally.without.entry(found.kind.to_string()).or_default() += 1;
                continue;
            };
            confirm(&history, model, &found, &placement);
            tally.placed += 1;
            let acknowledged = |id: &OperationId| {
                let operation = history.get(*id);
                let ok = operation.outcome == Outcome::Ok;
                operation.completed.filter(|_| ok).map(Moment::position)
            };
            let last = found.operations.iter().map(acknowledged).max();
            tally.last += u32::from(Some(acknowledged(&placement.left_out)) == last);
        }
    }
    tally
}

#[test]
fn many_contradictions_are_of_one_operation_without_a_place() {
    for model in ModelName::ALL.iter().filter(|model| **model != ModelName::Mixed) {
        let tally = placed(*model, 4_000);
        println!("{model}: {tally:?}");
        // Registers of one random run contradict themselves in a single operation, mostly.
        let registers =
            matches!(model, ModelName::Register | ModelName::CasRegister | ModelName::Kv);
        assert!(registers || tally.counterexamples > 100, "{model}: {tally:?}");
        assert!(tally.placed * 3 > tally.counterexamples, "{model}: {tally:?}");
    }
}
