//! A counterexample about a few holds of a lock with owners.
//!
//! A *hold* is what one owner does from an acquire up to the release that ends it. *Claim.*
//! If the history has a linearization, and S holds whole holds only, then the linearization
//! restricted to S is legal. *Proof.* In a legal order of a lock with owners each acquire is
//! followed at once by the release of the same owner, if by anything; restricting to some of
//! these pairs leaves pairs. ∎
//!
//! Which operations are the hold of one of them cannot always be told, as an indeterminate
//! acquire or release may never have happened, or happen much later. But an owner does one
//! thing after another, and two operations that succeeded and are one hold lie between the
//! same two successful releases, the later one included, since the two stand side by side in
//! every legal order. Either may instead belong to an indeterminate operation of the owner.
//! So S must hold, with each successful operation of an owner, all of that owner's
//! successful ones that lie between the same two successful releases, and all of that
//! owner's indeterminate ones, which may be left out of the order and so may be too many.
//! An owner of whom two successful operations overlap is not judged.

use super::Flaw;
use super::chosen::{Chosen, member, taking_part};
use super::enumerate::no_order;
use super::objects::Object;
use super::rules::{self, Lock, LockDeed, Rules};
use crate::history::{History, Outcome, Value};
use crate::verdict::OperationId;

/// Checks that the operations named are whole holds and have no legal order.
pub(super) fn verify(
    history: &History,
    object: &Object<'_>,
    named: &[OperationId],
) -> Result<(), Flaw> {
    let chosen = Chosen::read(&Lock, history, object, named)?;
    let whole = taking_part(&Lock, history, object)?;
    let mut owners: Vec<Value> = chosen.operations.iter().map(|(_, deed)| deed.owner()).collect();
    owners.sort_unstable();
    owners.dedup();
    for owner in owners {
        let of_owner = whole.iter().filter(|(_, deed)| deed.owner() == owner).copied();
        let (mut line, open): (Vec<_>, Vec<_>) =
            of_owner.partition(|(id, _)| history.get(*id).outcome == Outcome::Ok);
        line.sort_by_key(|(id, _)| history.get(*id).invoked.position());
        if let Some(pair) = line.windows(2).find(|pair| overlap(history, pair[0].0, pair[1].0)) {
            return Err(Flaw::OwnerOverlaps { one: pair[0].0, other: pair[1].0 });
        }
        let ends_hold = |(_, deed): &(OperationId, LockDeed)| matches!(deed, LockDeed::Release(_));
        let is_named = |(id, _): &&(OperationId, LockDeed)| chosen.has(*id);
        for stretch in line.split_inclusive(ends_hold) {
            let Some(&(operation, _)) = stretch.iter().find(is_named) else { continue };
            if let Some(&(source_operation, _)) = stretch.iter().find(|member| !is_named(member)) {
                return Err(Flaw::NotClosed { operation, source_operation });
            }
        }
        if let Some(&(source_operation, _)) = open.iter().find(|member| !is_named(member)) {
            let operation = chosen.operations[0].0;
            return Err(Flaw::NotClosed { operation, source_operation });
        }
    }
    let members: Vec<_> =
        chosen.operations.into_iter().map(|(id, deed)| member(history, id, deed)).collect();
    no_order(&Lock, &members, [Lock.initial()])
}

/// Whether the second of two successful operations began before the first had ended.
fn overlap(history: &History, first: OperationId, second: OperationId) -> bool {
    let second = history.get(second).invoked.position();
    rules::end(history.get(first)).is_some_and(|end| end >= second)
}
