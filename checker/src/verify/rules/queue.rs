//! A queue whose elements leave in the order they came, and one where they leave in any.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Foreign, Rules};
use crate::history::{Outcome, Recorded, Value};

/// `enqueue` and `dequeue`; a dequeue that returned null found the queue empty.
pub(in crate::verify) struct Queue {
    pub(in crate::verify) discipline: Discipline,
}

/// Which element a dequeue takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::verify) enum Discipline {
    /// The oldest.
    Fifo,
    /// Any.
    Bag,
}

/// What an operation does to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum QueueDeed {
    Enqueue {
        /// What.
        element: Value,
        /// Whether an operation is known to take it.
        taken: Taken,
    },
    Dequeue(Value),
    /// Found nothing.
    Empty,
    /// Took something that nobody learned of, if there was anything to take.
    DequeueUnknown,
}

/// Whether an element is known to have been dequeued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum Taken {
    ByOne,
    ByNobodyKnown,
}

/// The elements present: in order for a queue, counted for a bag. Of a bag's elements those
/// that nobody is known to dequeue are alike to all who follow, so only their number is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::verify) struct Present {
    line: VecDeque<Value>,
    known: BTreeMap<Value, u32>,
    alike: u32,
}

impl Rules for Queue {
    type Deed = QueueDeed;
    type State = Present;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<QueueDeed>, Foreign> {
        let no_element = operation.argument == Value::NULL;
        match (operation.f(), operation.outcome) {
            ("enqueue", _) if no_element => Err(Foreign),
            ("enqueue", _) => {
                Ok(Some(QueueDeed::Enqueue { element: operation.argument, taken: Taken::ByOne }))
            }
            ("dequeue", Outcome::Info) => Ok(Some(QueueDeed::DequeueUnknown)),
            ("dequeue", _) if operation.result == Value::NULL => Ok(Some(QueueDeed::Empty)),
            ("dequeue", _) => Ok(Some(QueueDeed::Dequeue(operation.result))),
            _ => Err(Foreign),
        }
    }

    fn initial(&self) -> Present {
        Present::default()
    }

    fn apply(&self, state: &mut Present, deed: &QueueDeed) -> bool {
        match (self.discipline, *deed) {
            (_, QueueDeed::Empty) => {
                return state.line.is_empty() && state.known.is_empty() && state.alike == 0;
            }
            (Discipline::Fifo, QueueDeed::Enqueue { element, .. }) => {
                state.line.push_back(element);
            }
            (Discipline::Fifo, QueueDeed::Dequeue(element)) => {
                return state.line.pop_front() == Some(element);
            }
            (Discipline::Fifo, QueueDeed::DequeueUnknown) => {
                state.line.pop_front();
            }
            (Discipline::Bag, QueueDeed::Enqueue { taken: Taken::ByNobodyKnown, .. }) => {
                state.alike += 1;
            }
            (Discipline::Bag, QueueDeed::Enqueue { element, .. }) => {
                *state.known.entry(element).or_insert(0) += 1;
            }
            (Discipline::Bag, QueueDeed::Dequeue(element)) => {
                let Some(count) = state.known.get_mut(&element) else { return false };
                *count -= 1;
                if *count == 0 {
                    state.known.remove(&element);
                }
            }
            (Discipline::Bag, QueueDeed::DequeueUnknown) => {
                // Taking what another is known to take would leave that one nothing.
                if state.alike == 0 {
                    return state.known.is_empty();
                }
                state.alike -= 1;
            }
        }
        true
    }

    fn only_reads(&self, deed: &QueueDeed) -> bool {
        *deed == QueueDeed::Empty
    }
}

/// A bag that may hold an element several times.
///
/// Then nobody can tell which elements are alike to all who follow, so the state is
/// everything the bag may hold, whichever elements the crashed dequeues took.
pub(in crate::verify) struct RepeatingBag;

/// How often each element is there.
type Contents = BTreeMap<Value, u32>;

fn without(contents: &Contents, element: Value) -> Option<Contents> {
    let mut left = contents.clone();
    let count = left.get_mut(&element)?;
    *count -= 1;
    if *count == 0 {
        left.remove(&element);
    }
    Some(left)
}

impl Rules for RepeatingBag {
    type Deed = QueueDeed;
    type State = BTreeSet<Contents>;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<QueueDeed>, Foreign> {
        Queue { discipline: Discipline::Bag }.deed(operation)
    }

    fn initial(&self) -> BTreeSet<Contents> {
        BTreeSet::from([Contents::new()])
    }

    fn apply(&self, state: &mut BTreeSet<Contents>, deed: &QueueDeed) -> bool {
        let before = std::mem::take(state).into_iter();
        *state = match *deed {
            QueueDeed::Enqueue { element, .. } => before
                .map(|mut contents| {
                    *contents.entry(element).or_insert(0) += 1;
                    contents
                })
                .collect(),
            QueueDeed::Dequeue(element) => {
                before.filter_map(|contents| without(&contents, element)).collect()
            }
            QueueDeed::Empty => before.filter(Contents::is_empty).collect(),
            QueueDeed::DequeueUnknown => before
                .flat_map(|contents| {
                    let taken = contents.keys().filter_map(|element| without(&contents, *element));
                    let left: Vec<Contents> = taken.collect();
                    if left.is_empty() { vec![contents] } else { left }
                })
                .collect(),
        };
        !state.is_empty()
    }

    fn only_reads(&self, deed: &QueueDeed) -> bool {
        *deed == QueueDeed::Empty
    }
}
