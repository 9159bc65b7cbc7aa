//! What entries of the log ask of the machine.

use serde::{Deserialize, Serialize};

use super::json::Json;
use super::key::Key;
use crate::raft::LogIndex;

/// The identity of a client session: the index of the entry that registered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u64);

/// The number of a write within its session.
///
/// A client numbers its writes as it likes, and no two of them alike; a write
/// that is tried again keeps its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sequence(pub u64);

/// What makes a write recognisable when it is tried again (Ongaro 2014, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Whose write it is.
    pub session: SessionId,
    /// Which of its writes.
    pub sequence: Sequence,
    /// The first write of the session whose outcome is still waited for; not above
    /// `sequence`. Outcomes before it are forgotten.
    pub lowest_outstanding: Sequence,
}

/// A command of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Begins a session; its identity is the index of the entry.
    RegisterSession,
    /// Applied as often as it stands in the log.
    Plain(Action),
    /// Applied once, however often it stands in the log.
    Stamped(Stamp, Action),
}

/// What a command does to the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Changes one key, whatever it holds.
    Change(Key, Change),
    /// Sets the key to `value` if it now reads as `expect`.
    Cas {
        /// The key that is compared and set.
        key: Key,
        /// What it has to read as; a missing key reads as `null`.
        expect: Json,
        /// What it is set to.
        value: Json,
    },
    /// Compares, and then takes one of two courses as a whole.
    Transaction(Transaction),
}

/// A change of what one key holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Sets the key.
    Put(Json),
    /// Removes the key, if it is there.
    Delete,
    /// Adds an element to the end of a list; a missing key is an empty list.
    Append(Json),
    /// Adds to an integer of 64 bits; a missing key is zero.
    Add(i64),
}

/// The most comparisons and steps of a transaction, both branches together.
pub const TRANSACTION_PARTS_MAX: usize = 128;

/// Comparisons, and what to do depending on them, all at one point of the log.
///
/// The steps of a branch are carried out in order, and each sees what the ones
/// before it did. If one is refused, none has taken place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// All of these have to hold for `success`; none always do.
    pub compare: Vec<Comparison>,
    /// The steps if they do.
    pub success: Vec<Step>,
    /// The steps if they do not.
    pub failure: Vec<Step>,
}

impl Transaction {
    /// Returns how many comparisons and steps there are, both branches together.
    pub fn parts(&self) -> usize {
        self.compare.len() + self.success.len() + self.failure.len()
    }
}

/// A statement about one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The key it is about.
    pub key: Key,
    /// What is said of it.
    pub expectation: Expectation,
}

/// What a comparison says of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expectation {
    /// How its value stands to this one; a missing key reads as `null`. Only
    /// numbers and strings can be less or greater, and only than their like.
    Value(Relation, Json),
    /// How its revision stands to this one; a missing key has zero.
    Revision(Relation, LogIndex),
    /// How its version stands to this one; a missing key has zero.
    Version(Relation, u64),
    /// Whether it is there.
    Presence(Presence),
}

/// How one thing stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Relation {
    /// They are the same.
    Equal,
    /// They are not the same.
    NotEqual,
    /// What the key has comes first.
    Less,
    /// What the key has comes second.
    Greater,
}

/// Whether a key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    /// It holds a value.
    Present,
    /// It holds none.
    Missing,
}

/// A step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Reads the key.
    Get(Key),
    /// Changes the key.
    Change(Key, Change),
}

impl Command {
    /// Returns the form in which the command stands in the log.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("writing plain data to memory does not fail")
    }

    /// Reads the form in which the command stands in the log.
    ///
    /// # Errors
    /// The bytes are not what [`Command::encode`] makes, or more than that.
    pub fn decode(bytes: &[u8]) -> Result<Self, postcard::Error> {
        let (command, rest) = postcard::take_from_bytes(bytes)?;
        if rest.is_empty() { Ok(command) } else { Err(postcard::Error::DeserializeBadEncoding) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_survives_the_log() {
        let key: Key = "k".parse().unwrap();
        let json = |value: serde_json::Value| Json::from(&value);
        let expectation = Expectation::Value(Relation::Greater, json(json!(2.5)));
        let transaction = Transaction {
            compare: vec![Comparison { key: key.clone(), expectation }],
            success: vec![Step::Get(key.clone())],
            failure: vec![Step::Change(key.clone(), Change::Add(-1))],
        };
        let expect = json(json!({"a": "ü"}));
        let cas = Action::Cas { key: key.clone(), expect, value: json(json!([1, null])) };
        let stamp = Stamp {
            session: SessionId(7),
            sequence: Sequence(u64::MAX),
            lowest_outstanding: Sequence(0),
        };
        for command in [
            Command::RegisterSession,
            Command::Plain(cas),
            Command::Stamped(stamp, Action::Transaction(transaction)),
        ] {
            let mut bytes = command.encode();
            assert_eq!(Command::decode(&bytes).unwrap(), command);
            assert!(Command::decode(&bytes[..bytes.len() - 1]).is_err());
            bytes.push(0);
            assert!(Command::decode(&bytes).is_err());
        }
    }
}
