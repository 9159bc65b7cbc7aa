//! The contradiction in words: what no order fits, and what of it does.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use squall_checker::placement::Placement;
use squall_checker::verdict::{Precedence, Verdict};

use super::contradiction::OPERATIONS_MAX;
use super::page::ROWS_MAX;
use super::tables::NONE;
use crate::summary::{ContradictionDetail, OperationDetail, Order, Results};
use crate::wording::{Nanos, count, plural, shorten};

/// Characters of one value where it stands in full.
const FULL_CHARS_MAX: usize = 4_000;

/// The first contradiction in words.
pub(super) struct Shown {
    pub(super) title: String,
    pub(super) explanation: String,
    /// How all operations but one fit an order; empty where they do not.
    pub(super) placed: String,
    pub(super) orders: Vec<String>,
    /// Whether the orders alone show that there is none of all.
    pub(super) is_cycle: bool,
    /// Who answered wrongly, as far as answers show; may be empty.
    pub(super) suspects: String,
    /// The operations with all their values.
    pub(super) in_full: Vec<String>,
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
        is_cycle: is_cycle(&first.orders),
        suspects: suspects(results),
        in_full: first.operations.iter().take(OPERATIONS_MAX).map(in_full).collect(),
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
    let name = format!("key {}: ", key.unwrap_or(NONE));
    let reason = reason.unwrap_or("no reason given");
    // Some sentences of the checker begin with their key.
    format!("{name}{}", reason.strip_prefix(&name).unwrap_or(reason))
}

/// Which nodes gave the answers that made contradictions certain, where there are several.
fn suspects(results: &Results) -> String {
    let mut answers: BTreeMap<&str, u64> = BTreeMap::new();
    for detail in &results.contradictions {
        let last = detail.operations.iter().find(|op| op.completed_ns == Some(detail.complete_ns));
        if let Some(node) = last.and_then(|op| op.node.as_deref()) {
            *answers.entry(node).or_default() += 1;
        }
    }
    let looked_at = answers.values().sum::<u64>();
    if looked_at < 2 {
        return String::new();
    }
    let mut answers: Vec<_> = answers.into_iter().collect();
    answers.sort_by_key(|(_, times)| Reverse(*times));
    let answers = answers.iter().map(|(node, times)| format!("{node} ({})", count(*times)));
    format!(
        "Of {} keys, the answers that completed their contradictions came from {}.",
        count(looked_at),
        answers.collect::<Vec<_>>().join(", ")
    )
}

/// An operation with all it was called with and returned, as far as a page can hold it.
fn in_full(op: &OperationDetail) -> String {
    let value = |value: &Value| shorten(&value.to_string(), FULL_CHARS_MAX);
    let at = op.node.as_deref().map_or_else(String::new, |node| format!(" at {node}"));
    let result = match &op.result {
        Value::Null => String::new(),
        result => format!(" → {}", value(result)),
    };
    // As sentences call it.
    let name = match op.f.as_str() {
        "txn" => format!("T{}", op.id.0),
        _ => format!("operation {}", op.id.0),
    };
    let (f, client) = (shorten(&op.f, FULL_CHARS_MAX), op.process);
    format!("{name}, client {client}{at}: {f} {}{result}", value(&op.argument))
}

/// Whether following the orders leads back to where one began, so that no order can be.
fn is_cycle(orders: &[Order]) -> bool {
    let mut left: Vec<&Order> = orders.iter().collect();
    // Orders that nothing leads to, or that lead nowhere, are no part of a cycle.
    loop {
        let before = left.len();
        let (from, to): (BTreeSet<_>, BTreeSet<_>) =
            left.iter().map(|order| (order.before, order.after)).unzip();
        left.retain(|order| to.contains(&order.before) && from.contains(&order.after));
        if left.len() == before {
            return !left.is_empty();
        }
    }
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

#[cfg(test)]
mod tests {
    use squall_checker::verdict::OperationId;

    use super::*;

    fn orders(pairs: &[(u32, u32)]) -> Vec<Order> {
        let order = |&(before, after): &(u32, u32)| Order {
            before: OperationId(before),
            after: OperationId(after),
            why: Precedence::RealTime,
            gap_ns: None,
        };
        pairs.iter().map(order).collect()
    }

    #[test]
    fn only_what_leads_back_is_a_cycle() {
        assert!(is_cycle(&orders(&[(0, 1), (1, 2), (2, 0)])));
        assert!(is_cycle(&orders(&[(7, 0), (0, 1), (1, 0), (1, 9)])));
        assert!(!is_cycle(&orders(&[(0, 1)])));
        assert!(!is_cycle(&orders(&[(0, 2), (1, 2), (0, 1)])));
        assert!(!is_cycle(&[]));
    }

    #[test]
    fn a_key_is_named_once() {
        assert_eq!(key_line(Some("3"), Some("key 3: n1 went back")), "key 3: n1 went back");
        assert_eq!(key_line(Some("3"), Some("n1 went back")), "key 3: n1 went back");
    }
}
