//! Registers whose operations tell revisions: what those add to the values.
//!
//! The revision of an operation is that of the value it wrote or found, such as etcd's
//! `mod_revision`. The object so recorded is a value with a revision: **a write makes a
//! revision above all before it, a read finds the value and the revision that are current**.
//! Which revision the initial value has is for the store to say. Revisions may skip numbers, as those do that count the writes of a whole store.
//!
//! They are a hint that nobody vouches for, so they never speak against the values. Where the
//! two together have an order, it is one of the plain register too, and needs no search
//! whatever values repeat. Where they have none, revisions are violated, which is told apart:
//! values alone may still have an order.
//!
//! Only revisions that were told are numbered, from 1 on. Numbered so, they are made by one
//! write each, as [`versions`] takes them: an indeterminate write whose revision nobody told
//! may just as well not have happened. A compare-and-set is taken for a write, what tells no
//! revision is left out, or taken for indeterminate if it writes, and all that asks for less
//! than there is: no order then means none. An order is replayed on the plain register, with
//! everything; if that fails nothing is said.
//!
//! Deliberately absent: constraints between the revisions of different keys.

use crate::history::{History, Moment, Revision};
use crate::model::{Model, Register, RegisterOp, ValueId};
use crate::procedure::{Conflict, Decision};
use crate::timed::{NEVER, Timed};
use crate::verdict::{Contradiction, OperationId};
use crate::versions::{self, VersionedOp};

/// What the revisions of an object show; operations are named by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Revisions {
    /// An order that values and revisions allow, so also one of the plain register.
    Fit(Vec<u32>),
    /// Values and revisions together allow no order.
    Violated(Conflict),
}

/// Looks at the revisions of an object; `None` where they decide nothing.
///
/// `ids` and `operations` are those of the plain register, by beginnings, and values are below
/// `values`. O(n log n) where revisions are told, else O(n).
pub(super) fn decide(
    history: &History,
    ids: &[OperationId],
    operations: &[Timed<RegisterOp>],
    values: u32,
) -> Option<Revisions> {
    let told = Told::of(history, ids, operations)?;
    let (positions, versioned) = told.versioned(operations);
    match versions::decide(&versioned, values) {
        Decision::Linearizable(order) => {
            let order: Vec<u32> = order.into_iter().map(|at| positions[at as usize]).collect();
            replays(operations, &order).then_some(Revisions::Fit(order))
        }
        Decision::Violation(conflict) => {
            let named = conflict.operations.iter().map(|at| positions[*at as usize]);
            let named: Vec<u32> = named.collect();
            // Some stores give a delete that finds nothing the revision of another write.
            let is_delete =
                |at: &u32| operations[*at as usize].op == RegisterOp::Write(ValueId::INITIAL);
            if conflict.kind == Contradiction::DuplicateId && named.iter().any(is_delete) {
                return None;
            }
            Some(Revisions::Violated(Conflict::new(conflict.kind, named)))
        }
        Decision::NotApplicable(_) => None,
    }
}

/// The revisions told of the value that operations wrote or found.
struct Told {
    /// Per operation.
    revisions: Vec<Option<u64>>,
    /// Different ones that count as made by a write, rising.
    made: Vec<u64>,
}

impl Told {
    fn of(
        history: &History,
        ids: &[OperationId],
        operations: &[Timed<RegisterOp>],
    ) -> Option<Self> {
        let told = |id: &OperationId| history.operations[id.0 as usize].revision;
        if !ids.iter().any(|id| told(id).is_some()) {
            return None;
        }
        let of = |(id, timed): (&OperationId, &Timed<RegisterOp>)| {
            told(id).filter(|_| timed.returned != NEVER).map(Revision::get)
        };
        let mut revisions: Vec<Option<u64>> = ids.iter().zip(operations).map(of).collect();
        let erases = |timed: &Timed<RegisterOp>| stored(timed.op) == Some(ValueId::INITIAL);
        let tells = |(revision, timed): (&Option<u64>, &Timed<RegisterOp>)| {
            revision.is_some() && timed.op == RegisterOp::Read(ValueId::INITIAL)
        };
        if !operations.iter().any(erases) && !revisions.iter().zip(operations).any(tells) {
            // What was never written has no revision to tell.
            for (revision, timed) in revisions.iter_mut().zip(operations) {
                if timed.op == RegisterOp::Read(ValueId::INITIAL) {
                    revision.get_or_insert(0);
                }
            }
        }
        let mut made: Vec<u64> = revisions.iter().flatten().copied().collect();
        made.sort_unstable();
        made.dedup();
        let is_initial = |lowest: u64| {
            lowest == 0
                || revisions.iter().zip(operations).all(|(revision, timed)| {
                    *revision != Some(lowest) || timed.op == RegisterOp::Read(ValueId::INITIAL)
                })
        };
        if made.first().is_some_and(|lowest| is_initial(*lowest)) {
            made.remove(0);
        }
        Some(Self { revisions, made })
    }

