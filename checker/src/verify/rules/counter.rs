//! A counter.

use super::{Foreign, Rules};
use crate::history::{Outcome, Recorded, View};

/// `add` of a whole number, `increment` by one, and `read`, from 0 on.
pub(in crate::verify) struct Counter;

/// What an operation does to the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum CounterDeed {
    Add(i128),
    Read(i128),
}

impl Rules for Counter {
    type Deed = CounterDeed;
    type State = i128;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<CounterDeed>, Foreign> {
        match (operation.f(), operation.argument(), operation.result()) {
            ("read", ..) if operation.outcome == Outcome::Info => Ok(None),
            ("read", _, View::Integer(count)) => Ok(Some(CounterDeed::Read(count))),
            ("read", _, View::Null) => Ok(Some(CounterDeed::Read(0))),
            ("add", View::Integer(amount), _) => Ok(Some(CounterDeed::Add(amount))),
            ("increment", ..) => Ok(Some(CounterDeed::Add(1))),
            _ => Err(Foreign),
        }
    }

    fn initial(&self) -> i128 {
        0
    }

    fn apply(&self, state: &mut i128, deed: &CounterDeed) -> bool {
        match *deed {
            CounterDeed::Read(count) => count == *state,
            CounterDeed::Add(amount) => match state.checked_add(amount) {
                Some(sum) => {
                    *state = sum;
                    true
                }
                None => false,
            },
        }
    }

    fn only_reads(&self, deed: &CounterDeed) -> bool {
        matches!(deed, CounterDeed::Read(_))
    }
}
