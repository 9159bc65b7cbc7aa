//! Contradictions with everything a person needs to follow them.
//!
//! The checker names the operations; here they get their details and the orders between
//! them that the history itself shows. Deliberately absent: any judgement of its own.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall_checker::history::{History, Moment, Operation, Outcome, Recorded, Revision, View};
use squall_checker::placement::Placement;
use squall_checker::verdict::{
    Analysis, Conclusion, Contradiction, Counterexample, Edge, OperationId, Precedence,
};

use super::CONTRADICTIONS_MAX;
use crate::wording;

/// The operations of one key that contradict each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContradictionDetail {
    /// The key; `None` for a history without keys.
    pub key: Option<String>,
    /// The kind of contradiction.
    pub kind: Contradiction,
    /// The checker's sentence.
    pub explanation: String,
    /// The operations, by invocation.
    pub operations: Vec<OperationDetail>,
    /// The checker's cycle where it found one, else the orders in real time, nearest
    /// neighbours only.
    pub orders: Vec<Order>,
    /// When it was complete: the last acknowledgement among the operations.
    pub complete_ns: u64,
    /// All of the operations but one in an order that is legal for these alone, where the
    /// checker was asked, there is one, and it was found soon; only of the first contradiction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
}

/// One operation of a contradiction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationDetail {
    /// Its position among the invocations of clients in the history.
    pub id: OperationId,
    /// The logical client.
    pub process: u64,
    /// The node it was sent to.
    pub node: Option<String>,
    /// The function.
    pub f: String,
    /// The object operated on.
    pub key: Option<String>,
    /// What it was called with.
    pub argument: Value,
    /// What it returned.
    pub result: Value,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was invoked.
    pub invoked_ns: u64,
    /// When its completion was recorded; for an indeterminate one, when the client gave up.
    pub completed_ns: Option<u64>,
    /// Why it is indeterminate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The revision the system attached to its reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The operation in a few words, e.g. `write 31` or `read → 31`.
    pub label: String,
}

/// An order between two operations of a contradiction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The earlier one.
    pub before: OperationId,
    /// The later one.
    pub after: OperationId,
    /// What puts them in this order.
    pub why: Precedence,
    /// For [`Precedence::RealTime`]: from the acknowledgement of one to the invocation of
    /// the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_ns: Option<u64>,
}

/// The contradiction that [`Results::contradictions`](super::Results::contradictions) begins
/// with: the one that was complete first, of several at one moment that of the key that appeared
/// first.
///
/// Cost: a look at every operation of every counterexample, which are few each.
pub fn first_contradiction<'a>(
    history: &History,
    analysis: &'a Analysis,
) -> Option<&'a Counterexample> {
    violated(analysis)
        .map(|(_, found)| found)
        .min_by_key(|found| complete_ns(&operations(history, found)))
}

/// Describes the contradictions of a history, the earliest complete one first.
pub(super) fn describe(history: &History, analysis: &Analysis) -> Vec<ContradictionDetail> {
    let mut details: Vec<_> =
        violated(analysis).map(|(key, found)| detail(history, key, found)).collect();
    details.sort_by_key(|detail| detail.complete_ns);
    details.truncate(CONTRADICTIONS_MAX);
    details
}

fn violated(analysis: &Analysis) -> impl Iterator<Item = (&Option<String>, &Counterexample)> {
    analysis.keys.iter().filter_map(|key| match &key.conclusion {
        Conclusion::Violation(counterexample) => Some((&key.key, counterexample)),
        Conclusion::Linearizable { .. } | Conclusion::Unknown { .. } => None,
    })
}

/// The operations of a counterexample that the history has, by invocation.
fn operations<'h>(history: &'h History, of: &Counterexample) -> Vec<(OperationId, Recorded<'h>)> {
    let known = of.operations.iter().filter(|id| (id.0 as usize) < history.operations.len());
    let mut found: Vec<_> = known.map(|&id| (id, history.get(id))).collect();
    found.sort_by_key(|(_, op)| (op.invoked.position(), op.invoked.time_ns()));
    found
}

