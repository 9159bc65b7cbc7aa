//! Transactions, decided anew every so often while their history grows.
//!
//! What a history holds so far is a history of its own, in which operations in flight are
//! indeterminate; and if that has no legal order, neither has anything it grows into: what
//! ends later only adds demands. Deciding takes time in proportion to what there is, so it is
//! done whenever that has grown by a sixteenth, which costs a constant factor in all.
//!
//! Deliberately absent: search. Where the procedure does not apply nothing is said.

use super::objects::{Judge, Stop};
use crate::check::violation_so_far;
use crate::history::{Moment, Recorded};
use crate::model::ModelName;
use crate::verdict::OperationId;

/// Operations that end before the first look, and between two looks at the least.
const STEP_MIN: usize = 256;

/// The share of the operations that ended by which they must grow before the next look.
const GROWTH: usize = 16;

/// All transactions of one object.
pub(super) struct Rechecked {
    model: ModelName,
    members: Vec<OperationId>,
    ended: usize,
    /// How many must have ended before the next look.
    due: usize,
}

impl Rechecked {
    /// No transactions yet; `None` if `model` is not about transactions.
    pub(super) fn new(model: ModelName) -> Option<Self> {
        matches!(model, ModelName::TxnAppend | ModelName::TxnRegister).then(|| Self {
            model,
            members: Vec::new(),
            ended: 0,
            due: STEP_MIN,
        })
    }
}

impl Judge for Rechecked {
    fn invoke(&mut self, id: OperationId, _operation: Recorded<'_>) -> Result<(), Stop> {
        self.members.push(id);
        Ok(())
    }

    fn complete(&mut self, _id: OperationId, operation: Recorded<'_>) -> Result<(), Stop> {
        self.ended += 1;
        if self.ended < self.due {
            return Ok(());
        }
        self.due = self.ended + STEP_MIN.max(self.ended / GROWTH);
        let history = operation.history();
        let found = violation_so_far(history, self.model, &self.members).map_err(|_| {
            Stop::Unjudged("an operation is none of its model, or returned what none returns")
        })?;
        let Some(conflict) = found else { return Ok(()) };
        let ended = |id: &u32| history.get(OperationId(*id)).completed.map(Moment::position);
        // The contradiction is complete when the last of its operations has ended.
        let last = conflict.operations.iter().copied().max_by_key(ended);
        match last {
            Some(last) => Err(Stop::Violation { operation: OperationId(last), conflict }),
            None => Ok(()),
        }
    }
}
