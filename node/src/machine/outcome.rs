//! What became of a command once it was applied.
//!
//! An outcome is data, and the same on every node. Whether its operation
//! succeeded is for the API to say.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::command::SessionId;
use super::json::Json;
use super::key::Key;
use crate::raft::LogIndex;

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A session began.
    Registered(SessionId),
    /// The map was changed by the entry at this index.
    Written {
        /// The key's revision from now on.
        revision: LogIndex,
        /// What an addition came to; nothing for other changes.
        sum: Option<i64>,
    },
    /// The key did not read as expected, and nothing was changed.
    Mismatch {
        /// What it read as.
        actual: Json,
        /// Which entry wrote that; nothing for a missing key.
        revision: Option<LogIndex>,
    },
    /// A transaction took one of its branches.
    Transacted {
        /// Which one.
        branch: Branch,
        /// What its steps found and did, one for each.
        results: Vec<StepResult>,
        /// The revision of the keys it changed.
        revision: LogIndex,
    },
    /// Nothing was changed, for the command asks what cannot be done.
    Refused(Refusal),
    /// Nothing was changed, for nobody knows the session: it was never registered,
    /// or it was the one unused for longest when there were too many.
    ///
    /// If the same write was tried before, that attempt may have been applied.
    SessionUnknown,
    /// Nothing was changed, for the session has said that it waits for this write
    /// no more; it may have been applied before.
    OutcomeForgotten,
}

/// What a step of a transaction found or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepResult {
    /// The key held this.
    Found(Held),
    /// The key held nothing.
    Missing,
    /// The key was changed.
    Written {
        /// Its revision from now on.
        revision: LogIndex,
        /// What an addition came to; nothing for other changes.
        sum: Option<i64>,
    },
}

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The value.
    pub value: Json,
    /// The entry that last changed it.
    pub revision: LogIndex,
    /// The entry that made the key, since it was last missing.
    pub created: LogIndex,
    /// How many changes there were since the key was made, that one included.
    pub version: u64,
}

/// A course a transaction can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Branch {
    /// All comparisons held.
    Success,
    /// One did not.
    Failure,
}

/// Why a command changed nothing, and never will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// An element cannot be appended to what the key holds.
    NotAList(Key),
    /// A number cannot be added to what the key holds.
    NotAnInteger(Key),
    /// The sum does not fit into 64 bits.
    Overflow(Key),
    /// The list would be longer than a value may be.
    ValueTooLong(Key),
    /// A transaction would answer with more than a reply may hold.
    ResultsTooLong,
    /// The session has too many outcomes that it does not say it has received.
    SessionFull,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAList(key) => write!(f, "the value of {key:?} is not a list"),
            Self::NotAnInteger(key) => {
                write!(f, "the value of {key:?} is not an integer of 64 bits")
            }
            Self::Overflow(key) => write!(f, "the sum for {key:?} does not fit into 64 bits"),
            Self::ValueTooLong(key) => {
                write!(f, "the list of {key:?} would be longer than a value may be")
            }
            Self::ResultsTooLong => f.write_str("the transaction reads more than a reply may hold"),
            Self::SessionFull => {
                f.write_str("the session has too many outcomes it does not say it has received")
            }
        }
    }
}

impl Outcome {
    /// Returns about how much memory the outcome takes, in bytes.
    pub(super) fn len_bytes(&self) -> usize {
        let text = match self {
            Self::Mismatch { actual, .. } => actual.as_str().len(),
            Self::Transacted { results, .. } => results.iter().map(StepResult::len_bytes).sum(),
            Self::Refused(
                Refusal::NotAList(key)
                | Refusal::NotAnInteger(key)
                | Refusal::Overflow(key)
                | Refusal::ValueTooLong(key),
            ) => key.as_str().len(),
            _ => 0,
        };
        size_of::<Self>() + text
    }
}

impl StepResult {
    /// Returns about how much memory the result takes, in bytes.
    pub(super) fn len_bytes(&self) -> usize {
        let text = match self {
            Self::Found(held) => held.value.as_str().len(),
            Self::Missing | Self::Written { .. } => 0,
        };
        size_of::<Self>() + text
    }
}
