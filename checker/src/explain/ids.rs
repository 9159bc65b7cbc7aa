//! Which number or id should not have been given.

use super::words::{gap, node, show};
use crate::history::{History, Outcome, Recorded, View};
use crate::verdict::Contradiction;

/// The sentence for numbers and ids that were given, if there is one for them.
pub(super) fn explain(
    history: &History,
    kind: Contradiction,
    members: &[Recorded<'_>],
) -> Option<String> {
    match (kind, members) {
        (Contradiction::DuplicateId, &[one, other]) => twice(one, other),
        (Contradiction::OutOfOrder, &[one, other]) => {
            let (first, second) = if precedes(one, other) { (one, other) } else { (other, one) };
            Some(format!(
                "{} was given {} by a request that began {} after {} had been given {}",
                node(second),
                show(second, second.result),
                gap(first, second)?,
                node(first),
                show(first, first.result)
            ))
        }
        (Contradiction::MissingId, &[given]) => unreached(history, given),
        _ => None,
    }
}

fn precedes(first: Recorded<'_>, second: Recorded<'_>) -> bool {
    first.completed.is_some_and(|end| end.position() < second.invoked.position())
}

fn twice(one: Recorded<'_>, other: Recorded<'_>) -> Option<String> {
    let (first, second) = if precedes(other, one) { (other, one) } else { (one, other) };
    let id = show(first, first.result);
    let when = if precedes(first, second) {
        format!("the second time {} after the first", gap(first, second)?)
    } else {
        "by requests that ran at the same time".to_owned()
    };
    let (node, other_node) = (node(first), node(second));
    Some(if node == other_node {
        format!("{node} gave out {id} twice, {when}")
    } else {
        format!("{node} and {other_node} both gave out {id}, {when}")
    })
}

fn unreached(history: &History, given: Recorded<'_>) -> Option<String> {
    let View::Integer(number) = given.result() else { return None };
    let shown = format!("{} was given {number}", node(given));
    if number < 0 {
        return Some(format!("{shown}, but the first number is 0"));
    }
    let ended = given.completed?.position();
    let may_be_before = |other: &Recorded<'_>| {
        let smaller = match (other.outcome, other.result()) {
            (Outcome::Ok, View::Integer(other)) => other < number,
            (Outcome::Info, _) => true,
            _ => false,
        };
        smaller
            && other.key == given.key
            && other.f() == "fetch-increment"
            && other.invoked.position() <= ended
    };
    let most = history.iter().map(|(_, other)| other).filter(may_be_before).count();
    let requests = if most == 1 { "request" } else { "requests" };
    Some(format!(
        "{shown}, though at most {most} other {requests} can have been before it when it ended"
    ))
}
