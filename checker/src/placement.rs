//! Where operations may have happened: points on the time axis, for people to look at.
//!
//! Nothing here bears on a verdict. [`points`] gives the points of an order that is known to be
//! legal. [`all_but_one`] shows a contradiction from its other side: all of its operations but
//! one fit an order, and the one that is left has no place in it. For that the few operations
//! are judged once more, as a history of their own, and what comes of it is verified.
//!
//! That is less than it may seem. The rest of the history is not looked at: the order is one of
//! these operations alone, and among all others it may be impossible for other reasons. Where a
//! contradiction rests on the rest of the history, as that nobody ever wrote a value, on sums of
//! what was begun, or on a value whose write is not among its operations, its operations mean
//! something else by themselves: they are legal, or another contradiction. So there is a
//! placement only where they show by themselves the very contradiction, which is one of the same
//! kind and of all of them; otherwise none rather than a misleading one. What a search found, which
//! has no kind, may have one by itself. Sentences are not compared: those about transactions name
//! them by their places in a history, and begin a cycle anywhere. Operations that may never have happened need not be in the order.

use std::num::NonZeroU32;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::check::{Budget, CheckOptions, check};
use crate::history::{History, Moment, Operation, Outcome, Value};
use crate::model::ModelName;
use crate::verdict::{Conclusion, Contradiction, Counterexample, OperationId, Verdict};
use crate::verify::verify;

/// Operations of a counterexample beyond which no placement is looked for.
pub const OPERATIONS_MAX: usize = 40;

/// Configurations that one search may visit; there is one search for each operation at most.
const CONFIGURATIONS_MAX: u64 = 4_000;
/// Memory of one search.
const MEMORY_BYTES_MAX: u64 = 64 << 20;

/// All operations of a counterexample but one, in an order that is legal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The operation that has no place.
    pub left_out: OperationId,
    /// The others, in an order that is legal for them alone. Failed ones that say nothing are
    /// never in it, indeterminate ones only where they are needed.
    pub order: Vec<Placed>,
}

/// An operation at the point at which it may have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The operation.
    pub id: OperationId,
    /// When it may have happened, in nanoseconds since the run began.
    pub point_ns: u64,
}

/// The points at which operations may have happened that took effect in `order`: each as soon
/// as it was invoked and the one before it had happened, in nanoseconds since the run began.
///
/// In a legal order none is later than the completion of its operation, but for stamps of one
/// moment that contradict the order of events, as those of different threads may by a few
/// microseconds. They never fall, but for those of a set whose elements are objects of their own:
/// its order is one for each element, and so are its points. Operations that `history` does not
/// have are left out.
pub fn points(history: &History, order: &[OperationId]) -> Vec<u64> {
    let found = || order.iter().filter_map(|id| history.operations.get(id.0 as usize));
    let together = in_real_time(found());
    let mut latest_ns: FxHashMap<Value, u64> = FxHashMap::default();
    found()
        .map(|operation| {
            let part = if together { Value::NULL } else { operation.argument };
            let latest_ns = latest_ns.entry(part).or_default();
            *latest_ns = operation.invoked.time_ns().max(*latest_ns);
            *latest_ns
        })
        .collect()
}

/// Whether no operation comes after one that began once it had ended.
fn in_real_time<'a>(mut order: impl Iterator<Item = &'a Operation>) -> bool {
    let mut latest = 0;
    order.all(|operation| {
        let ended = operation.completed.filter(|_| operation.outcome == Outcome::Ok);
        let in_time = ended.is_none_or(|ended| ended.position() >= latest);
        latest = operation.invoked.position().max(latest);
        in_time
    })
}

