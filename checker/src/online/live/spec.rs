//! One specification for all models of one key.

use std::sync::Arc;

use crate::history::Value;
use crate::model::{Indeterminate, Model, ModelName};

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Deed {
    /// A register holds this.
    Read(Value),
    /// A register is to hold this.
    Write(Value),
    /// A register held the first and is to hold the second.
    Cas(Value, Value),
    /// A register does not hold this.
    Refused(Value),
    /// A text is this.
    Get(Arc<str>),
    /// A text is to be this.
    Put(Arc<str>),
    /// A text is to end with this.
    Extend(Arc<str>),
    /// A list is to end with this.
    Push(Value),
    /// The elements are these: of a list in order, of a set sorted.
    Whole(Arc<[Value]>),
    /// An element is to be in a set; whether it was not, where somebody said so.
    Add(Value, Told),
    /// An element is to be out of a set; whether it was in, where somebody said so.
    Remove(Value, Told),
    /// Whether an element is in a set.
    Contains(Value, bool),
    /// A number is to grow by this.
    Sum(i128),
    /// A number is this.
    Count(i128),
    /// An element is to be enqueued.
    Enqueue(Value),
    /// An element is taken out.
    Dequeue(Value),
    /// There is nothing to take out.
    Empty,
    /// Whatever there is may be taken out.
    DequeueUnknown,
    /// A free lock is to be held.
    Acquire(Value),
    /// A lock held by this owner is to be free.
    Release(Value),
    /// The next number is given out: this, where somebody knows.
    Next(Option<i128>),
}

/// Whether a change of a set is known to have changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Told {
    /// Nobody said.
    Nothing,
    /// It did.
    Changed,
}

/// A deed and the number of its effect.
#[derive(Clone, Debug)]
pub(super) struct LiveOp {
    pub(super) deed: Deed,
    pub(super) effect: u32,
}

/// What an object holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Contents {
    Value(Value),
    Text(Arc<str>),
    /// A list, a queue, or the sorted elements of a set or bag.
    Elements(Vec<Value>),
    Number(i128),
    Holder(Option<Value>),
}

/// An object of a model of one key.
#[derive(Clone, Copy, Debug)]
pub(super) struct LiveSpec(ModelName);

impl LiveSpec {
    /// The objects of `model`, if they are of one key each.
    pub(super) fn of(model: ModelName) -> Option<Self> {
        match model {
            ModelName::Bank | ModelName::TxnAppend | ModelName::TxnRegister | ModelName::Mixed => {
                None
            }
            model => Some(Self(model)),
        }
    }

    fn dequeue(self, elements: &[Value], element: Value) -> Option<Contents> {
        let place = elements.iter().position(|other| *other == element)?;
        (place == 0 || self.0 == ModelName::Bag).then(|| without(elements, place))
    }
}

fn without(elements: &[Value], place: usize) -> Contents {
    Contents::Elements([&elements[..place], &elements[place + 1..]].concat())
}

fn with(elements: &[Value], place: usize, element: Value) -> Contents {
    Contents::Elements([&elements[..place], &[element], &elements[place..]].concat())
}

impl Model for LiveSpec {
    type State = Contents;
    type Op = LiveOp;

    fn init(&self) -> Contents {
        match self.0 {
            ModelName::KvAppend => Contents::Text(Arc::from("")),
            ModelName::ListAppend | ModelName::Set | ModelName::Queue | ModelName::Bag => {
                Contents::Elements(Vec::new())
            }
            ModelName::Counter | ModelName::Ids => Contents::Number(0),
            ModelName::Mutex => Contents::Holder(None),
            _ => Contents::Value(Value::NULL),
        }
    }

