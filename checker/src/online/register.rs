//! A register with compare-and-set whose live values are all different, event by event.
//!
//! The *cluster* of a value is its write or compare-and-set with the reads that returned
//! it; a compare-and-set puts its cluster directly after the one of the value it replaced,
//! so clusters form *chains*, mostly of one. A cluster takes part once one of its operations
//! ended, or once a compare-and-set from its value takes part; until then its write is a
//! mere possibility. What [`register`](crate::register) proves for a whole history holds for
//! every prefix. With `f` the first end and `s` the last beginning among the operations of
//! a cluster or of a chain, a prefix has no order iff
//!
//! - (a) a value was returned or replaced that nobody had begun to write,
//! - (b) two compare-and-sets that take part replaced one value, or replace in a circle,
//! - (c) `f(Y) < s(X)` for a cluster Y later in the chain of X, or
//! - (d) `f(A) < s(B)` and `f(B) < s(A)` for two chains A and B.
//!
//! **Why the first bad event is found.** Events arrive in order, so a new `f` is the
//! greatest position so far and makes neither (c) nor (d) true. Chains grow at their end
//! only, since a cluster takes part no earlier than the one before it, and never merge. So
//! (c) and (d) need testing only when `s` rises, against what is there: for (c) the first
//! end among later clusters, which never changes once set; for (d) the other chains.
//!
//! **What is forgotten**, with `h` the horizon. Whatever completes later began at `h` or
//! after. (1) A cluster with `s < h` and a later one in its chain with `f < h`: whoever
//! returns its value later breaks (c), whoever replaces it (b). (2) A chain B with
//! `s(B) < h` and `f(B) < s(C)`, where C is a chain kept that has the greatest `s` among
//! those with `f < h`: whoever returns or replaces a value of B later raises `s(B)` to `h`
//! or more, beyond `f(C)`, and breaks (d). Nor is B needed as a witness against others:
//! were `f(B) < s(X)` and `f(X) < s(B)` to become true by X rising to `h` or more, then
//! `s(B) <= s(C)` gives `f(X) < s(C)`, and `f(C) < h <= s(X)`; so X and C break (d) at the
//! same event. X is not C, for `f(C) < s(B)` would have been a violation before. When C is
//! forgotten in turn its own witness takes its place, as its `s` is at least as great.
//!
//! So a value that is not known any more was never written or is gone: either way nobody
//! may return it, and **nothing needs to be kept about it**, not even one bit. If it is
//! written again it is as good as new, because nobody can return its former self. Values
//! need to be different only among those alive.
//!
//! Memory: about 100 bytes for each value alive: written by an operation that ended since
//! the horizon, or in flight, or by an indeterminate one never seen. Time: each completion
//! is compared with the chains that first ended since it began and those in flight then;
//! forgetting is amortised over what it forgets.
//!
//! Deliberately absent: refused compare-and-sets that say only that the value was another
//! one. They are taken for operations without effect, which is sound for violations.

mod window;

use std::hash::Hash;

use rustc_hash::FxHashMap;

use self::window::{ChainId, Window, Witness};
use super::{Completion, Halt, Moment, Monitor};
use crate::fault::planted;
use crate::procedure::Conflict;
use crate::timed::NEVER;
use crate::verdict::{Contradiction, OperationId};

/// The absence of a cluster.
const NONE: u32 = u32::MAX;

/// How many clusters more than twice those kept last time make it worth forgetting again.
const SLACK: usize = 32;

/// An operation on a register as it is invoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegisterCall<Value> {
    /// Asks for the value.
    Read,
    /// Stores a value.
    Write(Value),
    /// Stores `new` if `expected` is there.
    Cas {
        /// The value asked for.
        expected: Value,
        /// The value to store.
        new: Value,
    },
}

/// What a register replied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegisterReply<Value> {
    /// Stored; to a read this says nothing.
    Done,
    /// This value was there; nothing was stored.
    Found(Value),
}

/// A register operation in flight.
#[derive(Clone, Copy, Debug)]
pub struct PendingRegister {
    operation: OperationId,
    invoked: u32,
    /// The cluster it would write, if it writes.
    cluster: u32,
}

/// A value that may be or become current.
struct Cluster<Value> {
    value: Value,
    /// `None` for the initial value.
    writer: Option<OperationId>,
    written: u32,
    /// The value its write must find.
    expected: Option<Value>,
    /// `None` until it takes part.
    chain: Option<ChainId>,
    /// Neighbours in the chain among clusters not forgotten.
    before: u32,
    after: u32,
    /// The compare-and-set that takes part and replaced it.
    replaced_by: Option<OperationId>,
    /// Whether an operation of it ended, and which made it take part.
    seen_by: Option<OperationId>,
    last_beginning: u32,
    /// The first end among later clusters of the chain, and whose.
    passed: u32,
    passed_by: Option<OperationId>,
}

