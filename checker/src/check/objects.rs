//! Divides a history into the objects that are checked by themselves.

use rustc_hash::FxHashMap;

use super::error::CheckError;
use crate::history::{History, Name};
use crate::model::ModelName;
use crate::verdict::OperationId;

/// What is checked by itself: a key, or the whole history.
pub(super) struct Object {
    /// The key; none where the history has no keys or is one object.
    pub(super) key: Option<Name>,
    /// What judges it, never [`ModelName::Mixed`].
    pub(super) model: ModelName,
    /// All its operations, failed ones too, in the order of their ids.
    pub(super) members: Vec<OperationId>,
}

/// The objects of a history by first appearance.
///
/// Most models are about one key, so each key is an object (Herlihy & Wing 1990, locality).
/// A map whose operations all name one key falls apart in the same way; with operations on
/// several keys at once it is one object, as are accounts and transactions. In a mixed
/// history each key is an object, whatever its model would make of a history of its own.
///
/// # Errors
/// The first operation of a mixed history whose key names no model.
pub(super) fn divide(history: &History, model: ModelName) -> Result<Vec<Object>, CheckError> {
    if is_whole(history, model) {
        let members: Vec<OperationId> =
            (0..history.operations.len() as u32).map(OperationId).collect();
        let whole = (!members.is_empty()).then_some(Object { key: None, model, members });
        return Ok(whole.into_iter().collect());
    }
    let mut numbers: FxHashMap<Option<Name>, usize> = FxHashMap::default();
    let mut objects: Vec<Object> = Vec::new();
    let mut number = 0;
    for (id, operation) in (0..).map(OperationId).zip(&history.operations) {
        let key = operation.key;
        // Runs of one key, and histories of one key, need no hashing.
        if objects.get(number).is_none_or(|current| current.key != key) {
            number = *numbers.entry(key).or_insert_with(|| {
                objects.push(Object { key, model, members: Vec::new() });
                objects.len() - 1
            });
        }
        objects[number].members.push(id);
    }
    if model == ModelName::Mixed {
        for object in &mut objects {
            object.model = named_by(history, object)?;
        }
    }
    Ok(objects)
}

/// The model that the key of an object of a mixed history names.
fn named_by(history: &History, object: &Object) -> Result<ModelName, CheckError> {
    let named = object.key.and_then(|key| ModelName::of_key(history.names.get(key)));
    named.ok_or_else(|| {
        let first = object.members[0];
        CheckError::key_names_no_model(first, history.get(first))
    })
}

/// Whether the history is one object.
fn is_whole(history: &History, model: ModelName) -> bool {
    match model {
        ModelName::Bank | ModelName::TxnAppend | ModelName::TxnRegister => true,
        ModelName::Kv => history.operations.iter().any(|operation| operation.key.is_none()),
        _ => false,
    }
}