    fn step(&self, state: &Contents, op: &LiveOp) -> Option<Contents> {
        let unchanged = |holds: bool| holds.then(|| state.clone());
        match (&op.deed, state) {
            (Deed::Read(value), Contents::Value(held)) => unchanged(value == held),
            (Deed::Write(value), Contents::Value(_)) => Some(Contents::Value(*value)),
            (Deed::Cas(expected, new), Contents::Value(held)) => {
                (expected == held).then_some(Contents::Value(*new))
            }
            (Deed::Refused(value), Contents::Value(held)) => unchanged(value != held),
            (Deed::Get(text), Contents::Text(held)) => unchanged(text == held),
            (Deed::Put(text), Contents::Text(_)) => Some(Contents::Text(Arc::clone(text))),
            (Deed::Extend(piece), Contents::Text(held)) => {
                Some(Contents::Text(Arc::from([&**held, piece].concat())))
            }
            (Deed::Whole(whole), Contents::Elements(held)) => unchanged(**whole == **held),
            (Deed::Push(element), Contents::Elements(held)) => {
                Some(with(held, held.len(), *element))
            }
            (Deed::Enqueue(element), Contents::Elements(held)) => Some(match self.0 {
                ModelName::Bag => {
                    with(held, held.partition_point(|other| other < element), *element)
                }
                _ => with(held, held.len(), *element),
            }),
            (Deed::Add(element, told), Contents::Elements(held)) => {
                match held.binary_search(element) {
                    Err(place) => Some(with(held, place, *element)),
                    Ok(_) => unchanged(*told == Told::Nothing),
                }
            }
            (Deed::Remove(element, told), Contents::Elements(held)) => {
                match held.binary_search(element) {
                    Ok(place) => Some(without(held, place)),
                    Err(_) => unchanged(*told == Told::Nothing),
                }
            }
            (Deed::Contains(element, said), Contents::Elements(held)) => {
                unchanged(held.binary_search(element).is_ok() == *said)
            }
            (Deed::Dequeue(element), Contents::Elements(held)) => self.dequeue(held, *element),
            (Deed::Empty, Contents::Elements(held)) => unchanged(held.is_empty()),
            (Deed::DequeueUnknown, Contents::Elements(held)) => match held.is_empty() {
                true => Some(state.clone()),
                false => Some(without(held, 0)),
            },
            (Deed::Sum(amount), Contents::Number(held)) => {
                held.checked_add(*amount).map(Contents::Number)
            }
            (Deed::Count(count), Contents::Number(held)) => unchanged(count == held),
            (Deed::Next(given), Contents::Number(held)) => {
                given.is_none_or(|given| given == *held).then_some(Contents::Number(held + 1))
            }
            (Deed::Acquire(owner), Contents::Holder(None)) => Some(Contents::Holder(Some(*owner))),
            (Deed::Release(owner), Contents::Holder(Some(holder))) => {
                (owner == holder).then_some(Contents::Holder(None))
            }
            _ => None,
        }
    }

    fn others(&self, state: &Contents, op: &LiveOp) -> Vec<Contents> {
        match (&op.deed, state) {
            (Deed::DequeueUnknown, Contents::Elements(held)) if self.0 == ModelName::Bag => (1
                ..held.len())
                .filter(|&place| held[place] != held[place - 1])
                .map(|place| without(held, place))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn reads_only(&self, op: &LiveOp) -> bool {
        matches!(
            op.deed,
            Deed::Read(_)
                | Deed::Refused(_)
                | Deed::Get(_)
                | Deed::Whole(_)
                | Deed::Contains(..)
                | Deed::Count(_)
                | Deed::Empty
        )
    }

    fn kind(&self, op: &LiveOp) -> Option<u128> {
        Some(u128::from(op.effect))
    }

    fn indeterminate(&self) -> Indeterminate {
        match self.0 {
            // As the models of registers and of locks with owners say.
            ModelName::Register | ModelName::CasRegister | ModelName::Kv | ModelName::Mutex => {
                Indeterminate::WhenNeeded
            }
            _ => Indeterminate::Anytime,
        }
    }

    fn owned_bytes(&self, state: &Contents) -> usize {
        match state {
            Contents::Elements(elements) => elements.capacity() * size_of::<Value>(),
            Contents::Text(text) => text.len() + 2 * size_of::<usize>(),
            Contents::Value(_) | Contents::Number(_) | Contents::Holder(_) => 0,
        }
    }
}
