//! One sentence about a contradiction, for a tired person at three in the morning.
//!
//! Says what a node did wrong and by how much, in the words of the history: nodes, values,
//! durations. Every clause is a fact of the history, whichever operations it is about.

use std::fmt::Write;
use std::time::Duration;

use crate::history::{History, Outcome, Recorded, Value};
use crate::verdict::{Contradiction, Edge, OperationId, Precedence};

/// Characters of a value that are shown before it is cut short.
const VALUE_CHARACTERS: usize = 40;

/// Operations of an unordered heap that are listed one by one.
const LISTED_MAX: usize = 6;

/// Explains why `operations` contradict each other.
///
/// `edges` is the cycle of [`Contradiction::ValueReturned`], as
/// [`precedence::cycle`](crate::precedence::cycle) finds it.
pub(crate) fn explain(
    history: &History,
    kind: Contradiction,
    operations: &[OperationId],
    edges: &[Edge],
) -> String {
    let members: Vec<Recorded<'_>> = operations.iter().map(|id| history.get(*id)).collect();
    let sentence = match kind {
        Contradiction::NeverWritten => never_written(history, &members),
        Contradiction::ReadBeforeWrite => read_before_write(&members),
        Contradiction::ValueReturned => value_returned(history, edges),
        _ => None,
    };
    let sentence = sentence.unwrap_or_else(|| no_order(&members));
    match members.first().and_then(|member| member.key()) {
        Some(key) => format!("key {}: {sentence}", shorten(key)),
        None => sentence,
    }
}

fn never_written(history: &History, members: &[Recorded<'_>]) -> Option<String> {
    let &[read] = members else { return None };
    let value = read.needed()?;
    let refused = history.iter().find(|(_, operation)| {
        operation.outcome == Outcome::Fail
            && operation.key == read.key
            && operation.stored() == Some(value)
    });
    let mut sentence = format!("{}, ", observed(read));
    // Writing to a string cannot fail.
    let _ = match refused {
        Some((_, refused)) => write!(
            sentence,
            "though every write of {} had failed, the first on {}",
            show(refused, value),
            node(refused)
        ),
        None => write!(sentence, "but nobody ever wrote {}", show(read, value)),
    };
    Some(sentence)
}

fn read_before_write(members: &[Recorded<'_>]) -> Option<String> {
    let (read, write) = match members {
        &[first, second] if first.stored().is_none() => (first, second),
        &[first, second] if second.stored().is_none() => (second, first),
        _ => return None,
    };
    let early = gap(read, write)?;
    Some(format!(
        "{} that ended {early} before the write of {} on {} began",
        observed(read),
        show(write, write.stored()?),
        node(write)
    ))
}

/// Tells the cycle from its stalest read: what that read should have seen, and why what it
/// returned was no longer current.
fn value_returned(history: &History, edges: &[Edge]) -> Option<String> {
    let of = |id: OperationId| history.get(id);
    let in_time = edges.iter().filter(|edge| edge.why == Precedence::RealTime);
    // Of two reads that begin too late, the later one is the more telling.
    let stale = in_time
        .filter(|edge| of(edge.to).stored().is_none())
        .max_by_key(|edge| of(edge.to).invoked.position())?;
    let (newer, read) = (of(stale.from), of(stale.to));
    let (old, new) = (read.needed()?, newer.stored().or_else(|| newer.needed())?);
    let mut sentence =
        format!("{} that began {} after {}", observed(read), gap(newer, read)?, evidence(newer));
    let replaced = edges.iter().find(|edge| {
        **edge != *stale && edge.why != Precedence::SameValue && edge.why != Precedence::ReadsFrom
    })?;
    let (before, after) = (of(replaced.from), of(replaced.to));
    // Writing to a string cannot fail.
    let _ = match replaced.why {
        Precedence::RealTime => write!(
            sentence,
            ", and {} had replaced {}: {}, {} before {} began",
            show(newer, new),
            show(read, old),
            evidence(before),
            gap(before, after)?,
            beginning(after)
        ),
        _ => write!(sentence, ", and {} is only the initial value", show(read, old)),
    };
    Some(sentence)
}

fn no_order(members: &[Recorded<'_>]) -> String {
    let count = members.len();
    let Some(began) = members.iter().map(|member| member.invoked.time_ns()).min() else {
        return "no operation is left to explain".to_owned();
    };
    let mut sentence = format!("no order of {count} operations is legal: ");
    for (position, member) in members.iter().take(LISTED_MAX).enumerate() {
        let separator = if position == 0 { "" } else { "; " };
        let at = duration(member.invoked.time_ns() - began);
        // Writing to a string cannot fail.
        let _ = write!(sentence, "{separator}{} at +{at}", deed(*member));
    }
    if count > LISTED_MAX {
        let _ = write!(sentence, "; and {} more", count - LISTED_MAX);
    }
    sentence
}

/// What an operation shows once it has ended.
fn evidence(operation: Recorded<'_>) -> String {
    match (operation.f(), operation.stored()) {
        (_, Some(value)) => format!("the write of {} was acknowledged", show(operation, value)),
        _ => format!("{} had returned {}", node(operation), show(operation, operation.result)),
    }
}

fn beginning(operation: Recorded<'_>) -> String {
    match operation.stored() {
        Some(value) => format!("the write of {}", show(operation, value)),
        None => format!("the read of {} by {}", show(operation, operation.result), node(operation)),
    }
}

fn observed(operation: Recorded<'_>) -> String {
    match operation.needed() {
        Some(value) if operation.stored().is_some() => {
            format!("{} found {} in a compare-and-set", node(operation), show(operation, value))
        }
        _ => {
            format!("{} returned {} to a read", node(operation), show(operation, operation.result))
        }
    }
}

/// An operation in a list.
fn deed(operation: Recorded<'_>) -> String {
    let ended = match operation.outcome {
        Outcome::Ok => "",
        Outcome::Info => " (indeterminate)",
        Outcome::Fail => " (failed)",
    };
    match (operation.needed(), operation.stored()) {
        (Some(found), Some(value)) => {
            format!(
                "{} cas {} to {}{ended}",
                node(operation),
                show(operation, found),
                show(operation, value)
            )
        }
        (None, Some(value)) => {
            format!("{} wrote {}{ended}", node(operation), show(operation, value))
        }
        _ => format!("{} read {}{ended}", node(operation), show(operation, operation.result)),
    }
}

fn node(operation: Recorded<'_>) -> String {
    operation.node().map_or_else(|| format!("process {}", operation.process), shorten)
}

/// The time between the end of one operation and the beginning of another.
fn gap(first: Recorded<'_>, second: Recorded<'_>) -> Option<String> {
    let nanoseconds = second.invoked.time_ns().saturating_sub(first.completed?.time_ns());
    Some(duration(nanoseconds))
}

/// Three digits and a unit.
fn duration(nanoseconds: u64) -> String {
    let span = Duration::from_nanos(nanoseconds);
    let (value, unit) = match nanoseconds {
        0..1_000 => return format!("{nanoseconds} ns"),
        1_000..1_000_000 => (span.as_secs_f64() * 1e6, "us"),
        1_000_000..1_000_000_000 => (span.as_secs_f64() * 1e3, "ms"),
        _ => (span.as_secs_f64(), "s"),
    };
    let decimals = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// A value of the operation's history as compact JSON.
fn show(operation: Recorded<'_>, value: Value) -> String {
    shorten(&operation.history().values.show(value).to_string())
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARACTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
