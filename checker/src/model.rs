//! Models: what an object does, one operation at a time.
//!
//! A [`Model`] is a sequential specification and nothing else. It knows neither time nor
//! concurrency, which are the business of [`search`](crate::search); nor histories, whose
//! operations the dispatcher translates.

mod bank;
mod bit;
mod collections;
mod lock;
mod map;
mod queue;
mod set;
mod text;

#[cfg(test)]
mod tests;

pub use bank::{Balances, BalancesId, Bank, BankOp, BankState};
pub use bit::Bit;
pub use collections::{AmountCounter, AmountOp, AppendList, Counter, GrowSet, Ids};
pub use lock::{OwnedLock, OwnedLockOp};
pub use map::{Entry, MapOp, RegisterMap};
pub use queue::Queue;
pub use set::{Elements, Set, SetOp, SetState};
pub use text::{TextId, TextOp, TextRegister};

use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use thiserror::Error;

/// A sequential specification of one object.
///
/// ```
/// use squall_checker::model::Model;
///
/// struct Counter;
/// enum CounterOp { Increment, Read(u32) }
///
/// impl Model for Counter {
///     type State = u32;
///     type Op = CounterOp;
///     fn init(&self) -> u32 { 0 }
///     fn step(&self, count: &u32, op: &CounterOp) -> Option<u32> {
///         match op {
///             CounterOp::Increment => Some(count + 1),
///             CounterOp::Read(seen) => (seen == count).then_some(*count),
///         }
///     }
/// }
/// # let _ = Counter.step(&0, &CounterOp::Read(0));
/// # let _ = CounterOp::Increment;
/// ```
pub trait Model {
    /// The state of the object. Equal states must have equal futures.
    type State: Clone + Eq + Hash;
    /// An operation with its argument and its result.
    type Op;

    /// The state before any operation.
    fn init(&self) -> Self::State;

    /// The state after `op`, or `None` if `op` cannot have happened in `state`.
    fn step(&self, state: &Self::State, op: &Self::Op) -> Option<Self::State>;

    /// Further states that `op` may lead to from `state`, beside that of [`step`](Self::step).
    ///
    /// For what is not determined, such as which element an indeterminate dequeue of a bag
    /// took. A model gives them this way so that the others need not know of it.
    fn others(&self, _state: &Self::State, _op: &Self::Op) -> Vec<Self::State> {
        Vec::new()
    }

    /// Whether `op` leaves every state in which it can happen as it was.
    ///
    /// Saves a search most of its work; `false` is always right.
    fn reads_only(&self, _op: &Self::Op) -> bool {
        false
    }

    /// Whether a legal order stays legal without `op`.
    ///
    /// So it is if `op` only reads; also if all that it changes is what may follow.
    fn can_be_left_out(&self, op: &Self::Op) -> bool {
        self.reads_only(op)
    }

    /// A number for the effect of `op`: operations of equal numbers do the same in every
    /// state, so that indeterminate ones need not be told apart.
    ///
    /// `None`, the default, is always right: an operation like no other.
    fn kind(&self, _op: &Self::Op) -> Option<u128> {
        None
    }

    /// When a search may use an indeterminate operation.
    fn indeterminate(&self) -> Indeterminate {
        Indeterminate::Anytime
    }

    /// Whether [`viable`](Self::viable) says anything.
    const LOOKS_AHEAD: bool = false;

    /// Whether the operation `read`, which only reads, can still happen after `state`.
    ///
    /// `before` yields at least all operations that may happen between `state` and `read`,
    /// each at most once but for indeterminate ones of one kind, which are given once for
    /// all. `true` is always right; `false` prunes the search.
    fn viable<'a>(
        &self,
        _state: &Self::State,
        _read: &Self::Op,
        _before: impl Iterator<Item = &'a Self::Op>,
    ) -> bool
    where
        Self::Op: 'a,
    {
        true
    }

    /// Bytes that `state` owns beside its own size, to account for memory.
    fn owned_bytes(&self, _state: &Self::State) -> usize {
        0
    }
}

impl<M: Model> Model for &M {
    type State = M::State;
    type Op = M::Op;

