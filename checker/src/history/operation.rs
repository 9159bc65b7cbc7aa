//! Operations: an invocation and at most one completion, paired from events.
//!
//! A history may hold tens of millions of them, so they are kept in 72 bytes each: strings
//! and values are handles into the tables of the [`History`], which [`Recorded`] looks up.

use std::num::NonZeroU32;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::{Event, Header, Name, Names, Value, Values, View};
use crate::verdict::OperationId;

/// A point in the global order of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    position: NonZeroU32,
    /// Halves of the stamp, low one first, which spares four bytes of alignment.
    time: [u32; 2],
}

impl Moment {
    /// The point at a position of the order, with its stamp in nanoseconds.
    pub fn new(position: NonZeroU32, time_ns: u64) -> Self {
        Self { position, time: halves(time_ns) }
    }

    /// Position in the order the checker uses, from 1 on; equal positions are concurrent.
    ///
    /// The ordinal of the event, counting those of the nemesis; in a history without indices
    /// the rank of its stamp, which gaps may interrupt.
    pub fn position(self) -> u32 {
        self.position.get()
    }

    /// Nanoseconds since the run began, for people.
    pub fn time_ns(self) -> u64 {
        whole(self.time)
    }

    /// The same stamp at another position.
    pub(super) fn moved(self, position: NonZeroU32) -> Self {
        Self { position, ..self }
    }
}

/// What a system says of the state that its reply is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revision([u32; 2]);

impl Revision {
    /// The revision of this number.
    pub fn new(number: u64) -> Self {
        Self(halves(number))
    }

    /// Its number.
    pub fn get(self) -> u64 {
        whole(self.0)
    }
}

fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

fn whole([low, high]: [u32; 2]) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It took effect between its two moments.
    Ok,
    /// It never takes effect.
    Fail,
    /// Indeterminate: `info`, or no completion at all.
    Info,
}

/// One operation of one client; names and values are those of its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The logical client.
    pub process: u64,
    /// The node it was sent to.
    pub node: Option<Name>,
    /// The function, e.g. `read`.
    pub f: Name,
    /// The object operated on.
    pub key: Option<Name>,
    /// The value of the invocation.
    pub argument: Value,
    /// The value of the completion; null without one.
    pub result: Value,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was invoked.
    pub invoked: Moment,
    /// When its completion, of whatever kind, was recorded. For [`Outcome::Info`] this
    /// is only when the client gave up: the operation stays open for ever.
    pub completed: Option<Moment>,
    /// Why it failed or is indeterminate.
    pub error: Option<Name>,
    /// The revision the system attached to its reply.
    pub revision: Option<Revision>,
}

/// An operation with the history that gives its names and values a meaning.
///
/// ```
/// use squall_checker::history::{Value, read_jsonl};
/// use squall_checker::verdict::OperationId;
///
/// let line = br#"{"time":5,"process":0,"type":"invoke","f":"write","key":"x","value":31}"#;
/// let history = read_jsonl(&line[..])?;
/// let write = history.get(OperationId(0));
/// assert_eq!((write.f(), write.key(), write.node()), ("write", Some("x"), None));
/// assert_eq!((write.process, write.argument.small()), (0, Some(31)));
/// # Ok::<(), squall_checker::history::HistoryError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    history: &'a History,
    operation: &'a Operation,
}

impl Deref for Recorded<'_> {
    type Target = Operation;

    fn deref(&self) -> &Operation {
        self.operation
    }
}

