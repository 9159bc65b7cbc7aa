//! The words in which clients ask: functions, invocations, and how they end.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use serde_json::{Value, json};

/// What a client asks a system to do.
///
/// A history knows a function by [`f`](Self::f), the word of its model; two functions that
/// models call alike, such as `add` to a counter and `add` to a set, have one such word and
/// different [names](Self::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Function {
    /// Returns what a key holds; null for nothing.
    Read,
    /// Stores a value.
    Write,
    /// Makes a key hold nothing.
    Delete,
    /// Stores the second of two values where the key holds the first; null expects nothing.
    Cas,
    /// Puts an element at the end of a list; a key that holds nothing is an empty list.
    Append,
    /// As [`Append`](Self::Append), tried until it is answered or its time is up, each time
    /// under one number of the client's own by which the system must recognise it: all
    /// attempts together are one operation.
    AppendOnce,
    /// Adds to a whole number; a key that holds nothing is zero.
    Add,
    /// Adds an element to a set that is read as a list of its elements and only grows.
    SetAdd,
    /// Adds an element to a set that is asked about single elements; returns whether it was
    /// absent.
    ElementAdd,
    /// Removes an element; returns whether it was there.
    ElementRemove,
    /// Returns whether an element is there.
    ElementContains,
    /// Puts an element at the end of a queue.
    Enqueue,
    /// Takes the first element of a queue; null if there is none.
    Dequeue,
    /// Takes a lock for the owner named; returns a fencing token, a number that rises.
    Acquire,
    /// Gives back a lock that the owner named holds.
    Release,
    /// Adds one to a number and returns what it was.
    FetchIncrement,
    /// Carries out reads and writes on several keys at one moment: `["r", key, null]`,
    /// `["w", key, value]`. Returns the same with reads filled in.
    Txn,
    /// As [`Txn`](Self::Txn), with appends to lists too: `["append", key, element]`.
    AppendTxn,
    /// As [`Txn`](Self::Txn), but nothing happens unless every key read holds the value given
    /// in the place of null.
    GuardedTxn,
}

impl Function {
    /// Every function there is.
    pub const ALL: &'static [Self] = &[
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::Cas,
        Self::Append,
        Self::AppendOnce,
        Self::Add,
        Self::SetAdd,
        Self::ElementAdd,
        Self::ElementRemove,
        Self::ElementContains,
        Self::Enqueue,
        Self::Dequeue,
        Self::Acquire,
        Self::Release,
        Self::FetchIncrement,
        Self::Txn,
        Self::AppendTxn,
        Self::GuardedTxn,
    ];

    /// The name by which a system says whether it offers the function.
    pub fn name(self) -> &'static str {
        match self {
            Self::AppendOnce => "append-once",
            Self::SetAdd => "set-add",
            Self::ElementAdd => "element-add",
            Self::ElementRemove => "element-remove",
            Self::ElementContains => "element-contains",
            Self::AppendTxn => "append-txn",
            Self::GuardedTxn => "guarded-txn",
            other => other.f(),
        }
    }

    /// The name of the function in a history.
    pub fn f(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Cas => "cas",
            Self::Append | Self::AppendOnce => "append",
            Self::Add | Self::SetAdd | Self::ElementAdd => "add",
            Self::ElementRemove => "remove",
            Self::ElementContains => "contains",
            Self::Enqueue => "enqueue",
            Self::Dequeue => "dequeue",
            Self::Acquire => "acquire",
            Self::Release => "release",
            Self::FetchIncrement => "fetch-increment",
            Self::Txn | Self::AppendTxn | Self::GuardedTxn => "txn",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use the function `{name}`: there is none of that name; there is: {}", known_functions())]
pub struct UnknownFunction {
    name: String,
}

fn known_functions() -> String {
    Function::ALL.iter().map(|function| function.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Function {
    type Err = UnknownFunction;

    fn from_str(name: &str) -> Result<Self, UnknownFunction> {
        let named = Self::ALL.iter().copied().find(|function| function.name() == name);
        named.ok_or_else(|| UnknownFunction { name: name.to_owned() })
    }
}

/// Where a client sends an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Address {
    /// The node the client belongs to.
    #[default]
    Own,
    /// This node, counted from 0.
    Node(usize),
    /// Whoever was last seen to lead; the client's own node where nobody knows.
    Leader,
    /// The node that last answered this client; after one that did not, the next.
    Any,
}

/// One operation about to be invoked.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// What is asked.
    pub function: Function,
    /// The object operated on; none where the history is one object, as with transactions.
    pub key: Option<Cow<'static, str>>,
    /// The argument; null for a read.
    pub value: Value,
    /// Where it is sent.
    pub to: Address,
    /// When it was due, since the clients began, where a rate sets that.
    pub due: Option<Duration>,
}

impl Invocation {
    /// `function` of `key` with `value`, at the client's own node.
    pub fn new(
        function: Function,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<Value>,
    ) -> Self {
        Self { key: Some(key.into()), ..Self::keyless(function, value.into()) }
    }

    fn keyless(function: Function, value: Value) -> Self {
        Self { function, key: None, value, to: Address::Own, due: None }
    }

    /// A read of `key`.
    pub fn read(key: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Function::Read, key, Value::Null)
    }

    /// A write of `value` to `key`.
    pub fn write(key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        Self::new(Function::Write, key, value)
    }

    /// A change of `key` from `expected` to `value`, which is refused where it holds
    /// anything else.
    pub fn cas(key: impl Into<Cow<'static, str>>, expected: Value, value: Value) -> Self {
        Self::new(Function::Cas, key, Value::Array(vec![expected, value]))
    }

    /// An `element` put at the end of the list at `key`.
    pub fn append(key: impl Into<Cow<'static, str>>, element: impl Into<Value>) -> Self {
        Self::new(Function::Append, key, element)
    }

    /// An `amount` added to the number at `key`.
    pub fn add(key: impl Into<Cow<'static, str>>, amount: impl Into<Value>) -> Self {
        Self::new(Function::Add, key, amount)
    }

    /// A transaction of these accesses, none of them an append.
    pub fn txn(accesses: impl IntoIterator<Item = Access>) -> Self {
        Self::keyless(Function::Txn, micro_operations(accesses))
    }

    /// A transaction of these accesses.
    pub fn append_txn(accesses: impl IntoIterator<Item = Access>) -> Self {
        Self::keyless(Function::AppendTxn, micro_operations(accesses))
    }

    /// A transaction of these accesses that happens only where every read finds what is given.
    pub fn guarded_txn(accesses: impl IntoIterator<Item = Access>) -> Self {
        Self::keyless(Function::GuardedTxn, micro_operations(accesses))
    }

    /// The name of the function in the history.
    pub fn f(&self) -> &'static str {
        self.function.f()
    }

    /// The key; empty where there is none.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    /// The same, sent there.
    #[must_use]
    pub fn sent_to(self, to: Address) -> Self {
        Self { to, ..self }
    }

    /// The accesses of a transaction; none of anything else.
    pub fn accesses(&self) -> Vec<Access> {
        self.value.as_array().map_or(Vec::new(), |micro| accesses(micro))
    }
}

