//! What two transactions by themselves say about their order.
//!
//! The links between neighbours find a cycle; these facts between any two make it short and
//! checkable. Each can be confirmed from the two transactions and at most one read of the
//! key, without any graph:
//!
//! - write-write: both appended to the key, and a read shows the first before the second;
//! - reads-from: the second read an element of the first;
//! - read-write: a read of the first lacks an element of the second, which took part;
//! - real time: the first ended before the second began.

use super::input::{KeyId, MicroOperation, Transactions};
use super::writes::{NONE, Writes};
use crate::verdict::Precedence;

/// One step of a cycle: a transaction that must come before another, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dependency {
    /// The transaction that comes first.
    pub from: u32,
    /// The transaction that comes after it.
    pub to: u32,
    /// What forces the order.
    pub why: Precedence,
    /// The key both touched; none for [`Precedence::RealTime`].
    pub key: Option<KeyId>,
}

/// What a transaction did to one key.
#[derive(Clone, Copy, Debug)]
struct Touch {
    key: KeyId,
    /// The place of its first append, [`NONE`] if nobody saw it.
    wrote: Option<u32>,
    /// The lengths of its shortest and its longest read.
    read: Option<(u32, u32)>,
}

/// What a transaction did to each key, by keys.
#[derive(Clone, Debug)]
pub(super) struct Footprint {
    pub(super) transaction: u32,
    touches: Vec<Touch>,
}

impl Footprint {
    pub(super) fn of(transactions: &Transactions, writes: &Writes, transaction: u32) -> Self {
        let mut touches: Vec<Touch> = transactions
            .micro_operations(transaction)
            .iter()
            .filter_map(|micro_operation| match *micro_operation {
                MicroOperation::Write { key, element } => {
                    let wrote = Some(writes.of(element).place);
                    Some(Touch { key, wrote, read: None })
                }
                MicroOperation::Read { key, length, .. } => transactions
                    .is_ok(transaction)
                    .then_some(Touch { key, wrote: None, read: Some((length, length)) }),
            })
            .collect();
        touches.sort_by_key(|touch| touch.key);
        touches.dedup_by(|touch, kept| {
            let same = touch.key == kept.key;
            if same {
                kept.join(touch);
            }
            same
        });
        Self { transaction, touches }
    }

    fn on(&self, key: KeyId) -> Option<&Touch> {
        let at = self.touches.binary_search_by_key(&key, |touch| touch.key).ok()?;
        Some(&self.touches[at])
    }

    /// Whether one of its reads shows what `other` appended to `key`.
    fn shows(&self, other: &Self, key: KeyId) -> bool {
        let read = self.on(key).and_then(|touch| touch.read);
        let wrote = other.on(key).and_then(|touch| touch.wrote);
        matches!((read, wrote), (Some((_, longest)), Some(place)) if place < longest)
    }

    /// Whether one of its reads shows anything that `other` appended anywhere.
    pub(super) fn shows_any(&self, other: &Self) -> bool {
        other.touches.iter().any(|touch| self.shows(other, touch.key))
    }

    /// Whether one of its reads shows an order of appends to `key`, up to that of `last`.
    pub(super) fn shows_order(&self, last: &Self, key: KeyId) -> bool {
        self.shows(last, key)
    }

    /// A key to which it appended what somebody saw.
    pub(super) fn seen_at(&self) -> Option<KeyId> {
        let seen = |touch: &&Touch| touch.wrote.is_some_and(|place| place != NONE);
        self.touches.iter().find(seen).map(|touch| touch.key)
    }
}

impl Touch {
    fn join(&mut self, later: &Self) {
        self.wrote = self.wrote.or(later.wrote);
        self.read = match (self.read, later.read) {
            (Some((shortest, longest)), Some((short, long))) => {
                Some((shortest.min(short), longest.max(long)))
            }
            (read, None) | (None, read) => read,
        };
    }

    fn forces(&self, after: &Self, why: Precedence) -> bool {
        match why {
            Precedence::WriteWrite => matches!(
                (self.wrote, after.wrote),
                (Some(first), Some(second)) if first < second && second != NONE
            ),
            Precedence::ReadsFrom => matches!(
                (self.wrote, after.read),
                (Some(place), Some((_, longest))) if place < longest
            ),
            Precedence::ReadWrite => matches!(
                (self.read, after.wrote),
                (Some((shortest, _)), Some(place)) if place >= shortest
            ),
            Precedence::RealTime | Precedence::SameValue | Precedence::InitialValue => false,
        }
    }
}

/// Whether one transaction must come before another for one of the reasons in `allowed`;
/// the first of these that holds.
pub(super) fn forced(
    transactions: &Transactions,
    first: &Footprint,
    second: &Footprint,
    allowed: &[Precedence],
) -> Option<Dependency> {
    let (from, to) = (first.transaction, second.transaction);
    allowed.iter().find_map(|&why| {
        if why == Precedence::RealTime {
            let holds = transactions.precedes(from, to);
            return holds.then_some(Dependency { from, to, why, key: None });
        }
        let touch = first
            .touches
            .iter()
            .find(|touch| second.on(touch.key).is_some_and(|after| touch.forces(after, why)))?;
        Some(Dependency { from, to, why, key: Some(touch.key) })
    })
}
