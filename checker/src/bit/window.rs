//! Why a bit has no linearization: a short stretch of time that contradicts itself.
//!
//! Cut a linearization just after the last operation that ended before position `from`. What
//! follows is legal from *some* state, and holds every operation that began at `from` or
//! later. Operations that straddle the cut, begun before `from` but not ended, may be on
//! either side. Cut it again after the last operation that ended by position `to`: those that
//! began by then and ended later may be on either side too. So, if the operations within
//! `from..=to` have no order for any initial state and any choice of straddling operations,
//! the history has no linearization. Reads may be forgotten, changes may not. If nothing ended
//! before `from`, then nothing was cut off and the bit is in its initial state.
//!
//! A longer stretch contradicts itself whenever a part of it does, by the same argument, so
//! the shortest that ends at a given operation is found by bisection.
//!
//! *Deciding a stretch.* Of the operations that straddle the beginning and change the bit in
//! the same direction, those left for later are the ones that end last, without loss: exchange
//! any other choice. So it is enough to try each number of them for each direction, and each
//! initial state, with the sweep of the parent module.
//!
//! Where an indeterminate change was used long ago and would be needed again, the shortest
//! stretch is long; past a fixed amount of work everything up to the failure is named instead.

use std::ops::RangeInclusive;

use super::{BitOp, BitState, Effect, Stuck, Sweep};
use crate::procedure::Conflict;
use crate::timed::{NEVER, Timed};
use crate::verdict::Contradiction;

/// Operations that the search for a short stretch may visit.
const WORK: usize = 50_000_000;

/// The contradiction that shows at the end of the operation where the sweep got stuck.
pub(super) fn explain(operations: &[Timed<BitOp>], initially: BitState, stuck: Stuck) -> Conflict {
    let to = operations[stuck.operation as usize].returned;
    let mut shrinking = Shrinking { operations, initially, to, work: WORK };
    // What may begin a stretch, latest first; all within it must have ended.
    let starts: Vec<u32> =
        (0..operations.len() as u32).rev().filter(|&index| shrinking.ended_by(index)).collect();
    let first = shrinking.latest_start(&starts);
    let mut from = operations[starts[first] as usize].invoked;
    let mut begin_by = from;
    let first_end = operations.iter().map(|operation| operation.returned).min().unwrap_or(NEVER);
    if from <= first_end {
        // Nothing is cut off: what straddles the beginning belongs to the stretch, which may
        // begin anywhere before the first end.
        from = operations.first().map_or(from, |operation| operation.invoked);
        begin_by = first_end;
    }
    let within = |index: &u32| operations[*index as usize].invoked >= from;
    let mut members: Vec<u32> = starts.iter().copied().filter(within).collect();
    members.reverse();
    shrinking.forget_reads(&mut members, from..=begin_by);
    Conflict::new(Contradiction::NoOrder, members)
}

fn is_read(operation: &Timed<BitOp>) -> bool {
    operation.op.effect() == Effect::Finds
}

/// The search for a short stretch that ends at a given position.
struct Shrinking<'a> {
    operations: &'a [Timed<BitOp>],
    initially: BitState,
    to: u32,
    /// Operations that may still be visited.
    work: usize,
}

