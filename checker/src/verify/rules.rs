//! The rules of each model, stated here once more and by themselves.
//!
//! A [`Rules`] reads the meaning of an operation straight from the history and says what it
//! does to a state. The verifier's rules and the models of the search share nothing, so that
//! a mistake in one shows as a proof that does not hold.

mod bank;
mod counter;
mod elements;
mod ids;
mod kv;
mod list;
mod lock;
mod queue;
mod register;
mod text;
mod transaction;

use std::hash::Hash;

use super::Flaw;
use crate::history::{History, Moment, Outcome, Recorded, Value};
use crate::verdict::OperationId;

pub(super) use bank::Bank;
pub(super) use counter::{Counter, CounterDeed};
pub(super) use elements::{ElementDeed, Elements};
pub(super) use ids::{Ids, IdsDeed};
pub(super) use kv::Map;
pub(super) use list::{List, ListDeed};
pub(super) use lock::{Lock, LockDeed};
pub(super) use queue::{Discipline, Queue, QueueDeed, RepeatingBag, Taken};
pub(super) use register::{Register, RegisterDeed};
pub(super) use text::Text;
pub(super) use transaction::{Micro, Transactions, TransactionsOf};

/// An operation that the model does not know, or whose value has not the shape it takes.
pub(super) struct Foreign;

/// What the operations of a model mean.
pub(super) trait Rules {
    /// The meaning of one operation: its function with argument and result.
    type Deed: Clone + Eq + Hash;
    /// The state of the object.
    type State: Clone + Eq + Hash;

    /// The meaning of an operation that did not fail or that tells something by having
    /// failed; `None` if it takes no part, as an indeterminate read does not.
    fn deed(&self, operation: Recorded<'_>) -> Result<Option<Self::Deed>, Foreign>;

    /// The state before any operation.
    fn initial(&self) -> Self::State;

    /// Lets `deed` happen; whether it can. A state in which it cannot is not used again.
    fn apply(&self, state: &mut Self::State, deed: &Self::Deed) -> bool;

    /// Whether any legal order stays legal without `deed`, because it changes no state in
    /// which it can happen, or only narrows what may follow.
    fn only_reads(&self, deed: &Self::Deed) -> bool;
}

/// Whether an operation must have a place in every order: it succeeded, or it failed by
/// finding something out.
pub(super) fn is_required(operation: Recorded<'_>) -> bool {
    match operation.outcome {
        Outcome::Ok => true,
        Outcome::Fail => is_refusal(operation),
        Outcome::Info => false,
    }
}

/// Whether a failed operation is a compare-and-set that was refused: it failed without an
/// error or with the error `mismatch`. Any other error may mean that nobody looked.
pub(super) fn is_refusal(operation: Recorded<'_>) -> bool {
    operation.outcome == Outcome::Fail
        && operation.f() == "cas"
        && operation.error().is_none_or(|error| error == "mismatch")
}

/// What a failed compare-and-set says it found.
pub(super) fn found(operation: Recorded<'_>) -> Option<Value> {
    let value = operation.result;
    (value != Value::NULL && value != operation.argument).then_some(value)
}

/// Where an operation ends in the order of events: never, if indeterminate.
pub(super) fn end(operation: Recorded<'_>) -> Option<u32> {
    match operation.outcome {
        Outcome::Ok | Outcome::Fail => operation.completed.map(Moment::position),
        Outcome::Info => None,
    }
}

/// Whether `first` ended before `second` began.
pub(super) fn precedes(first: Recorded<'_>, second: Recorded<'_>) -> bool {
    end(first).is_some_and(|end| end < second.invoked.position())
}

/// The deed of an operation that takes part, if it does.
pub(super) fn part<R: Rules>(
    rules: &R,
    history: &History,
    id: OperationId,
) -> Result<Option<R::Deed>, Flaw> {
    let operation = history.get(id);
    if operation.outcome == Outcome::Fail && !is_refusal(operation) {
        return Ok(None);
    }
    rules.deed(operation).map_err(|Foreign| Flaw::NotOfTheModel(id))
}
