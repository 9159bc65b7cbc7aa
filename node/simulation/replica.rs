//! The state machine of a node: its map, changed by the entries of the log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::workload::{Deed, Object};

/// What the log holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Command {
    pub(crate) object: Object,
    pub(crate) deed: Deed,
}

impl Command {
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data can be written to memory")
    }

    fn decode(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).expect("the log holds what was encoded")
    }
}

/// What became of a command or a read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Found(Value),
    Written,
    Mismatch(Value),
}

#[derive(Default)]
pub(crate) struct Replica {
    map: BTreeMap<Object, Value>,
}

impl Replica {
    pub(crate) fn read(&self, object: Object) -> Outcome {
        Outcome::Found(self.get(object))
    }

    fn get(&self, object: Object) -> Value {
        self.map.get(&object).cloned().unwrap_or_default()
    }

    pub(crate) fn apply(&mut self, bytes: &[u8]) -> Outcome {
        let Command { object, deed } = Command::decode(bytes);
        let held = self.get(object);
        let new = match deed {
            Deed::Read => return Outcome::Found(held),
            Deed::Write(value) => json!(value),
            Deed::Cas { expect, new } => {
                if held != json!(expect) {
                    return Outcome::Mismatch(held);
                }
                json!(new)
            }
            Deed::Append(element) => {
                let mut list = held.as_array().cloned().unwrap_or_default();
                list.push(json!(element));
                json!(list)
            }
            Deed::Add(delta) => json!(held.as_i64().unwrap_or(0) + delta),
        };
        self.map.insert(object, new);
        Outcome::Written
    }
}
