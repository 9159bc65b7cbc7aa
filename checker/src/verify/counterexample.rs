//! Which argument a counterexample rests on.
//!
//! Several may fit; one that holds is enough, and the flaw told is that of the last.

use super::chosen::taking_part;
use super::objects::Object;
use super::rules::{
    Bank, Counter, Discipline, ElementDeed, Elements, Ids, List, Lock, Map, Queue, Register,
    RepeatingBag, Rules, Text, Transactions, TransactionsOf,
};
use super::{Division, Flaw, claims, closure, counts, holds, prefix, projection, serial, window};
use crate::history::{History, Outcome, Value};
use crate::model::ModelName;
use crate::verdict::{Contradiction, Counterexample, OperationId};

/// Checks that the operations of a counterexample contradict each other, and that they show
/// what it says they do.
pub(super) fn verify_counterexample(
    history: &History,
    model: ModelName,
    object: &Object<'_>,
    counterexample: &Counterexample,
) -> Result<(), Flaw> {
    let named = &counterexample.operations[..];
    let kind = counterexample.kind;
    let counted = matches!(
        kind,
        Contradiction::CountTooHigh
            | Contradiction::CountTooLow
            | Contradiction::DuplicateId
            | Contradiction::MissingId
    );
    match model {
        ModelName::Kv if object.division == Division::Whole => {
            beginning(&Map, history, object, named)?;
        }
        ModelName::Register | ModelName::CasRegister | ModelName::Kv => {
            register(history, object, named)?;
            return claims::verify_claims(history, object, counterexample);
        }
        ModelName::KvAppend => beginning(&Text, history, object, named)?,
        ModelName::ListAppend => {
            let rules = List { history };
            projection::verify(&rules, history, object, named)
                .or_else(|_| beginning(&rules, history, object, named))?;
        }
        ModelName::Set => set(history, object, counterexample)?,
        ModelName::Counter if counted || kind == Contradiction::NeverWritten => {
            return counts::verify_counter(history, object, kind, named);
        }
        ModelName::Counter => beginning(&Counter, history, object, named)?,
        ModelName::Queue => queue(Discipline::Fifo, history, object, counterexample)?,
        ModelName::Bag => queue(Discipline::Bag, history, object, counterexample)?,
        ModelName::Mutex => lock(history, object, counterexample)?,
        ModelName::Ids if counted || kind == Contradiction::OutOfOrder => {
            return counts::verify_ids(history, object, kind, named);
        }
        ModelName::Ids => beginning(&Ids, history, object, named)?,
        ModelName::Bank => beginning(&Bank, history, object, named)?,
        ModelName::TxnAppend => {
            let rules = Transactions { of: TransactionsOf::Lists };
            return serial::verify(&rules, history, object, counterexample);
        }
        ModelName::TxnRegister => {
            let rules = Transactions { of: TransactionsOf::Registers };
            return serial::verify(&rules, history, object, counterexample);
        }
        ModelName::Mixed => unreachable!("a key is judged by the model it names"),
    }
    claims::verify_kind(history, model, counterexample)
}

fn beginning<R: Rules>(
    rules: &R,
    history: &History,
    object: &Object<'_>,
    named: &[OperationId],
) -> Result<(), Flaw> {
    prefix::verify(rules, history, object, named)
}

/// A register by closure, which says little where the contradiction rests on a refusal.
fn register(history: &History, object: &Object<'_>, named: &[OperationId]) -> Result<(), Flaw> {
    let closed = closure::verify(history, object, named);
    let refusal = |id: &&OperationId| {
        history.operations.get(id.0 as usize).is_some_and(|found| found.outcome == Outcome::Fail)
    };
    match named.iter().find(refusal) {
        Some(_) => {
            closed.or_else(|flaw| beginning(&Register, history, object, named).map_err(|_| flaw))
        }
        None => closed,
    }
}

/// Dequeues by the enqueues they need, a few elements by projection; where elements are
/// repeated, so that no kind can be told, the beginning of the history.
fn queue(
    discipline: Discipline,
    history: &History,
    object: &Object<'_>,
    counterexample: &Counterexample,
) -> Result<(), Flaw> {
    let rules = Queue { discipline };
    let named = &counterexample.operations[..];
    if matches!(
        counterexample.kind,
        Contradiction::DequeuedTwice
            | Contradiction::NeverEnqueued
            | Contradiction::DequeuedBeforeEnqueue
    ) {
        return projection::verify_taken(history, object, named);
    }
    let projected = projection::verify(&rules, history, object, named);
    match (&projected, counterexample.kind, discipline) {
        (Err(_), Contradiction::NoOrder, Discipline::Fifo) => {
            beginning(&rules, history, object, named)
        }
        (Err(_), Contradiction::NoOrder, Discipline::Bag) => {
            beginning(&RepeatingBag, history, object, named)
        }
        _ => projected,
    }
}

/// One element of a set by a stretch of its history, several by projection; where no kind can
/// be told, the beginning of the history.
fn set(
    history: &History,
    object: &Object<'_>,
    counterexample: &Counterexample,
) -> Result<(), Flaw> {
    let named = &counterexample.operations[..];
    let mut projected = projection::verify(&Elements, history, object, named);
    if counterexample.kind == Contradiction::NoOrder {
        projected = projected
            .or_else(|flaw| beginning(&Elements, history, object, named).map_err(|_| flaw));
    }
    if projected.is_ok() {
        return projected;
    }
    let whole = taking_part(&Elements, history, object)?;
    let of = |id: OperationId| whole.iter().find(|(other, _)| *other == id);
    let element = named.first().and_then(|id| of(*id)).and_then(|(_, deed)| deed.element());
    let Some(element) = element else { return projected };
    let about = |deed: &ElementDeed| deed.element() == Some(element);
    if !named.iter().all(|id| of(*id).is_some_and(|(_, deed)| about(deed))) {
        return projected;
    }
    let whole: Vec<_> = whole.iter().filter(|(_, deed)| about(deed)).cloned().collect();
    let states = [Elements.initial(), [element].into()];
    window::verify(&Elements, history, object, &whole, &states, named)
        .or_else(|_| part_beginning(history, object, element, named))
}

/// The beginning of the history of one element.
fn part_beginning(
    history: &History,
    object: &Object<'_>,
    element: Value,
    named: &[OperationId],
) -> Result<(), Flaw> {
    prefix::verify_part(&Elements, history, object, named, |deed| deed.element() == Some(element))
}

/// A lock with owners by whole holds, one without by a stretch of its history; where no kind
/// can be told, the beginning of the history.
fn lock(
    history: &History,
    object: &Object<'_>,
    counterexample: &Counterexample,
) -> Result<(), Flaw> {
    let named = &counterexample.operations[..];
    let whole = taking_part(&Lock, history, object)?;
    let anonymous = whole.iter().all(|(_, deed)| deed.owner() == Value::NULL);
    let argued = if anonymous {
        let states = [None, Some(Value::NULL)];
        window::verify(&Lock, history, object, &whole, &states, named)
    } else {
        holds::verify(history, object, named)
    };
    match counterexample.kind {
        Contradiction::NoOrder => argued.or_else(|_| beginning(&Lock, history, object, named)),
        _ => argued,
    }
}
