//! What a set of operations without a legal order shows: the kind, the cycle, the words.
//!
//! Goes by the values and positions of the operations alone, whichever procedure found
//! them. What it cannot tell for certain it calls [`Contradiction::NoOrder`].

use crate::explain::explain;
use crate::history::{History, Outcome, Recorded, Value};
use crate::model::ModelName;
use crate::precedence;
use crate::verdict::{Contradiction, Edge, OperationId};

/// What a counterexample is about.
pub(super) struct Reading {
    pub(super) kind: Contradiction,
    pub(super) edges: Vec<Edge>,
    pub(super) explanation: String,
}

/// Reads `operations`, which have no legal order; `kind` is what a procedure called it, and
/// is looked for anew where that is [`Contradiction::NoOrder`].
pub(super) fn read(
    history: &History,
    model: ModelName,
    kind: Contradiction,
    operations: &[OperationId],
) -> Reading {
    let is_register = matches!(model, ModelName::Register | ModelName::CasRegister | ModelName::Kv);
    let edges = if is_register && blocks(history, operations) == Blocks::Contiguous {
        precedence::cycle(history, operations)
    } else {
        Vec::new()
    };
    let kind = match kind {
        Contradiction::NoOrder if is_register => found_kind(history, operations, &edges),
        kind => kind,
    };
    let explanation = explain(history, model, kind, operations, &edges);
    Reading { kind, edges, explanation }
}

/// Whether the operations of each value stand together in every order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blocks {
    /// Only reads and writes, no value written twice, and the initial one never.
    Contiguous,
    /// Anything else.
    Parted,
}

fn blocks(history: &History, operations: &[OperationId]) -> Blocks {
    let mut written: Vec<Value> = Vec::new();
    for operation in members(history, operations) {
        match operation.f() {
            "read" => {}
            "write" if operation.argument.is_null() || written.contains(&operation.argument) => {
                return Blocks::Parted;
            }
            "write" => written.push(operation.argument),
            _ => return Blocks::Parted,
        }
    }
    Blocks::Contiguous
}

fn found_kind(history: &History, operations: &[OperationId], edges: &[Edge]) -> Contradiction {
    let members: Vec<Recorded<'_>> = members(history, operations).collect();
    match members.as_slice() {
        [lone] if never_written(history, operations[0], *lone) => Contradiction::NeverWritten,
        [one, other] if too_early(*one, *other) || too_early(*other, *one) => {
            Contradiction::ReadBeforeWrite
        }
        _ if concerned(members.iter().copied()) == 2 && concerned(ends(history, edges)) == 2 => {
            Contradiction::ValueReturned
        }
        _ => Contradiction::NoOrder,
    }
}

fn members<'a>(
    history: &'a History,
    operations: &[OperationId],
) -> impl Iterator<Item = Recorded<'a>> {
    operations.iter().map(|id| history.get(*id))
}

fn ends<'a>(history: &'a History, edges: &[Edge]) -> impl Iterator<Item = Recorded<'a>> {
    edges.iter().map(|edge| history.get(edge.from))
}

/// Whether the operation needs a value that no other stored.
fn never_written(history: &History, id: OperationId, reader: Recorded<'_>) -> bool {
    let Some(value) = reader.needed().filter(|value| !value.is_null()) else { return false };
    let stores = |(other, operation): (OperationId, Recorded<'_>)| {
        operation.outcome != Outcome::Fail
            && operation.key == reader.key
            && operation.stored() == Some(value)
            && other != id
    };
    !history.iter().any(stores)
}

/// Whether a read ended before the store of its value, which is not the initial one, began.
fn too_early(read: Recorded<'_>, store: Recorded<'_>) -> bool {
    let ended = read.completed.filter(|_| read.outcome == Outcome::Ok);
    read.f() == "read"
        && !read.result.is_null()
        && store.stored() == Some(read.result)
        && ended.is_some_and(|end| end.position() < store.invoked.position())
}

/// How many values reads and writes are about.
fn concerned<'a>(operations: impl Iterator<Item = Recorded<'a>>) -> usize {
    let mut values: Vec<Value> = Vec::new();
    for operation in operations {
        let value = operation.stored().or_else(|| operation.needed());
        values.extend(value.filter(|value| !values.contains(value)));
    }
    values.len()
}
