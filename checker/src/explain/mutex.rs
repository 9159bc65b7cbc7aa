//! Locks: who acquired what somebody held, and who released what was not held.

use super::words::{gap, node, show};
use crate::history::{Moment, Outcome, Recorded};
use crate::verdict::Contradiction;

/// The sentence for a contradiction of a lock; none if it can only be listed.
pub(super) fn explain(kind: Contradiction, members: &[Recorded<'_>]) -> Option<String> {
    match (kind, members) {
        (Contradiction::HeldTwice, members) => held_twice(members),
        (Contradiction::NotHeld, &[release]) => Some(format!(
            "{} released the lock for {}, which did not hold it",
            node(release),
            show(release, release.argument)
        )),
        (Contradiction::NoOrder, &[release]) if release.f() == "release" => {
            Some(format!("{} released the lock, which nobody can have held", node(release)))
        }
        (Contradiction::NoOrder, &[one, other]) if one.f() == other.f() => {
            let (done, between) = match one.f() {
                "acquire" => ("acquired", "release"),
                _ => ("released", "acquire"),
            };
            let (first, second) = if precedes(other, one) { (other, one) } else { (one, other) };
            let (node, other_node) = (node(second), node(first));
            Some(if precedes(first, second) {
                let gap = gap(first, second)?;
                format!(
                    "{node} {done} the lock, beginning {gap} after {other_node} had, with no \
                     {between} that could have come between"
                )
            } else {
                format!(
                    "{node} and {other_node} both {done} the lock, with no {between} that could \
                     have come between"
                )
            })
        }
        _ => None,
    }
}

/// Where it ended; what is indeterminate never does.
fn end(operation: Recorded<'_>) -> u32 {
    let ended = operation.completed.filter(|_| operation.outcome == Outcome::Ok);
    ended.map_or(u32::MAX, Moment::position)
}

fn precedes(first: Recorded<'_>, second: Recorded<'_>) -> bool {
    end(first) < second.invoked.position()
}

/// Tells of an acquire within a hold that had begun and was not yet being released.
fn held_twice(members: &[Recorded<'_>]) -> Option<String> {
    let acquires = || members.iter().copied().filter(|member| member.f() == "acquire");
    let may_end = |first: Recorded<'_>, second: Recorded<'_>| {
        members.iter().any(|release| {
            release.f() == "release"
                && release.argument == first.argument
                && release.invoked.position() <= end(second)
                && end(*release) >= first.invoked.position()
        })
    };
    let (first, second) = acquires()
        .flat_map(|first| acquires().map(move |second| (first, second)))
        .find(|&(first, second)| {
            second.outcome == Outcome::Ok && precedes(first, second) && !may_end(first, second)
        })?;
    Some(format!(
        "{} acquired the lock for {}, beginning {} after {} had acquired it for {}, which had \
         not begun to release it when that ended",
        node(second),
        show(second, second.argument),
        gap(first, second)?,
        node(first),
        show(first, first.argument)
    ))
}
