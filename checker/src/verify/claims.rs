//! What a counterexample says about its operations beyond that they contradict each other:
//! the kind and the edges. Neither is needed for the verdict, but people act on them.

mod kinds;

pub(super) use kinds::verify_kind;

use super::Flaw;
use super::chosen::{Chosen, taking_part};
use super::objects::Object;
use super::rules::{self, Register, RegisterDeed};
use crate::history::{History, Value};
use crate::verdict::{Contradiction, Counterexample, Edge, OperationId, Precedence};

/// An operation on a register, of the counterexample.
#[derive(Clone, Copy)]
struct Member<'a> {
    history: &'a History,
    id: OperationId,
    deed: RegisterDeed,
}

impl Member<'_> {
    /// The value it leaves behind, be it by storing or by having found it.
    fn value(&self) -> Option<Value> {
        self.deed.leaves().or(self.deed.needs())
    }

    fn precedes(&self, other: &Self) -> bool {
        rules::precedes(self.history.get(self.id), self.history.get(other.id))
    }

    /// A compare-and-set's two values.
    fn link(&self) -> Option<(Value, Value)> {
        self.deed.needs().zip(self.deed.leaves())
    }
}

/// Checks the kind and the edges of a counterexample of a register whose operations were
/// found to contradict each other.
pub(super) fn verify_claims(
    history: &History,
    object: &Object<'_>,
    counterexample: &Counterexample,
) -> Result<(), Flaw> {
    let chosen = Chosen::read(&Register, history, object, &counterexample.operations)?;
    let members: Vec<Member<'_>> =
        chosen.operations.into_iter().map(|(id, deed)| Member { history, id, deed }).collect();
    let stored = stored(history, object)?;
    let kind = counterexample.kind;
    let holds = match kind {
        Contradiction::NeverWritten => never_written(&members, &stored),
        Contradiction::ReadBeforeWrite => read_before_write(&members),
        Contradiction::ValueReturned => value_returned(&members),
        Contradiction::ReplacedTwice => replaced_twice(&members),
        Contradiction::ChainInverted => chain_inverted(&members),
        Contradiction::ChainClosed => chain_closed(&members),
        Contradiction::RefusedInVain => refused_in_vain(&members),
        Contradiction::NoOrder => true,
        _ => false,
    };
    if !holds {
        return Err(Flaw::NotOfTheKind(kind));
    }
    verify_edges(&members, &stored, &counterexample.edges)
}

/// The values that operations of the object may have stored, with those operations.
fn stored(history: &History, object: &Object<'_>) -> Result<Vec<(OperationId, Value)>, Flaw> {
    let whole = taking_part(&Register, history, object)?;
    Ok(whole.into_iter().filter_map(|(id, deed)| Some((id, deed.leaves()?))).collect())
}

