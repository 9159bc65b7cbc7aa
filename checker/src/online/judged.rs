//! What the tests judge monitors by: random histories whose first event without legal
//! order is known from trying all orders before and after it.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Completion, Halt, Monitor, Watched};
use crate::cross_check::{Random, Spans, Tally, spans};
use crate::fault::with_planted;
use crate::timed::{NEVER, Timed};
use crate::verdict::OperationId;

/// An operation of a random history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded<Call, Reply> {
    pub(crate) call: Call,
    pub(crate) invoked: u32,
    /// `None`: it was still in flight when the history ended.
    pub(crate) completion: Option<Completion<Reply>>,
    /// The position of its completion.
    pub(crate) ended: u32,
}

/// An operation and, if it succeeded before the history was cut, its reply.
pub(crate) type Cut<Call, Reply> = Timed<(Call, Option<Reply>)>;

/// An operation of the object of a monitor, recorded and cut off.
type RecordedOf<M> = Recorded<<M as Monitor>::Call, <M as Monitor>::Reply>;
type CutOf<M> = Cut<<M as Monitor>::Call, <M as Monitor>::Reply>;

/// A monitor and what it is judged by.
pub(crate) struct JudgedOnline<'a, M: Monitor> {
    /// Makes a history, operations by beginnings.
    pub(crate) generate: &'a dyn Fn(&mut Random) -> Vec<RecordedOf<M>>,
    pub(crate) monitor: &'a dyn Fn() -> M,
    /// Whether there is a legal order, by other means.
    pub(crate) legal: &'a dyn Fn(&[CutOf<M>]) -> bool,
}

/// An event of a history: an operation begins (`false`) or ends.
type EventAt = (u32, bool, usize);

fn events<Call, Reply>(operations: &[Recorded<Call, Reply>]) -> Vec<EventAt> {
    let mut events = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        events.push((operation.invoked, false, index));
        if operation.completion.is_some() {
            events.push((operation.ended, true, index));
        }
    }
    events.sort_unstable();
    events
}

/// The history that ends after `events`.
fn cut<Call: Copy, Reply: Copy>(
    operations: &[Recorded<Call, Reply>],
    events: &[EventAt],
) -> Vec<Cut<Call, Reply>> {
    let mut ended = vec![None; operations.len()];
    for &(position, ends, index) in events {
        ended[index] = Some(ends.then_some(position));
    }
    let mut cut = Vec::new();
    for (operation, ended) in operations.iter().zip(ended) {
        let Some(ended) = ended else { continue };
        let (reply, returned) = match (ended, operation.completion) {
            (Some(position), Some(Completion::Ok(reply))) => (Some(reply), position),
            (Some(_), Some(Completion::Fail)) => continue,
            _ => (None, NEVER),
        };
        cut.push(Timed { op: (operation.call, reply), invoked: operation.invoked, returned });
    }
    cut
}

/// Feeds a history to a monitor; the event at which it halted, one past the last for its end.
pub(crate) fn feed<M: Monitor>(
    monitor: M,
    operations: &[Recorded<M::Call, M::Reply>],
) -> Option<(usize, Halt)>
where
    M::Call: Copy,
    M::Reply: Copy,
{
    let mut watched = Watched::new(monitor);
    let mut slots = vec![None; operations.len()];
    let events = events(operations);
    for (at, &(position, ends, index)) in events.iter().enumerate() {
        let operation = &operations[index];
        let fed = match operation.completion {
            Some(completion) if ends => {
                let slot = slots[index].take().expect("it was invoked");
                watched.complete(slot, completion, position)
            }
            _ => watched.invoke(OperationId(index as u32), operation.call, position).map(|slot| {
                slots[index] = Some(slot);
            }),
        };
        if let Err(halt) = fed {
            return Some((at, halt));
        }
    }
    watched.end().err().map(|halt| (events.len(), halt))
}

impl<M: Monitor> JudgedOnline<'_, M>
where
    M::Call: Copy + Debug,
    M::Reply: Copy + Debug,
{
    /// Runs `count` histories; the first one judged wrongly ends it.
    ///
    /// Where a violation is reported, the events before must have a legal order and those up
    /// to it none; where none is, all events must have one.
    pub(crate) fn run(&self, count: u32, seed: u64) -> Result<Tally, String> {
        let mut random = Random::new(seed);
        let mut tally = Tally::default();
        for _ in 0..count {
            let operations = (self.generate)(&mut random);
            let events = events(&operations);
            let legal_after = |count: usize| (self.legal)(&cut(&operations, &events[..count]));
            let infos = operations
                .iter()
                .any(|operation| matches!(operation.completion, None | Some(Completion::Info)));
            tally.with_indeterminate += u32::from(infos);
            match feed((self.monitor)(), &operations) {
                None if legal_after(events.len()) => tally.linearizable += 1,
                None => return Err(format!("missed violation in {operations:#?}")),
                Some((_, Halt::NotApplicable(_))) => tally.not_applicable += 1,
                Some((at, Halt::Violation(conflict))) => {
                    if legal_after((at + 1).min(events.len())) {
                        return Err(format!("false {conflict:?} at event {at} of {operations:#?}"));
                    }
                    if !legal_after(at) {
                        return Err(format!("late {conflict:?} at event {at} of {operations:#?}"));
                    }
                    tally.violations += 1;
                }
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
            // A fault may also make the monitor panic.
            catch_unwind(AssertUnwindSafe(run)).map_or(true, |run| run.is_err())
        };
        faults.iter().copied().filter(|fault| !caught(fault)).collect()
    }
}

/// What a simulated object makes of a call: its reply if it succeeds.
pub(crate) type Simulate<'a, Call, Reply> =
    &'a mut dyn FnMut(&mut Random, u32) -> (Call, Option<Reply>);

/// A random history of a simulated object that keeps its promises.
///
/// `simulate` is asked in the order of effects; an operation without reply fails. Some
/// operations end as indeterminate, with and without an effect, or do not end.
pub(crate) fn simulate<Call: Copy, Reply: Copy>(
    random: &mut Random,
    count: u32,
    indeterminate: u32,
    simulate: Simulate<'_, Call, Reply>,
) -> Vec<Recorded<Call, Reply>> {
    let Spans { spans, effects } = spans(random, count);
    let mut operations = vec![None; spans.len()];
    for index in effects {
        let (invoked, ended) = spans[index];
        let (call, reply) = simulate(random, index as u32);
        let completion = match reply {
            _ if random.chance(indeterminate) => {
                if random.chance(50) {
                    None
                } else {
                    Some(Completion::Info)
                }
            }
            Some(reply) => Some(Completion::Ok(reply)),
            None => Some(Completion::Fail),
        };
        operations[index] = Some(Recorded { call, invoked, completion, ended });
    }
    operations.into_iter().flatten().collect()
}