    fn init(&self) -> M::State {
        (**self).init()
    }

    fn step(&self, state: &M::State, op: &M::Op) -> Option<M::State> {
        (**self).step(state, op)
    }

    fn others(&self, state: &M::State, op: &M::Op) -> Vec<M::State> {
        (**self).others(state, op)
    }

    fn reads_only(&self, op: &M::Op) -> bool {
        (**self).reads_only(op)
    }

    fn can_be_left_out(&self, op: &M::Op) -> bool {
        (**self).can_be_left_out(op)
    }

    fn kind(&self, op: &M::Op) -> Option<u128> {
        (**self).kind(op)
    }

    fn indeterminate(&self) -> Indeterminate {
        (**self).indeterminate()
    }

    const LOOKS_AHEAD: bool = M::LOOKS_AHEAD;

    fn viable<'a>(
        &self,
        state: &M::State,
        read: &M::Op,
        before: impl Iterator<Item = &'a M::Op>,
    ) -> bool
    where
        M::Op: 'a,
    {
        (**self).viable(state, read, before)
    }

    fn owned_bytes(&self, state: &M::State) -> usize {
        (**self).owned_bytes(state)
    }
}

/// When a search may use an operation that may or may not have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indeterminate {
    /// Before any other: always right.
    Anytime,
    /// Only right before an operation that was illegal without it.
    ///
    /// Loses nothing if this holds for every state `s`, every operation `c` that can be
    /// indeterminate, and every `o` that is legal both in `s` and in the state `t` to which
    /// `c` leads from `s`: either `o` leads from both to the same state, or `o` cannot be
    /// indeterminate itself and taking `c` after `o` leads from `s` to where `o` leads from
    /// `t`. So it is for registers, where `o` either needs the state or replaces it; not for
    /// appends; and not where one operation can need two indeterminate ones at once, as a
    /// read of a whole set does. Only for models where each step leads to one state.
    WhenNeeded,
}

/// A value of a register, numbered per key; 0 is the initial value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

impl ValueId {
    /// The value a register holds before any write: JSON `null`.
    pub const INITIAL: Self = Self(0);
}

/// An operation on a register, successful or indeterminate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegisterOp {
    /// Returned this value.
    Read(ValueId),
    /// Stored this value.
    Write(ValueId),
    /// Found `expected` and stored `new`.
    Cas {
        /// The value found.
        expected: ValueId,
        /// The value stored.
        new: ValueId,
    },
    /// Did not find this value, and changed nothing: a compare-and-set that failed without
    /// telling what it found.
    Refused(ValueId),
}

/// A register with read, write and compare-and-set, initially [`ValueId::INITIAL`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Register;

impl Model for Register {
    type State = ValueId;
    type Op = RegisterOp;

    fn init(&self) -> ValueId {
        ValueId::INITIAL
    }

    fn step(&self, state: &ValueId, op: &RegisterOp) -> Option<ValueId> {
        match *op {
            RegisterOp::Read(value) => (value == *state).then_some(*state),
            RegisterOp::Write(value) => Some(value),
            RegisterOp::Cas { expected, new } => (expected == *state).then_some(new),
            RegisterOp::Refused(value) => (value != *state).then_some(*state),
        }
    }

    fn reads_only(&self, op: &RegisterOp) -> bool {
        matches!(op, RegisterOp::Read(_) | RegisterOp::Refused(_))
    }

    fn kind(&self, op: &RegisterOp) -> Option<u128> {
        let (kind, first, second) = match *op {
            RegisterOp::Read(value) => (0, value.0, 0),
            RegisterOp::Write(value) => (1, value.0, 0),
            RegisterOp::Cas { expected, new } => (2, expected.0, new.0),
            RegisterOp::Refused(value) => (3, value.0, 0),
        };
        Some(effect(kind, first, second))
    }

    fn indeterminate(&self) -> Indeterminate {
        // What can happen in two states replaces both by one, or only reads, and of those
        // a refusal is the only one legal in two: it commutes with whatever leads from one
        // to the other.
        Indeterminate::WhenNeeded
    }

    const LOOKS_AHEAD: bool = true;