/// An order of all operations of `counterexample` but one, under `model`; `None` where there is
/// none, where the operations by themselves do not show this very contradiction, or where that
/// is not found within `budget`, of which little is used.
///
/// Left out is preferably the one whose acknowledgement completed the contradiction, else
/// another, later ones first.
///
/// Cost: a check and a verification of all operations, and of all but one for each of them until
/// one fits. Searches visit at most 4,000 configurations each; `budget` is looked at in them and
/// between checks, not during a verification, which has a bound of its own. The contradictions of
/// the 43 public histories that the tests replay, of up to 17 operations, took 0.1 s of processor
/// time together with reading them.
pub fn all_but_one(
    history: &History,
    model: ModelName,
    counterexample: &Counterexample,
    budget: &Budget<'_>,
) -> Option<Placement> {
    let ids = in_order(&counterexample.operations);
    let known = ids.iter().all(|id| (id.0 as usize) < history.operations.len());
    if !(2..=OPERATIONS_MAX).contains(&ids.len()) || !known {
        return None;
    }
    let budget = Budget {
        configurations: budget.configurations.min(CONFIGURATIONS_MAX),
        memory_bytes: budget.memory_bytes.min(MEMORY_BYTES_MAX),
        ..*budget
    };
    let Conclusion::Violation(alone) = judge(history, model, &ids, &budget)? else { return None };
    let named: Vec<OperationId> = alone.operations.iter().map(|id| ids[id.0 as usize]).collect();
    // Another contradiction, or one of fewer of them, would be about another odd one out.
    if !is_same(counterexample.kind, alone.kind) || in_order(&named) != ids {
        return None;
    }
    last_first(history, &ids).into_iter().find_map(|left_out| {
        let rest: Vec<OperationId> = ids.iter().copied().filter(|id| *id != left_out).collect();
        let judged = judge(history, model, &rest, &budget)?;
        let Conclusion::Linearizable { order } = judged else { return None };
        // Otherwise there would be nothing to be seen.
        if order.is_empty() {
            return None;
        }
        let order: Vec<OperationId> = order.iter().map(|id| rest[id.0 as usize]).collect();
        let placed = order.iter().zip(points(history, &order));
        let mut order: Vec<Placed> =
            placed.map(|(id, point_ns)| Placed { id: *id, point_ns }).collect();
        // Where elements of a set have orders of their own, these are merged into one.
        order.sort_by_key(|placed| placed.point_ns);
        Some(Placement { left_out, order })
    })
}

/// Whether operations that show `among_all` in a history still do if they show `alone` by
/// themselves.
///
/// What a search found has no kind: where values are unique by themselves but not in the history,
/// the same operations have one. It is another contradiction only if the kind says that somebody
/// else did not do something, which in the history somebody may have done.
fn is_same(among_all: Contradiction, alone: Contradiction) -> bool {
    let rests_on_others = matches!(
        alone,
        Contradiction::NeverWritten
            | Contradiction::NeverEnqueued
            | Contradiction::CountTooHigh
            | Contradiction::MissingId
            | Contradiction::NotHeld
            | Contradiction::G1a
    );
    alone == among_all || (among_all == Contradiction::NoOrder && !rests_on_others)
}

/// Each of them once, in order.
fn in_order(ids: &[OperationId]) -> Vec<OperationId> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The operations, those that were acknowledged last first, those that never were at the end.
fn last_first(history: &History, ids: &[OperationId]) -> Vec<OperationId> {
    let acknowledged = |id: &OperationId| {
        let operation = &history.operations[id.0 as usize];
        let ok = operation.outcome == Outcome::Ok;
        operation.completed.filter(|_| ok).map(|at| (at.position(), at.time_ns()))
    };
    let mut ids = ids.to_vec();
    ids.sort_by_key(|id| std::cmp::Reverse(acknowledged(id)));
    ids
}