/// When the last of these was acknowledged, or begun.
fn complete_ns(found: &[(OperationId, Recorded<'_>)]) -> u64 {
    let ok = found.iter().filter(|(_, op)| op.outcome == Outcome::Ok);
    ok.filter_map(|(_, op)| op.completed)
        .chain(found.iter().map(|(_, op)| op.invoked))
        .map(Moment::time_ns)
        .max()
        .unwrap_or(0)
}

fn detail(history: &History, key: &Option<String>, from: &Counterexample) -> ContradictionDetail {
    let found = operations(history, from);
    ContradictionDetail {
        key: key.clone(),
        kind: from.kind,
        explanation: from.explanation.clone(),
        operations: found.iter().map(|&(id, op)| operation(id, op)).collect(),
        orders: orders(&found, &from.edges),
        complete_ns: complete_ns(&found),
        placement: None,
    }
}

fn operation(id: OperationId, op: Recorded<'_>) -> OperationDetail {
    OperationDetail {
        id,
        process: op.process,
        node: op.node().map(str::to_owned),
        f: op.f().to_owned(),
        key: op.key().map(str::to_owned),
        argument: op.history().values.to_json(op.argument),
        result: op.history().values.to_json(op.result),
        outcome: op.outcome,
        invoked_ns: op.invoked.time_ns(),
        completed_ns: op.completed.map(Moment::time_ns),
        error: op.error().map(str::to_owned),
        revision: op.revision.map(Revision::get),
        label: label(op),
    }
}

/// An operation in a few words.
fn label(op: Recorded<'_>) -> String {
    let value = |value| wording::value(&op.history().values.to_json(value));
    let f = wording::shorten(op.f(), 24);
    let called = match (op.argument(), f.as_str()) {
        (View::Null, _) => f.clone(),
        (View::List(&[expected, new]), "cas") => {
            format!("cas {} to {}", value(expected), value(new))
        }
        _ => format!("{f} {}", value(op.argument)),
    };
    let returns = match op.outcome {
        Outcome::Ok if op.argument.is_null() => true,
        Outcome::Ok => !op.result.is_null() && op.result != op.argument,
        Outcome::Fail | Outcome::Info => false,
    };
    if returns { format!("{called} → {}", value(op.result)) } else { called }
}

/// The cycle the checker found, or else the orders in real time between the operations.
fn orders(found: &[(OperationId, Recorded<'_>)], edges: &[Edge]) -> Vec<Order> {
    if edges.is_empty() {
        return real_time(found);
    }
    let find = |wanted| found.iter().find(|(id, _)| *id == wanted).map(|&(_, op)| op);
    edges
        .iter()
        .map(|edge| Order {
            before: edge.from,
            after: edge.to,
            why: edge.why,
            gap_ns: match (edge.why, find(edge.from), find(edge.to)) {
                (Precedence::RealTime, Some(before), Some(after)) => gap_ns(&before, &after),
                _ => None,
            },
        })
        .collect()
}

/// Real-time order between the operations, without what follows from other orders.
///
/// Cubic in the operations, which are few: a counterexample is minimal.
fn real_time(found: &[(OperationId, Recorded<'_>)]) -> Vec<Order> {
    let mut orders = Vec::new();
    for &(after, later) in found {
        let ended: Vec<_> = found.iter().filter(|(_, op)| precedes(op, &later)).collect();
        // Only those that no other of them follows.
        let last = ended.iter().filter(|(_, op)| !ended.iter().any(|(_, next)| precedes(op, next)));
        orders.extend(last.map(|&&(before, op)| Order {
            before,
            after,
            why: Precedence::RealTime,
            gap_ns: gap_ns(&op, &later),
        }));
    }
    orders
}

fn precedes(earlier: &Operation, later: &Operation) -> bool {
    earlier.outcome == Outcome::Ok
        && earlier.completed.is_some_and(|at| at.position() < later.invoked.position())
}

fn gap_ns(earlier: &Operation, later: &Operation) -> Option<u64> {
    earlier.completed.map(|at| later.invoked.time_ns().saturating_sub(at.time_ns()))
}
