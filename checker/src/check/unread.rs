//! Why an object is not read off its history: the caller's fault, or the system's.
//!
//! What was asked of a system is the caller's to say rightly, and where it makes no sense the
//! history is refused. What a system returned is what is under test: a result that is nothing
//! the function returns costs the object it was returned on its verdict, and no other object
//! anything. Deliberately absent: judging such an object by the rest of its operations, of
//! which nobody could verify that they are the rest.

use thiserror::Error;

use super::error::CheckError;
use crate::explain::show;
use crate::history::Recorded;
use crate::verdict::OperationId;

/// Why an object is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// An operation was asked for that the model does not know.
    Refused(CheckError),
    /// A result has not the shape that its function returns.
    Misshapen(Misshapen),
}

/// A result that has not the shape its function returns.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "operation {} (process {process}) is a `{f}` that returned {found}, expected {expected}; \
     nothing is judged of what it was returned on",
    .operation.0
)]
pub(crate) struct Misshapen {
    operation: OperationId,
    process: u64,
    f: String,
    /// As JSON, cut short.
    found: String,
    expected: &'static str,
}

impl Misshapen {
    /// The result of this operation is not what was expected.
    pub(super) fn new(id: OperationId, recorded: Recorded<'_>, expected: &'static str) -> Self {
        Self {
            operation: id,
            process: recorded.process,
            f: recorded.f().to_owned(),
            found: show(recorded, recorded.result),
            expected,
        }
    }
}

impl From<CheckError> for Unread {
    fn from(error: CheckError) -> Self {
        Self::Refused(error)
    }
}

impl From<Misshapen> for Unread {
    fn from(misshapen: Misshapen) -> Self {
        Self::Misshapen(misshapen)
    }
}

/// The first result of a wrong shape among those of an object.
///
/// It is held back until the whole object was read, so that an operation the model does not
/// know is an error wherever it stands.
#[derive(Default)]
pub(super) struct HeldBack(Option<Misshapen>);

impl HeldBack {
    /// Passes on what was read, or nothing where a result has a wrong shape.
    ///
    /// # Errors
    /// Operations that the model does not know.
    pub(super) fn pass<T>(
        &mut self,
        read: Result<T, impl Into<Unread>>,
    ) -> Result<Option<T>, CheckError> {
        match read.map_err(Into::into) {
            Ok(read) => Ok(Some(read)),
            Err(Unread::Refused(error)) => Err(error),
            Err(Unread::Misshapen(misshapen)) => {
                self.0.get_or_insert(misshapen);
                Ok(None)
            }
        }
    }

    /// The whole object was read.
    ///
    /// # Errors
    /// The first result of a wrong shape.
    pub(super) fn release(self) -> Result<(), Misshapen> {
        self.0.map_or(Ok(()), Err)
    }
}
