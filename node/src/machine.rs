//! The replicated state machine: a map of strings to JSON values.
//!
//! The machine is owned by the driver and changed only by committed commands in
//! log order, so that all nodes hold the same map after the same entry. Values
//! stay JSON text in one canonical form; they are parsed once, when a client
//! hands them in.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::raft::LogIndex;

/// A JSON value as compact text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Json(String);

impl Json {
    /// Returns the JSON `null`, which is also what a missing key reads as.
    pub(crate) fn null() -> Self {
        Self("null".to_owned())
    }

    /// Returns the value as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether both are the same value: members of an object may come
    /// in any order, but `1` and `1.0` differ.
    fn is_same_as(&self, other: &Self) -> bool {
        let nested = |json: &Self| json.0.starts_with(['{', '[']);
        self == other || (nested(self) && nested(other) && self.parse() == other.parse())
    }

    fn parse(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).expect("the text was written by serde_json")
    }
}

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        Self(value.to_string())
    }
}

/// A change to the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Command {
    /// Sets the key.
    Put { key: String, value: Json },
    /// Removes the key, if it is there.
    Delete { key: String },
    /// Sets the key to `value` if it now reads as `expect`.
    Cas { key: String, expect: Json, value: Json },
}

impl Command {
    /// Returns the form in which the command stands in the log.
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("writing plain data to memory does not fail")
    }

    /// Reads the form in which the command stands in the log.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The map was changed by the entry at this index.
    Written { revision: LogIndex },
    /// The key did not read as expected, and nothing was changed.
    Mismatch { actual: Json },
}

/// A value and the entry that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Versioned {
    pub(crate) value: Json,
    pub(crate) revision: LogIndex,
}

/// The map.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    map: HashMap<String, Versioned>,
}

impl Machine {
    /// Returns what the key holds.
    pub(crate) fn get(&self, key: &str) -> Option<&Versioned> {
        self.map.get(key)
    }

    /// Applies the command of the entry at `index`.
    pub(crate) fn apply(&mut self, index: LogIndex, command: Command) -> Outcome {
        match command {
            Command::Put { key, value } => self.set(key, value, index),
            Command::Delete { key } => {
                self.map.remove(&key);
                Outcome::Written { revision: index }
            }
            Command::Cas { key, expect, value } => {
                let actual = self.map.get(&key).map_or_else(Json::null, |held| held.value.clone());
                if actual.is_same_as(&expect) {
                    self.set(key, value, index)
                } else {
                    Outcome::Mismatch { actual }
                }
            }
        }
    }

    fn set(&mut self, key: String, value: Json, revision: LogIndex) -> Outcome {
        self.map.insert(key, Versioned { value, revision });
        Outcome::Written { revision }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put(value: &serde_json::Value) -> Command {
        Command::Put { key: "k".to_owned(), value: value.into() }
    }

    fn cas(expect: &serde_json::Value, value: &serde_json::Value) -> Command {
        Command::Cas { key: "k".to_owned(), expect: expect.into(), value: value.into() }
    }

    #[test]
    fn a_missing_key_can_be_expected_to_be_null() {
        let mut machine = Machine::default();
        let written = machine.apply(LogIndex(4), cas(&json!(null), &json!(1)));
        assert_eq!(written, Outcome::Written { revision: LogIndex(4) });
        let refused = machine.apply(LogIndex(5), cas(&json!(null), &json!(2)));
        assert_eq!(refused, Outcome::Mismatch { actual: (&json!(1)).into() });
        assert_eq!(machine.get("k").unwrap().revision, LogIndex(4));
    }

    #[test]
    fn objects_compare_by_content_and_numbers_by_kind() {
        let mut machine = Machine::default();
        let there: Json = Json(r#"{"a":1,"b":[2]}"#.to_owned());
        let here: Json = Json(r#"{"b":[2],"a":1}"#.to_owned());
        assert!(there.is_same_as(&here));
        machine.apply(LogIndex(1), put(&json!(1)));
        let refused = machine.apply(LogIndex(2), cas(&json!(1.0), &json!(2)));
        assert!(matches!(refused, Outcome::Mismatch { .. }));
    }

    #[test]
    fn a_command_survives_the_log() {
        let command = cas(&json!({"a": "ü"}), &json!([1, 2.5, null]));
        assert_eq!(Command::decode(&command.encode()).unwrap(), command);
    }
}
