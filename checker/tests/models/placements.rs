//! Of how many contradictions all operations but one fit an order, by model; and that what is
//! said of each holds, the verifier being asked about an excerpt that is made here once more.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use squall_checker::certificate::{Certificate, CertificateTag, KeyCertificate};
use squall_checker::formats::{Written, write};
use squall_checker::history::{FORMAT_VERSION, History, Outcome, read_jsonl};
use squall_checker::model::ModelName;
use squall_checker::placement::{OPERATIONS_MAX, Placement, all_but_one, points};
use squall_checker::verdict::{Conclusion, Counterexample, OperationId};
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
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let kept = lines.filter(|line| {
        let event: Json = serde_json::from_slice(line).expect("an event");
        let process = event["process"].as_u64();
        if event["type"] == "invoke" {
            in_flight.insert(process, OperationId(operation));
            operation += 1;
        }
        ids.contains(&in_flight[&process])
    });
    let kept: Vec<u8> = kept.flat_map(|line| [line, b"\n"].concat()).collect();
    read_jsonl(&kept[..]).expect("an excerpt of a good history")
}

/// What a placement says holds, as far as the verifier can tell.
fn confirm(history: &History, model: ModelName, found: &Counterexample, placement: &Placement) {
    let Placement { left_out, order } = placement;
    let (ids, points_ns): (Vec<_>, Vec<_>) =
        order.iter().map(|placed| (placed.id, placed.point_ns)).unzip();
    within(history, &ids, &points_ns);
    assert!(points_ns.is_sorted(), "{placement:?}");
    let rest: Vec<OperationId> =
        found.operations.iter().copied().filter(|id| id != left_out).collect();
    assert_eq!(rest.len() + 1, found.operations.len(), "{placement:?} of {found:?}");
    let place = |id| rest.iter().position(|other| *other == id).expect("one of the rest");
    let order = ids.iter().map(|id| OperationId(place(*id) as u32)).collect();
    let alone = excerpt(history, &rest);
    let key = alone.operations.first().and_then(|first| first.key);
    let conclusion = Conclusion::Linearizable { order };
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
    let verified = verify(&alone, &certificate);
    assert!(verified.is_ok(), "{verified:?}: {placement:?} of {found:?}");
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
                operation.completed.filter(|_| ok).map(|at| at.position())
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
