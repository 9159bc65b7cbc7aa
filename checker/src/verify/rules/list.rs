//! A list that is appended to and read whole.

use super::{Foreign, Rules};
use crate::history::{Outcome, Recorded, Value, View};

/// `append` and `read` on a list that is empty at first; nothing found is empty too.
pub(in crate::verify) struct List;

/// What an operation does to the list.
#[derive(Clone, Debug)]
pub(in crate::verify) enum ListDeed {
    Append(Value),
    Read(Vec<Value>),
}

impl Rules for List {
    type Deed = ListDeed;
    type State = Vec<Value>;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<ListDeed>, Foreign> {
        match operation.f() {
            "read" if operation.outcome == Outcome::Info => Ok(None),
            "read" => Ok(Some(ListDeed::Read(whole(operation)?.to_vec()))),
            "append" => Ok(Some(ListDeed::Append(operation.argument))),
            _ => Err(Foreign),
        }
    }

    fn initial(&self) -> Vec<Value> {
        Vec::new()
    }

    fn apply(&self, state: &mut Vec<Value>, deed: &ListDeed) -> bool {
        match deed {
            ListDeed::Append(element) => {
                state.push(*element);
                true
            }
            ListDeed::Read(elements) => elements == state,
        }
    }

    fn only_reads(&self, deed: &ListDeed) -> bool {
        matches!(deed, ListDeed::Read(_))
    }
}

/// What a read of all elements returned.
pub(super) fn whole(operation: Recorded<'_>) -> Result<&[Value], Foreign> {
    match operation.result() {
        View::List(elements) => Ok(elements),
        View::Null => Ok(&[]),
        _ => Err(Foreign),
    }
}