    /// The number of a revision: 0 of the initial one.
    fn number(&self, revision: u64) -> u32 {
        self.made.binary_search(&revision).map_or(0, |index| index as u32 + 1)
    }

    /// What asks for no more than the operations do, and where each of them stands.
    fn versioned(&self, operations: &[Timed<RegisterOp>]) -> (Vec<u32>, Vec<Timed<VersionedOp>>) {
        let mut positions = Vec::with_capacity(operations.len());
        let mut versioned = Vec::with_capacity(operations.len());
        for ((position, timed), revision) in (0..).zip(operations).zip(&self.revisions) {
            let revision = revision.map(|revision| self.number(revision));
            let ended = timed.returned != NEVER;
            let (op, returned) = match (timed.op, stored(timed.op), revision) {
                (_, Some(value), Some(revision)) if ended => {
                    (VersionedOp::Write { value, revision }, timed.returned)
                }
                (_, Some(value), _) => (VersionedOp::Unacknowledged { value }, NEVER),
                (RegisterOp::Read(value), None, Some(revision)) => {
                    (VersionedOp::Read { value, revision }, timed.returned)
                }
                _ => continue,
            };
            positions.push(position);
            versioned.push(Timed { op, invoked: timed.invoked, returned });
        }
        (positions, versioned)
    }
}

/// What an operation leaves, if it stores something.
fn stored(op: RegisterOp) -> Option<ValueId> {
    match op {
        RegisterOp::Write(value) | RegisterOp::Cas { new: value, .. } => Some(value),
        RegisterOp::Read(_) | RegisterOp::Refused(_) => None,
    }
}

/// Whether `order` is a linearization of all operations of the plain register.
fn replays(operations: &[Timed<RegisterOp>], order: &[u32]) -> bool {
    let ended = operations.iter().filter(|timed| timed.returned != NEVER).count();
    let mut taken = 0;
    let mut latest = 0;
    let mut state = Register.init();
    for position in order {
        let timed = &operations[*position as usize];
        let Some(next) = Register.step(&state, &timed.op) else { return false };
        if timed.returned < latest {
            return false;
        }
        latest = latest.max(timed.invoked);
        taken += usize::from(timed.returned != NEVER);
        state = next;
    }
    taken == ended
}

/// A violation of revisions in a sentence.
pub(super) fn explain(
    history: &History,
    kind: Contradiction,
    operations: &[OperationId],
) -> String {
    let revision = |id: &OperationId| {
        let told = history.get(*id).revision;
        told.map_or_else(|| "none".to_owned(), |revision| revision.get().to_string())
    };
    let deed = |id: &OperationId| {
        let operation = history.get(*id);
        let value = if operation.f() == "read" { operation.result } else { operation.argument };
        let shown: String = history.values.show(value).to_string().chars().take(40).collect();
        let node = operation.node().map_or_else(String::new, |node| format!(" on {node}"));
        format!("the {} of {shown}{node} (operation {})", operation.f(), id.0)
    };
    match (kind, operations) {
        (Contradiction::OutOfOrder, [one, other]) => {
            let ended = history.get(*one).completed.map(Moment::position);
            let one_first = ended.is_some_and(|end| end < history.get(*other).invoked.position());
            let (first, second) = if one_first { (one, other) } else { (other, one) };
            format!(
                "{} told revision {} and had ended before {} began, which told revision {}",
                deed(first),
                revision(first),
                deed(second),
                revision(second)
            )
        }
        (Contradiction::DuplicateId, [one, other]) => {
            format!("{} and {} both told revision {}", deed(one), deed(other), revision(one))
        }
        (Contradiction::NoOrder, [one, other]) if revision(one) == revision(other) => {
            format!("revision {} has two values: {} and {}", revision(one), deed(one), deed(other))
        }
        (Contradiction::MissingId | Contradiction::NeverWritten, [one]) => format!(
            "{} told revision {}, which no write can have made by then",
            deed(one),
            revision(one)
        ),
        _ => {
            let told: Vec<String> = operations.iter().take(6).map(&revision).collect();
            format!(
                "too few writes could have made what {} operations found; they told revisions {}{}",
                operations.len(),
                told.join(", "),
                if operations.len() > told.len() { ", ..." } else { "" }
            )
        }
    }
}
