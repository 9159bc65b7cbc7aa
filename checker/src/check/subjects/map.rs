//! A map as one object: reads and writes of several keys at once.

use std::ops::Range;

use super::register::Functions;
use super::{Part, Subject, is_refusal};
use crate::check::error::CheckError;
use crate::check::numbers::Numbers;
use crate::check::objects::Object;
use crate::check::reading::Reading;
use crate::check::unread::{Misshapen, Unread};
use crate::explain::explain;
use crate::history::{History, Outcome, Recorded, Value, View};
use crate::model::{Entry, MapOp, ModelName, RegisterMap, RegisterOp, ValueId};
use crate::procedure::Decision;
use crate::timed::Timed;
use crate::verdict::{Contradiction, OperationId};

/// Registers by key, all of one history; an absent key holds null.
pub(in crate::check) struct MapSubject {
    part: Part<MapOp>,
    model: RegisterMap,
}

/// The keys and the values of a map in numbers.
struct Entries<'a> {
    functions: Functions,
    keys: rustc_hash::FxHashMap<&'a str, u32>,
    values: Numbers,
    entries: Vec<Entry>,
}

impl<'a> Entries<'a> {
    fn key(&mut self, key: &'a str) -> u32 {
        let count = self.keys.len() as u32;
        *self.keys.entry(key).or_insert(count)
    }

    /// The entries from `start` on.
    fn since(&self, start: usize) -> Range<u32> {
        start as u32..self.entries.len() as u32
    }

    fn one(&mut self, key: u32, value: Option<ValueId>) -> Range<u32> {
        let start = self.entries.len();
        self.entries.extend(value.map(|value| (key, value)));
        self.since(start)
    }

    /// What an operation on one key does to the map.
    fn of_key(&mut self, key: &'a str, op: RegisterOp) -> MapOp {
        let (finds, lacks, stores) = match op {
            RegisterOp::Read(value) => (Some(value), None, None),
            RegisterOp::Write(value) => (None, None, Some(value)),
            RegisterOp::Cas { expected, new } => (Some(expected), None, Some(new)),
            RegisterOp::Refused(value) => (None, Some(value), None),
        };
        let key = self.key(key);
        MapOp {
            finds: self.one(key, finds),
            lacks: self.one(key, lacks),
            stores: self.one(key, stores),
        }
    }

    /// The entries of a map; nothing if the value is none.
    fn of_map(&mut self, history: &'a History, map: Value) -> Option<Range<u32>> {
        let View::Map(fields) = history.values.view(map) else { return None };
        let start = self.entries.len();
        for (key, value) in fields.iter() {
            let entry = (self.key(key), ValueId(self.values.number(value)));
            self.entries.push(entry);
        }
        Some(self.since(start))
    }

    fn op(
        &mut self,
        id: OperationId,
        recorded: Recorded<'a>,
        model: ModelName,
    ) -> Result<Option<MapOp>, Unread> {
        if let Some(key) = recorded.key() {
            let op = self.functions.op(id, recorded, model, &mut self.values)?;
            return Ok(op.map(|op| self.of_key(key, op)));
        }
        let history = recorded.history();
        let shape = "a map from keys to values";
        match recorded.f() {
            "read" if recorded.outcome == Outcome::Info => Ok(None),
            "read" => {
                let finds = self.of_map(history, recorded.result);
                let finds = finds.ok_or_else(|| Misshapen::new(id, recorded, shape))?;
                Ok(Some(MapOp { finds, lacks: 0..0, stores: 0..0 }))
            }
            "write" => {
                let stores = self.of_map(history, recorded.argument);
                let stores = stores.ok_or_else(|| CheckError::argument(id, recorded, shape))?;
                Ok(Some(MapOp { finds: 0..0, lacks: 0..0, stores }))
            }
            "cas" | "delete" => Err(CheckError::KeyMissing {
                operation: id,
                process: recorded.process,
                f: recorded.f().to_owned(),
            }
            .into()),
            _ => Err(CheckError::unknown_function(id, recorded, model).into()),
        }
    }
}

impl Subject for MapSubject {
    type Model = RegisterMap;

    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, Unread> {
        let mut part = Part::with_room_for(object);
        let mut entries = Entries {
            functions: Functions::of(history),
            keys: rustc_hash::FxHashMap::default(),
            values: Numbers::beginning_with(Value::NULL),
            entries: Vec::new(),
        };
        for &id in &object.members {
            let recorded = history.get(id);
            if recorded.outcome == Outcome::Fail && !is_refusal(recorded) {
                continue;
            }
            part.take(id, recorded, entries.op(id, recorded, model))?;
        }
        let model = RegisterMap { keys: entries.keys.len() as u32, entries: entries.entries };
        Ok(Self { part: part.sorted()?, model })
    }

    fn ids(&self) -> &[OperationId] {
        &self.part.ids
    }

    fn procedure(&self) -> &'static str {
        "search"
    }

    fn decide(&self) -> Decision {
        Decision::NotApplicable("operations on several keys at once make the whole map one object")
    }

    fn model(&self) -> &RegisterMap {
        &self.model
    }

    fn operations(&self) -> Vec<Timed<MapOp>> {
        self.part.operations.clone()
    }

    fn reading(
        &self,
        history: &History,
        model: ModelName,
        kind: Contradiction,
        operations: &[OperationId],
    ) -> Reading {
        // What is known of the values of one register does not hold of several.
        let explanation = explain(history, model, kind, operations, &[]);
        Reading { kind, edges: Vec::new(), explanation }
    }
}
