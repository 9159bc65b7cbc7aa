//! Objects in the numbers of the procedures: one module for each family of models.
//!
//! A subject reads the operations of an object off the history, drops what takes no part,
//! numbers values densely, and knows the procedures for its model: a near-linear one that
//! tests whether it applies, and the general search for what is left.

mod bank;
mod counter;
mod ids;
mod list;
mod map;
mod mutex;
mod queue;
mod register;
mod set;
mod text;
mod transactions;

use super::Budget;
use super::error::CheckError;
use super::objects::Object;
use super::reading::{self, Reading};
use super::revisions::Revisions;
use super::unread::{HeldBack, Misshapen, Unread};
use crate::history::{History, Moment, Outcome, Recorded};
use crate::model::{Model, ModelName};
use crate::procedure::Decision;
use crate::search::minimal;
use crate::timed::{NEVER, Timed};
use crate::verdict::{Contradiction, OperationId};

pub(super) use bank::BankSubject;
pub(super) use counter::CounterSubject;
pub(super) use ids::IdsSubject;
pub(super) use list::ListSubject;
pub(super) use map::MapSubject;
pub(super) use mutex::MutexSubject;
pub(super) use queue::QueueSubject;
pub(super) use register::RegisterSubject;
pub(super) use set::SetSubject;
pub(super) use text::TextSubject;
pub(super) use transactions::TransactionsSubject;

/// An object, ready to be decided.
pub(super) trait Subject: Sized + Send + Sync {
    /// What the general search judges it by.
    type Model: Model<Op: Clone + Send + Sync, State: Send> + Sync;

    /// Reads an object off the history.
    ///
    /// # Errors
    /// Operations that `model` does not know, wherever they stand; else the first result that
    /// is nothing its function returns.
    fn read(history: &History, model: ModelName, object: &Object) -> Result<Self, Unread>;

    /// The operations that take part, by position in what the procedures were given.
    fn ids(&self) -> &[OperationId];

    /// The name of the near-linear procedure.
    fn procedure(&self) -> &'static str;

    /// What the near-linear procedure says.
    fn decide(&self) -> Decision;

    /// What revisions that operations told show.
    fn revisions(&self, _history: &History) -> Option<Revisions> {
        None
    }

    /// The model of the general search.
    fn model(&self) -> &Self::Model;

    /// The operations as the general search takes them, at the same positions.
    fn operations(&self) -> Vec<Timed<OpOf<Self>>>;

    /// The positions of a few operations without a legal order, where all of them have none;
    /// nothing if none can be found within the budget.
    fn reduce(&self, operations: &[Timed<OpOf<Self>>], budget: &Budget<'_>) -> Option<Vec<u32>> {
        Some(minimal(self.model(), operations, budget)?.operations)
    }

    /// What operations without a legal order show: the kind, the cycle, the words. `kind` is
    /// what the procedure called it.
    fn reading(
        &self,
        history: &History,
        model: ModelName,
        kind: Contradiction,
        operations: &[OperationId],
    ) -> Reading {
        reading::read(history, model, kind, operations)
    }
}

/// What the general search takes for a subject.
pub(super) type OpOf<S> = <<S as Subject>::Model as Model>::Op;

/// The operations of an object that take part, sorted by beginnings.
pub(super) struct Part<Op> {
    pub(super) ids: Vec<OperationId>,
    pub(super) operations: Vec<Timed<Op>>,
    pub(super) held_back: HeldBack,
}

impl<Op> Part<Op> {
    /// Room for the operations of an object.
    pub(super) fn with_room_for(object: &Object) -> Self {
        let count = object.members.len();
        Self {
            ids: Vec::with_capacity(count),
            operations: Vec::with_capacity(count),
            held_back: HeldBack::default(),
        }
    }

    /// Takes what was read of an operation, if it takes part.
    ///
    /// # Errors
    /// Operations that the model does not know; a result of a wrong shape is held back.
    pub(super) fn take(
        &mut self,
        id: OperationId,
        recorded: Recorded<'_>,
        read: Result<Option<Op>, Unread>,
    ) -> Result<(), CheckError> {
        if let Some(Some(op)) = self.held_back.pass(read)? {
            self.push(id, recorded, op);
        }
        Ok(())
    }

    /// Takes an operation that takes part; indeterminate ones never end.
    pub(super) fn push(&mut self, id: OperationId, recorded: Recorded<'_>, op: Op) {
        let end = recorded.completed.filter(|_| recorded.outcome != Outcome::Info);
        self.ids.push(id);
        self.operations.push(Timed {
            op,
            invoked: recorded.invoked.position(),
            returned: end.map_or(NEVER, Moment::position),
        });
    }

    /// The operations by beginnings; only histories ordered by stamps list them otherwise.
    ///
    /// # Errors
    /// The first result of a wrong shape.
    pub(super) fn sorted(mut self) -> Result<Self, Misshapen> {
        std::mem::take(&mut self.held_back).release()?;
        if self.operations.is_sorted_by_key(|timed| timed.invoked) {
            return Ok(self);
        }
        let mut together: Vec<(OperationId, Timed<Op>)> =
            self.ids.into_iter().zip(self.operations).collect();
        together.sort_by_key(|(_, timed)| timed.invoked);
        let (ids, operations) = together.into_iter().unzip();
        Ok(Self { ids, operations, held_back: HeldBack::default() })
    }
}

/// Whether a failed operation is a compare-and-set that was refused: it failed without an
/// error or with the error `mismatch`. Any other error may mean that nobody looked.
fn is_refusal(recorded: Recorded<'_>) -> bool {
    recorded.outcome == Outcome::Fail
        && recorded.f() == "cas"
        && recorded.error().is_none_or(|error| error == "mismatch")
}
