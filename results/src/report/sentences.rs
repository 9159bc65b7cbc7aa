//! The contradiction in words: what no order fits, and what of it does.

use squall_checker::placement::Placement;
use squall_checker::verdict::{Precedence, Verdict};

use super::page::ROWS_MAX;
use super::tables::NONE;
use crate::summary::{ContradictionDetail, OperationDetail, Order, Results};
use crate::wording::{Nanos, count, plural};

/// The first contradiction in words.
pub(super) struct Shown {
    pub(super) title: String,
    pub(super) explanation: String,
    /// How all operations but one fit an order; empty where they do not.
    pub(super) placed: String,
    pub(super) orders: Vec<String>,
    pub(super) others_title: String,
    pub(super) others: Vec<String>,
}

/// Tells the contradiction `first` of a run.
pub(super) fn shown(results: &Results, first: &ContradictionDetail) -> Shown {
    let operations = plural(first.operations.len() as u64, "operation", "operations");
    let on = first.key.as_ref().map_or_else(String::new, |key| format!(" on key {key}"));
    let others = || {
        let violated = results.check.keys.iter().filter(|key| key.verdict == Verdict::Violation);
        violated.filter(|key| key.key != first.key)
    };
    let all = others().count();
    let told = others().take(ROWS_MAX);
    let told = told.map(|key| key_line(key.key.as_deref(), key.reason.as_deref()));
    let more = all.saturating_sub(ROWS_MAX);
    let more = (more > 0).then(|| format!("and {} more, in results.json", count(more as u64)));
    Shown {
        title: format!("{operations}{on}"),
        explanation: first.explanation.clone(),
        placed: first.placement.as_ref().map_or_else(String::new, |found| placed(found, first)),
        orders: first.orders.iter().filter_map(|order| order_sentence(order, first)).collect(),
        others_title: plural(
            all as u64,
            "more key contradicts itself",
            "more keys contradict themselves",
        ),
        others: told.chain(more).collect(),
    }
}

/// The order of all operations but one, as a sentence.
fn placed(placement: &Placement, of: &ContradictionDetail) -> String {
    let find = |id| of.operations.iter().find(|op| op.id == id);
    let labels = placement.order.iter().filter_map(|placed| find(placed.id));
    let labels: Vec<&str> = labels.map(|op| op.label.as_str()).collect();
    let left_out = find(placement.left_out).map_or_else(String::new, named);
    format!(
        "All but one of them fit an order of their own: {}. The numbers show it, at the earliest \
         moments it allows. {left_out} has no place in it.",
        labels.join(", then ")
    )
}

/// A key and why it stands here.
pub(super) fn key_line(key: Option<&str>, reason: Option<&str>) -> String {
    format!("key {}: {}", key.unwrap_or(NONE), reason.unwrap_or("no reason given"))
}

fn order_sentence(order: &Order, of: &ContradictionDetail) -> Option<String> {
    let find = |id| of.operations.iter().find(|op| op.id == id).map(named);
    let (before, after) = (find(order.before)?, find(order.after)?);
    Some(match (order.why, order.gap_ns) {
        (Precedence::RealTime, Some(gap_ns)) => {
            format!("{before} was acknowledged {} before {after} began.", Nanos(gap_ns))
        }
        (Precedence::RealTime, None) => format!("{before} ended before {after} began."),
        (Precedence::ReadsFrom, _) => format!("{after} returned what {before} wrote."),
        (Precedence::SameValue, _) => {
            format!("{before} and {after} stand for the same value, which no other can part.")
        }
        (Precedence::InitialValue, _) => {
            format!("{before} returned the initial value, which {after} replaced for good.")
        }
        (Precedence::WriteWrite, _) => format!("{before} wrote before {after} did."),
        (Precedence::ReadWrite, _) => format!("{before} did not see what {after} wrote."),
    })
}

fn named(op: &OperationDetail) -> String {
    match &op.node {
        Some(node) => format!("{} (client {} at {node})", op.label, op.process),
        None => format!("{} (client {})", op.label, op.process),
    }
}