/// What is concluded of these operations as a history of their own, in which they are named by
/// their places; only what the verifier agrees with.
fn judge(
    history: &History,
    model: ModelName,
    ids: &[OperationId],
    budget: &Budget<'_>,
) -> Option<Conclusion> {
    if budget.stopped() {
        return None;
    }
    let alone = excerpt(history, ids);
    let options = CheckOptions { model: Some(model), budget: *budget };
    let analysis = check(&alone, &options).ok()?;
    let verified = verify(&alone, &Certificate::of(&analysis)).ok()?;
    if verified.verdict != analysis.verdict || analysis.verdict == Verdict::Unknown {
        return None;
    }
    // Of several objects there is no one order.
    let mut keys = analysis.keys.into_iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) => Some(key.conclusion),
        _ => None,
    }
}

/// A history of these operations alone, with tables of its own: those of the whole may be large.
fn excerpt(history: &History, ids: &[OperationId]) -> History {
    let mut alone = History { header: history.header.clone(), ..History::default() };
    let moments = |operation: &Operation| [Some(operation.invoked), operation.completed];
    let originals = || ids.iter().map(|id| &history.operations[id.0 as usize]);
    let mut positions: Vec<u32> =
        originals().flat_map(moments).flatten().map(Moment::position).collect();
    positions.sort_unstable();
    positions.dedup();
    let moved = |moment: Moment| {
        let rank = positions.partition_point(|position| *position < moment.position());
        Moment::new(NonZeroU32::MIN.saturating_add(rank as u32), moment.time_ns())
    };
    for original in originals() {
        let mut name = |name| alone.names.intern(history.names.get(name));
        let mut value = |value| alone.values.intern(&history.values.to_json(value));
        let operation = Operation {
            node: original.node.map(&mut name),
            f: name(original.f),
            key: original.key.map(&mut name),
            error: original.error.map(&mut name),
            argument: value(original.argument),
            result: value(original.result),
            invoked: moved(original.invoked),
            completed: original.completed.map(moved),
            ..*original
        };
        alone.operations.push(operation);
    }
    alone
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::history::read_jsonl;

    /// A history from lines `process type f value`, a millisecond apart.
    fn history(lines: &[&str]) -> History {
        let event = |(index, line): (usize, &&str)| {
            let words: Vec<&str> = line.split(' ').collect();
            let [process, kind, f, value] = words[..] else { panic!("four words: {line}") };
            let time_ns = index * 1_000_000;
            format!(
                r#"{{"index":{index},"time":{time_ns},"process":{process},"type":"{kind}","f":"{f}","key":"k","value":{value}}}"#
            ) + "\n"
        };
        let text: String = lines.iter().enumerate().map(event).collect();
        read_jsonl(text.as_bytes()).expect("a good history")
    }

    /// What is left out of the first contradiction, and the rest in milliseconds.
    fn placed(history: &History, model: ModelName) -> Option<(u32, Vec<(u32, u64)>)> {
        let options = CheckOptions { model: Some(model), ..CheckOptions::default() };
        let analysis = check(history, &options).expect("operations of the model");
        let Conclusion::Violation(found) = &analysis.keys[0].conclusion else {
            panic!("no violation")
        };
        let placement = all_but_one(history, model, found, &Budget::default())?;
        let point = |placed: &Placed| (placed.id.0, placed.point_ns / 1_000_000);
        Some((placement.left_out.0, placement.order.iter().map(point).collect()))
    }

    #[test]
    fn a_stale_read_has_no_place_among_the_others() {
        let stale = history(&[
            "9 invoke write 7",
            "9 ok write 7",
            "0 invoke write 31",
            "1 invoke write 44",
            "0 ok write 31",
            "1 ok write 44",
            "2 invoke read null",
            "2 ok read 44",
            "3 invoke read null",
            "3 ok read 31",
            "4 invoke read null",
            "4 ok read 44",
        ]);
        let (left_out, order) = placed(&stale, ModelName::Register).expect("a placement");
        assert_eq!(left_out, 5, "the last acknowledgement completed it");
        assert_eq!(order, [(2, 3), (1, 3), (4, 8)]);
    }

    #[test]
    fn what_rests_on_the_whole_history_has_no_placement() {
        let never =
            history(&["0 invoke write 1", "0 ok write 1", "1 invoke read null", "1 ok read 2"]);
        assert_eq!(placed(&never, ModelName::Register), None);
    }

    #[test]
    fn operations_that_show_another_contradiction_by_themselves_have_no_placement() {
        let late = history(&[
            "0 invoke append 1",
            "0 ok append 1",
            "1 invoke append 2",
            "1 ok append 2",
            "2 invoke read null",
            "2 ok read [1]",
        ]);
        let options =
            CheckOptions { model: Some(ModelName::ListAppend), ..CheckOptions::default() };
        let analysis = check(&late, &options).expect("operations of the model");
        let Conclusion::Violation(found) = &analysis.keys[0].conclusion else {
            panic!("no violation")
        };
        // Without the append of 1 among them, that is what would have no place in the list.
        assert_eq!(found.operations, [OperationId(1), OperationId(2)]);
        assert_eq!(placed(&late, ModelName::ListAppend), None);
    }

    #[test]
    fn a_contradiction_of_another_kind_is_another_one() {
        let early =
            history(&["0 invoke read null", "0 ok read 1", "1 invoke write 1", "1 ok write 1"]);
        let budget = Budget::default();
        let placement = |kind| {
            let found = Counterexample {
                kind,
                operations: vec![OperationId(0), OperationId(1)],
                explanation: String::new(),
                edges: Vec::new(),
            };
            all_but_one(&early, ModelName::Register, &found, &budget)
        };
        assert!(placement(Contradiction::ReadBeforeWrite).is_some());
        assert!(placement(Contradiction::NoOrder).is_some(), "a search names none");
        assert_eq!(placement(Contradiction::ValueReturned), None);
        assert!(!is_same(Contradiction::NoOrder, Contradiction::NeverWritten));
        assert!(!is_same(Contradiction::ReadBeforeWrite, Contradiction::NoOrder));
    }

    #[test]
    fn nothing_is_looked_for_once_the_budget_is_stopped() {
        let early =
            history(&["0 invoke read null", "0 ok read 1", "1 invoke write 1", "1 ok write 1"]);
        let found = Counterexample {
            kind: Contradiction::ReadBeforeWrite,
            operations: vec![OperationId(0), OperationId(1)],
            explanation: String::new(),
            edges: Vec::new(),
        };
        let stop = AtomicBool::new(false);
        let budget = Budget { stop: Some(&stop), ..Budget::default() };
        let placement = || all_but_one(&early, ModelName::Register, &found, &budget);
        assert!(placement().is_some());
        stop.store(true, Ordering::Relaxed);
        assert_eq!(placement(), None);
    }

    #[test]
    fn operations_that_are_legal_by_themselves_have_no_placement() {
        let fine =
            history(&["0 invoke write 1", "0 ok write 1", "1 invoke read null", "1 ok read 1"]);
        let claimed = Counterexample {
            kind: Contradiction::NoOrder,
            operations: vec![OperationId(0), OperationId(1)],
            explanation: String::new(),
            edges: Vec::new(),
        };
        let budget = Budget::default();
        assert_eq!(all_but_one(&fine, ModelName::Register, &claimed, &budget), None);
        let unknown =
            Counterexample { operations: vec![OperationId(0), OperationId(9)], ..claimed };
        assert_eq!(all_but_one(&fine, ModelName::Register, &unknown, &budget), None);
    }

    #[test]
    fn points_never_fall_and_wait_for_the_invocation() {
        let history = history(&[
            "0 invoke write 1",
            "1 invoke write 2",
            "0 ok write 1",
            "1 ok write 2",
            "2 invoke read null",
            "2 ok read 1",
        ]);
        let ids = [1, 0, 2, 9].map(OperationId);
        assert_eq!(points(&history, &ids), [1_000_000, 1_000_000, 4_000_000]);
    }
}
