//! Queues and bags: elements that came out wrongly, or were not there when they should be.

use super::words::{duration, gap, node, show};
use crate::history::{Moment, Outcome, Recorded, Value};
use crate::verdict::Contradiction;

/// The sentence for a contradiction of a queue; none if it can only be listed.
pub(super) fn explain(kind: Contradiction, members: &[Recorded<'_>]) -> Option<String> {
    match kind {
        Contradiction::DequeuedTwice => dequeued_twice(members),
        Contradiction::NeverEnqueued => {
            let dequeue = members.iter().copied().find(|member| took(*member))?;
            let value = show(dequeue, dequeue.result);
            Some(format!("{} dequeued {value}, which nobody had enqueued", node(dequeue)))
        }
        Contradiction::DequeuedBeforeEnqueue => dequeued_before_enqueue(members),
        Contradiction::Overtaken => overtaken(members),
        Contradiction::EmptyNotEmpty => empty_not_empty(members),
        _ => None,
    }
}

fn took(operation: Recorded<'_>) -> bool {
    operation.f() == "dequeue" && operation.outcome == Outcome::Ok && !operation.result.is_null()
}

fn enqueue_of<'a>(members: &[Recorded<'a>], element: Value) -> Option<Recorded<'a>> {
    members.iter().copied().find(|one| one.f() == "enqueue" && one.argument == element)
}

fn dequeue_of<'a>(members: &[Recorded<'a>], element: Value) -> Option<Recorded<'a>> {
    members.iter().copied().find(|one| took(*one) && one.result == element)
}

/// Where it ended; what is indeterminate never does.
fn end(operation: Recorded<'_>) -> u32 {
    let ended = operation.completed.filter(|_| operation.outcome == Outcome::Ok);
    ended.map_or(u32::MAX, Moment::position)
}

fn precedes(first: Recorded<'_>, second: Recorded<'_>) -> bool {
    end(first) < second.invoked.position()
}

fn dequeued_twice(members: &[Recorded<'_>]) -> Option<String> {
    let takes: Vec<Recorded<'_>> = members.iter().copied().filter(|member| took(*member)).collect();
    let &[first, second] = &takes[..] else { return None };
    let later = second.invoked.time_ns().saturating_sub(first.invoked.time_ns());
    Some(format!(
        "{} dequeued {}, which {} dequeued as well, {} later, though it was enqueued only once",
        node(first),
        show(first, first.result),
        node(second),
        duration(later)
    ))
}

fn dequeued_before_enqueue(members: &[Recorded<'_>]) -> Option<String> {
    let dequeue = members.iter().copied().find(|member| took(*member))?;
    let enqueue = enqueue_of(members, dequeue.result)?;
    Some(format!(
        "{} dequeued {}, and that ended {} before the enqueue of it on {} began",
        node(dequeue),
        show(dequeue, dequeue.result),
        gap(dequeue, enqueue)?,
        node(enqueue)
    ))
}

/// Tells of one element that was there before another and is not known to have left before.
fn overtaken(members: &[Recorded<'_>]) -> Option<String> {
    let pairs = members.iter().flat_map(|late| members.iter().map(move |early| (*early, *late)));
    let (early, late, dequeue) = pairs
        .filter(|(early, late)| {
            early.f() == "enqueue" && late.f() == "enqueue" && precedes(*early, *late)
        })
        .find_map(|(early, late)| {
            let dequeue = dequeue_of(members, late.argument)?;
            let in_turn =
                dequeue_of(members, early.argument).is_some_and(|first| !precedes(dequeue, first));
            (!in_turn).then_some((early, late, dequeue))
        })?;
    let (first, second) = (show(early, early.argument), show(late, late.argument));
    let enqueued = format!("{first} had been enqueued {} before {second}", gap(early, late)?);
    let node = node(dequeue);
    if dequeue_of(members, early.argument).is_some() {
        return Some(format!("{node} dequeued {second} before {first}, though {enqueued}"));
    }
    let others = members.iter().filter(|one| one.f() == "enqueue").count() - 2;
    Some(match others {
        0 => format!("{node} dequeued {second} before anybody dequeued {first}, though {enqueued}"),
        _ => format!(
            "{node} dequeued {second}, though {enqueued}; {first} and {others} more were still \
             there, too many for the dequeues that never returned to have taken them all"
        ),
    })
}

/// Tells of the element that was there the longest before the queue was found empty.
fn empty_not_empty(members: &[Recorded<'_>]) -> Option<String> {
    let empty = members
        .iter()
        .copied()
        .find(|one| one.f() == "dequeue" && one.outcome == Outcome::Ok && one.result.is_null())?;
    let found = format!("{} found the queue empty", node(empty));
    let enqueues: Vec<Recorded<'_>> =
        members.iter().copied().filter(|one| one.f() == "enqueue").collect();
    let of = |enqueue: Recorded<'_>| show(enqueue, enqueue.argument);
    let &first = enqueues.iter().min_by_key(|one| end(**one))?;
    let waited = match precedes(first, empty) {
        true => format!("{} had been enqueued {} before", of(first), gap(first, empty)?),
        // It was dequeued while it was still being enqueued.
        false => format!("{} was there already", of(first)),
    };
    if let [_] = enqueues[..] {
        return Some(match dequeue_of(members, first.argument) {
            None => format!("{found}, but {waited} and nothing had dequeued it"),
            Some(taken) => format!(
                "{found}, but {waited}, and its dequeue on {} began only {} after",
                node(taken),
                gap(empty, taken)?
            ),
        });
    }
    let taken = enqueues.iter().filter(|one| dequeue_of(members, one.argument).is_some()).count();
    if taken == enqueues.len() {
        return Some(format!(
            "{found}, but {waited}, and one of {taken} elements was there at every moment until \
             that ended"
        ));
    }
    Some(format!(
        "{found}, but {waited}, and {} elements were too many for the dequeues that never \
         returned to have taken them all",
        enqueues.len()
    ))
}
