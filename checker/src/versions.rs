//! Registers whose operations tell the revision they saw: decided by ranks, whatever values
//! repeat.
//!
//! The object is a value and a revision, the initial value and 0 at first. **Every write
//! adds one to the revision** and, if it returned, tells the revision it made; a read tells
//! the value and the revision it saw. So a write belongs at its revision and a read just
//! after it, which are [ranks](crate::rank), and a read must show what the write of its
//! revision stored.
//!
//! Revisions up to the greatest one told which no acknowledged write made, *open* ones, were
//! made by indeterminate writes: one each, with the value that reads of the revision show,
//! any if there are none. The write of an open revision must have begun when the first
//! operation behind it ended, the *deadline* of the revision; being indeterminate, nothing
//! else holds it. Deadlines do not fall with the revision, so which writes can make a
//! revision is a growing prefix by beginnings. Therefore
//!
//! - revisions that were read go first, each, in order, to that write of its value which
//!   began last in its prefix: any of the prefix would do for the revisions to come, and the
//!   earlier ones are left to the others;
//! - the remaining writes go to the remaining open revisions, both in order.
//!
//! By exchange, if there is any assignment this one is found. What then remains are the
//! conditions of the rank lemma among the operations that told their revision.
//!
//! An order found here is one of a plain register too: just leave out the revisions. A
//! violation is one of values *and* revisions; a plain register may still have an order.
//!
//! Deliberately absent: reads without a revision, and revisions that also count writes to
//! other objects (take all that share the revision as one object).

mod assignment;

#[cfg(test)]
mod tests;

use assignment::Assignment;

use crate::fault::planted;
use crate::model::ValueId;
use crate::procedure::{Conflict, Decision};
use crate::rank::{Ranks, arrange};
use crate::timed::{NEVER, Timed};
use crate::verdict::Contradiction;

/// The absence of an operation.
const NONE: u32 = u32::MAX;

/// What an operation on a register with revisions did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VersionedOp {
    /// Returned the value and the revision it saw.
    Read {
        /// The value returned.
        value: ValueId,
        /// The revision of that value: 0 if nothing was written yet.
        revision: u32,
    },
    /// Stored the value, and told its revision.
    Write {
        /// The value stored.
        value: ValueId,
        /// The revision it made, from 1 on.
        revision: u32,
    },
    /// Stored the value, if it took effect at all: indeterminate.
    Unacknowledged {
        /// The value stored.
        value: ValueId,
    },
}

/// Decides whether the operations of one register, with the revisions they told, have a
/// linearization.
///
/// `operations` are by beginnings; indeterminate reads are left out by the caller, and values
/// are below `values`. Not applicable if an operation that ended is
/// [`VersionedOp::Unacknowledged`], if another did not end, or if a write made revision 0.
/// O(operations + values), and memory of the same order.
///
/// Violations: [`Contradiction::DuplicateId`] (two writes made one revision),
/// [`Contradiction::OutOfOrder`] (one ended before the other began and told a later
/// revision), [`Contradiction::NeverWritten`] (a read shows a value that the initial state,
/// or every write without a revision, lacks), [`Contradiction::MissingId`] (an operation
/// told a revision that is more than the writes with revisions up to there and the
/// indeterminate ones that had begun when it ended), and otherwise
/// [`Contradiction::NoOrder`]: one revision with two values, or reads of more open revisions
/// than indeterminate writes of their values could have made by the deadlines. The last may
/// name many operations and is not minimised.
///
/// ```
/// use squall_checker::model::ValueId;
/// use squall_checker::procedure::Decision;
/// use squall_checker::timed::{NEVER, Timed};
/// use squall_checker::versions::{VersionedOp, decide};
///
/// let value = ValueId(1);
/// let operations = [
///     Timed { op: VersionedOp::Unacknowledged { value }, invoked: 1, returned: NEVER },
///     Timed { op: VersionedOp::Write { value, revision: 2 }, invoked: 2, returned: 3 },
/// ];
/// assert_eq!(decide(&operations, 2), Decision::Linearizable(vec![0, 1]));
/// ```
///
/// # Panics
/// If a value is not below `values`.
pub fn decide(operations: &[Timed<VersionedOp>], values: u32) -> Decision {
    match linearize(operations, values) {
        Ok(order) => Decision::Linearizable(order),
        Err(decision) => decision,
    }
}

fn linearize(operations: &[Timed<VersionedOp>], values: u32) -> Result<Vec<u32>, Decision> {
    let count = revisions(operations)?;
    let revisions = Revisions::gather(operations, count)?;
    let unacknowledged = Assignment::of(&revisions).assign(values)?;
    // Writes at even ranks, reads of their revisions just above.
    let ranges: Vec<Ranks> = operations
        .iter()
        .zip(unacknowledged)
        .map(|(operation, assigned)| match operation.op {
            VersionedOp::Read { revision, .. } => Ranks::exactly(2 * revision + 1),
            VersionedOp::Write { revision, .. } => Ranks::exactly(2 * revision),
            VersionedOp::Unacknowledged { .. } if assigned == NONE => Ranks::ABSENT,
            VersionedOp::Unacknowledged { .. } => Ranks::exactly(2 * assigned),
        })
        .collect();
    arrange(operations, &ranges, 2 * count).map_err(|inversion| {
        violation(Contradiction::OutOfOrder, [inversion.first, inversion.second])
    })
}

