//! The first contradiction as the drawings take it.

use serde::Serialize;
use squall_checker::history::Outcome;
use squall_checker::placement::Placement;
use squall_checker::verdict::Precedence;

use super::micros;
use crate::summary::{ContradictionDetail, OperationDetail};
use crate::wording;

/// Operations drawn of a contradiction.
pub(super) const OPERATIONS_MAX: usize = 40;

/// Characters of an error on the page.
const ERROR_CHARS_MAX: usize = 200;

/// A contradiction; times are nanoseconds where they are named so, else microseconds.
#[derive(Debug, Serialize)]
pub(super) struct Contradiction<'r> {
    complete: u64,
    key: Option<&'r str>,
    operations: Vec<OperationBar<'r>>,
    orders: Vec<OrderArrow>,
    omitted: usize,
    /// The row that has no place in the order of the others, where there is such an order.
    left_out: Option<usize>,
}

#[derive(Debug, Serialize)]
struct OperationBar<'r> {
    id: u32,
    label: &'r str,
    client: u64,
    node: Option<&'r str>,
    outcome: Outcome,
    start_ns: u64,
    end_ns: Option<u64>,
    /// Its turn in the order of all but one, from 1, and when it may have taken effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    placed: Option<(usize, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What comes before what, by rows.
#[derive(Debug, Serialize)]
struct OrderArrow {
    before: usize,
    after: usize,
    gap_ns: Option<u64>,
    why: &'static str,
}

impl<'r> Contradiction<'r> {
    pub(super) fn of(detail: &'r ContradictionDetail) -> Self {
        let shown = &detail.operations[..detail.operations.len().min(OPERATIONS_MAX)];
        let row = |id| shown.iter().position(|op| op.id == id);
        Self {
            complete: micros(detail.complete_ns),
            key: detail.key.as_deref(),
            operations: shown.iter().map(|op| bar(op, detail.placement.as_ref())).collect(),
            orders: detail
                .orders
                .iter()
                .filter_map(|order| {
                    Some(OrderArrow {
                        before: row(order.before)?,
                        after: row(order.after)?,
                        gap_ns: order.gap_ns,
                        why: why(order.why),
                    })
                })
                .collect(),
            omitted: detail.operations.len() - shown.len(),
            left_out: detail.placement.as_ref().and_then(|placement| row(placement.left_out)),
        }
    }
}

fn bar<'r>(op: &'r OperationDetail, placement: Option<&Placement>) -> OperationBar<'r> {
    let order = placement.map_or(&[][..], |placement| &placement.order);
    let turn = order.iter().position(|placed| placed.id == op.id);
    OperationBar {
        placed: turn.map(|turn| (turn + 1, order[turn].point_ns)),
        id: op.id.0,
        label: &op.label,
        client: op.process,
        node: op.node.as_deref(),
        outcome: op.outcome,
        start_ns: op.invoked_ns,
        end_ns: op.completed_ns,
        error: op.error.as_deref().map(|error| wording::shorten(error, ERROR_CHARS_MAX)),
    }
}

/// What stands on an arrow of the graph: “A … B” reads from the tail to the head.
fn why(why: Precedence) -> &'static str {
    match why {
        Precedence::RealTime => "ended before",
        Precedence::ReadsFrom => "was read by",
        Precedence::SameValue => "same value as",
        Precedence::InitialValue => "must precede",
        Precedence::WriteWrite => "wrote before",
        Precedence::ReadWrite => "did not see",
    }
}
