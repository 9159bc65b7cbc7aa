//! What a counterexample says about its operations beyond that they contradict each other:
//! the kind and the edges. Neither is needed for the verdict, but people act on them.

use super::Flaw;
use super::register::{INITIAL, Meaning, meaning, precedes};
use crate::history::{History, Operation, Outcome, Value};
use crate::verdict::{Contradiction, Counterexample, Edge, OperationId, Precedence};

/// An operation of the counterexample and what it means.
#[derive(Clone, Copy)]
struct Member<'a> {
    id: OperationId,
    operation: &'a Operation,
    meaning: Meaning,
}

impl Member<'_> {
    /// The value it leaves behind, be it by storing or by having found it.
    fn value(&self) -> Option<Value> {
        self.meaning.leaves.or(self.meaning.needs)
    }

    fn precedes(&self, other: &Self) -> bool {
        precedes(self.operation, other.operation)
    }
}

/// Checks the kind and the edges of a counterexample whose operations were found to be of
/// the key `key_members` and to contradict each other.
pub(super) fn verify_claims(
    history: &History,
    key_members: &[OperationId],
    counterexample: &Counterexample,
) -> Result<(), Flaw> {
    let mut members = Vec::with_capacity(counterexample.operations.len());
    for &id in &counterexample.operations {
        let meaning = meaning(history, id)?.ok_or(Flaw::NothingReturned(id))?;
        members.push(Member { id, operation: &history.operations[id.0 as usize], meaning });
    }
    let kind = counterexample.kind;
    let holds = match kind {
        Contradiction::NeverWritten => never_written(history, key_members, &members)?,
        Contradiction::ReadBeforeWrite => read_before_write(&members),
        Contradiction::ValueReturned => value_returned(&members),
        Contradiction::NoOrder => true,
        _ => false,
    };
    if !holds {
        return Err(Flaw::NotOfTheKind(kind));
    }
    verify_edges(history, key_members, &members, &counterexample.edges)
}

/// One operation, needing a value that no other operation of the key leaves.
fn never_written(
    history: &History,
    key_members: &[OperationId],
    members: &[Member<'_>],
) -> Result<bool, Flaw> {
    let [lone] = members else { return Ok(false) };
    match lone.meaning.needs {
        Some(needed) if needed != INITIAL => {
            Ok(!stored_in_key(history, key_members, needed, Some(lone.id))?)
        }
        _ => Ok(false),
    }
}

/// Whether an operation of the key other than `except` may have stored `value`.
fn stored_in_key(
    history: &History,
    key_members: &[OperationId],
    value: Value,
    except: Option<OperationId>,
) -> Result<bool, Flaw> {
    for &id in key_members {
        let failed = history.operations[id.0 as usize].outcome == Outcome::Fail;
        if !failed
            && Some(id) != except
            && meaning(history, id)?.is_some_and(|meaning| meaning.leaves == Some(value))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A read and the store of its value, which began only after the read had ended.
fn read_before_write(members: &[Member<'_>]) -> bool {
    let [one, other] = members else { return false };
    let shown = |read: &Member<'_>, store: &Member<'_>| {
        read.meaning.leaves.is_none()
            && read.meaning.needs.is_some_and(|value| value != INITIAL)
            && read.meaning.needs == store.meaning.leaves
            && read.precedes(store)
    };
    shown(one, other) || shown(other, one)
}

/// Two values, each forced before the other.
fn value_returned(members: &[Member<'_>]) -> bool {
    let mut values: Vec<Value> = members.iter().filter_map(Member::value).collect();
    let Some(&one) = values.first() else { return false };
    values.retain(|value| *value != one);
    let Some(&other) = values.first() else { return false };
    values.iter().all(|value| *value == other)
        && whole(members)
        && must_precede(members, one, other)
        && must_precede(members, other, one)
}

/// Whether the operations of each value stand together in every order: plain reads and
/// writes, each value written once at most and the initial one never.
fn whole(members: &[Member<'_>]) -> bool {
    let mut written: Vec<Value> = Vec::new();
    members.iter().all(|member| match (member.meaning.needs, member.meaning.leaves) {
        (None, Some(value)) => {
            let first = value != INITIAL && !written.contains(&value);
            written.push(value);
            first
        }
        (Some(_), None) => true,
        (Some(_), Some(_)) | (None, None) => false,
    })
}

fn must_precede(members: &[Member<'_>], first: Value, second: Value) -> bool {
    let of = |value| members.iter().filter(move |member| member.value() == Some(value));
    first == INITIAL || of(first).any(|early| of(second).any(|late| early.precedes(late)))
}

/// The edges are among the operations named, hold one by one, and form a cycle.
fn verify_edges(
    history: &History,
    key_members: &[OperationId],
    members: &[Member<'_>],
    edges: &[Edge],
) -> Result<(), Flaw> {
    let named = |id| members.iter().find(|member| member.id == id).ok_or(Flaw::EdgeOutside(id));
    for (position, edge) in edges.iter().enumerate() {
        let (from, to) = (named(edge.from)?, named(edge.to)?);
        let holds = match edge.why {
            Precedence::RealTime => from.precedes(to),
            Precedence::ReadsFrom => {
                to.meaning.needs.is_some() && from.meaning.leaves == to.meaning.needs
            }
            Precedence::SameValue => whole(members) && from.value() == to.value(),
            Precedence::InitialValue => {
                from.value() == Some(INITIAL)
                    && to.meaning.leaves.is_some()
                    && !stored_in_key(history, key_members, INITIAL, None)?
            }
            // Between transactions only.
            Precedence::WriteWrite | Precedence::ReadWrite => false,
        };
        if !holds {
            return Err(Flaw::Edge(*edge));
        }
        let next = edges[(position + 1) % edges.len()];
        if edge.to != next.from {
            return Err(Flaw::NoCycle { end: edge.to, beginning: next.from });
        }
    }
    Ok(())
}
