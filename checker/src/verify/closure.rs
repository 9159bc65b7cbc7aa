//! A few operations that cannot be ordered, and why they condemn the whole history.
//!
//! That a set S of operations has no legal order says nothing yet: a read in S may return
//! what an operation outside S wrote. So S must be **closed**. For an operation r that
//! needs a value v (a read, or a compare-and-set), call *sources* of r the operations of
//! the whole key that did not fail, leave v, did not begin after r ended, and were not
//! certainly overwritten before r began (no successful write or compare-and-set began after
//! they ended and itself ended before r began). S is closed if it holds all sources of all
//! its reads.
//!
//! *Claim.* If S is closed and the whole key has a linearization L, then L restricted to S
//! is legal. *Proof.* Take r in S, needing v. If nothing in L before r stores a value, v is
//! the initial value, and nothing in the restriction before r stores one either. Otherwise
//! let w be the last operation in L before r that stores a value; it leaves v. It did not
//! fail and did not begin after r ended, because L keeps real time; nor was it certainly
//! overwritten, because the overwriting operation x succeeded, so is in L, between w and r,
//! where w is last. So w is a source of r and in S, and between w and r the restriction,
//! like L, stores nothing. So r finds v. Real time and the presence of successful
//! operations restrict trivially. ∎
//!
//! So if exhaustive enumeration finds S without a legal order, the key has none either.
//! Operations outside S may store what they like: only the last store before each operation
//! that needs a value matters, and closure puts it into S.
//!
//! A *compare-and-set* in S whose sources are not all in S is taken as a plain write of its
//! new value. That only allows more orders, so the claim still holds, and it spares the
//! counterexample the whole chain of compare-and-sets behind it. A *read* gets no such
//! relief, as it would serve no purpose in S.
//!
//! One rule is for the reader of the report, not for soundness: where a value was stored
//! but no store is a source, the last store that began before r ended must be in S, or the
//! first of all if none did, to be seen beside the read.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Flaw;
use super::register::{INITIAL, Meaning, end, meaning, precedes};
use crate::history::{History, Operation, Outcome, Value};
use crate::verdict::OperationId;

/// Configurations enumerated before a counterexample counts as too large.
const CONFIGURATIONS_MAX: usize = 1 << 20;

/// A non-failed operation and what it means.
#[derive(Clone, Copy)]
struct Member<'a> {
    id: OperationId,
    operation: &'a Operation,
    meaning: Meaning,
}

/// Checks that the operations `named` are closed within key `number` and have no legal order.
pub(super) fn verify_counterexample(
    history: &History,
    key_of: &[u32],
    number: u32,
    members: &[OperationId],
    named: &[OperationId],
) -> Result<(), Flaw> {
    let mut set = FxHashSet::default();
    let mut chosen = Vec::with_capacity(named.len());
    for &id in named {
        match key_of.get(id.0 as usize) {
            None => return Err(Flaw::NoSuchOperation(id)),
            Some(key) if *key != number => return Err(Flaw::OtherKey(id)),
            Some(_) if !set.insert(id) => return Err(Flaw::Repeated(id)),
            Some(_) => {}
        }
        let operation = &history.operations[id.0 as usize];
        if operation.outcome == Outcome::Fail {
            return Err(Flaw::Failed(id));
        }
        let meaning = meaning(history, id)?.ok_or(Flaw::NothingReturned(id))?;
        chosen.push(Member { id, operation, meaning });
    }
    let whole = effective(history, members)?;
    for member in &mut chosen {
        let Some(needed) = member.meaning.needs else { continue };
        let missing = sources(&whole, member, needed).into_iter().find(|id| !set.contains(id));
        match missing {
            None => {}
            Some(_) if member.meaning.leaves.is_some() => member.meaning.needs = None,
            Some(source_operation) => {
                return Err(Flaw::NotClosed { operation: member.id, source_operation });
            }
        }
    }
    enumerate(&chosen)
}

