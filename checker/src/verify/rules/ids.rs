//! Numbers handed out: each once, or each the next.

use std::collections::BTreeSet;

use super::{Foreign, Rules};
use crate::history::{Outcome, Recorded, Value, View};

/// `generate`, which returns what it never returned before, and `fetch-increment`, which
/// returns how often it took effect before.
pub(in crate::verify) struct Ids;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum IdsDeed {
    /// Hands out this.
    Generate(Value),
    /// Returns the count and adds one to it; without a count, nobody knows what it returned.
    FetchIncrement(Option<i128>),
}

impl Rules for Ids {
    type Deed = IdsDeed;
    type State = (BTreeSet<Value>, i128);

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<IdsDeed>, Foreign> {
        match (operation.f(), operation.outcome, operation.result()) {
            ("generate", Outcome::Info, _) => Ok(None),
            ("generate", _, View::Null) => Err(Foreign),
            ("generate", ..) => Ok(Some(IdsDeed::Generate(operation.result))),
            ("fetch-increment", Outcome::Info, _) => Ok(Some(IdsDeed::FetchIncrement(None))),
            ("fetch-increment", _, View::Integer(count)) => {
                Ok(Some(IdsDeed::FetchIncrement(Some(count))))
            }
            _ => Err(Foreign),
        }
    }

    fn initial(&self) -> (BTreeSet<Value>, i128) {
        (BTreeSet::new(), 0)
    }

    fn apply(&self, (given, next): &mut (BTreeSet<Value>, i128), deed: &IdsDeed) -> bool {
        match *deed {
            IdsDeed::Generate(id) => given.insert(id),
            IdsDeed::FetchIncrement(count) => {
                let legal = count.is_none_or(|count| count == *next);
                *next += 1;
                legal
            }
        }
    }

    fn only_reads(&self, _deed: &IdsDeed) -> bool {
        false
    }
}
