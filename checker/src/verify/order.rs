//! One pass over a claimed linearization.
//!
//! The order is a linearization of the key iff each operation is named once, is of the key
//! and may have taken effect; each successful one is named; no operation comes after one
//! that began after it had ended; and replaying from the initial value is legal. The third
//! rule needs no pairs: with `latest` the operation that began last among those already
//! passed, some earlier one began after this one ended iff `latest` did.

use super::Flaw;
use super::register::{INITIAL, meaning, precedes};
use crate::history::{History, Outcome};
use crate::verdict::OperationId;

/// Checks that `order` is a linearization of the operations of key `number`.
///
/// `named` has a slot per operation of the history, those of this key still unset.
pub(super) fn verify_order(
    history: &History,
    key_of: &[u32],
    number: u32,
    members: &[OperationId],
    order: &[OperationId],
    named: &mut [bool],
) -> Result<(), Flaw> {
    let mut current = INITIAL;
    let mut latest = None;
    for &id in order {
        let index = id.0 as usize;
        match key_of.get(index) {
            None => return Err(Flaw::NoSuchOperation(id)),
            Some(key) if *key != number => return Err(Flaw::OtherKey(id)),
            Some(_) if named[index] => return Err(Flaw::Repeated(id)),
            Some(_) => named[index] = true,
        }
        let operation = &history.operations[index];
        if operation.outcome == Outcome::Fail {
            return Err(Flaw::Failed(id));
        }
        let Some(meaning) = meaning(history, id)? else {
            return Err(Flaw::NothingReturned(id));
        };
        match latest {
            Some(late) if precedes(operation, &history.operations[late as usize]) => {
                return Err(Flaw::RealTime { early: id, late: OperationId(late) });
            }
            Some(late)
                if history.operations[late as usize].invoked.position()
                    >= operation.invoked.position() => {}
            _ => latest = Some(id.0),
        }
        match meaning.needs {
            Some(needed) if needed != current => {
                return Err(Flaw::Illegal {
                    operation: id,
                    expected: history.values.show(needed).to_string(),
                    found: history.values.show(current).to_string(),
                });
            }
            _ => current = meaning.leaves.unwrap_or(current),
        }
    }
    let missing = members.iter().find(|id| {
        history.operations[id.0 as usize].outcome == Outcome::Ok && !named[id.0 as usize]
    });
    missing.map_or(Ok(()), |id| Err(Flaw::Missing(*id)))
}