fn violation(kind: Contradiction, operations: impl IntoIterator<Item = u32>) -> Decision {
    Decision::Violation(Conflict::new(kind, operations))
}

/// How many revisions there are, 0 included; none is above the number of writes.
fn revisions(operations: &[Timed<VersionedOp>]) -> Result<u32, Decision> {
    let mut writes = 0_u32;
    let mut greatest = (0, NONE);
    let mut latest = 0;
    for (index, operation) in (0..).zip(operations) {
        if operation.invoked < latest {
            return Err(Decision::NotApplicable("its operations are not by beginnings"));
        }
        latest = operation.invoked;
        let revision = match (operation.op, operation.is_indeterminate()) {
            (VersionedOp::Unacknowledged { .. }, true) => 0,
            (VersionedOp::Unacknowledged { .. }, false) => {
                return Err(Decision::NotApplicable("a write that ended told no revision"));
            }
            (_, true) => {
                return Err(Decision::NotApplicable("an indeterminate operation has a revision"));
            }
            (VersionedOp::Write { revision: 0, .. }, false) => {
                return Err(Decision::NotApplicable("a write made the initial revision"));
            }
            (VersionedOp::Write { revision, .. } | VersionedOp::Read { revision, .. }, false) => {
                revision
            }
        };
        writes += u32::from(!matches!(operation.op, VersionedOp::Read { .. }));
        if revision > greatest.0 {
            greatest = (revision, index);
        }
    }
    if greatest.0 > writes {
        return Err(violation(Contradiction::MissingId, [greatest.1]));
    }
    Ok(greatest.0 + 1)
}

/// What was told of one revision.
#[derive(Clone, Copy)]
struct Revision {
    writer: u32,
    /// The read that ended first, as all reads of a revision show one value.
    read: u32,
    /// Of the operations that come after the write of this revision, the first to end.
    deadline: u32,
}

struct Revisions<'a> {
    operations: &'a [Timed<VersionedOp>],
    by_number: Vec<Revision>,
}

impl<'a> Revisions<'a> {
    /// Gathers what each revision shows, and the deadlines.
    fn gather(operations: &'a [Timed<VersionedOp>], count: u32) -> Result<Self, Decision> {
        let untold = Revision { writer: NONE, read: NONE, deadline: NONE };
        let mut revisions = Self { operations, by_number: vec![untold; count as usize] };
        for (index, operation) in (0..).zip(operations) {
            match operation.op {
                VersionedOp::Write { revision, .. } => {
                    let writer = &mut revisions.by_number[revision as usize].writer;
                    if *writer != NONE {
                        return Err(violation(Contradiction::DuplicateId, [*writer, index]));
                    }
                    *writer = index;
                }
                VersionedOp::Read { value, revision } => {
                    let read = revisions.by_number[revision as usize].read;
                    if read != NONE && revisions.value(read) != value {
                        return Err(violation(Contradiction::NoOrder, [read, index]));
                    }
                    let first = revisions.first_to_end(read, index);
                    revisions.by_number[revision as usize].read = first;
                }
                VersionedOp::Unacknowledged { .. } => {}
            }
        }
        revisions.compare_reads()?;
        let mut deadline = NONE;
        for number in (0..revisions.by_number.len()).rev() {
            let Revision { writer, read, .. } = revisions.by_number[number];
            deadline = revisions.first_to_end(deadline, read);
            revisions.by_number[number].deadline = deadline;
            if !planted("versions: writes set no deadlines") {
                deadline = revisions.first_to_end(deadline, writer);
            }
        }
        Ok(revisions)
    }

    /// Whether reads show what the writes of their revisions stored.
    fn compare_reads(&self) -> Result<(), Decision> {
        for (number, &Revision { writer, read, .. }) in self.by_number.iter().enumerate() {
            if read == NONE || planted("versions: reads may show anything") {
                continue;
            }
            if number == 0 && self.value(read) != ValueId::INITIAL {
                return Err(violation(Contradiction::NeverWritten, [read]));
            }
            if writer != NONE && self.value(writer) != self.value(read) {
                return Err(violation(Contradiction::NoOrder, [writer, read]));
            }
        }
        Ok(())
    }

    fn value(&self, operation: u32) -> ValueId {
        match self.operations[operation as usize].op {
            VersionedOp::Read { value, .. }
            | VersionedOp::Write { value, .. }
            | VersionedOp::Unacknowledged { value } => value,
        }
    }

    /// When an operation ended; what is absent never did.
    fn end(&self, operation: u32) -> u32 {
        self.operations.get(operation as usize).map_or(NEVER, |operation| operation.returned)
    }

    fn first_to_end(&self, one: u32, other: u32) -> u32 {
        if self.end(other) < self.end(one) { other } else { one }
    }

    fn began(&self, operation: u32) -> u32 {
        self.operations[operation as usize].invoked
    }

    /// The open revisions.
    fn open(&self) -> impl Iterator<Item = (u32, &Revision)> {
        (0..).zip(&self.by_number).skip(1).filter(|(_, revision)| revision.writer == NONE)
    }
}