impl<'a> Recorded<'a> {
    /// The function.
    pub fn f(self) -> &'a str {
        self.history.names.get(self.operation.f)
    }

    /// The node it was sent to.
    pub fn node(self) -> Option<&'a str> {
        self.name(self.operation.node)
    }

    /// The object operated on.
    pub fn key(self) -> Option<&'a str> {
        self.name(self.operation.key)
    }

    /// Why it failed or is indeterminate.
    pub fn error(self) -> Option<&'a str> {
        self.name(self.operation.error)
    }

    /// The value of the invocation.
    pub fn argument(self) -> View<'a> {
        self.history.values.view(self.operation.argument)
    }

    /// The value of the completion; null without one.
    pub fn result(self) -> View<'a> {
        self.history.values.view(self.operation.result)
    }

    /// The history it is of.
    pub fn history(self) -> &'a History {
        self.history
    }

    /// The value a register would hold after this operation, if it stores one.
    pub(crate) fn stored(self) -> Option<Value> {
        match self.f() {
            "write" => Some(self.operation.argument),
            "cas" => self.part(1),
            _ => None,
        }
    }

    /// The value a register must hold before this operation, if it depends on one.
    pub(crate) fn needed(self) -> Option<Value> {
        match self.f() {
            "read" => Some(self.operation.result),
            "cas" => self.part(0),
            _ => None,
        }
    }

    fn part(self, index: usize) -> Option<Value> {
        self.history.values.list(self.operation.argument)?.get(index).copied()
    }

    fn name(self, name: Option<Name>) -> Option<&'a str> {
        name.map(|name| self.history.names.get(name))
    }

    /// Whether another history recorded the same.
    fn is_as(self, other: Recorded<'_>) -> bool {
        let values = |recorded: Recorded<'_>| {
            let json = |value| recorded.history.values.to_json(value);
            (json(recorded.argument), json(recorded.result))
        };
        let rest = |recorded: Recorded<'_>| {
            let Operation { process, outcome, invoked, completed, revision, .. } =
                *recorded.operation;
            (process, outcome, invoked, completed, revision)
        };
        self.f() == other.f()
            && self.node() == other.node()
            && self.key() == other.key()
            && self.error() == other.error()
            && rest(self) == rest(other)
            && values(self) == values(other)
    }
}

/// Operations that [`History::fetched`] asks memory for at once.
const FETCHED_TOGETHER: usize = 64;

/// A validated history.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The header, where the format has one.
    pub header: Option<Header>,
    /// Operations of clients by invocation; [`OperationId`] indexes this.
    pub operations: Vec<Operation>,
    /// The strings of the operations.
    pub names: Names,
    /// The values of the operations.
    pub values: Values,
    /// Events of the nemesis, as recorded.
    pub nemesis: Vec<Event>,
    /// The file ended inside a line, which was dropped.
    pub torn: bool,
    /// Indices that no event has, below the last one; counted from 0 if there is a header,
    /// otherwise from the first one. Always 0 without indices.
    ///
    /// No error, since a history may be an excerpt; but in a whole run's history each is an
    /// event that was lost, and no verdict stands that rests on it.
    pub missing: u64,
}

impl History {
    /// The operation with this id.
    ///
    /// # Panics
    /// If the history has fewer operations.
    pub fn get(&self, id: OperationId) -> Recorded<'_> {
        self.recorded(&self.operations[id.0 as usize])
    }

    /// The same ids, whose operations are brought close some time before each is due.
    ///
    /// Operations that are far apart, as those of one key among many, come from memory one
    /// by one to a pass that uses each in turn. Asked for by the dozen they come together,
    /// which is several times quicker. Ids without an operation are passed on as they are.
    pub(crate) fn fetched<'a>(
        &'a self,
        ids: &'a [OperationId],
    ) -> impl Iterator<Item = OperationId> + 'a {
        ids.chunks(FETCHED_TOGETHER).flat_map(|chunk| {
            let touched = chunk.iter().fold(0, |touched, id| {
                self.operations.get(id.0 as usize).map_or(touched, |operation| {
                    // Fields at both ends, which mostly are in different cache lines.
                    touched ^ operation.process ^ operation.outcome as u64
                })
            });
            std::hint::black_box(touched);
            chunk.iter().copied()
        })
    }

    /// The operations with their ids, in the order of these.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (OperationId, Recorded<'_>)> {
        self.operations
            .iter()
            .enumerate()
            .map(|(index, operation)| (OperationId(index as u32), self.recorded(operation)))
    }

    fn recorded<'a>(&'a self, operation: &'a Operation) -> Recorded<'a> {
        Recorded { history: self, operation }
    }
}

/// Two histories are equal if they say the same, whatever the handles in their tables.
impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        self.header == other.header
            && self.nemesis == other.nemesis
            && (self.torn, self.missing) == (other.torn, other.missing)
            && self.operations.len() == other.operations.len()
            && self.iter().zip(other.iter()).all(|((_, one), (_, other))| one.is_as(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_stays_small() {
        assert_eq!(size_of::<Operation>(), 72);
        assert_eq!(size_of::<Option<Moment>>(), 12);
    }

    #[test]
    fn halves_are_put_together_again() {
        for number in [0, 1, u64::from(u32::MAX), 1 << 32, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(Moment::new(NonZeroU32::MIN, number).time_ns(), number);
            assert_eq!(Revision::new(number).get(), number);
        }
    }
}
