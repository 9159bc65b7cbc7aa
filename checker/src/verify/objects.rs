//! The objects of a history: what is checked by itself.

use rustc_hash::FxHashMap;

use super::Flaw;
use crate::history::{History, Name};
use crate::verdict::OperationId;

/// How a model divides a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Division {
    /// Each key is an object.
    ByKey,
    /// All keys are one object.
    Whole,
}

/// The objects of a history, numbered by first appearance.
pub(super) struct Objects {
    numbers: FxHashMap<Option<Name>, u32>,
    keys: Vec<Option<Name>>,
    /// The object of each operation.
    object_of: Vec<u32>,
    members: Vec<Vec<OperationId>>,
}

/// One object.
pub(super) struct Object<'a> {
    number: u32,
    object_of: &'a [u32],
    /// All operations of it, failed ones too, by invocation.
    pub(super) members: &'a [OperationId],
}

impl Objects {
    pub(super) fn of(history: &History, division: Division) -> Self {
        let mut objects = Self {
            numbers: FxHashMap::default(),
            keys: Vec::new(),
            object_of: Vec::with_capacity(history.operations.len()),
            members: Vec::new(),
        };
        for (id, operation) in (0..).zip(&history.operations) {
            let key = match division {
                Division::ByKey => operation.key,
                Division::Whole => None,
            };
            let number = match objects.object_of.last() {
                // Runs of one key need no hashing.
                Some(&last) if objects.keys[last as usize] == key => last,
                _ => *objects.numbers.entry(key).or_insert_with(|| {
                    objects.keys.push(key);
                    objects.members.push(Vec::new());
                    objects.keys.len() as u32 - 1
                }),
            };
            objects.object_of.push(number);
            objects.members[number as usize].push(OperationId(id));
        }
        objects
    }

    /// The number of the object with this key.
    pub(super) fn find(&self, history: &History, key: Option<&str>) -> Option<u32> {
        let key = match key {
            None => None,
            Some(key) => Some(history.names.find(key)?),
        };
        self.numbers.get(&key).copied()
    }

    pub(super) fn object(&self, number: u32) -> Object<'_> {
        let members = &self.members[number as usize];
        Object { number, object_of: &self.object_of, members }
    }

    /// The keys by number.
    pub(super) fn keys(&self) -> &[Option<Name>] {
        &self.keys
    }
}

impl Object<'_> {
    /// Checks that an operation exists and is of this object.
    pub(super) fn claims(&self, id: OperationId) -> Result<(), Flaw> {
        match self.object_of.get(id.0 as usize) {
            None => Err(Flaw::NoSuchOperation(id)),
            Some(&number) if number != self.number => Err(Flaw::OtherKey(id)),
            Some(_) => Ok(()),
        }
    }
}