/// Judges a register with compare-and-set, event by event.
///
/// The first event without legal order is found exactly, as long as no value is written
/// again while its former write can still be seen, and leaving refusals aside. An
/// invocation that breaks this is answered [`Halt::NotApplicable`].
pub struct RegisterMonitor<Value> {
    clusters: Vec<Cluster<Value>>,
    free: Vec<u32>,
    by_value: FxHashMap<Value, u32>,
    /// The clusters that take part.
    members: Vec<u32>,
    window: Window,
    /// Clusters after which it is worth forgetting.
    crowded: usize,
    slack: usize,
}

impl<Value: Copy + Eq + Hash> RegisterMonitor<Value> {
    /// A register that holds `initial`.
    pub fn new(initial: Value) -> Self {
        Self::forgetting_after(SLACK, initial)
    }

    fn forgetting_after(slack: usize, initial: Value) -> Self {
        let mut window = Window::default();
        let first = Cluster {
            chain: Some(window.begin(0, Witness::default())),
            ..Cluster::possible(initial, None, None, 0)
        };
        Self {
            clusters: vec![first],
            free: Vec::new(),
            by_value: FxHashMap::from_iter([(initial, 0)]),
            members: vec![0],
            window,
            crowded: slack,
            slack,
        }
    }

    /// How many values are kept: a measure of the memory used.
    pub fn alive(&self) -> usize {
        self.by_value.len()
    }

    /// A write becomes possible.
    fn propose(
        &mut self,
        operation: OperationId,
        value: Value,
        expected: Option<Value>,
        at: Moment,
    ) -> Result<u32, Halt> {
        if self.by_value.contains_key(&value) {
            self.forget(at.horizon);
            if self.by_value.contains_key(&value) {
                return Err(Halt::NotApplicable(
                    "a value is written again while its former write can still be seen",
                ));
            }
        }
        let cluster = Cluster::possible(value, Some(operation), expected, at.position);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.clusters[slot as usize] = cluster;
                slot
            }
            None => {
                self.clusters.push(cluster);
                self.clusters.len() as u32 - 1
            }
        };
        self.by_value.insert(value, slot);
        Ok(slot)
    }

    /// A write turns out to have had no effect.
    fn withdraw(&mut self, slot: u32) -> Result<(), Halt> {
        let cluster = &self.clusters[slot as usize];
        if let Some(seen_by) = cluster.seen_by {
            let operations = [cluster.writer, Some(seen_by)];
            return Err(violation(Contradiction::NeverWritten, operations));
        }
        if !planted("online register: a failed write stays possible") {
            self.by_value.remove(&cluster.value);
            self.free.push(slot);
        }
        Ok(())
    }

    /// An operation ended that returned or stored `value`.
    fn see(
        &mut self,
        value: Value,
        operation: OperationId,
        invoked: u32,
        at: Moment,
    ) -> Result<(), Halt> {
        let Some(&slot) = self.by_value.get(&value) else {
            return Err(violation(Contradiction::NoOrder, [Some(operation)]));
        };
        if self.clusters[slot as usize].chain.is_none() {
            self.include(slot, operation, at)?;
        }
        let cluster = &mut self.clusters[slot as usize];
        if invoked > cluster.passed && !planted("online register: a chain is never passed") {
            let operations = [Some(operation), cluster.writer, cluster.passed_by];
            return Err(violation(Contradiction::ChainInverted, operations));
        }
        cluster.last_beginning = cluster.last_beginning.max(invoked);
        let writer = cluster.writer;
        let chain = cluster.chain.expect("it takes part");
        self.pass_earlier(slot, operation, at.position);
        let witness = Witness { operation: Some(operation), writer };
        self.raise(chain, invoked, witness)?;
        if self.members.len() > self.crowded {
            self.forget(at.horizon);
        }
        Ok(())
    }

    /// Makes a cluster take part, and those its write needs.
    fn include(&mut self, slot: u32, seen_by: OperationId, at: Moment) -> Result<(), Halt> {
        let mut path = vec![slot];
        let mut chain = None;
        let mut end = NONE;
        while let Some(expected) = self.clusters[path[path.len() - 1] as usize].expected {
            let writer = self.clusters[path[path.len() - 1] as usize].writer;
            let Some(&before) = self.by_value.get(&expected) else {
                return Err(violation(Contradiction::NoOrder, [writer, Some(seen_by)]));
            };
            if path.contains(&before) {
                let writers = path.iter().map(|&slot| self.clusters[slot as usize].writer);
                return Err(violation(Contradiction::ChainClosed, writers.chain([Some(seen_by)])));
            }
            let found = &self.clusters[before as usize];
            if let Some(replaced_by) = found.replaced_by
                && !planted("online register: replaced twice")
            {
                let operations = [writer, Some(replaced_by), found.writer, Some(seen_by)];
                return Err(violation(Contradiction::ReplacedTwice, operations));
            }
            if found.chain.is_some() {
                (chain, end) = (found.chain, before);
                break;
            }
            path.push(before);
        }
        let chain = chain.unwrap_or_else(|| {
            let writer = self.clusters[slot as usize].writer;
            self.window.begin(at.position, Witness { operation: Some(seen_by), writer })
        });
        for &slot in path.iter().rev() {
            let cluster = &mut self.clusters[slot as usize];
            cluster.chain = Some(chain);
            cluster.before = end;
            cluster.seen_by = Some(seen_by);
            let (written, writer) = (cluster.written, cluster.writer);
            if let Some(end) = self.clusters.get_mut(end as usize) {
                end.after = slot;
                end.replaced_by = writer;
            }
            end = slot;
            self.members.push(slot);
            if !planted("online register: a chain forgets its links") {
                self.raise(chain, written, Witness { operation: writer, writer })?;
            }
        }
        Ok(())
    }

    /// An operation of a cluster ended: what is earlier in the chain was current before.
    fn pass_earlier(&mut self, slot: u32, operation: OperationId, position: u32) {
        let mut earlier = self.clusters[slot as usize].before;
        while let Some(cluster) = self.clusters.get_mut(earlier as usize)
            && cluster.passed == NEVER
        {
            cluster.passed = position;
            cluster.passed_by = Some(operation);
            earlier = cluster.before;
        }
    }

    fn raise(&mut self, chain: ChainId, invoked: u32, witness: Witness) -> Result<(), Halt> {
        match self.window.raise(chain, invoked, witness) {
            Ok(()) => Ok(()),
            Err(names) => Err(violation(Contradiction::ValueReturned, names)),
        }
    }

    /// Forgets what everything that can still complete would contradict.
    fn forget(&mut self, horizon: u32) {
        self.window.mark_gone(horizon);
        let mut members = std::mem::take(&mut self.members);
        members.retain(|&slot| {
            let cluster = &self.clusters[slot as usize];
            let chain = cluster.chain.expect("members take part");
            let passed = cluster.passed < horizon && cluster.last_beginning < horizon;
            let early = planted("online register: forgotten too early") && cluster.passed != NEVER;
            let gone = self.window.is_gone(chain) || passed || early;
            if gone {
                self.remove(slot);
            }
            !gone
        });
        self.members = members;
        self.window.drop_gone();
        self.crowded = 2 * self.members.len() + self.slack;
    }

    fn remove(&mut self, slot: u32) {
        let cluster = &self.clusters[slot as usize];
        let (before, after) = (cluster.before, cluster.after);
        self.by_value.remove(&cluster.value);
        self.free.push(slot);
        if let Some(before) = self.clusters.get_mut(before as usize) {
            before.after = after;
        }
        if let Some(after) = self.clusters.get_mut(after as usize) {
            after.before = before;
        }
    }
}

