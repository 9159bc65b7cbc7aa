//! Exhaustive enumeration of the orders of some operations.
//!
//! Goes through the ends of operations as they happened and keeps every configuration that
//! can have been reached by then: which of the operations still open have taken effect, and
//! the state they left. Once an operation that must have taken effect has ended, only the
//! configurations remain in which it has. Two orders that reach the same configuration have
//! the same continuations, so each is kept once. No configuration left means no legal order.
//!
//! *Claim.* Of two open operations i and j with the same deed, j may take effect in place of i
//! if it ends no later, and if j must have a place or i need not. *Proof.* In an order that
//! goes on with i, exchange the two: both have begun before anything still to be placed ended,
//! and i can stand where j stood, as j ends no later. If j has no place in the order, then it
//! takes that of i, which is left out; neither must have one. ∎ So many operations that never
//! end and do the same count as one at a time.

use std::hash::Hash;

use rustc_hash::{FxHashMap, FxHashSet};

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
    let mut closing_order = ClosingOrder::of(members);
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
            let place = open.partition_point(|&other| closing_order.is_before(other, index));
            open.insert(place, index);
        }
        reached = pass(rules, members, &open, closing, &mut closing_order, reached)?;
        if reached.is_empty() {
            return Ok(());
        }
        open.retain(|&index| index != closing);
    }
    Err(Flaw::Explained)
}

/// In which order the members end, and which of them do the same.
struct ClosingOrder {
    /// The place of each among the ends.
    places: Vec<u32>,
    /// A number for the deed of each.
    deeds: Vec<u32>,
    /// By deed, the strongest presence met, if in the present round.
    met: Vec<(u64, Presence)>,
    round: u64,
}

impl ClosingOrder {
    fn of<Deed: Eq + Hash>(members: &[Member<Deed>]) -> Self {
        let mut by_end: Vec<u32> = (0..members.len() as u32).collect();
        by_end.sort_by_key(|&index| members[index as usize].ended.unwrap_or(u32::MAX));
        let mut places = vec![0; members.len()];
        for (place, index) in (0..).zip(by_end) {
            places[index as usize] = place;
        }
        let mut numbers: FxHashMap<&Deed, u32> = FxHashMap::default();
        let deeds: Vec<u32> = members
            .iter()
            .map(|member| {
                let next = numbers.len() as u32;
                *numbers.entry(&member.deed).or_insert(next)
            })
            .collect();
        let met = vec![(0, Presence::Optional); numbers.len()];
        Self { places, deeds, met, round: 0 }
    }

    fn is_before(&self, one: u32, other: u32) -> bool {
        self.places[one as usize] < self.places[other as usize]
    }

    /// Starts over with the operations that may take effect, to be met by their ends.
    fn start_round(&mut self) {
        self.round += 1;
    }

    /// Whether an operation met earlier in the round may take effect in place of this one.
    fn is_needless(&mut self, index: u32, presence: Presence) -> bool {
        let met = &mut self.met[self.deeds[index as usize] as usize];
        let is_first = met.0 != self.round;
        let needless = !is_first && (met.1 == Presence::Required || presence == Presence::Optional);
        if is_first || presence == Presence::Required {
            *met = (self.round, presence);
        }
        needless
    }
}

/// The configurations after the end of operation `closing`.
fn pass<R: Rules>(
    rules: &R,
    members: &[Member<R::Deed>],
    open: &[u32],
    closing: u32,
    closing_order: &mut ClosingOrder,
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
        closing_order.start_round();
        for &index in open {
            let Err(place) = taken.binary_search(&index) else { continue };
            if closing_order.is_needless(index, members[index as usize].presence) {
                continue;
            }
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
