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
}

/// An endless stream of invocations for one client.
///
/// The same workload, seed and client give the same stream, whatever the cluster does.
pub trait Generator: Send {
    /// The next invocation.
    fn next(&mut self) -> Invocation;
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
    fn final_reads(&self) -> Vec<Invocation>;
}
