//! The objects of a history: what is checked by itself.

use rustc_hash::FxHashMap;

use super::Flaw;
use crate::history::{History, Name, Operation};
use crate::verdict::OperationId;

/// How a model divides a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Division {
    /// Each key is an object.
    ByKey,
    /// All keys are one object.
    Whole,
}

impl Division {
    /// What an operation is about, if not the whole.
    fn object_of(self, operation: &Operation) -> Option<Name> {
        match self {
            Self::ByKey => operation.key,
            Self::Whole => None,
        }
    }
}

/// The objects of a history, numbered by first appearance.
pub(super) struct Objects<'a> {
    operations: &'a [Operation],
    division: Division,
    numbers: FxHashMap<Option<Name>, u32>,
    keys: Vec<Option<Name>>,
    members: Vec<Vec<OperationId>>,
}

/// One object.
pub(super) struct Object<'a> {
    operations: &'a [Operation],
    pub(super) division: Division,
    key: Option<Name>,
    /// All operations of it, failed ones too, by invocation.
    pub(super) members: &'a [OperationId],
}

impl<'a> Objects<'a> {
    pub(super) fn of(history: &'a History, division: Division) -> Self {
        let mut objects = Self {
            operations: &history.operations,
            division,
            numbers: FxHashMap::default(),
            keys: Vec::new(),
            members: Vec::new(),
        };
        let mut last = 0;
        for (id, operation) in (0..).zip(&history.operations) {
            let key = division.object_of(operation);
            let number = match objects.keys.get(last as usize) {
                // Runs of one key need no hashing.
                Some(before) if *before == key => last,
                _ => *objects.numbers.entry(key).or_insert_with(|| {
                    objects.keys.push(key);
                    objects.members.push(Vec::new());
                    objects.keys.len() as u32 - 1
                }),
            };
            last = number;
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
        let key = self.keys[number as usize];
        Object { operations: self.operations, division: self.division, key, members }
    }

    /// The keys by number.
    pub(super) fn keys(&self) -> &[Option<Name>] {
        &self.keys
    }
}

impl Object<'_> {
    /// Checks that an operation exists and is of this object.
    pub(super) fn claims(&self, id: OperationId) -> Result<(), Flaw> {
        match self.operations.get(id.0 as usize) {
            None => Err(Flaw::NoSuchOperation(id)),
            Some(operation) if self.division.object_of(operation) != self.key => {
                Err(Flaw::OtherKey(id))
            }
            Some(_) => Ok(()),
        }
    }
}
