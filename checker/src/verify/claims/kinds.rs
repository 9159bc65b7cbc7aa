//! The kinds of contradiction of objects that are no registers.

use rustc_hash::FxHashSet;

use crate::history::{History, Outcome, Recorded, Value, View};
use crate::model::ModelName;
use crate::verdict::{Contradiction, Counterexample};
use crate::verify::Flaw;
use crate::verify::rules::precedes;

/// Checks that the operations of a counterexample, found to contradict each other, have the
/// shape of its kind.
pub(in crate::verify) fn verify_kind(
    history: &History,
    model: ModelName,
    counterexample: &Counterexample,
) -> Result<(), Flaw> {
    let operations: Vec<Recorded<'_>> =
        counterexample.operations.iter().map(|id| history.get(*id)).collect();
    let kind = counterexample.kind;
    if !has_shape(model, kind, &operations) {
        return Err(Flaw::NotOfTheKind(kind));
    }
    // Only registers and transactions have cycles to show.
    counterexample.edges.first().map_or(Ok(()), |edge| Err(Flaw::Edge(*edge)))
}

fn has_shape(model: ModelName, kind: Contradiction, operations: &[Recorded<'_>]) -> bool {
    let pair = |shows: &dyn Fn(Recorded<'_>, Recorded<'_>) -> bool| {
        operations.iter().any(|one| operations.iter().any(|other| shows(*one, *other)))
    };
    let count = |f: &str| operations.iter().filter(|operation| operation.f() == f).count();
    let of_elements = matches!(model, ModelName::ListAppend | ModelName::Set);
    let of_queue = matches!(model, ModelName::Queue | ModelName::Bag);
    let took = |operation: Recorded<'_>| {
        operation.f() == "dequeue"
            && operation.outcome == Outcome::Ok
            && !operation.result.is_null()
    };
    match kind {
        Contradiction::NoOrder => true,
        Contradiction::NeverWritten => match (model, operations) {
            (ModelName::ListAppend, &[read]) => returned_unappended(read),
            (ModelName::Counter | ModelName::Ids | ModelName::Mutex, _) => false,
            (ModelName::Queue | ModelName::Bag, _) => false,
            (_, operations) => operations.len() == 1 && operations[0].f() != "append",
        },
        Contradiction::ReadBeforeWrite => {
            of_elements && pair(&|read, write| returned(read, write) && precedes(read, write))
        }
        Contradiction::DivergentReads => {
            of_elements && pair(&|one, other| diverge(model, one, other))
        }
        Contradiction::RepeatedElement => operations.iter().any(|read| repeats(*read)),
        // Of counters and numbers the sums tell what is out of order.
        Contradiction::OutOfOrder => {
            !matches!(model, ModelName::Counter | ModelName::Ids) && pair(&precedes)
        }
        Contradiction::DequeuedTwice => {
            of_queue
                && pair(&|one, other| {
                    took(one)
                        && took(other)
                        && one.result == other.result
                        && !std::ptr::eq(&raw const *one, &raw const *other)
                })
        }
        Contradiction::NeverEnqueued => {
            of_queue && operations.len() == 1 && operations.iter().all(|one| took(*one))
        }
        Contradiction::DequeuedBeforeEnqueue => {
            let enqueued = |dequeue: Recorded<'_>, enqueue: Recorded<'_>| {
                took(dequeue) && enqueue.f() == "enqueue" && enqueue.argument == dequeue.result
            };
            of_queue && pair(&|one, other| enqueued(one, other) && precedes(one, other))
        }
        Contradiction::Overtaken => {
            let enqueue = |operation: Recorded<'_>| operation.f() == "enqueue";
            model == ModelName::Queue
                && pair(&|one, other| enqueue(one) && enqueue(other) && precedes(one, other))
        }
        Contradiction::EmptyNotEmpty => {
            let empty = |operation: &Recorded<'_>| {
                operation.f() == "dequeue"
                    && operation.outcome == Outcome::Ok
                    && operation.result.is_null()
            };
            of_queue && operations.iter().any(empty)
        }
        Contradiction::HeldTwice => model == ModelName::Mutex && count("acquire") >= 2,
        Contradiction::NotHeld => model == ModelName::Mutex && count("release") >= 1,
        _ => false,
    }
}

/// Whether a read returned, among others, what the other operation added.
fn returned(read: Recorded<'_>, write: Recorded<'_>) -> bool {
    let added = matches!(write.f(), "append" | "add");
    let elements: &[Value] = match read.result() {
        View::List(elements) => elements,
        _ => &[],
    };
    let found = read.f() == "contains" && read.argument == write.argument;
    added && (found || (read.f() == "read" && elements.contains(&write.argument)))
}

/// Whether a read returned an element that no operation can have appended.
fn returned_unappended(read: Recorded<'_>) -> bool {
    let View::List(elements) = read.result() else { return false };
    let appends = read.history().iter().map(|(_, operation)| operation).filter(|operation| {
        operation.f() == "append" && operation.outcome != Outcome::Fail && operation.key == read.key
    });
    let appended: FxHashSet<Value> = appends.map(|append| append.argument).collect();
    elements.iter().any(|element| !appended.contains(element))
}

/// Whether a read returned an element twice.
fn repeats(read: Recorded<'_>) -> bool {
    let View::List(elements) = read.result() else { return false };
    (1..elements.len()).any(|place| elements[..place].contains(&elements[place]))
}

/// Whether two reads of all elements found what cannot both have been: of a list, neither is
/// the beginning of the other; of a set, neither is part of the other.
fn diverge(model: ModelName, one: Recorded<'_>, other: Recorded<'_>) -> bool {
    let (View::List(one), View::List(other)) = (one.result(), other.result()) else {
        return false;
    };
    let within = |one: &[Value], other: &[Value]| match model {
        ModelName::ListAppend => other.starts_with(one),
        _ => {
            let other: FxHashSet<Value> = other.iter().copied().collect();
            one.iter().all(|element| other.contains(element))
        }
    };
    !within(one, other) && !within(other, one)
}
