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
//! So if enumeration finds S without a legal order, the key has none either.
//! Operations outside S may store what they like: only the last store before each operation
//! that needs a value matters, and closure puts it into S.
//!
//! A *compare-and-set* in S whose sources are not all in S is taken as a plain write of its
//! new value. That only allows more orders, so the claim still holds, and it spares the
//! counterexample the whole chain of compare-and-sets behind it. A *read* gets no such
//! relief, as it would serve no purpose in S.
//!
//! A *refused* compare-and-set in S stored nothing and needs no source; it says that the value
//! was not the one it expected. Where an order of S has that very value before it, the store
//! that replaced it is missing from S: in L some x outside S stored something between. Then
//! nothing in S after the refusal and before the next store in S can need a value, since its
//! last store in L would be x or a later one outside S, against closure. So in S a refusal
//! does not fail there: it leaves a value that nothing needs.
//!
//! One rule is for the reader of the report, not for soundness: where a value was stored
//! but no store is a source, the last store that began before r ended must be in S, or the
//! first of all if none did, to be seen beside the read.

use super::Flaw;
use super::chosen::{Chosen, member, taking_part};
use super::enumerate::no_order;
use super::objects::Object;
use super::rules::{self, Foreign, Register, RegisterDeed, Rules};
use crate::history::{History, Recorded, Value};
use crate::verdict::OperationId;

/// Checks that the operations `named` are closed within their key and have no legal order.
pub(super) fn verify(
    history: &History,
    object: &Object<'_>,
    named: &[OperationId],
) -> Result<(), Flaw> {
    let mut chosen = Chosen::read(&Register, history, object, named)?;
    let whole = taking_part(&Register, history, object)?;
    for (id, deed) in &mut chosen.operations {
        let RegisterDeed::Access { needs: Some(needed), leaves } = *deed else { continue };
        let sources = sources(history, &whole, *id, needed);
        let missing = sources.into_iter().find(|source| !chosen.ids.contains(source));
        match (missing, leaves) {
            (None, _) => {}
            (Some(_), Some(_)) => *deed = RegisterDeed::Access { needs: None, leaves },
            (Some(source_operation), None) => {
                return Err(Flaw::NotClosed { operation: *id, source_operation });
            }
        }
    }
    let members: Vec<_> =
        chosen.operations.into_iter().map(|(id, deed)| member(history, id, deed)).collect();
    no_order(&Restricted, &members, [Some(Register.initial())])
}

/// A register as it is to those who see only some of its stores; no value is one that
/// nothing needs.
struct Restricted;

impl Rules for Restricted {
    type Deed = RegisterDeed;
    type State = Option<Value>;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<RegisterDeed>, Foreign> {
        Register.deed(operation)
    }

    fn initial(&self) -> Option<Value> {
        Some(Register.initial())
    }

    fn apply(&self, state: &mut Option<Value>, deed: &RegisterDeed) -> bool {
        match *deed {
            RegisterDeed::Refused(value) => {
                *state = state.filter(|current| *current != value);
                true
            }
            RegisterDeed::Access { needs, leaves } => {
                let legal = needs.is_none_or(|needed| Some(needed) == *state);
                *state = leaves.or(*state);
                legal
            }
        }
    }

    fn only_reads(&self, _deed: &RegisterDeed) -> bool {
        false
    }
}

/// The operations that may have left `needed` for `reader`, or failing any the nearest one
/// that left it at all.
fn sources(
    history: &History,
    whole: &[(OperationId, RegisterDeed)],
    reader: OperationId,
    needed: Value,
) -> Vec<OperationId> {
    let reading = history.get(reader);
    let overwritten_before = whole
        .iter()
        .filter(|(_, deed)| deed.leaves().is_some())
        .map(|(id, _)| history.get(*id))
        .filter(|store| rules::precedes(*store, reading))
        .map(|store| store.invoked.position())
        .max();
    let stores = || {
        let leaves = |(id, deed): &&(OperationId, RegisterDeed)| {
            *id != reader && deed.leaves() == Some(needed)
        };
        whole.iter().filter(leaves).map(|(id, _)| *id)
    };
    let sources: Vec<OperationId> = stores()
        .filter(|store| !rules::precedes(reading, history.get(*store)))
        .filter(|store| match (rules::end(history.get(*store)), overwritten_before) {
            (Some(end), Some(overwritten)) => end >= overwritten,
            _ => true,
        })
        .collect();
    if sources.is_empty() {
        let began = |store: &OperationId| (history.get(*store).invoked.position(), *store);
        let last_before = stores()
            .filter(|store| !rules::precedes(reading, history.get(*store)))
            .max_by_key(began);
        let nearest = last_before.or_else(|| stores().min_by_key(began));
        return nearest.into_iter().collect();
    }
    sources
}
