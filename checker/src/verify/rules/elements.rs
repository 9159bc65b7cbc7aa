//! A set: elements are added, removed, looked for, and read all at once.

use std::collections::BTreeSet;

use super::list::whole;
use super::{Foreign, Rules};
use crate::history::{Outcome, Recorded, Value, View};

/// A set that is empty at first.
///
/// `add` and `remove` that completed with `true` changed the set, with `false` found that
/// there was nothing to change, and otherwise do not say.
pub(in crate::verify) struct Elements;

/// What an operation does to the set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum ElementDeed {
    /// Makes the element present, after it was absent.
    Adds(Value),
    /// Makes the element absent, after it was present.
    Removes(Value),
    /// Makes the element present, whether it was or not.
    Put(Value),
    /// Makes the element absent, whether it was or not.
    Drop(Value),
    /// Finds the element present or absent.
    Contains(Value, bool),
    /// Finds exactly these elements, rising.
    Read(Vec<Value>),
}

impl ElementDeed {
    /// The element an operation is about, if it is about one.
    pub(in crate::verify) fn element(&self) -> Option<Value> {
        match self {
            Self::Adds(element)
            | Self::Removes(element)
            | Self::Put(element)
            | Self::Drop(element)
            | Self::Contains(element, _) => Some(*element),
            Self::Read(_) => None,
        }
    }
}

impl Rules for Elements {
    type Deed = ElementDeed;
    type State = BTreeSet<Value>;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<ElementDeed>, Foreign> {
        let element = operation.argument;
        // An element that is itself true or false may be echoed.
        let said = match operation.result() {
            View::Bool(said) if operation.result != element || operation.f() == "contains" => {
                Some(said)
            }
            _ => None,
        };
        let said = said.filter(|_| operation.outcome == Outcome::Ok);
        Ok(Some(match (operation.f(), said) {
            ("add", None) => ElementDeed::Put(element),
            ("add", Some(true)) => ElementDeed::Adds(element),
            ("add", Some(false)) => ElementDeed::Contains(element, true),
            ("remove", None) => ElementDeed::Drop(element),
            ("remove", Some(true)) => ElementDeed::Removes(element),
            ("remove", Some(false)) => ElementDeed::Contains(element, false),
            ("read" | "contains", _) if operation.outcome == Outcome::Info => return Ok(None),
            ("contains", Some(said)) => ElementDeed::Contains(element, said),
            ("read", _) => {
                let mut elements = whole(operation)?.to_vec();
                elements.sort_unstable();
                // However often a system lists it, an element is in a set or is not.
                elements.dedup();
                ElementDeed::Read(elements)
            }
            _ => return Err(Foreign),
        }))
    }

    fn initial(&self) -> BTreeSet<Value> {
        BTreeSet::new()
    }

    fn apply(&self, state: &mut BTreeSet<Value>, deed: &ElementDeed) -> bool {
        match deed {
            ElementDeed::Adds(element) => return state.insert(*element),
            ElementDeed::Removes(element) => return state.remove(element),
            ElementDeed::Put(element) => {
                state.insert(*element);
            }
            ElementDeed::Drop(element) => {
                state.remove(element);
            }
            ElementDeed::Contains(element, present) => return state.contains(element) == *present,
            ElementDeed::Read(elements) => return elements.iter().eq(state.iter()),
        }
        true
    }

    fn only_reads(&self, deed: &ElementDeed) -> bool {
        matches!(deed, ElementDeed::Contains(..) | ElementDeed::Read(_))
    }
}
