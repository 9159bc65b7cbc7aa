//! A counterexample that is a stretch of a history whose state before it is anything.
//!
//! *Claim.* Let A and B be positions, and let S hold every operation that may change the
//! state, had not ended before A and began at B or before, and any others that began at A or
//! later. Operations of S that began before A may be left out, and so may those that ended
//! after B. If the history has a linearization, then S has one from some state. *Proof.* The
//! claim on beginnings (see `prefix.rs`) lets the history end at B. In a linearization of
//! that, take the first operation that began at A or later, and start from the state before
//! it. What comes after it is either one of S, or ended before A and cannot come after one
//! that began at A or later, or changes no state. What comes before it began before A, and
//! may be left out. ∎

use super::Flaw;
use super::chosen::{Chosen, member};
use super::enumerate::{Presence, no_order};
use super::objects::Object;
use super::rules::{self, Rules};
use crate::history::History;
use crate::verdict::OperationId;

/// Operations tried as the beginning of the stretch.
const BEGINNINGS_MAX: usize = 64;

/// Checks that the operations named contradict each other from whatever state.
///
/// `whole` are the operations that take part of what `states` are all the states of.
pub(super) fn verify<R: Rules>(
    rules: &R,
    history: &History,
    object: &Object<'_>,
    whole: &[(OperationId, R::Deed)],
    states: &[R::State],
    named: &[OperationId],
) -> Result<(), Flaw> {
    let chosen = Chosen::read(rules, history, object, named)?;
    let required = chosen.operations.iter().filter(|(id, _)| rules::is_required(history.get(*id)));
    let Some(last) = required.filter_map(|(id, _)| rules::end(history.get(*id))).max() else {
        return Err(Flaw::Explained);
    };
    let mut firsts: Vec<u32> = named.iter().map(|id| history.get(*id).invoked.position()).collect();
    firsts.sort_unstable();
    firsts.dedup();
    let mut flaw = Flaw::Explained;
    for first in firsts.into_iter().take(BEGINNINGS_MAX) {
        match from(rules, history, whole, states, &chosen, first, last) {
            Ok(()) => return Ok(()),
            Err(found) => flaw = found,
        }
    }
    Err(flaw)
}

/// Checks the stretch from `first` to `last`.
fn from<R: Rules>(
    rules: &R,
    history: &History,
    whole: &[(OperationId, R::Deed)],
    states: &[R::State],
    chosen: &Chosen<R::Deed>,
    first: u32,
    last: u32,
) -> Result<(), Flaw> {
    let within = |id: OperationId| {
        let operation = history.get(id);
        rules::end(operation).is_none_or(|end| end >= first) && operation.invoked.position() <= last
    };
    let outside =
        whole.iter().find(|(id, deed)| !rules.only_reads(deed) && within(*id) && !chosen.has(*id));
    if let Some(&(source_operation, _)) = outside {
        let operation = chosen.operations[0].0;
        return Err(Flaw::NotClosed { operation, source_operation });
    }
    let members: Vec<_> = chosen
        .operations
        .iter()
        .filter(|(id, _)| within(*id))
        .map(|(id, deed)| {
            let mut member = member(history, *id, deed.clone());
            if member.began < first {
                member.presence = Presence::Optional;
            }
            if member.ended.is_some_and(|end| end > last) {
                member.ended = None;
                member.presence = Presence::Optional;
            }
            member
        })
        .collect();
    no_order(rules, &members, states.iter().cloned())
}