/// The operations of a key that may have taken effect.
fn effective<'a>(history: &'a History, members: &[OperationId]) -> Result<Vec<Member<'a>>, Flaw> {
    let mut whole = Vec::with_capacity(members.len());
    for &id in members {
        let operation = &history.operations[id.0 as usize];
        if operation.outcome == Outcome::Fail {
            continue;
        }
        if let Some(meaning) = meaning(history, id)? {
            whole.push(Member { id, operation, meaning });
        }
    }
    Ok(whole)
}

/// The operations that may have left `needed` for `reader`, or failing any the nearest one
/// that left it at all.
fn sources(whole: &[Member<'_>], reader: &Member<'_>, needed: Value) -> Vec<OperationId> {
    let overwritten_before = whole
        .iter()
        .filter(|store| {
            store.meaning.leaves.is_some() && precedes(store.operation, reader.operation)
        })
        .map(|store| store.operation.invoked.position())
        .max();
    let stores = || {
        whole.iter().filter(|store| store.id != reader.id && store.meaning.leaves == Some(needed))
    };
    let sources: Vec<OperationId> = stores()
        .filter(|store| !precedes(reader.operation, store.operation))
        .filter(|store| match (end(store.operation), overwritten_before) {
            (Some(end), Some(overwritten)) => end >= overwritten,
            _ => true,
        })
        .map(|store| store.id)
        .collect();
    if sources.is_empty() {
        let begin = |store: &&Member<'_>| (store.operation.invoked.position(), store.id);
        let last_before =
            stores().filter(|store| !precedes(reader.operation, store.operation)).max_by_key(begin);
        let nearest = last_before.or_else(|| stores().min_by_key(begin));
        return nearest.map(|store| store.id).into_iter().collect();
    }
    sources
}

/// Tries every order of the operations; `Ok` if none is legal.
///
/// Two orders of the same operations that leave the same value have the same
/// continuations, so each pair of set and value is continued once.
fn enumerate(chosen: &[Member<'_>]) -> Result<(), Flaw> {
    let mut values: FxHashMap<Value, u32> = FxHashMap::default();
    values.insert(INITIAL, 0);
    let mut number = |value| {
        let next = values.len() as u32;
        *values.entry(value).or_insert(next)
    };
    let steps: Vec<(Option<u32>, Option<u32>)> = chosen
        .iter()
        .map(|member| {
            (member.meaning.needs.map(&mut number), member.meaning.leaves.map(&mut number))
        })
        .collect();
    let before: Vec<Vec<usize>> = chosen
        .iter()
        .map(|later| {
            (0..chosen.len())
                .filter(|&earlier| precedes(chosen[earlier].operation, later.operation))
                .collect()
        })
        .collect();
    let succeeded: Vec<usize> =
        (0..chosen.len()).filter(|&index| chosen[index].operation.outcome == Outcome::Ok).collect();

    let start = (vec![false; chosen.len()].into_boxed_slice(), 0);
    let mut seen = FxHashSet::from_iter([start.clone()]);
    let mut pending = vec![start];
    while let Some((placed, current)) = pending.pop() {
        if succeeded.iter().all(|&index| placed[index]) {
            return Err(Flaw::Explained);
        }
        if seen.len() > CONFIGURATIONS_MAX {
            return Err(Flaw::TooLarge { configurations: seen.len() });
        }
        for (index, &(needs, leaves)) in steps.iter().enumerate() {
            let possible = !placed[index]
                && needs.is_none_or(|needed| needed == current)
                && before[index].iter().all(|&earlier| placed[earlier]);
            if possible {
                let mut next = placed.clone();
                next[index] = true;
                let configuration = (next, leaves.unwrap_or(current));
                if seen.insert(configuration.clone()) {
                    pending.push(configuration);
                }
            }
        }
    }
    Ok(())
}
