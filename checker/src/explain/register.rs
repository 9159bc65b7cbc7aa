//! Registers: values that were found although they could not be there.

use std::fmt::Write;

use super::words::{gap, node, show};
use crate::history::{History, Outcome, Recorded};
use crate::verdict::{Contradiction, Edge, OperationId, Precedence};

/// The sentence for a contradiction of a register; none if it can only be listed.
///
/// `edges` is the cycle of [`Contradiction::ValueReturned`], as
/// [`precedence::cycle`](crate::precedence::cycle) finds it.
pub(super) fn explain(
    history: &History,
    kind: Contradiction,
    members: &[Recorded<'_>],
    edges: &[Edge],
) -> Option<String> {
    match kind {
        Contradiction::NeverWritten => never_written(history, members),
        Contradiction::ReadBeforeWrite => read_before_write(members),
        Contradiction::ValueReturned => value_returned(history, edges),
        Contradiction::ReplacedTwice => replaced_twice(members),
        Contradiction::ChainInverted => chain_inverted(members),
        Contradiction::ChainClosed => chain_closed(members),
        Contradiction::RefusedInVain => refused_in_vain(members),
        _ => None,
    }
}

fn never_written(history: &History, members: &[Recorded<'_>]) -> Option<String> {
    // Beside it there may be what shows that it took effect.
    let read = members.iter().copied().find(|member| {
        let value = member.needed().filter(|value| !value.is_null());
        value.is_some() && !members.iter().any(|other| other.stored() == value)
    })?;
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
    let &[first, second] = members else { return None };
    let (read, write) = match (first.stored(), second.stored()) {
        (None, Some(_)) => (first, second),
        (Some(_), None) => (second, first),
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

/// Two compare-and-sets that replaced one value.
fn replaced_twice(members: &[Recorded<'_>]) -> Option<String> {
    let swaps: Vec<Recorded<'_>> =
        members.iter().copied().filter(|member| member.f() == "cas").collect();
    let (one, other) = swaps.iter().enumerate().find_map(|(place, one)| {
        let same = |other: &&Recorded<'_>| other.needed() == one.needed();
        swaps[place + 1..].iter().find(same).map(|other| (*one, *other))
    })?;
    let once = if one.needed()?.is_null() {
        "it was only the initial value"
    } else {
        "it had been written only once"
    };
    Some(format!(
        "{} replaced {} by {} and {} replaced it by {}, though {once}",
        node(one),
        show(one, one.needed()?),
        show(one, one.stored()?),
        node(other),
        show(other, other.stored()?)
    ))
}

/// An operation that ended before one whose value its own was made from began.
fn chain_inverted(members: &[Recorded<'_>]) -> Option<String> {
    let made_from = |later: Recorded<'_>, earlier: Recorded<'_>| {
        let mut value = later.stored().or_else(|| later.needed());
        let goal = earlier.stored().or_else(|| earlier.needed());
        for _ in members {
            let swap = members.iter().find(|swap| swap.f() == "cas" && swap.stored() == value)?;
            value = swap.needed();
            if value == goal {
                return Some(());
            }
        }
        None
    };
    let (early, late) = members.iter().find_map(|early| {
        let ended = early.completed.filter(|_| early.outcome == Outcome::Ok)?;
        let late = members.iter().find(|late| {
            ended.position() < late.invoked.position() && made_from(*early, **late).is_some()
        })?;
        Some((*early, *late))
    })?;
    Some(format!(
        "{} that began {} after {}, though {} had been replaced on the way to {}",
        observed_or_written(late),
        gap(early, late)?,
        evidence(early),
        show(late, late.stored().or_else(|| late.needed())?),
        show(early, early.stored().or_else(|| early.needed())?)
    ))
}

fn observed_or_written(operation: Recorded<'_>) -> String {
    match (operation.needed(), operation.stored()) {
        (None, Some(value)) => format!("{} wrote {}", node(operation), show(operation, value)),
        _ => observed(operation),
    }
}

/// Compare-and-sets that each need what another of them left.
fn chain_closed(members: &[Recorded<'_>]) -> Option<String> {
    let swaps = members.iter().filter(|member| member.f() == "cas");
    let steps: Option<Vec<String>> = swaps
        .map(|swap| {
            let (found, left) = (show(*swap, swap.needed()?), show(*swap, swap.stored()?));
            Some(format!("{} turned {found} into {left}", node(*swap)))
        })
        .collect();
    let steps = steps.filter(|steps| !steps.is_empty())?;
    let shown = steps.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
    let more =
        if steps.len() > 4 { format!(" and {} more", steps.len() - 4) } else { String::new() };
    Some(format!("{shown}{more}: a circle, and nobody wrote any of these values first"))
}

/// A refusal while the value it expected was there.
fn refused_in_vain(members: &[Recorded<'_>]) -> Option<String> {
    let refused = members.iter().copied().find(|member| member.outcome == Outcome::Fail)?;
    let value = refused.needed()?;
    let about = |member: &&Recorded<'_>| {
        member.outcome != Outcome::Fail
            && (member.stored() == Some(value) || member.needed() == Some(value))
    };
    let before = members
        .iter()
        .filter(about)
        .filter(|member| gap_exists(**member, refused))
        .max_by_key(|member| member.completed.map(crate::history::Moment::position));
    let after = members.iter().filter(about).find(|member| gap_exists(refused, **member))?;
    let known = match before {
        Some(before) => format!("{} {} before", evidence(*before), gap(*before, refused)?),
        None => "it is the initial value".to_owned(),
    };
    Some(format!(
        "{} refused to replace {}, though {known} and {} {} later",
        node(refused),
        show(refused, value),
        observed(*after),
        gap(refused, *after)?
    ))
}

/// Whether one operation ended before the other began.
fn gap_exists(first: Recorded<'_>, second: Recorded<'_>) -> bool {
    first
        .completed
        .filter(|_| first.outcome != Outcome::Info)
        .is_some_and(|end| end.position() < second.invoked.position())
}
