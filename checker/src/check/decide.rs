//! Decides one key by the procedure that fits it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Budget;
use super::key::{KeyOperations, Shape};
use crate::explain::explain;
use crate::history::History;
use crate::model::Register;
use crate::precedence;
use crate::reduce::{never_stored, reduce};
use crate::register::{RegisterContradiction, RegisterHistory, linearize};
use crate::search::{Progress, Searched, search};
use crate::verdict::{Conclusion, Contradiction, Counterexample, OperationId};

/// Name of the linear procedure for unique values.
const UNIQUE_REGISTER: &str = "unique-register";

/// Name of the general search.
const SEARCH: &str = "search";

/// Decides a key; also names the procedure.
///
/// A panic of a procedure costs this key its verdict and no other key anything.
pub(super) fn decide(
    history: &History,
    key: &KeyOperations,
    budget: &Budget<'_>,
) -> (&'static str, Conclusion) {
    let procedure = match key.shape {
        Shape::UniqueWrites => UNIQUE_REGISTER,
        Shape::Any => SEARCH,
    };
    if budget.stopped() {
        let count = key.operations.len();
        let reason = format!("stopped before any of its {count} operations were ordered");
        return (procedure, Conclusion::Unknown { reason });
    }
    let conclusion = guarded(|| match key.shape {
        Shape::UniqueWrites => by_clusters(history, key),
        Shape::Any => by_search(history, key, budget),
    });
    (procedure, conclusion)
}

/// Turns a panic into `unknown`.
///
/// Sound to go on after: the closure owns all it changes.
fn guarded(decide: impl FnOnce() -> Conclusion) -> Conclusion {
    catch_unwind(AssertUnwindSafe(decide)).unwrap_or_else(|panic| Conclusion::Unknown {
        reason: format!("the procedure panicked ({}); please report this", message(&*panic)),
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

fn by_clusters(history: &History, key: &KeyOperations) -> Conclusion {
    let accesses = key.accesses();
    let outcome = linearize(&RegisterHistory {
        operations: &accesses,
        values: key.values,
        last_position: key.last_position,
    });
    let (kind, operations) = match outcome {
        Ok(order) => return Conclusion::Linearizable { order: ids(key, order) },
        Err(RegisterContradiction::NotUnique { value }) => {
            // The dispatcher tested this; a wrong verdict would be worse than none.
            let reason = format!("value number {} was written twice", value.0);
            return Conclusion::Unknown { reason };
        }
        Err(RegisterContradiction::NeverWritten { read }) => {
            (Contradiction::NeverWritten, vec![read])
        }
        Err(RegisterContradiction::ReadBeforeWrite { read, write }) => {
            (Contradiction::ReadBeforeWrite, vec![read.min(write), read.max(write)])
        }
        Err(RegisterContradiction::ValueReturned { operations }) => {
            (Contradiction::ValueReturned, operations)
        }
    };
    let operations = ids(key, operations);
    let edges = precedence::cycle(history, &operations);
    let explanation = explain(history, kind, &operations, &edges);
    Conclusion::Violation(Counterexample { kind, operations, explanation, edges })
}

fn by_search(history: &History, key: &KeyOperations, budget: &Budget<'_>) -> Conclusion {
    // What no order can explain should not cost a search of all orders.
    let searched = match never_stored(&key.operations) {
        Some(_) => Searched::Violation,
        None => search(&Register, &key.operations, budget),
    };
    match searched {
        Searched::Linearizable(order) => Conclusion::Linearizable { order: ids(key, order) },
        Searched::Exhausted(progress) => Conclusion::Unknown { reason: exhausted(progress) },
        Searched::Violation => {
            let operations = ids(key, reduce(&key.operations, budget));
            let kind = kind(history, &operations);
            let edges = Vec::new();
            let explanation = explain(history, kind, &operations, &edges);
            Conclusion::Violation(Counterexample { kind, operations, explanation, edges })
        }
    }
}

/// The kind of what a reduction left.
fn kind(history: &History, operations: &[OperationId]) -> Contradiction {
    let is_read = |id: &&OperationId| history.operations[id.0 as usize].f == "read";
    let reads = operations.iter().filter(is_read).count();
    match (operations.len(), reads) {
        // A closed part holds the writes of what is read, if there are any.
        (1, _) => Contradiction::NeverWritten,
        (2, 1) => Contradiction::ReadBeforeWrite,
        _ => Contradiction::NoOrder,
    }
}

fn exhausted(progress: Progress) -> String {
    format!(
        "the search was ended after {} configurations; the longest legal order found has {} \
         of the {} operations that ended",
        progress.configurations, progress.ordered, progress.ended
    )
}

fn ids(key: &KeyOperations, order: Vec<u32>) -> Vec<OperationId> {
    order.into_iter().map(|index| key.ids[index as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_leaves_the_key_unknown_with_its_message() {
        let conclusion = guarded(|| panic!("index out of bounds"));
        let Conclusion::Unknown { reason } = conclusion else { panic!("not {conclusion:?}") };
        assert_eq!(reason, "the procedure panicked (index out of bounds); please report this");
    }
}
