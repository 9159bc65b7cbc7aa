//! General search: any model, any concurrency, any number of indeterminate operations.
//!
//! # Configurations
//!
//! Walks the tree of prefixes of linearizations depth first, without recursion, and visits
//! each *configuration* once: how many completions were passed, which of the operations
//! pending there were taken, the state they lead to, and how many indeterminate operations
//! of each kind were used. Every operation whose completion was passed is taken, so nothing
//! else is left to tell configurations apart, and a configuration is as small as the
//! concurrency, not as the history. Concurrency, kinds and counts have no limit but memory.
//!
//! # What is not tried, and why nothing is lost
//!
//! * **Just in time.** Between two completions nothing is taken unless the second needs it:
//!   any order can be cut where its operations let the next completion pass.
//! * **Eager reads.** An operation that only reads is taken as soon as it is legal, and
//!   nothing is tried in its place: where it can come next, an order that has it later can
//!   as well have it now.
//! * **Kinds.** Indeterminate operations of equal effect differ only in when they began, and
//!   none has an end, so the earliest are used first.
//! * **Need.** Where a model declares it ([`Indeterminate::WhenNeeded`]), an indeterminate
//!   operation is used only if what comes next was illegal before it. Of all orders take one
//!   that uses the fewest indeterminate operations and has them as late as possible. If what
//!   follows one of them was legal before it, then by the declaration it leads to the same
//!   state without it, so it could be left out, or the two can change places; neither is
//!   possible. Which state it came from is part of the configuration until it is justified.
//! * **Dominance.** Of configurations that differ only in what they used, one that used no
//!   more of any kind can do all that the other can.
//! * **Look-ahead.** A model may see that the next read can no longer be reached
//!   ([`Model::viable`]).
//!
//! Exponential in the number of concurrent operations at worst, so it works under a
//! [`Budget`]. [`search_keys`] shares one among many objects, and
//! [`Frontiers`](crate::frontiers::Frontiers) is the breadth-first form for events as they
//! come. Nothing here depends on what the model is; near-linear procedures for particular
//! models are elsewhere.
//!
//! Sources: Wing & Gong, *Testing and Verifying Concurrent Objects* (1993); the
//! configuration cache after Lowe, *Testing for Linearizability* (2017).

pub(crate) mod counts;
mod depth_first;
mod keys;
mod minimal;
pub(crate) mod steps;
pub(crate) mod table;
pub(crate) mod visited;
pub(crate) mod window;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

#[cfg(doc)]
use crate::model::Indeterminate;

use crate::check::Budget;
use crate::model::Model;
use depth_first::DepthFirst;

pub use crate::timed::{NEVER, Timed};
pub use keys::{AfterViolation, KeyProblem, search_keys};
pub use minimal::{Minimal, minimal};

/// What a search found. Operations are named by their positions in what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Searched {
    /// A linearization.
    Linearizable(Vec<u32>),
    /// There is none.
    Violation {
        /// The operation whose end no order gets past, though one gets past all ends before
        /// it; an earlier one if the model looks ahead.
        unpassed: u32,
    },
    /// The budget ran out.
    Exhausted(Progress),
}

/// How far a search got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Configurations visited.
    pub configurations: u64,
    /// The most ended operations that a legal order was found for.
    pub ordered: usize,
    /// The ended operations there are.
    pub ended: usize,
    /// The operation with the first end that no order found so far gets past.
    pub unpassed: u32,
    /// What ran out.
    pub shortage: Shortage,
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { configurations, ordered, ended, shortage, .. } = self;
        write!(
            formatter,
            "the search was ended after {configurations} configurations; the longest legal \
             order found has {ordered} of the {ended} operations that ended; {shortage}"
        )
    }
}

/// What a search had too little of, and so what would decide the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// The configurations allowed were visited.
    Configurations,
    /// The memory allowed was used.
    Memory,
    /// The caller stopped it.
    Stopped,
}

impl fmt::Display for Shortage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Configurations => "more configurations may decide it",
            Self::Memory => "more memory, or values that are written only once, may decide it",
            Self::Stopped => "more time may decide it",
        })
    }
}

/// Whether a search asks the model for what lies ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookAhead {
    /// If the model looks ahead at all.
    Allowed,
    /// Never: then the operation not passed is exact.
    Never,
}

/// Searches for a linearization of one object's history.
///
/// `operations` may be in any order; one that ended at the position another began at is
/// concurrent with it. Stops once `budget` is spent and reports how far it got; a stop is
/// seen before the next operation is tried.
///
/// Memory: per configuration 32 bytes, 8 more per 64 operations concurrent, and 32 to 64 in
/// tables; and the states.
///
/// ```
/// use squall_checker::Budget;
/// use squall_checker::model::{Register, RegisterOp, ValueId};
/// use squall_checker::search::{Searched, Timed, search};
///
/// let one = ValueId(1);
/// let write = Timed { op: RegisterOp::Write(one), invoked: 1, returned: 4 };
/// let early = Timed { op: RegisterOp::Read(one), invoked: 2, returned: 3 };
/// let late = Timed { op: RegisterOp::Read(ValueId::INITIAL), invoked: 5, returned: 6 };
/// let found = search(&Register, &[write, early], &Budget::default());
/// assert_eq!(found, Searched::Linearizable(vec![0, 1]));
/// let found = search(&Register, &[write, early, late], &Budget::default());
/// assert_eq!(found, Searched::Violation { unpassed: 2 });
/// ```
pub fn search<M: Model>(model: &M, operations: &[Timed<M::Op>], budget: &Budget<'_>) -> Searched {
    DepthFirst::new(model, operations, LookAhead::Allowed).run(budget)
}

/// [`search()`] that finds exactly where a violation begins, whatever the model.
pub(crate) fn search_exactly<M: Model>(
    model: &M,
    operations: &[Timed<M::Op>],
    budget: &Budget<'_>,
) -> Searched {
    DepthFirst::new(model, operations, LookAhead::Never).run(budget)
}