/// One access of a transaction to one key.
#[derive(Clone, Debug, PartialEq)]
pub enum Access {
    /// Reads it; the value is what was found, or must be in a guarded transaction.
    Read(String, Value),
    /// Stores a value.
    Write(String, Value),
    /// Puts an element at the end of a list.
    Append(String, Value),
}

impl Access {
    /// A read of what is not known.
    pub fn read(key: impl Into<String>) -> Self {
        Self::Read(key.into(), Value::Null)
    }

    /// The access as a history spells it.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Read(key, value) => json!(["r", key, value]),
            Self::Write(key, value) => json!(["w", key, value]),
            Self::Append(key, value) => json!(["append", key, value]),
        }
    }

    /// Reads the spelling of a history.
    pub fn from_json(micro: &Value) -> Option<Self> {
        let [f, key, value] = micro.as_array()?.as_slice() else { return None };
        let (key, value) = (key.as_str()?.to_owned(), value.clone());
        match f.as_str()? {
            "r" => Some(Self::Read(key, value)),
            "w" => Some(Self::Write(key, value)),
            "append" => Some(Self::Append(key, value)),
            _ => None,
        }
    }
}

fn micro_operations(accesses: impl IntoIterator<Item = Access>) -> Value {
    accesses.into_iter().map(|access| access.to_json()).collect()
}

/// The accesses of a list of micro-operations; what is none is left out.
pub(crate) fn accesses(micro: &[Value]) -> Vec<Access> {
    micro.iter().filter_map(Access::from_json).collect()
}

/// How an operation ended, as far as the client that invoked it knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending<'a> {
    /// It took effect, and this is what it returned.
    Ok(&'a Value),
    /// A compare-and-set or a guarded transaction that found another value than it expected;
    /// this one, where the system tells.
    Mismatch(Option<&'a Value>),
    /// It did not take effect and never will.
    Fail,
    /// Nobody knows.
    Info,
}

impl Ending<'_> {
    /// Whether it took effect.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for function in Function::ALL {
            assert_eq!(function.name().parse::<Function>().as_ref(), Ok(function));
        }
        let error = "put".parse::<Function>().expect_err("no function");
        assert!(error.to_string().contains("`put`") && error.to_string().contains("guarded-txn"));
    }

    #[test]
    fn accesses_read_back_as_they_are_spelled() {
        let accesses = vec![
            Access::read("a"),
            Access::Write("b".to_owned(), json!([1, 2])),
            Access::Append("c".to_owned(), json!(3)),
        ];
        let txn = Invocation::append_txn(accesses.clone());
        assert_eq!(txn.value, json!([["r", "a", null], ["w", "b", [1, 2]], ["append", "c", 3]]));
        assert_eq!(txn.accesses(), accesses);
    }
}