/// An operation that needs a value which no other operation of the key leaves.
fn never_written(members: &[Member<'_>], stored: &[(OperationId, Value)]) -> bool {
    members.iter().any(|lone| {
        lone.deed.needs().is_some_and(|needed| {
            let by_other = |(id, value): &(OperationId, Value)| *id != lone.id && *value == needed;
            !needed.is_null() && !stored.iter().any(by_other)
        })
    })
}

/// A read and the store of its value, which began only after the read had ended.
fn read_before_write(members: &[Member<'_>]) -> bool {
    let [one, other] = members else { return false };
    let shown = |read: &Member<'_>, store: &Member<'_>| {
        read.deed.leaves().is_none()
            && read.deed.needs().is_some_and(|value| value != Value::NULL)
            && read.deed.needs() == store.deed.leaves()
            && read.precedes(store)
    };
    shown(one, other) || shown(other, one)
}

/// Two blocks of values, each forced before the other.
fn value_returned(members: &[Member<'_>]) -> bool {
    let Some(blocks) = blocks(members) else { return false };
    let [one, other] = &blocks[..] else { return false };
    must_precede(members, one, other) && must_precede(members, other, one)
}

/// The values of the members, those that a compare-and-set links in one block; none if a
/// value is stored twice or the initial one at all, as then no value stands together.
fn blocks(members: &[Member<'_>]) -> Option<Vec<Vec<Value>>> {
    let mut written = vec![Value::NULL];
    for value in members.iter().filter_map(|member| member.deed.leaves()) {
        if written.contains(&value) {
            return None;
        }
        written.push(value);
    }
    let mut blocks: Vec<Vec<Value>> = Vec::new();
    for member in members {
        let values: Vec<Value> =
            [member.deed.needs(), member.deed.leaves()].into_iter().flatten().collect();
        let touched = |block: &Vec<Value>| block.iter().any(|value| values.contains(value));
        let (joined, apart): (Vec<_>, Vec<_>) = blocks.into_iter().partition(touched);
        blocks = apart;
        let mut block: Vec<Value> = joined.into_iter().flatten().chain(values).collect();
        block.sort_unstable();
        block.dedup();
        blocks.push(block);
    }
    blocks.retain(|block| !block.is_empty());
    Some(blocks)
}

fn must_precede(members: &[Member<'_>], first: &[Value], second: &[Value]) -> bool {
    let of = |block: &[Value]| {
        let block = block.to_vec();
        members.iter().filter(move |member| member.value().is_some_and(|v| block.contains(&v)))
    };
    first.contains(&Value::NULL)
        || of(first).any(|early| of(second).any(|late| early.precedes(late)))
}

/// Two compare-and-sets that replaced one value.
fn replaced_twice(members: &[Member<'_>]) -> bool {
    let links: Vec<(Value, Value)> = members.iter().filter_map(Member::link).collect();
    (1..links.len()).any(|place| links[..place].iter().any(|link| link.0 == links[place].0))
}

/// Whether links lead from one value to another.
fn leads(members: &[Member<'_>], from: Value, to: Value) -> bool {
    let mut reached = vec![from];
    let mut next = 0;
    while let Some(&value) = reached.get(next) {
        next += 1;
        for (expected, new) in members.iter().filter_map(Member::link) {
            if expected == value && !reached.contains(&new) {
                reached.push(new);
            }
        }
    }
    from != to && reached.contains(&to)
}

/// An operation that ended before one began whose value leads to its own.
fn chain_inverted(members: &[Member<'_>]) -> bool {
    members.iter().any(|late| {
        members.iter().any(|early| {
            let values = early.value().zip(late.value());
            early.precedes(late) && values.is_some_and(|(early, late)| leads(members, late, early))
        })
    })
}

/// Compare-and-sets of which each needs what another left.
fn chain_closed(members: &[Member<'_>]) -> bool {
    let leaves: Vec<Value> = members.iter().filter_map(|member| member.deed.leaves()).collect();
    let links: Vec<(Value, Value)> = members.iter().filter_map(Member::link).collect();
    !links.is_empty() && links.iter().all(|link| leaves.contains(&link.0))
}

/// A refusal, and what shows that the value was there.
fn refused_in_vain(members: &[Member<'_>]) -> bool {
    members.iter().any(|member| match member.deed {
        RegisterDeed::Refused(value) => {
            value == Value::NULL || members.iter().any(|other| other.value() == Some(value))
        }
        RegisterDeed::Access { .. } => false,
    })
}

/// The edges are among the operations named, hold one by one, and form a cycle.
fn verify_edges(
    members: &[Member<'_>],
    stored: &[(OperationId, Value)],
    edges: &[Edge],
) -> Result<(), Flaw> {
    let named = |id| members.iter().find(|member| member.id == id).ok_or(Flaw::EdgeOutside(id));
    for (position, edge) in edges.iter().enumerate() {
        let (from, to) = (named(edge.from)?, named(edge.to)?);
        let holds = match edge.why {
            Precedence::RealTime => from.precedes(to),
            Precedence::ReadsFrom => {
                to.deed.needs().is_some() && from.deed.leaves() == to.deed.needs()
            }
            Precedence::SameValue => blocks(members).is_some_and(|blocks| {
                let has = |block: &&Vec<Value>, member: &Member<'_>| {
                    member.value().is_some_and(|value| block.contains(&value))
                };
                blocks.iter().any(|block| has(&block, from) && has(&block, to))
            }),
            Precedence::InitialValue => {
                from.value() == Some(Value::NULL)
                    && to.deed.leaves().is_some()
                    && stored.iter().all(|(_, value)| *value != Value::NULL)
            }
            _ => false,
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
