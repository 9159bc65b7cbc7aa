//! The two traits of a workload, and the invocations they speak in.

use std::borrow::Cow;

use serde_json::Value;
use squall_checker::model::ModelName;

/// One operation about to be invoked, not yet addressed to a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The function, as the history names it (`read`, `write`, ...).
    pub f: &'static str,
    /// The object operated on.
    pub key: Cow<'static, str>,
    /// The argument; null for a read.
    pub value: Value,
}

impl Invocation {
    /// A read of `key`.
    pub fn read(key: impl Into<Cow<'static, str>>) -> Self {
        Self { f: "read", key: key.into(), value: Value::Null }
    }

    /// A write of `value` to `key`.
    pub fn write(key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        Self { f: "write", key: key.into(), value: value.into() }
    }

    /// A change of `key` from `expected` to `value`, which is refused where it holds
    /// anything else.
    pub fn cas(key: impl Into<Cow<'static, str>>, expected: Value, value: Value) -> Self {
        Self { f: "cas", key: key.into(), value: Value::Array(vec![expected, value]) }
    }

    /// An `element` put at the end of the list at `key`.
    pub fn append(key: impl Into<Cow<'static, str>>, element: impl Into<Value>) -> Self {
        Self { f: "append", key: key.into(), value: element.into() }
    }

    /// An `amount` added to the number at `key`.
    pub fn add(key: impl Into<Cow<'static, str>>, amount: impl Into<Value>) -> Self {
        Self { f: "add", key: key.into(), value: amount.into() }
    }
}

/// How an operation ended, as far as the client that invoked it knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending<'a> {
    /// It took effect, and this is what it returned.
    Ok(&'a Value),
    /// A compare-and-set that found another value than it expected; this one, where the
    /// system tells.
    Mismatch(Option<&'a Value>),
    /// It did not take effect and never will.
    Fail,
    /// Nobody knows.
    Info,
}

/// An endless stream of invocations for one client.
///
/// The same workload, seed and client give the same stream of functions and objects, whatever
/// the cluster does; what else a stream may depend on, each workload says of itself.
pub trait Generator: Send {
    /// The next invocation.
    fn next(&mut self) -> Invocation;

    /// Learns how the invocation that [`Generator::next`] gave last has ended.
    ///
    /// Called once for each that ended, before the next is asked for. Most streams do not
    /// care.
    fn observe(&mut self, _invocation: &Invocation, _ending: Ending<'_>) {}
}

/// What the clients of a run do, and who judges it.
pub trait Workload: Send + Sync {
    /// The name on the command line.
    fn name(&self) -> &'static str;

    /// The model that judges the history.
    fn model(&self) -> ModelName;

    /// The functions a system must offer.
    fn functions(&self) -> &'static [&'static str];

    /// The stream of client `client`, counted from 0, out of `clients` in all.
    ///
    /// Values written by different clients never collide on one key.
    fn generator(&self, client: usize, clients: usize) -> Box<dyn Generator>;

    /// What to read on every node once the faults are over.
    ///
    /// Asked for when the clients have ended, so that it may depend on what they did.
    fn final_reads(&self) -> Vec<Invocation>;

    /// The `number`th change of `key` that the harness itself makes, counted from 1, to see
    /// whether a node serves.
    ///
    /// One that the model knows and that succeeds whatever `key` holds. No client ever uses
    /// `key`.
    fn service_check(&self, key: &'static str, number: u64) -> Invocation {
        Invocation::write(key, number)
    }
}