impl Shrinking<'_> {
    fn ended_by(&self, index: u32) -> bool {
        let returned = self.operations[index as usize].returned;
        returned != NEVER && returned <= self.to
    }

    /// The place in `starts` of the latest operation whose beginning starts a contradiction.
    ///
    /// The earliest always does: it starts with the whole of the past.
    fn latest_start(&mut self, starts: &[u32]) -> usize {
        let mut contradicts = |place: usize| {
            let from = self.operations[starts[place] as usize].invoked;
            self.contradicts(from, &|_| true)
        };
        let last = starts.len() - 1;
        let (mut harmless, mut candidate) = (None, 1.min(last));
        loop {
            match contradicts(candidate) {
                None => return last,
                Some(true) => break,
                // Nothing is left to add, so this is the whole of the past.
                Some(false) if candidate == last => return last,
                Some(false) => {
                    harmless = Some(candidate);
                    candidate = (2 * candidate).min(last);
                }
            }
        }
        let mut harmful = candidate;
        let mut unknown = harmless.map_or(0, |harmless| harmless + 1);
        while unknown < harmful {
            let middle = unknown.midpoint(harmful);
            match contradicts(middle) {
                None => return harmful,
                Some(true) => harmful = middle,
                Some(false) => unknown = middle + 1,
            }
        }
        harmful
    }

    /// Takes out of `members` the reads that the contradiction does not need; some operation
    /// must still begin within `beginnings`, and some end at the end of the stretch.
    fn forget_reads(&mut self, members: &mut Vec<u32>, beginnings: RangeInclusive<u32>) {
        let operations = self.operations;
        let operation = |index: u32| &operations[index as usize];
        let mut reads: Vec<u32> =
            members.iter().copied().filter(|&index| is_read(operation(index))).collect();
        let mut step = reads.len();
        while step > 0 {
            let mut tried = 0;
            while tried < reads.len() {
                let dropped = tried..(tried + step).min(reads.len());
                let remains = |index: u32| {
                    let place = reads.binary_search(&index);
                    place.map_or(!is_read(operation(index)), |place| !dropped.contains(&place))
                };
                let left = || members.iter().copied().filter(|&index| remains(index));
                let spans = left().any(|index| beginnings.contains(&operation(index).invoked))
                    && left().any(|index| operation(index).returned == self.to);
                match spans.then(|| self.contradicts(*beginnings.start(), &remains)) {
                    Some(None) => return,
                    Some(Some(true)) => {
                        members.retain(|index| remains(*index));
                        reads.drain(dropped);
                    }
                    None | Some(Some(false)) => tried += step,
                }
            }
            step /= 2;
        }
    }

    /// Whether the stretch that starts at `from` contradicts itself, counting of its reads
    /// only those that are `named`; none if that would be too much work.
    fn contradicts(&mut self, from: u32, named: &dyn Fn(u32) -> bool) -> Option<bool> {
        let stretch = Stretch::new(self.operations, from, self.to, named);
        self.work = self.work.checked_sub(self.operations.len())?;
        if !stretch.something_ended_before {
            self.work = self.work.checked_sub(stretch.operations.len())?;
            return Some(Sweep::new(&stretch.operations, self.initially).run().is_err());
        }
        let straddling = [BitState::Set, BitState::Clear].map(|state| stretch.straddling(state));
        for sets in 0..=straddling[0].len() {
            for clears in 0..=straddling[1].len() {
                let taken = [&straddling[0][..sets], &straddling[1][..clears]].concat();
                let later: Vec<Timed<BitOp>> = (0..)
                    .zip(&stretch.operations)
                    .filter(|(index, _)| !taken.contains(index))
                    .map(|(_, operation)| *operation)
                    .collect();
                self.work = self.work.checked_sub(2 * later.len())?;
                let legal = |state| Sweep::new(&later, state).run().is_ok();
                if legal(BitState::Set) || legal(BitState::Clear) {
                    return Some(false);
                }
            }
        }
        Some(true)
    }
}

/// The operations of a stretch of time.
struct Stretch {
    /// By beginnings; those that outlast it never end.
    operations: Vec<Timed<BitOp>>,
    from: u32,
    something_ended_before: bool,
}

impl Stretch {
    fn new(operations: &[Timed<BitOp>], from: u32, to: u32, named: &dyn Fn(u32) -> bool) -> Self {
        let mut something_ended_before = false;
        let mut within = Vec::new();
        let mut endless = Vec::new();
        for (index, operation) in (0..).zip(operations) {
            if operation.invoked > to {
                break;
            }
            something_ended_before |= operation.returned < from;
            let is_read = is_read(operation);
            if operation.returned < from || is_read && (operation.invoked < from || !named(index)) {
                continue;
            }
            if operation.returned <= to && operation.returned != NEVER {
                within.push(*operation);
            } else if !is_read {
                endless.push(Timed { returned: NEVER, ..*operation });
            }
        }
        // Each operation that ends forces two changes at most, so that more of the same that
        // were pending from the start on make no difference.
        let enough = 2 * within.len();
        let mut early = [0; 2];
        within.extend(endless.into_iter().filter(|operation| {
            let early = &mut early[usize::from(operation.op.state() == BitState::Set)];
            *early += usize::from(operation.invoked <= from);
            operation.invoked > from || *early <= enough
        }));
        within.sort_by_key(|operation| operation.invoked);
        Self { operations: within, from, something_ended_before }
    }

    /// The changes to `state` that had begun before and end within the stretch, by ends.
    fn straddling(&self, state: BitState) -> Vec<u32> {
        let mut straddling: Vec<u32> = (0..)
            .zip(&self.operations)
            .filter(|(_, operation)| {
                operation.invoked < self.from
                    && operation.returned != NEVER
                    && operation.op.state() == state
            })
            .map(|(index, _)| index)
            .collect();
        straddling.sort_by_key(|&index| self.operations[index as usize].returned);
        straddling
    }
}