impl<Value> Cluster<Value> {
    /// A cluster that does not take part yet.
    fn possible(
        value: Value,
        writer: Option<OperationId>,
        expected: Option<Value>,
        written: u32,
    ) -> Self {
        Self {
            value,
            writer,
            written,
            expected,
            chain: None,
            before: NONE,
            after: NONE,
            replaced_by: None,
            seen_by: None,
            last_beginning: written,
            passed: NEVER,
            passed_by: None,
        }
    }
}

fn violation(
    kind: Contradiction,
    operations: impl IntoIterator<Item = Option<OperationId>>,
) -> Halt {
    let named = operations.into_iter().flatten().map(|operation| operation.0);
    Halt::Violation(Conflict::new(kind, named))
}

impl<Value: Copy + Eq + Hash> Monitor for RegisterMonitor<Value> {
    type Call = RegisterCall<Value>;
    type Reply = RegisterReply<Value>;
    type Pending = PendingRegister;

    fn invoke(
        &mut self,
        operation: OperationId,
        call: RegisterCall<Value>,
        at: Moment,
    ) -> Result<PendingRegister, Halt> {
        let cluster = match call {
            RegisterCall::Read => NONE,
            RegisterCall::Write(value) => self.propose(operation, value, None, at)?,
            RegisterCall::Cas { expected, new } => {
                self.propose(operation, new, Some(expected), at)?
            }
        };
        Ok(PendingRegister { operation, invoked: at.position, cluster })
    }

    fn complete(
        &mut self,
        pending: PendingRegister,
        completion: Completion<RegisterReply<Value>>,
        at: Moment,
    ) -> Result<(), Halt> {
        let PendingRegister { operation, invoked, cluster } = pending;
        let writes = cluster != NONE;
        match completion {
            Completion::Ok(RegisterReply::Done) if writes => {
                let value = self.clusters[cluster as usize].value;
                self.see(value, operation, invoked, at)
            }
            Completion::Ok(RegisterReply::Found(value)) => {
                if writes {
                    self.withdraw(cluster)?;
                }
                self.see(value, operation, invoked, at)
            }
            Completion::Fail if writes => self.withdraw(cluster),
            Completion::Ok(RegisterReply::Done) | Completion::Fail | Completion::Info => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
