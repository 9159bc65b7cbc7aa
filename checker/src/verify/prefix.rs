//! A counterexample that is the beginning of a history.
//!
//! *Claim.* Let P be a position, and let S hold every operation of the object that began at
//! P or before and that may change the state, and any others. Operations of S that ended
//! after P may be left out. If the history has a linearization, so has S. *Proof.* Take a
//! linearization L and cut it after the last operation in it that ended at P or before.
//! What remains holds all operations that had ended by P, and no operation that began after
//! P, as that would come before one that ended before it began. It is legal, being the
//! beginning of a legal order. Leaving out operations that only read keeps it so. ∎
//!
//! P is the last end among the operations named that certainly took effect.

use super::Flaw;
use super::chosen::{Chosen, member, taking_part};
use super::enumerate::{Presence, no_order};
use super::objects::Object;
use super::rules::{self, Rules};
use crate::history::History;
use crate::verdict::OperationId;

/// Checks that the operations named are a beginning of the object's history, but for reads,
/// and have no legal order.
pub(super) fn verify<R: Rules>(
    rules: &R,
    history: &History,
    object: &Object<'_>,
    named: &[OperationId],
) -> Result<(), Flaw> {
    verify_part(rules, history, object, named, |_| true)
}

/// Checks the same of those operations that are `about` a part of the object which is an
/// object itself.
pub(super) fn verify_part<R: Rules>(
    rules: &R,
    history: &History,
    object: &Object<'_>,
    named: &[OperationId],
    about: impl Fn(&R::Deed) -> bool,
) -> Result<(), Flaw> {
    let chosen = Chosen::read(rules, history, object, named)?;
    let required = chosen.operations.iter().filter(|(id, _)| rules::is_required(history.get(*id)));
    let ends = required.filter_map(|(id, _)| rules::end(history.get(*id)));
    // The beginning ends where the first operation that is not named began.
    let mut missing = u32::MAX;
    for (id, deed) in taking_part(rules, history, object)? {
        if about(&deed) && !rules.only_reads(&deed) && !chosen.has(id) {
            missing = missing.min(history.get(id).invoked.position());
        }
    }
    let Some(last) = ends.filter(|end| *end < missing).max() else { return Err(Flaw::Explained) };
    let members: Vec<_> = chosen
        .operations
        .into_iter()
        .filter(|(id, deed)| about(deed) && history.get(*id).invoked.position() <= last)
        .map(|(id, deed)| {
            let mut member = member(history, id, deed);
            if member.ended.is_some_and(|end| end > last) {
                member.ended = None;
                member.presence = Presence::Optional;
            }
            member
        })
        .collect();
    no_order(rules, &members, [rules.initial()])
}
