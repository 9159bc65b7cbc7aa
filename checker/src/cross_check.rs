//! What the unit tests judge procedures by: small random histories, a brute force that
//! shares no code with any procedure, and a count of how often they agreed.
//!
//! A procedure is also run with deliberate faults ([`crate::fault`]): each must make it
//! disagree somewhere, or the histories prove nothing.

use std::collections::HashSet;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::fault::with_planted;
use crate::procedure::Decision;
use crate::timed::{NEVER, Timed};

/// A small generator of pseudo-random numbers (xorshift64*), seeded by the test.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        ((self.next() >> 33) % u64::from(bound)) as u32
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }
}

/// When each of a few operations runs, and in which order they take effect in one legal run.
pub(crate) struct Spans {
    /// Beginning and end of each, by beginnings; ties are common.
    pub(crate) spans: Vec<(u32, u32)>,
    /// The operations in the order of a random point inside each span.
    pub(crate) effects: Vec<usize>,
}

/// The spans of `count` operations on one to four sequential processes.
pub(crate) fn spans(random: &mut Random, count: u32) -> Spans {
    let processes = 1 + random.below(4);
    let longest = 1 + random.below(2 * count + 4) / 2;
    let mut free = vec![1; processes as usize];
    let mut spans = Vec::new();
    for _ in 0..count {
        let process = random.below(processes) as usize;
        let begin = free[process] + random.below(3);
        let end = begin + random.below(1 + longest);
        free[process] = end + 1;
        spans.push((begin, end));
    }
    spans.sort_unstable();
    let mut points: Vec<(u32, u32, usize)> = spans
        .iter()
        .enumerate()
        .map(|(index, (begin, end))| {
            (begin + random.below(end - begin + 1), random.below(1 << 20), index)
        })
        .collect();
    points.sort_unstable();
    Spans { spans, effects: points.into_iter().map(|(_, _, index)| index).collect() }
}

/// Whether any order of `operations` is legal, by trying all of them.
///
/// `step` names the states that may follow a state; none if the operation cannot happen in
/// it. At most 32 operations.
pub(crate) fn brute_force<State: Clone + Eq + Hash, Op>(
    operations: &[Timed<Op>],
    initial: &State,
    step: &impl Fn(&State, &Op) -> Vec<State>,
) -> bool {
    type Seen<State> = HashSet<(u32, State)>;
    fn go<State: Clone + Eq + Hash, Op>(
        operations: &[Timed<Op>],
        taken: u32,
        state: &State,
        step: &impl Fn(&State, &Op) -> Vec<State>,
        seen: &mut Seen<State>,
    ) -> bool {
        let is_taken = |index: usize| taken >> index & 1 == 1;
        if (0..operations.len()).all(|index| is_taken(index) || operations[index].returned == NEVER)
        {
            return true;
        }
        if !seen.insert((taken, state.clone())) {
            return false;
        }
        let frontier = (0..operations.len())
            .filter(|&index| !is_taken(index))
            .map(|index| operations[index].returned)
            .min()
            .unwrap_or(NEVER);
        (0..operations.len())
            .filter(|&index| !is_taken(index) && operations[index].invoked <= frontier)
            .any(|index| {
                step(state, &operations[index].op)
                    .iter()
                    .any(|next| go(operations, taken | 1 << index, next, step, seen))
            })
    }
    assert!(operations.len() <= 32, "too many operations for a bit each");
    go(operations, 0, initial, step, &mut HashSet::new())
}

/// What is wrong with an order that is said to be a linearization.
pub(crate) fn flaw<State: Clone + Eq + Hash, Op>(
    operations: &[Timed<Op>],
    order: &[u32],
    initial: &State,
    step: &impl Fn(&State, &Op) -> Vec<State>,
) -> Option<String> {
    let mut states = vec![initial.clone()];
    let mut latest = 0;
    let mut taken = vec![false; operations.len()];
    for &index in order {
        let operation = &operations[index as usize];
        if std::mem::replace(&mut taken[index as usize], true) {
            return Some(format!("operation {index} is there twice"));
        }
        if operation.returned < latest {
            return Some(format!("operation {index} comes after one that began after its end"));
        }
        latest = latest.max(operation.invoked);
        states = states.iter().flat_map(|state| step(state, &operation.op)).collect();
        if states.is_empty() {
            return Some(format!("operation {index} cannot happen where it stands"));
        }
    }
    let missing = (0..operations.len())
        .find(|&index| !taken[index] && operations[index].returned != NEVER)?;
    Some(format!("operation {missing} is missing"))
}

/// How a cross-check went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) linearizable: u32,
    pub(crate) violations: u32,
    pub(crate) not_applicable: u32,
    pub(crate) with_indeterminate: u32,
}

/// A procedure and what it is judged by.
pub(crate) struct Judged<'a, Op, State> {
    /// Makes a small history, operations by beginnings.
    pub(crate) generate: &'a dyn Fn(&mut Random) -> Vec<Timed<Op>>,
    /// The procedure under test.
    pub(crate) decide: &'a dyn Fn(&[Timed<Op>]) -> Decision,
    pub(crate) initial: State,
    pub(crate) step: &'a dyn Fn(&State, &Op) -> Vec<State>,
}

impl<Op: Clone + std::fmt::Debug, State: Clone + Eq + Hash> Judged<'_, Op, State> {
    /// Runs `count` histories; the first disagreement ends it.
    ///
    /// An order must be a linearization, a violation must have none, and what the procedure
    /// says it cannot judge must be counted by the caller.
    pub(crate) fn run(&self, count: u32, seed: u64) -> Result<Tally, String> {
        let mut random = Random::new(seed);
        let mut tally = Tally::default();
        let step = |state: &State, op: &Op| (self.step)(state, op);
        for _ in 0..count {
            let operations = (self.generate)(&mut random);
            tally.with_indeterminate +=
                u32::from(operations.iter().any(|operation| operation.returned == NEVER));
            let legal = brute_force(&operations, &self.initial, &step);
            match (self.decide)(&operations) {
                Decision::Linearizable(order) => {
                    if let Some(flaw) = flaw(&operations, &order, &self.initial, &step) {
                        return Err(format!("{flaw}, in {order:?} of {operations:#?}"));
                    }
                    tally.linearizable += 1;
                }
                Decision::Violation(conflict) if legal => {
                    return Err(format!("false violation {conflict:?} in {operations:#?}"));
                }
                Decision::Violation(_) => tally.violations += 1,
                Decision::NotApplicable(_) => tally.not_applicable += 1,
            }
        }
        Ok(tally)
    }

    /// The faults that `count` histories do not catch.
    pub(crate) fn survivors(
        &self,
        faults: &[&'static str],
        count: u32,
        seed: u64,
    ) -> Vec<&'static str> {
        let caught = |fault: &'static str| {
            let run = || with_planted(fault, || self.run(count, seed));
            // A fault may also make the procedure panic.
            catch_unwind(AssertUnwindSafe(run)).map_or(true, |run| run.is_err())
        };
        faults.iter().copied().filter(|fault| !caught(fault)).collect()
    }
}