    fn viable<'a>(
        &self,
        state: &ValueId,
        read: &RegisterOp,
        mut before: impl Iterator<Item = &'a RegisterOp>,
    ) -> bool {
        // A value that is not there has to be stored before it can be read.
        let RegisterOp::Read(value) = read else { return true };
        let stores = |op: &RegisterOp| match op {
            RegisterOp::Write(new) | RegisterOp::Cas { new, .. } => new == value,
            RegisterOp::Read(_) | RegisterOp::Refused(_) => false,
        };
        value == state || before.any(stores)
    }
}

/// The kind of an operation that is told by a number and two arguments.
fn effect(number: u32, first: u32, second: u32) -> u128 {
    u128::from(number) << 64 | u128::from(first) << 32 | u128::from(second)
}

/// The models a history can be judged by, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModelName {
    /// `register`: read, write and delete of one value.
    Register,
    /// `cas-register`: the same with compare-and-set.
    CasRegister,
    /// `kv-append`: get, put and append on text.
    KvAppend,
    /// `list-append`: append to a list and read it whole.
    ListAppend,
    /// `set`: add and remove elements, look for one, read all.
    Set,
    /// `counter`: add to a number and read it.
    Counter,
    /// `queue`: enqueue and dequeue, first in, first out.
    Queue,
    /// `bag`: enqueue and dequeue in any order.
    Bag,
    /// `mutex`: acquire and release a lock; a value names its owner.
    Mutex,
    /// `ids`: generate what was never given before, or the next number.
    Ids,
    /// `kv`: a whole map, with reads and writes of several keys at once.
    Kv,
    /// `bank`: transfers between accounts and reads of all balances.
    Bank,
    /// `txn-append`: transactions that append to lists and read them.
    TxnAppend,
    /// `txn-register`: transactions that write registers and read them.
    TxnRegister,
    /// `mixed`: several models at once, each key judged by the one it names.
    Mixed,
}

