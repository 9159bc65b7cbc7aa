//! A counterexample that is a stretch of a history whose state before it is anything.
//!
//! *Claim.* Let A and B be positions, and let S hold every operation that may change the
//! state, had not ended before A and began at B or before, and any others that began at A or
//! later. Operations of S that began before A may be left out, and so may those that ended
//! after B. If the history has a linearization, then S has one from some state; from the
//! initial one, if A is before everything. *Proof.* The claim on beginnings (see `prefix.rs`)
//! lets the history end at B. In a linearization of that, take the first operation that began
//! at A or later, and start from the state before it. What comes after it is either one of S,
//! or ended before A and cannot come after one that began at A or later, or changes no state.
//! What comes before it began before A, and may be left out. ∎
//!
//! So those of S that straddle A or B are no part of what contradicts itself, and there may be
//! very many of them: the verifier finds them by itself. All others that may change the state
//! must be named.
//!
//! *Claim.* With r operations that have a place in every order and s states, r (s - 1) others
//! of each deed that never end are enough, those that began first. *Proof.* Between two of the
//! r, and before the first, a state that comes again shows operations that can be left out
//! together, and so can all after the last. So some order has at most s - 1 others before each
//! of the r. One that never ends can stand wherever one of the same deed does that began
//! later. ∎

use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::Flaw;
use super::chosen::{Chosen, member};
use super::enumerate::{Member, Presence, no_order};
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
    // Events are counted from 1 on, so nothing began before 0.
    for first in [0].into_iter().chain(firsts.into_iter().take(BEGINNINGS_MAX)) {
        let stretch = Stretch { first, last };
        match stretch.contradicts_itself(rules, history, whole, states, &chosen) {
            Ok(()) => return Ok(()),
            Err(found) => flaw = found,
        }
    }
    Err(flaw)
}

/// A stretch of a history, by positions, both included.
#[derive(Clone, Copy)]
struct Stretch {
    first: u32,
    last: u32,
}

impl Stretch {
    fn contradicts_itself<R: Rules>(
        self,
        rules: &R,
        history: &History,
        whole: &[(OperationId, R::Deed)],
        states: &[R::State],
        chosen: &Chosen<R::Deed>,
    ) -> Result<(), Flaw> {
        let mut members: Vec<Member<R::Deed>> = Vec::new();
        for (id, deed) in &chosen.operations {
            members.extend(self.cut(member(history, *id, deed.clone())));
        }
        for (id, deed) in whole {
            if rules.only_reads(deed) || chosen.has(*id) {
                continue;
            }
            let Some(straddling) = self.cut(member(history, *id, deed.clone())) else { continue };
            if straddling.presence == Presence::Required {
                let operation = chosen.operations[0].0;
                return Err(Flaw::NotClosed { operation, source_operation: *id });
            }
            members.push(straddling);
        }
        leave_out_needless(&mut members, states.len());
        if self.first == 0 {
            return no_order(rules, &members, [rules.initial()]);
        }
        no_order(rules, &members, states.iter().cloned())
    }

    /// The operation as it is within the stretch, if it is there at all.
    fn cut<Deed>(self, mut member: Member<Deed>) -> Option<Member<Deed>> {
        if member.began > self.last || member.ended.is_some_and(|end| end < self.first) {
            return None;
        }
        if member.began < self.first {
            member.presence = Presence::Optional;
        }
        if member.ended.is_some_and(|end| end > self.last) {
            member.ended = None;
            member.presence = Presence::Optional;
        }
        Some(member)
    }
}

/// Leaves of the operations that need not have happened and never end as many as are of use.
fn leave_out_needless<Deed: Clone + Eq + Hash>(members: &mut Vec<Member<Deed>>, states: usize) {
    let required = members.iter().filter(|member| member.presence == Presence::Required).count();
    let enough = required * states.saturating_sub(1);
    members.sort_by_key(|member| member.began);
    let mut kept: FxHashMap<Deed, usize> = FxHashMap::default();
    members.retain(|member| {
        if member.presence == Presence::Required || member.ended.is_some() {
            return true;
        }
        let kept = kept.entry(member.deed.clone()).or_default();
        *kept += 1;
        *kept <= enough
    });
}
