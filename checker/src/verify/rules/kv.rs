//! A whole map as one object.

use std::collections::BTreeMap;

use super::register::{Register, RegisterDeed};
use super::{Foreign, Rules};
use crate::history::{Outcome, Recorded, Value, View};

/// Single-key operations as on a register, and `read` and `write` of several keys at once,
/// which have no key and whose value maps keys to values. An absent key holds null.
pub(in crate::verify) struct Map;

/// What an operation does to the map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::verify) enum MapDeed {
    One(String, RegisterDeed),
    Read(Vec<(String, Value)>),
    Write(Vec<(String, Value)>),
}

impl Rules for Map {
    type Deed = MapDeed;
    type State = BTreeMap<String, Value>;

    fn deed(&self, operation: Recorded<'_>) -> Result<Option<MapDeed>, Foreign> {
        if let Some(key) = operation.key() {
            let deed = Register.deed(operation)?;
            return Ok(deed.map(|deed| MapDeed::One(key.to_owned(), deed)));
        }
        let entries = |view: View<'_>| match view {
            View::Map(entries) => {
                Ok(entries.iter().map(|(key, value)| (key.to_owned(), value)).collect::<Vec<_>>())
            }
            _ => Err(Foreign),
        };
        match (operation.f(), operation.outcome) {
            ("read", Outcome::Info) => Ok(None),
            ("read", _) => Ok(Some(MapDeed::Read(entries(operation.result())?))),
            ("write", _) => Ok(Some(MapDeed::Write(entries(operation.argument())?))),
            _ => Err(Foreign),
        }
    }

    fn initial(&self) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }

    fn apply(&self, state: &mut BTreeMap<String, Value>, deed: &MapDeed) -> bool {
        match deed {
            MapDeed::One(key, deed) => {
                let mut value = get(state, key);
                if !Register.apply(&mut value, deed) {
                    return false;
                }
                if deed.leaves().is_some() {
                    set(state, key, value);
                }
                true
            }
            MapDeed::Read(entries) => entries.iter().all(|(key, value)| get(state, key) == *value),
            MapDeed::Write(entries) => {
                for (key, value) in entries {
                    set(state, key, *value);
                }
                true
            }
        }
    }

    fn only_reads(&self, deed: &MapDeed) -> bool {
        match deed {
            MapDeed::One(_, deed) => Register.only_reads(deed),
            MapDeed::Read(_) => true,
            MapDeed::Write(_) => false,
        }
    }
}

fn get(state: &BTreeMap<String, Value>, key: &str) -> Value {
    state.get(key).copied().unwrap_or(Value::NULL)
}

/// An absent key and one that holds null are the same state.
fn set(state: &mut BTreeMap<String, Value>, key: &str, value: Value) {
    if value.is_null() {
        state.remove(key);
    } else {
        state.insert(key.to_owned(), value);
    }
}