impl ModelName {
    /// Every model, in the order they are listed to people; where the functions of a history
    /// fit several, the first is assumed.
    pub const ALL: &'static [Self] = &[
        Self::Register,
        Self::CasRegister,
        Self::KvAppend,
        Self::ListAppend,
        Self::Set,
        Self::Counter,
        Self::Queue,
        Self::Bag,
        Self::Mutex,
        Self::Ids,
        Self::Kv,
        Self::Bank,
        Self::TxnAppend,
        Self::TxnRegister,
        Self::Mixed,
    ];

    /// The name as headers and the command line spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::CasRegister => "cas-register",
            Self::KvAppend => "kv-append",
            Self::ListAppend => "list-append",
            Self::Set => "set",
            Self::Counter => "counter",
            Self::Queue => "queue",
            Self::Bag => "bag",
            Self::Mutex => "mutex",
            Self::Ids => "ids",
            Self::Kv => "kv",
            Self::Bank => "bank",
            Self::TxnAppend => "txn-append",
            Self::TxnRegister => "txn-register",
            Self::Mixed => "mixed",
        }
    }

    /// What the model is, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Register => "read, write and delete of one value",
            Self::CasRegister => "the same with compare-and-set",
            Self::KvAppend => "get, put and append on text",
            Self::ListAppend => "append to a list and read it whole",
            Self::Set => "add and remove elements, look for one, read all",
            Self::Counter => "add to a number and read it",
            Self::Queue => "enqueue and dequeue, first in, first out",
            Self::Bag => "enqueue and dequeue in any order",
            Self::Mutex => "acquire and release a lock; a value names its owner",
            Self::Ids => "generate what was never given before, or the next number",
            Self::Kv => "a whole map, with reads and writes of several keys at once",
            Self::Bank => "transfers between accounts and reads of all balances",
            Self::TxnAppend => "transactions that append to lists and read them",
            Self::TxnRegister => "transactions that write registers and read them",
            Self::Mixed => "several models at once: a key is MODEL/REST, and MODEL judges it",
        }
    }

    /// The functions the model knows.
    pub fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Register => &["read", "write", "delete"],
            Self::CasRegister => &["read", "write", "cas", "delete"],
            Self::KvAppend => &["get", "put", "append"],
            Self::ListAppend => &["append", "read"],
            Self::Set => &["add", "remove", "contains", "read"],
            Self::Counter => &["add", "increment", "read"],
            Self::Queue => &["enqueue", "dequeue"],
            Self::Bag => &["enqueue", "dequeue"],
            Self::Mutex => &["acquire", "release"],
            Self::Ids => &["generate", "fetch-increment"],
            Self::Kv => &["read", "write", "cas", "delete"],
            Self::Bank => &["transfer", "read"],
            Self::TxnAppend => &["txn"],
            Self::TxnRegister => &["txn"],
            Self::Mixed => &[
                "read",
                "write",
                "cas",
                "delete",
                "get",
                "put",
                "append",
                "add",
                "remove",
                "contains",
                "increment",
                "enqueue",
                "dequeue",
                "acquire",
                "release",
                "generate",
                "fetch-increment",
                "transfer",
                "txn",
            ],
        }
    }

    /// The first model that knows all of `functions`; [`Mixed`](Self::Mixed), which keys tell
    /// and not functions, is never assumed.
    pub fn knowing(functions: &[&str]) -> Option<Self> {
        let knows = |model: &&Self| functions.iter().all(|f| model.functions().contains(f));
        Self::single().find(|model| knows(&model))
    }

    /// The model that judges a key of a [`Mixed`](Self::Mixed) history: the one named before
    /// the first `/`.
    ///
    /// ```
    /// use squall_checker::model::ModelName;
    ///
    /// assert_eq!(ModelName::of_key("list-append/3.0"), Some(ModelName::ListAppend));
    /// assert_eq!(ModelName::of_key("register/a/b"), Some(ModelName::Register));
    /// assert_eq!(ModelName::of_key("register"), None);
    /// assert_eq!(ModelName::of_key("mixed/17"), None);
    /// ```
    pub fn of_key(key: &str) -> Option<Self> {
        let (name, _) = key.split_once('/')?;
        Self::single().find(|model| model.as_str() == name)
    }

    /// The models that judge by themselves.
    fn single() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|model| *model != Self::Mixed)
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A name that is no model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no model is called `{name}`; known models: {}", known_models())]
pub struct UnknownModel {
    /// The name given.
    pub name: String,
}

fn known_models() -> String {
    let names: Vec<&str> = ModelName::ALL.iter().map(|model| model.as_str()).collect();
    names.join(", ")
}

impl FromStr for ModelName {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        Self::ALL
            .iter()
            .copied()
            .find(|model| model.as_str() == name)
            .ok_or_else(|| UnknownModel { name: name.to_owned() })
    }
}

#[cfg(test)]
mod name_tests {
    use super::*;

    #[test]
    fn names_round_trip_and_strangers_are_told_the_known_ones() {
        for model in ModelName::ALL {
            assert_eq!(model.as_str().parse::<ModelName>().as_ref(), Ok(model));
        }
        let error = "lock".parse::<ModelName>().expect_err("not a model");
        assert_eq!(
            error.to_string(),
            "no model is called `lock`; known models: register, cas-register, kv-append, \
             list-append, set, counter, queue, bag, mutex, ids, kv, bank, txn-append, txn-register, \
             mixed"
        );
    }

    #[test]
    fn the_first_model_that_knows_the_functions_is_chosen() {
        assert_eq!(ModelName::knowing(&["read", "write"]), Some(ModelName::Register));
        assert_eq!(ModelName::knowing(&["read", "cas"]), Some(ModelName::CasRegister));
        assert_eq!(ModelName::knowing(&["enqueue"]), Some(ModelName::Queue));
        assert_eq!(ModelName::knowing(&["enqueue", "read"]), None);
    }

    #[test]
    fn mixed_knows_the_functions_of_all_models_and_no_others() {
        let of_others = || ModelName::single().flat_map(ModelName::functions);
        let mixed = ModelName::Mixed.functions();
        assert!(of_others().all(|f| mixed.contains(f)));
        assert!(mixed.iter().all(|f| of_others().any(|other| other == f)));
        assert_eq!(ModelName::knowing(mixed), None);
    }
}
