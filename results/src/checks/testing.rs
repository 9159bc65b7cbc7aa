//! Small histories for the tests of the checks, written by hand.

use std::num::NonZeroU32;

use serde_json::Value;
use squall_checker::history::{History, Moment, Operation, Outcome, Revision};
use squall_checker::verdict::{Analysis, Verdict};

/// Invocation and completion, in milliseconds, which are positions too.
pub(super) fn at(from_ms: u64, to_ms: u64) -> (u64, u64) {
    (from_ms, to_ms)
}

pub(super) fn moment(at_ms: u64) -> Moment {
    let position = u32::try_from(at_ms).ok().and_then(NonZeroU32::new);
    Moment::new(position.expect("a short history that begins after 0"), at_ms * 1_000_000)
}

/// What a check is told of the history alone.
pub(super) fn judged_as(model: &str) -> Analysis {
    Analysis { verdict: Verdict::Linearizable, model: model.to_owned(), keys: Vec::new() }
}

/// A history in the making; each operation is of a process of its own unless it says so.
#[derive(Default)]
pub(super) struct Script {
    pub(super) history: History,
}

impl Script {
    fn push(
        &mut self,
        f: &str,
        key: &str,
        (from_ms, to_ms): (u64, u64),
        outcome: Outcome,
        values: (&Value, &Value),
    ) -> &mut Operation {
        let History { operations, names, values: table, .. } = &mut self.history;
        operations.push(Operation {
            process: operations.len() as u64,
            node: None,
            f: names.intern(f),
            key: Some(names.intern(key)),
            argument: table.intern(values.0),
            result: table.intern(values.1),
            outcome,
            invoked: moment(from_ms),
            completed: Some(moment(to_ms)),
            error: None,
            revision: None,
        });
        operations.last_mut().expect("one was pushed just now")
    }

    /// An operation that succeeded, with what it was called with and what it returned.
    pub(super) fn ok(
        &mut self,
        f: &str,
        key: &str,
        times: (u64, u64),
        argument: &Value,
        result: &Value,
    ) -> &mut Operation {
        self.push(f, key, times, Outcome::Ok, (argument, result))
    }

    /// One that tells a revision.
    pub(super) fn told(
        &mut self,
        f: &str,
        process: u64,
        times: (u64, u64),
        value: &Value,
        revision: u64,
    ) {
        let operation = self.ok(f, "k", times, value, value);
        operation.process = process;
        operation.revision = Some(Revision::new(revision));
    }

    /// One that can never take effect.
    pub(super) fn refused(&mut self, f: &str, key: &str, times: (u64, u64), error: &str) {
        self.push(f, key, times, Outcome::Fail, (&Value::Null, &Value::Null));
        self.blame(error);
    }

    /// One that is indeterminate.
    pub(super) fn lost(&mut self, f: &str, key: &str, times: (u64, u64), error: &str) {
        self.indeterminate(f, key, times, &Value::Null);
        self.blame(error);
    }

    /// One that is indeterminate, with its argument.
    pub(super) fn indeterminate(&mut self, f: &str, key: &str, times: (u64, u64), value: &Value) {
        self.push(f, key, times, Outcome::Info, (value, &Value::Null));
    }

    fn blame(&mut self, error: &str) {
        let error = self.history.names.intern(error);
        self.history.operations.last_mut().expect("one was pushed before").error = Some(error);
    }
}
