//! What a decision procedure says about the operations of one object.

use crate::verdict::Contradiction;

/// The conclusion of a procedure. Operations are named by their position in what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Legal in this order: every operation that ended, and those indeterminate ones that
    /// the others need.
    Linearizable(Vec<u32>),
    /// Legal in no order.
    Violation(Conflict),
    /// The procedure cannot judge these operations, for the reason given (a clause that
    /// completes "because ..."); nothing follows.
    NotApplicable(&'static str),
}

/// A few operations that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// How.
    pub kind: Contradiction,
    /// Which, by position, rising: none can be left out.
    pub operations: Vec<u32>,
}

impl Conflict {
    /// A conflict of `operations`, in any order and possibly repeated.
    pub fn new(kind: Contradiction, operations: impl IntoIterator<Item = u32>) -> Self {
        let mut operations: Vec<u32> = operations.into_iter().collect();
        operations.sort_unstable();
        operations.dedup();
        Self { kind, operations }
    }
}
