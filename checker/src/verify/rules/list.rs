//! A list that is appended to and read whole.

use std::hash::{Hash, Hasher};

use super::{Foreign, Rules};
use crate::history::{History, Outcome, Recorded, Value, View};

/// `append` and `read` on a list that is empty at first; nothing found is empty too.
pub(in crate::verify) struct List<'a> {
    /// Whose operations are judged.
    pub(in crate::verify) history: &'a History,
}

/// What an operation does to the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum ListDeed<'a> {
    Append(Value),
    /// Returns these elements; equal values are equal lists.
    Read {
        list: Value,
        elements: &'a [Value],
    },
    /// Returns a list with these elements, and others that do not matter.
    ReadAmongOthers(Vec<Value>),
}

/// The elements of the list.
#[derive(Clone, Debug)]
pub(in crate::verify) struct Appended {
    elements: Vec<Value>,
    /// The list last read, unless something was appended since: reading it again needs no
    /// second look at its elements.
    read: Option<Value>,
}

impl PartialEq for Appended {
    fn eq(&self, other: &Self) -> bool {
        self.elements == other.elements
    }
}

impl Eq for Appended {}

impl Hash for Appended {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.elements.hash(hasher);
    }
}

impl<'a> Rules for List<'a> {
    type Deed = ListDeed<'a>;
    type State = Appended;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<ListDeed<'a>>, Foreign> {
        match operation.f() {
            "read" if operation.outcome == Outcome::Info => Ok(None),
            "read" => {
                let list = operation.result;
                let elements = match self.history.values.view(list) {
                    View::List(elements) => elements,
                    View::Null => &[],
                    _ => return Err(Foreign),
                };
                Ok(Some(ListDeed::Read { list, elements }))
            }
            "append" => Ok(Some(ListDeed::Append(operation.argument))),
            _ => Err(Foreign),
        }
    }

    fn initial(&self) -> Appended {
        Appended { elements: Vec::new(), read: None }
    }

    fn apply(&self, state: &mut Appended, deed: &ListDeed<'a>) -> bool {
        match deed {
            ListDeed::Append(element) => {
                state.elements.push(*element);
                state.read = None;
                true
            }
            ListDeed::Read { list, elements } => {
                let same = state.read == Some(*list) || state.elements == *elements;
                state.read = Some(*list);
                same
            }
            ListDeed::ReadAmongOthers(elements) => state.elements == *elements,
        }
    }

    fn only_reads(&self, deed: &ListDeed<'a>) -> bool {
        !matches!(deed, ListDeed::Append(_))
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
