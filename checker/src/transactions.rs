//! Transactions over lists and registers: strict serializability, by cycles of dependencies.
//!
//! A history is strictly serializable if its transactions can happen one after the other,
//! each at one moment between its beginning and its end. Where all written elements are
//! different, what the transactions read tells who came before whom: a write before those
//! that read it, a read before the write that it missed, one write before the next. A cycle
//! of such *dependencies* is a contradiction, and needs nothing but the transactions on it
//! and the reads that show them.
//!
//! For lists, which are read whole, the order of the versions is complete, and the reverse
//! holds too: if there is no cycle, any order that respects all links is a serial one. A
//! reader of a list comes after the last transaction in it and before the next; all others
//! are ordered through these two; appends that nobody saw come after all reads of the
//! longest list. This is not relied on: an order is returned only after it was
//! replayed, and a cycle only after each of its edges was confirmed by the
//! two transactions it joins.
//!
//! Indeterminate transactions took part iff somebody saw one of their elements, and then as
//! a whole; failed ones never. O(accesses + elements read), but for the search for a short
//! cycle once there is one.
//!
//! Registers show less, see `registers`; what their reads leave open ends as
//! [`Judgement::NotApplicable`].
//!
//! Predicates, deletes and elements that repeat are absent: they end as
//! [`Judgement::NotApplicable`]. Sources: Adya, *Weak Consistency* (1999), the names;
//! Kingsbury & Alvaro, *Elle* (2020), dependencies from lists, real time by a chain.

mod input;
mod writes;

mod versions;
mod views;

mod edges;
mod order;
mod real_time;

mod registers;
mod schedule;
mod store;

mod cycles;
mod evidence;
mod facts;
mod words;

#[cfg(test)]
mod cross_check;
#[cfg(test)]
mod tests;

pub use facts::Dependency;
pub use input::{Access, ElementId, KeyId, Objects, Outcome, Transactions};
pub use store::Store;
pub use words::{Names, explain};

use crate::procedure::{Conflict, Decision};
use crate::verdict::{Contradiction, Precedence};

/// The conclusion about a history of transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// They can happen in this order, which was replayed: all that ended, and the
    /// indeterminate ones that somebody saw.
    Serializable(Vec<u32>),
    /// They can happen in no order.
    Violation(Anomaly),
    /// Nothing follows, for the reason given (a clause that completes "because ...").
    NotApplicable(&'static str),
}

impl From<Judgement> for Decision {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Serializable(order) => Self::Linearizable(order),
            Judgement::Violation(anomaly) => Self::Violation(anomaly.conflict),
            Judgement::NotApplicable(reason) => Self::NotApplicable(reason),
        }
    }
}

/// A few transactions that contradict each other, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// The kind, and the transactions: those on the cycle and those whose reads show it.
    pub conflict: Conflict,
    /// The cycle, in order: each edge starts where the one before it ended. Empty if what
    /// is wrong shows without one.
    pub edges: Vec<Dependency>,
    /// The key it is about; if a cycle touches several, that of its first edge with one.
    pub key: Option<KeyId>,
    /// The element it is about, where one is.
    pub element: Option<ElementId>,
}

impl Anomaly {
    fn new(kind: Contradiction, transactions: impl IntoIterator<Item = u32>) -> Self {
        let conflict = Conflict::new(kind, transactions);
        Self { conflict, edges: Vec::new(), key: None, element: None }
    }

    fn about(self, key: KeyId, element: Option<ElementId>) -> Self {
        Self { key: Some(key), element, ..self }
    }

    fn with(mut self, from: u32, to: u32, why: Precedence, key: Option<KeyId>) -> Self {
        self.edges.push(Dependency { from, to, why, key });
        self
    }
}

/// Decides whether the transactions are strictly serializable.
///
/// Transactions are named by the numbers that [`Transactions::begin`] gave them. Never says
/// [`Judgement::Serializable`] without an order that it replayed.
///
/// ```
/// use squall_checker::transactions::{
///     ElementId, Judgement, KeyId, Objects, Outcome, Transactions, decide,
/// };
/// use squall_checker::verdict::Contradiction;
///
/// let x = KeyId(0);
/// let mut transactions = Transactions::new(Objects::Lists);
/// let append = transactions.begin(1, Outcome::Ok { returned: 2 });
/// transactions.write(x, ElementId(0));
/// // Begins after the append was acknowledged, and does not see it.
/// let stale = transactions.begin(3, Outcome::Ok { returned: 4 });
/// transactions.read(x, &[]);
/// let Judgement::Violation(anomaly) = decide(&transactions) else { panic!("no violation") };
/// assert_eq!(anomaly.conflict.kind, Contradiction::GSingle);
/// assert_eq!(anomaly.conflict.operations, [append, stale]);
/// ```
pub fn decide(transactions: &Transactions) -> Judgement {
    let writes = match writes::Writes::gather(transactions) {
        Ok(writes) => writes,
        Err(reason) => return Judgement::NotApplicable(reason),
    };
    match transactions.objects() {
        Objects::Lists => lists(transactions, writes).unwrap_or_else(Judgement::Violation),
        Objects::Registers => {
            registers::decide(transactions, &writes).unwrap_or_else(Judgement::Violation)
        }
    }
}

fn lists(transactions: &Transactions, mut writes: writes::Writes) -> Result<Judgement, Anomaly> {
    let views = views::views(transactions, &writes)?;
    let versions = versions::Versions::find(transactions, &mut writes, &views)?;
    let links = edges::of_lists(transactions, &writes, &versions, &views);
    match order::sort(transactions, &links) {
        order::Sorted::Order(order) if order::replays(transactions, &order) => {
            Ok(Judgement::Serializable(order))
        }
        order::Sorted::Order(_) => Ok(Judgement::NotApplicable(
            "the order that the dependencies leave open did not replay",
        )),
        order::Sorted::Cyclic(cyclic) => {
            let readers = evidence::Readers::Longest(&versions);
            let evidence = evidence::Evidence { transactions, writes: &writes, readers };
            cycles::find(&links, &cyclic, &evidence).map_or(
                Ok(Judgement::NotApplicable("no cycle of dependencies could be confirmed")),
                Err,
            )
        }
    }
}
