//! The few operations on a list that contradict each other, none of them to spare.

use super::{Facts, ListHistory, ListId, ListOp};
use crate::procedure::Conflict;
use crate::rank::Inversion;
use crate::timed::Timed;
use crate::verdict::Contradiction;

/// One of two lists that part, and the element it has where they do.
struct Branch {
    read: u32,
    element: u32,
    append: u32,
}

/// What is wrong with an operation that ended before one began that belongs before it.
pub(super) fn inverted(
    history: &ListHistory<'_>,
    facts: &Facts,
    Inversion { first, second }: Inversion,
) -> Conflict {
    let precedes = |a, b| precedes(history, a, b);
    let out_of_order =
        |operations: &[u32]| Conflict::new(Contradiction::OutOfOrder, operations.iter().copied());
    let before_write = |read, append| Conflict::new(Contradiction::ReadBeforeWrite, [read, append]);
    match (operation(history, first).op, operation(history, second).op) {
        (ListOp::Read(longer), ListOp::Read(shorter)) => {
            let lost = history.list(longer)[history.list(shorter).len()];
            let append = facts.appenders[lost as usize];
            if precedes(append, second) {
                out_of_order(&[append, second])
            } else if precedes(first, append) {
                before_write(first, append)
            } else {
                out_of_order(&[first, second, append])
            }
        }
        (ListOp::Read(_), ListOp::Append(_)) => before_write(first, second),
        (ListOp::Append(_), ListOp::Read(_)) => out_of_order(&[first, second]),
        (ListOp::Append(late), ListOp::Append(_)) => {
            let longest = facts.longest.expect("appends differ in rank only if a list was read");
            let read = facts.readers[longest.0 as usize];
            let unseen = facts.places[late as usize] == super::NONE;
            if precedes(read, second) {
                before_write(read, second)
            } else if unseen && precedes(first, read) {
                out_of_order(&[first, read])
            } else {
                out_of_order(&[first, second, read])
            }
        }
    }
}

/// What is wrong with two lists of which neither is a prefix of the other, each good by
/// itself.
///
/// Always enough: the two reads and the appends of the two elements in which they first
/// differ, since each read has one of them before the other. If time makes fewer of those
/// four a contradiction, it is those.
pub(super) fn divergent(
    history: &ListHistory<'_>,
    facts: &Facts,
    one: ListId,
    other: ListId,
) -> Conflict {
    let (list, other_list) = (history.list(one), history.list(other));
    let (&element, &other_element) =
        list.iter().zip(other_list).find(|(a, b)| a != b).expect("neither is a prefix");
    let branch = |id: ListId, element: u32| Branch {
        read: facts.readers[id.0 as usize],
        element,
        append: facts.appenders[element as usize],
    };
    let (a, b) = (branch(one, element), branch(other, other_element));
    pair(history, list, &a, &b)
        .or_else(|| pair(history, other_list, &b, &a))
        .or_else(|| triple(history, list, &a, &b))
        .or_else(|| triple(history, other_list, &b, &a))
        .unwrap_or_else(|| {
            let operations = [a.read, a.append, b.read, b.append];
            Conflict::new(Contradiction::DivergentReads, operations)
        })
}

/// Whether the read of `mine`, which found `list`, contradicts one append.
fn pair(
    history: &ListHistory<'_>,
    list: &[u32],
    mine: &Branch,
    theirs: &Branch,
) -> Option<Conflict> {
    let shows_theirs = list.contains(&theirs.element);
    for (append, shown) in [(mine.append, true), (theirs.append, shows_theirs)] {
        if shown && precedes(history, mine.read, append) {
            return Some(Conflict::new(Contradiction::ReadBeforeWrite, [mine.read, append]));
        }
        if !shown && precedes(history, append, mine.read) {
            return Some(Conflict::new(Contradiction::OutOfOrder, [append, mine.read]));
        }
    }
    None
}

/// Whether time contradicts that the read of `mine` found my element before theirs, or that
/// it came before theirs was appended.
fn triple(
    history: &ListHistory<'_>,
    list: &[u32],
    mine: &Branch,
    theirs: &Branch,
) -> Option<Conflict> {
    let out_of_order =
        |operations: [u32; 3]| Some(Conflict::new(Contradiction::OutOfOrder, operations));
    if precedes(history, theirs.append, mine.append) {
        out_of_order([theirs.append, mine.append, mine.read])
    } else if !list.contains(&theirs.element) && precedes(history, theirs.read, mine.read) {
        out_of_order([theirs.read, theirs.append, mine.read])
    } else {
        None
    }
}

fn operation<'a>(history: &ListHistory<'a>, index: u32) -> &'a Timed<ListOp> {
    &history.operations[index as usize]
}

fn precedes(history: &ListHistory<'_>, a: u32, b: u32) -> bool {
    operation(history, a).precedes(operation(history, b))
}
