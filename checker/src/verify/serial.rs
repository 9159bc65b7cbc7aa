//! A counterexample about a few transactions.
//!
//! *Claim, lists.* Let S be some transactions, and E what they append. If the history has a
//! serial order L, then L restricted to S is legal once every read is restricted to E.
//! *Proof.* What other transactions append is not in E, and a list restricted to E is the
//! list of what S appended. ∎ An element that was read but that nobody who did not fail
//! appended may be in E without any transaction in S appending it.
//!
//! *Claim, registers.* Let S be some transactions, and drop from them the reads of values of
//! which a writer is not in S. If the history has a serial order L, then L restricted to S
//! is legal. *Proof.* A read that remains found the value that the last write before it in L
//! stored. That writer is in S, and no write is between the two in L, so none is in the
//! restriction. Where no write is before it in L, none is in the restriction either. ∎
//!
//! So what enumeration finds without a serial order condemns the history, whatever cycle is
//! drawn through it. The edges of that cycle and the kind are then confirmed from what the
//! transactions named did and found.
//!
//! Some contradictions show without any order, since in every serial one what a transaction
//! finds agrees with what it itself did and found before, and lists only grow and show no
//! element more often than it was appended.

mod kinds;

use rustc_hash::FxHashSet;

use super::Flaw;
use super::chosen::{Chosen, member};
use super::enumerate::no_order;
use super::objects::Object;
use super::prefix;
use super::rules::{self, Micro, Rules, Transactions, TransactionsOf};
use crate::history::{History, Value};
use crate::verdict::{Counterexample, Edge, OperationId, Precedence};
use kinds::Story;

/// A key with an element or a value written to it.
type Written = (Value, Value);

/// Checks that the transactions named contradict each other, and the kind and the edges.
pub(super) fn verify(
    rules: &Transactions,
    history: &History,
    object: &Object<'_>,
    counterexample: &Counterexample,
) -> Result<(), Flaw> {
    let named = &counterexample.operations;
    let chosen = Chosen::read(rules, history, object, named)?;
    let story = Story::read(rules, history, object, &chosen)?;
    if !story.is_absurd() {
        enumerate(rules, history, &story, &chosen)
            .or_else(|_| prefix::verify(rules, history, object, named))?;
    }
    verify_edges(history, &story, &chosen, &counterexample.edges)?;
    if story.is_of_kind(history, object, counterexample) {
        Ok(())
    } else {
        Err(Flaw::NotOfTheKind(counterexample.kind))
    }
}

/// Checks that what must hold of the transactions named alone has no serial order.
fn enumerate(
    rules: &Transactions,
    history: &History,
    story: &Story<'_>,
    chosen: &Chosen<Vec<Micro>>,
) -> Result<(), Flaw> {
    let restricted = match rules.of {
        TransactionsOf::Lists => lists(story, chosen)?,
        TransactionsOf::Registers => registers(story, chosen),
    };
    let members: Vec<_> =
        restricted.into_iter().map(|(id, deed)| member(history, id, deed)).collect();
    no_order(rules, &members, [rules.initial()])
}

fn writes(deed: &[Micro]) -> impl Iterator<Item = Written> {
    deed.iter().filter_map(|micro| match micro {
        Micro::Write(key, value) => Some((*key, *value)),
        Micro::Read(..) => None,
    })
}

/// The transactions as they are to those who see only what these append.
fn lists(
    story: &Story<'_>,
    chosen: &Chosen<Vec<Micro>>,
) -> Result<Vec<(OperationId, Vec<Micro>)>, Flaw> {
    let whole = &story.whole;
    let appended: FxHashSet<Written> = whole.iter().flat_map(|(_, deed)| writes(deed)).collect();
    let mut seen: FxHashSet<Written> =
        chosen.operations.iter().flat_map(|(_, deed)| writes(deed)).collect();
    let other = whole
        .iter()
        .find(|(id, deed)| !chosen.has(*id) && writes(deed).any(|written| seen.contains(&written)));
    if let Some(&(source_operation, _)) = other {
        let operation = chosen.operations[0].0;
        return Err(Flaw::NotClosed { operation, source_operation });
    }
    for micro in chosen.operations.iter().flat_map(|(_, deed)| deed) {
        if let Micro::Read(key, elements) = micro {
            let never = elements.iter().map(|element| (*key, *element));
            seen.extend(never.filter(|written| !appended.contains(written)));
        }
    }
    let restrict = |micro: &Micro| match micro {
        Micro::Write(..) => micro.clone(),
        Micro::Read(key, elements) => {
            let kept = elements.iter().filter(|element| seen.contains(&(*key, **element)));
            Micro::Read(*key, kept.copied().collect())
        }
    };
    Ok(chosen
        .operations
        .iter()
        .map(|(id, deed)| (*id, deed.iter().map(restrict).collect()))
        .collect())
}

/// The transactions without the reads that others may explain.
fn registers(story: &Story<'_>, chosen: &Chosen<Vec<Micro>>) -> Vec<(OperationId, Vec<Micro>)> {
    let whole = &story.whole;
    let outside: FxHashSet<Written> = whole
        .iter()
        .filter(|(id, _)| !chosen.has(*id))
        .flat_map(|(_, deed)| writes(deed))
        .collect();
    let stays = |micro: &&Micro| match micro {
        Micro::Write(..) => true,
        Micro::Read(key, found) => {
            let value = found.first().copied().unwrap_or(Value::NULL);
            !outside.contains(&(*key, value))
        }
    };
    chosen
        .operations
        .iter()
        .map(|(id, deed)| (*id, deed.iter().filter(stays).cloned().collect()))
        .collect()
}

/// The edges are among the transactions named, hold one by one, and form a cycle.
fn verify_edges(
    history: &History,
    story: &Story<'_>,
    chosen: &Chosen<Vec<Micro>>,
    edges: &[Edge],
) -> Result<(), Flaw> {
    let deed = |id: OperationId| {
        let found = chosen.operations.iter().find(|(other, _)| *other == id);
        found.map(|(_, deed)| &deed[..]).ok_or(Flaw::EdgeOutside(id))
    };
    for (position, edge) in edges.iter().enumerate() {
        let (from, to) = (deed(edge.from)?, deed(edge.to)?);
        let holds = match edge.why {
            Precedence::RealTime => rules::precedes(history.get(edge.from), history.get(edge.to)),
            Precedence::ReadsFrom => story.reads_from(from, to),
            Precedence::ReadWrite => story.misses(from, to),
            Precedence::WriteWrite => story.overwrites(from, to),
            Precedence::SameValue | Precedence::InitialValue => false,
        };
        if !holds || edge.from == edge.to {
            return Err(Flaw::Edge(*edge));
        }
        let next = edges[(position + 1) % edges.len()];
        if edge.to != next.from {
            return Err(Flaw::NoCycle { end: edge.to, beginning: next.from });
        }
    }
    Ok(())
}
