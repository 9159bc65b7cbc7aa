//! Exhaustive enumeration of the orders of some operations.
//!
//! Goes through the ends of operations as they happened and keeps every configuration that
//! can have been reached by then: which of the operations still open have taken effect, and
//! the state they left. Once an operation that must have taken effect has ended, only the
//! configurations remain in which it has. Two orders that reach the same configuration have
//! the same continuations, so each is kept once. No configuration left means no legal order.

use rustc_hash::FxHashSet;

use super::Flaw;
use super::rules::Rules;

/// Configurations at one end before a counterexample counts as too large.
const CONFIGURATIONS_MAX: usize = 1 << 18;

/// An operation to be ordered.
#[derive(Clone)]
pub(super) struct Member<Deed> {
    /// What it does.
    pub(super) deed: Deed,
    /// The position of its beginning.
    pub(super) began: u32,
    /// The position of its end, after which it takes effect no more.
    pub(super) ended: Option<u32>,
    /// Whether it must have taken effect by its end.
    pub(super) presence: Presence,
}

/// Whether an operation has a place in every order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It has.
    Required,
    /// It may be left out.
    Optional,
}

/// The open operations that have taken effect, rising, and the state they left.
type Configuration<State> = (Vec<u32>, State);

/// Checks that `members` have no legal order from any of the states `initial`.
pub(super) fn no_order<R: Rules>(
    rules: &R,
    members: &[Member<R::Deed>],
    initial: impl IntoIterator<Item = R::State>,
) -> Result<(), Flaw> {
    let mut beginnings: Vec<u32> = (0..members.len() as u32).collect();
    beginnings.sort_by_key(|&index| members[index as usize].began);
    let mut beginnings = beginnings.into_iter().peekable();
    let mut ends: Vec<(u32, u32)> =
        (0..).zip(members).filter_map(|(index, member)| Some((member.ended?, index))).collect();
    ends.sort_unstable();
    let mut open: Vec<u32> = Vec::new();
    let mut reached: FxHashSet<Configuration<R::State>> =
        initial.into_iter().map(|state| (Vec::new(), state)).collect();
    for (position, closing) in ends {
        // What begins where another ends is concurrent with it.
        while let Some(index) =
            beginnings.next_if(|&index| members[index as usize].began <= position)
        {
            open.push(index);
        }
        reached = pass(rules, members, &open, closing, reached)?;
        if reached.is_empty() {
            return Ok(());
        }
        open.retain(|&index| index != closing);
    }
    Err(Flaw::Explained)
}

/// The configurations after the end of operation `closing`.
fn pass<R: Rules>(
    rules: &R,
    members: &[Member<R::Deed>],
    open: &[u32],
    closing: u32,
    reached: FxHashSet<Configuration<R::State>>,
) -> Result<FxHashSet<Configuration<R::State>>, Flaw> {
    let required = members[closing as usize].presence == Presence::Required;
    let mut passed = FxHashSet::default();
    let mut pending: Vec<Configuration<R::State>> = reached.iter().cloned().collect();
    let mut seen = reached;
    while let Some((taken, state)) = pending.pop() {
        let place = taken.binary_search(&closing);
        // What else takes effect here can as well do so after this end.
        if let Ok(place) = place {
            let mut rest = taken;
            rest.remove(place);
            passed.insert((rest, state));
            continue;
        }
        if !required {
            passed.insert((taken.clone(), state.clone()));
        }
        for &index in open {
            let Err(place) = taken.binary_search(&index) else { continue };
            let mut next = state.clone();
            if !rules.apply(&mut next, &members[index as usize].deed) {
                continue;
            }
            let mut with = taken.clone();
            with.insert(place, index);
            let configuration = (with, next);
            if seen.insert(configuration.clone()) {
                pending.push(configuration);
            }
        }
        if seen.len() > CONFIGURATIONS_MAX {
            return Err(Flaw::TooLarge { configurations: seen.len() });
        }
    }
    Ok(passed)
}
