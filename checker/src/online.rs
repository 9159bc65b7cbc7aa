//! Checking while events arrive, with little memory.
//!
//! A [`Monitor`] is told of the invocations and completions of one object in the order they
//! happened, and says at the first event after which no order is legal any more that it is
//! so. What has been recorded up to any event is judged like a history that ends there:
//! operations still in flight are indeterminate. Such a prefix of a linearizable history is
//! linearizable, so a violation once found stays one, whatever follows.
//!
//! [`Watched`] keeps what is in flight and tells the monitor its *horizon*: the earliest
//! beginning of an operation that may still complete. What every operation from the horizon
//! on would contradict can be forgotten, and that is why memory stays bounded: it grows with
//! the operations begun since the oldest one in flight and with the indeterminate writes
//! nobody has seen, never with the length of the history. An operation that ended as `info`
//! no longer holds the horizon back.
//!
//! | objects | judged by | first event | memory |
//! |---|---|---|---|
//! | registers, also with compare-and-set | [`register`] | exact, refusals aside | 100 bytes a value alive |
//! | counters of one amount | [`counter`] | exact | 4 bytes an operation since the horizon |
//! | locks without owners | [`bit`] | exact | 4 bytes an operation since the horizon |
//! | fetch and increment | [`ids`] | exact | 12 bytes an operation since the horizon |
//! | the rest of one key: repeated values, owners, lists, sets, queues, bags, text | search | once the results of what is in flight are known | configurations carried, at most 64 MiB a key |
//! | transactions | the procedure of the whole, anew whenever there is a sixteenth more of them | at the next look | 4 bytes each, and those of the check while it lasts |
//! | accounts, maps with operations on several keys, generated ids | nobody: [named](OnlineChecker::unjudged) | at the check of the whole | none |
//!
//! In a mixed history each key is judged so by the model it names.
//!
//! A monitor whose precondition breaks hands its object over to search, which is told all of
//! the object's operations again; for that [`OnlineChecker`] keeps 4 bytes for each of them.
//! The history itself is the caller's. Compare-and-sets refused are judged by search only.
//!
//! Deliberately absent: certificates. A monitor forgets what a proof would name, so a
//! conflict it reports names the operations it still knows; [`check`](crate::check()) over
//! the recorded history gives the proof.

mod checker;
mod choice;
mod in_flight;
mod live;
mod objects;
pub mod register;

pub mod bit;
pub mod counter;
pub mod ids;
mod pledges;
mod rechecked;

#[cfg(test)]
mod judged;

use crate::procedure::Conflict;
use crate::verdict::OperationId;

pub use checker::{FirstViolation, OnlineChecker};
pub use in_flight::{Slot, Watched};

/// When an event happened, and what may still complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Position of the event; positions never fall, and of events at equal positions the
    /// invocations come first.
    pub position: u32,
    /// No operation that began before this position can complete any more. At most `position`.
    pub horizon: u32,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion<Reply> {
    /// It took effect and returned this.
    Ok(Reply),
    /// It had no effect and never will.
    Fail,
    /// Nobody will ever know.
    Info,
}

/// Why a monitor goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// No order is legal since this event. Operations are named by their [`OperationId`].
    Violation(Conflict),
    /// The monitor cannot judge this event, for the reason given (a clause that completes
    /// "because ..."); it is as it was before the event.
    NotApplicable(&'static str),
}

/// Judges one object event by event.
///
/// After a [`Halt::Violation`] a monitor must not be used again.
pub trait Monitor {
    /// An operation as it is invoked.
    type Call;
    /// What an operation returned.
    type Reply;
    /// What the monitor wants to be told again when an operation ends.
    type Pending;

    /// An operation begins.
    ///
    /// # Errors
    /// When the monitor goes no further.
    fn invoke(
        &mut self,
        operation: OperationId,
        call: Self::Call,
        at: Moment,
    ) -> Result<Self::Pending, Halt>;

    /// An operation ends; `at.horizon` no longer counts it.
    ///
    /// # Errors
    /// When the monitor goes no further.
    fn complete(
        &mut self,
        pending: Self::Pending,
        completion: Completion<Self::Reply>,
        at: Moment,
    ) -> Result<(), Halt>;

    /// No event follows.
    ///
    /// # Errors
    /// When the end is what makes it illegal.
    fn end(&mut self) -> Result<(), Halt> {
        Ok(())
    }
}
