//! Operations: an invocation and at most one completion, paired from events.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Event, Header};

/// A point in the global order of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Position in the order the checker uses; equal positions are concurrent.
    pub position: u64,
    /// Nanoseconds since the run began, for people.
    pub time_ns: u64,
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

/// One operation of one client.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The logical client.
    pub process: u64,
    /// The node it was sent to.
    pub node: Option<Cow<'static, str>>,
    /// The function, e.g. `read`.
    pub f: Cow<'static, str>,
    /// The object operated on.
    pub key: Option<Cow<'static, str>>,
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
    pub error: Option<String>,
    /// The revision the system attached to its reply.
    pub revision: Option<u64>,
}

impl Operation {
    /// The value a register would hold after this operation, if it stores one.
    pub(crate) fn stored(&self) -> Option<&Value> {
        match self.f.as_ref() {
            "write" => Some(&self.argument),
            "cas" => self.argument.get(1),
            _ => None,
        }
    }

    /// The value a register must hold before this operation, if it depends on one.
    pub(crate) fn needed(&self) -> Option<&Value> {
        match self.f.as_ref() {
            "read" => Some(&self.result),
            "cas" => self.argument.get(0),
            _ => None,
        }
    }
}

/// A validated history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The header, where the format has one.
    pub header: Option<Header>,
    /// Operations of clients by invocation; [`OperationId`](crate::verdict::OperationId)
    /// indexes this.
    pub operations: Vec<Operation>,
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
