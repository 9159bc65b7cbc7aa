//! What two transactions by themselves say about their order.
//!
//! The links between neighbours find a cycle; these facts between any two make it short and
//! checkable. Each can be confirmed from the two transactions and at most one read of the
//! key, without any graph:
//!
//! - write-write: both appended to the key, and a read shows the first before the second; or
//!   the second found in a register what the first had left there, and replaced it;
//! - reads-from: the second read what the first wrote;
//! - read-write: a read of the first lacks an element of the second, which took part; or
//!   the first found the initial value of a register that the second wrote, or the value
//!   that the second found and replaced;
//! - real time: the first ended before the second began.

use super::input::{ElementId, KeyId, MicroOperation, Objects, Transactions};
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
    /// Of a list: the place of its first append, [`NONE`] if nobody saw it. Of a register:
    /// the number of the last value it wrote.
    wrote: Option<u32>,
    /// Of a list: the lengths of its shortest and its longest read. Of a register: the
    /// number of the value it found, twice, [`NONE`] for the initial one.
    read: Option<(u32, u32)>,
}

/// What a transaction did to each key, by keys.
#[derive(Clone, Debug)]
pub(super) struct Footprint {
    pub(super) transaction: u32,
    objects: Objects,
    touches: Vec<Touch>,
}

impl Footprint {
    pub(super) fn of(transactions: &Transactions, writes: &Writes, transaction: u32) -> Self {
        let objects = transactions.objects();
        let mut touches: Vec<Touch> = transactions
            .micro_operations(transaction)
            .iter()
            .filter_map(|micro_operation| match *micro_operation {
                MicroOperation::Write { key, element } => {
                    let wrote = match objects {
                        Objects::Lists => writes.of(element).place,
                        Objects::Registers => element.0,
                    };
                    Some(Touch { key, wrote: Some(wrote), read: None })
                }
                MicroOperation::Read { key, start, length } => {
                    let read = match objects {
                        Objects::Lists => length,
                        Objects::Registers => {
                            transactions.list(start, length).first().map_or(NONE, |value| value.0)
                        }
                    };
                    let read = Some((read, read));
                    transactions.is_ok(transaction).then_some(Touch { key, wrote: None, read })
                }
            })
            .collect();
        touches.sort_by_key(|touch| touch.key);
        touches.dedup_by(|touch, kept| {
            let same = touch.key == kept.key;
            if same {
                match objects {
                    Objects::Lists => kept.join_list(touch),
                    Objects::Registers => kept.join_register(touch),
                }
            }
            same
        });
        Self { transaction, objects, touches }
    }

    fn on(&self, key: KeyId) -> Option<&Touch> {
        let at = self.touches.binary_search_by_key(&key, |touch| touch.key).ok()?;
        Some(&self.touches[at])
    }

    /// Whether one of its reads shows what `other` appended to `key`.
    fn shows(&self, other: &Self, key: KeyId) -> bool {
        let read = self.on(key).and_then(|touch| touch.read);
        let wrote = other.on(key).and_then(|touch| touch.wrote);
        match (read, wrote) {
            (Some((_, longest)), Some(wrote)) => match self.objects {
                Objects::Lists => wrote < longest,
                Objects::Registers => wrote == longest,
            },
            _ => false,
        }
    }

    /// Whether one of its reads shows anything that `other` appended anywhere.
    pub(super) fn shows_any(&self, other: &Self) -> bool {
        other.touches.iter().any(|touch| self.shows(other, touch.key))
    }

    /// Whether one of its reads shows an order of appends to `key`, up to that of `last`.
    pub(super) fn shows_order(&self, last: &Self, key: KeyId) -> bool {
        self.shows(last, key)
    }

    /// What it found in a register, unless that was the initial value.
    pub(super) fn found(&self, key: KeyId) -> Option<ElementId> {
        let (found, _) = self.on(key)?.read?;
        (self.objects == Objects::Registers && found != NONE).then_some(ElementId(found))
    }

    /// What it left in registers.
    pub(super) fn left(&self) -> impl Iterator<Item = u32> {
        self.touches.iter().filter_map(|touch| touch.wrote)
    }

    /// A key to which it appended what somebody saw.
    pub(super) fn seen_at(&self) -> Option<KeyId> {
        let seen = |touch: &&Touch| touch.wrote.is_some_and(|place| place != NONE);
        self.touches.iter().find(seen).map(|touch| touch.key)
    }
}

impl Touch {
    fn join_register(&mut self, later: &Self) {
        if self.wrote.is_none() {
            self.read = self.read.or(later.read);
        }
        self.wrote = later.wrote.or(self.wrote);
    }

    fn join_list(&mut self, later: &Self) {
        self.wrote = self.wrote.or(later.wrote);
        self.read = match (self.read, later.read) {
            (Some((shortest, longest)), Some((short, long))) => {
                Some((shortest.min(short), longest.max(long)))
            }
            (read, None) | (None, read) => read,
        };
    }

    fn forces(&self, after: &Self, objects: Objects, why: Precedence) -> bool {
        match objects {
            Objects::Lists => self.forces_in_list(after, why),
            Objects::Registers => self.forces_in_register(after, why),
        }
    }

    fn forces_in_list(&self, after: &Self, why: Precedence) -> bool {
        match (why, self.wrote, self.read, after.wrote, after.read) {
            (Precedence::WriteWrite, Some(first), _, Some(second), _) => {
                first < second && second != NONE
            }
            (Precedence::ReadsFrom, Some(place), _, _, Some((_, longest))) => place < longest,
            (Precedence::ReadWrite, _, Some((shortest, _)), Some(place), _) => place >= shortest,
            _ => false,
        }
    }

    fn forces_in_register(&self, after: &Self, why: Precedence) -> bool {
        match (why, self.wrote, self.read, after.wrote, after.read) {
            (Precedence::WriteWrite, Some(left), _, Some(_), Some((found, _)))
            | (Precedence::ReadsFrom, Some(left), _, _, Some((found, _))) => left == found,
            (Precedence::ReadWrite, _, Some((found, _)), Some(_), replaced) => {
                found == NONE || replaced.is_some_and(|(replaced, _)| replaced == found)
            }
            _ => false,
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
        let touch = first.touches.iter().find(|touch| {
            second.on(touch.key).is_some_and(|after| touch.forces(after, first.objects, why))
        })?;
        Some(Dependency { from, to, why, key: Some(touch.key) })
    })
}
