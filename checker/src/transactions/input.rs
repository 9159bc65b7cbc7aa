//! The transactions of a history, by number: what the procedures are given.
//!
//! Everything lies in four flat vectors, however many transactions there are. Numbers mean
//! nothing here; who made them knows how to print them.

use crate::timed::NEVER;

/// A key, by number: dense from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u32);

/// An element of a list, or a value of a register, by number: dense from 0 over the whole
/// history, so that equal values of two keys have two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementId(pub u32);

/// What the keys hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objects {
    /// Lists: a write appends, a read returns all elements.
    Lists,
    /// Registers: a write replaces, a read returns one value or none.
    Registers,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It took effect, all of it at one moment before this position.
    Ok {
        /// Position of the completion, not before the invocation.
        returned: u32,
    },
    /// It may have taken effect, all of it at one moment, or never; what it read is unknown.
    Info,
    /// It never took effect.
    Fail,
}

/// One transaction: its time and where its micro operations lie.
#[derive(Clone, Copy, Debug)]
struct Transaction {
    invoked: u32,
    outcome: Outcome,
    first: usize,
}

/// One access of a transaction to one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MicroOperation {
    Write { key: KeyId, element: ElementId },
    Read { key: KeyId, start: usize, length: u32 },
}

/// One access of a transaction, as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access<'a> {
    /// An append to a list, or a write of a register.
    Write(KeyId, ElementId),
    /// A read and what it returned.
    Read(KeyId, &'a [ElementId]),
}

/// The transactions of a history, in the order of their invocations.
///
/// Positions are those of [`Timed`](crate::timed::Timed): only their order means anything,
/// and events at equal positions are concurrent. Transactions are named by the number that
/// [`begin`](Self::begin) returned.
#[derive(Clone, Debug)]
pub struct Transactions {
    objects: Objects,
    transactions: Vec<Transaction>,
    micro_operations: Vec<MicroOperation>,
    lists: Vec<ElementId>,
    keys: u32,
    elements: u32,
    /// The values that are the initial one, rising.
    erasing: Vec<ElementId>,
}

impl Transactions {
    /// No transactions yet.
    pub fn new(objects: Objects) -> Self {
        Self {
            objects,
            transactions: Vec::new(),
            micro_operations: Vec::new(),
            lists: Vec::new(),
            keys: 0,
            elements: 0,
            erasing: Vec::new(),
        }
    }

    /// Adds a transaction, to which the accesses that follow belong, and returns its number.
    ///
    /// Failed transactions belong here too: what they wrote must not be read.
    pub fn begin(&mut self, invoked: u32, outcome: Outcome) -> u32 {
        let first = self.micro_operations.len();
        self.transactions.push(Transaction { invoked, outcome, first });
        u32::try_from(self.transactions.len() - 1).expect("fewer transactions than positions")
    }

    /// Adds an append, or a write of a register, to the transaction begun last.
    pub fn write(&mut self, key: KeyId, element: ElementId) {
        self.keys = self.keys.max(key.0 + 1);
        self.elements = self.elements.max(element.0 + 1);
        self.micro_operations.push(MicroOperation::Write { key, element });
    }

    /// Adds a read that returned `list`, or the one value of a register, or nothing, to the
    /// transaction begun last.
    ///
    /// Reads of transactions that are not [`Outcome::Ok`] say nothing and are best left out.
    pub fn read(&mut self, key: KeyId, list: &[ElementId]) {
        self.keys = self.keys.max(key.0 + 1);
        let highest = list.iter().map(|element| element.0 + 1).max().unwrap_or(0);
        self.elements = self.elements.max(highest);
        let start = self.lists.len();
        let length = u32::try_from(list.len()).expect("no list has 2^32 elements");
        self.lists.extend_from_slice(list);
        self.micro_operations.push(MicroOperation::Read { key, start, length });
    }

    /// Adds a write of the initial value of a register, which has this number, to the
    /// transaction begun last. A read after it returns nothing.
    ///
    /// The procedure does not apply to a history with one, since such reads do not tell who
    /// wrote.
    pub fn erase(&mut self, key: KeyId, element: ElementId) {
        self.write(key, element);
        if let Err(place) = self.erasing.binary_search(&element) {
            self.erasing.insert(place, element);
        }
    }

    /// What the keys hold.
    pub fn objects(&self) -> Objects {
        self.objects
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// When a transaction began.
    pub fn invoked(&self, transaction: u32) -> u32 {
        self.transactions[transaction as usize].invoked
    }

    /// How a transaction ended.
    pub fn outcome(&self, transaction: u32) -> Outcome {
        self.transactions[transaction as usize].outcome
    }

    /// The accesses of a transaction, in its order.
    pub fn accesses(&self, transaction: u32) -> impl Iterator<Item = Access<'_>> {
        self.micro_operations(transaction).iter().map(|micro_operation| match *micro_operation {
            MicroOperation::Write { key, element } => Access::Write(key, element),
            MicroOperation::Read { key, start, length } => {
                Access::Read(key, self.list(start, length))
            }
        })
    }

    pub(super) fn erases(&self, element: ElementId) -> bool {
        self.erasing.binary_search(&element).is_ok()
    }

    pub(super) fn has_erasures(&self) -> bool {
        !self.erasing.is_empty()
    }

    pub(super) fn returned(&self, transaction: u32) -> u32 {
        match self.outcome(transaction) {
            Outcome::Ok { returned } => returned,
            Outcome::Info | Outcome::Fail => NEVER,
        }
    }

    pub(super) fn is_ok(&self, transaction: u32) -> bool {
        matches!(self.outcome(transaction), Outcome::Ok { .. })
    }

    pub(super) fn precedes(&self, first: u32, second: u32) -> bool {
        self.returned(first) < self.invoked(second)
    }

    /// All numbers, in order.
    pub(super) fn all(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.transactions.len()).expect("fewer transactions than positions")
    }

    pub(super) fn micro_operations(&self, transaction: u32) -> &[MicroOperation] {
        let at = transaction as usize;
        let end =
            self.transactions.get(at + 1).map_or(self.micro_operations.len(), |next| next.first);
        &self.micro_operations[self.transactions[at].first..end]
    }

    pub(super) fn list(&self, start: usize, length: u32) -> &[ElementId] {
        &self.lists[start..start + length as usize]
    }

    pub(super) fn keys(&self) -> usize {
        self.keys as usize
    }

    pub(super) fn elements(&self) -> usize {
        self.elements as usize
    }
}
