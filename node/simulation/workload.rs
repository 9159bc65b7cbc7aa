//! What clients do, to which keys.
//!
//! Values are unique in the whole run, as the checker likes them. Every kind of
//! object has keys of its own, because each kind is judged by a model of its own.

use std::fmt;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use serde_json::{Value, json};
use squall_node::machine::{Action, Change, Json, Key};

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Register,
    List,
    Counter,
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    pub(crate) number: u32,
}

impl Object {
    /// Returns its key in the store.
    pub(crate) fn key(self) -> Key {
        self.to_string().parse().expect("the name is a letter and a number")
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Register => "r",
            Kind::List => "l",
            Kind::Counter => "c",
        };
        write!(f, "{kind}{}", self.number)
    }
}

/// What is done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Deed {
    Read,
    Write(i64),
    /// Nothing expected means that the key is expected to be missing.
    Cas {
        expect: Option<i64>,
        new: i64,
    },
    Append(i64),
    Add(i64),
}

impl Deed {
    /// Returns the name of the function in a history.
    pub(crate) fn function(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write(_) => "write",
            Self::Cas { .. } => "cas",
            Self::Append(_) => "append",
            Self::Add(_) => "add",
        }
    }

    /// Returns what is to be done to `object`; nothing for a read, which needs no entry.
    pub(crate) fn action(self, object: Object) -> Option<Action> {
        let key = object.key();
        Some(match self {
            Self::Read => return None,
            Self::Write(value) => Action::Change(key, Change::Put(Json::integer(value))),
            Self::Cas { expect, new } => {
                let expect = expect.map_or_else(Json::null, Json::integer);
                Action::Cas { key, expect, value: Json::integer(new) }
            }
            Self::Append(element) => Action::Change(key, Change::Append(Json::integer(element))),
            Self::Add(delta) => Action::Change(key, Change::Add(delta)),
        })
    }

    /// Returns the argument as it stands in a history.
    pub(crate) fn argument(self) -> Value {
        match self {
            Self::Read => Value::Null,
            Self::Write(value) | Self::Append(value) | Self::Add(value) => json!(value),
            Self::Cas { expect, new } => json!([expect, new]),
        }
    }
}

/// Draws what clients do.
pub(crate) struct Workload {
    objects: Vec<Object>,
    read_percent: u32,
    last_value: i64,
}

impl Workload {
    /// Prepares traffic on `registers` registers, and as many `lists` and `counters`.
    pub(crate) fn new(registers: u32, lists: u32, counters: u32, read_percent: u32) -> Self {
        let of = |kind, count| (0..count).map(move |number| Object { kind, number });
        let objects = of(Kind::Register, registers)
            .chain(of(Kind::List, lists))
            .chain(of(Kind::Counter, counters))
            .collect();
        Self { objects, read_percent, last_value: 0 }
    }

    pub(crate) fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// Draws what to do next; `seen` tells what the client last saw in a register.
    pub(crate) fn draw(
        &mut self,
        rng: &mut ChaCha8Rng,
        seen: impl Fn(Object) -> Option<i64>,
    ) -> (Object, Deed) {
        let object = self.objects[rng.random_range(0..self.objects.len())];
        if rng.random_range(0..100) < self.read_percent {
            return (object, Deed::Read);
        }
        self.last_value += 1;
        let value = self.last_value;
        let deed = match object.kind {
            Kind::Register if rng.random_range(0..3) == 0 => {
                Deed::Cas { expect: seen(object), new: value }
            }
            Kind::Register => Deed::Write(value),
            Kind::List => Deed::Append(value),
            Kind::Counter => Deed::Add(1),
        };
        (object, deed)
    }
}
