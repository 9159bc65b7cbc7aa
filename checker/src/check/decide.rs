//! Decides one key by the procedure that fits it.
//!
//! A procedure only says which operations contradict each other. What kind of contradiction
//! that is, and in which words, is read off them afterwards, so that no fault there can
//! cost a proven violation.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Budget;
use super::key::{KeyOperations, Shape};
use super::reading::{self, Reading};
use crate::history::History;
use crate::model::Register;
use crate::procedure::Decision;
use crate::reduce::{never_stored, reduce};
use crate::register;
use crate::search::{Searched, search};
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
    let decided = guarded(|| match key.shape {
        Shape::UniqueWrites => by_clusters(key),
        Shape::Any => by_search(key, budget),
    });
    let decided = decided.unwrap_or_else(|message| {
        Decided::Unknown(format!("the procedure panicked ({message}); please report this"))
    });
    let conclusion = match decided {
        Decided::Linearizable(order) => Conclusion::Linearizable { order: ids(key, order) },
        Decided::Unknown(reason) => Conclusion::Unknown { reason },
        Decided::Violation(operations) => {
            let operations = ids(key, operations);
            Conclusion::Violation(counterexample(operations, |operations| {
                reading::read(history, operations)
            }))
        }
    };
    (procedure, conclusion)
}

/// What a procedure found; operations are named by their position in the key.
enum Decided {
    Linearizable(Vec<u32>),
    Violation(Vec<u32>),
    Unknown(String),
}

/// Turns a panic into its message.
///
/// Sound to go on after: the closure owns all it changes.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(&*panic).to_owned())
}

/// The counterexample of a violation that is proven: what it means may fail to be told, and
/// stays a violation.
fn counterexample(
    operations: Vec<OperationId>,
    read: impl FnOnce(&[OperationId]) -> Reading,
) -> Counterexample {
    let reading = guarded(|| read(&operations)).unwrap_or_else(|message| Reading {
        kind: Contradiction::NoOrder,
        edges: Vec::new(),
        explanation: format!(
            "no order of {} operations is legal; putting it into words panicked ({message}), \
             please report this",
            operations.len()
        ),
    });
    let Reading { kind, edges, explanation } = reading;
    Counterexample { kind, operations, explanation, edges }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

fn by_clusters(key: &KeyOperations) -> Decided {
    match register::decide(&key.operations, key.values) {
        Decision::Linearizable(order) => Decided::Linearizable(order),
        Decision::Violation(conflict) => Decided::Violation(conflict.operations),
        // The dispatcher tested the values; a wrong verdict would be worse than none.
        Decision::NotApplicable(reason) => Decided::Unknown(reason.to_owned()),
    }
}

fn by_search(key: &KeyOperations, budget: &Budget<'_>) -> Decided {
    // What no order can explain should not cost a search of all orders.
    let searched = match never_stored(&key.operations) {
        Some(unpassed) => Searched::Violation { unpassed },
        None => search(&Register, &key.operations, budget),
    };
    match searched {
        Searched::Linearizable(order) => Decided::Linearizable(order),
        Searched::Exhausted(progress) => Decided::Unknown(progress.to_string()),
        Searched::Violation { .. } => {
            // All of them together contradict each other, if no part can be shown to.
            let all = || (0..key.operations.len() as u32).collect();
            Decided::Violation(
                guarded(|| reduce(&key.operations, budget)).unwrap_or_else(|_| all()),
            )
        }
    }
}

fn ids(key: &KeyOperations, order: Vec<u32>) -> Vec<OperationId> {
    order.into_iter().map(|index| key.ids[index as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_procedure_is_told() {
        let panicked = guarded(|| -> Decided { panic!("index out of bounds") });
        assert_eq!(panicked.err().as_deref(), Some("index out of bounds"));
    }

    #[test]
    fn a_panic_of_the_explanation_leaves_a_violation() {
        let operations = vec![OperationId(3), OperationId(8)];
        let counterexample = counterexample(operations.clone(), |_| panic!("no such block"));
        assert_eq!(counterexample.operations, operations);
        assert_eq!(counterexample.kind, Contradiction::NoOrder);
        assert_eq!(
            counterexample.explanation,
            "no order of 2 operations is legal; putting it into words panicked (no such block), \
             please report this"
        );
    }
}
