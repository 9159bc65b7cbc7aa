//! What a list did wrong.

use super::words::{gap, node, show};
use crate::history::{History, Outcome, Recorded, Value, View};
use crate::verdict::Contradiction;

/// The sentence for operations of a list, if there is one for them.
pub(super) fn explain(
    history: &History,
    kind: Contradiction,
    members: &[Recorded<'_>],
) -> Option<String> {
    match kind {
        Contradiction::NeverWritten => never_appended(history, members),
        Contradiction::RepeatedElement => repeated(members),
        Contradiction::ReadBeforeWrite => read_before_append(members),
        Contradiction::DivergentReads => divergent(members),
        Contradiction::OutOfOrder => out_of_order(members),
        _ => None,
    }
}

fn found(read: Recorded<'_>) -> &[Value] {
    match read.result() {
        View::List(elements) => elements,
        _ => &[],
    }
}

fn reads<'a>(members: &[Recorded<'a>]) -> impl Iterator<Item = Recorded<'a>> {
    members.iter().copied().filter(|member| member.f() == "read")
}

fn appends<'a>(members: &[Recorded<'a>]) -> impl Iterator<Item = Recorded<'a>> {
    members.iter().copied().filter(|member| member.f() == "append")
}

fn precedes(first: Recorded<'_>, second: Recorded<'_>) -> bool {
    let ended = first.completed.filter(|_| first.outcome == Outcome::Ok);
    ended.is_some_and(|end| end.position() < second.invoked.position())
}

fn never_appended(history: &History, members: &[Recorded<'_>]) -> Option<String> {
    let &[read] = members else { return None };
    let appended = |element: Value, failed: bool| {
        history.iter().map(|(_, operation)| operation).find(|operation| {
            operation.f() == "append"
                && operation.key == read.key
                && operation.argument == element
                && (operation.outcome == Outcome::Fail) == failed
        })
    };
    let &element = found(read).iter().find(|element| appended(**element, false).is_none())?;
    let shown = show(read, element);
    Some(match appended(element, true) {
        Some(failed) => format!(
            "{} read a list with {shown}, though every append of {shown} had failed, the first \
             on {}",
            node(read),
            node(failed)
        ),
        None => {
            format!("{} read a list with {shown}, but nobody ever appended {shown}", node(read))
        }
    })
}

fn repeated(members: &[Recorded<'_>]) -> Option<String> {
    let (read, append) = (reads(members).next()?, appends(members).next()?);
    let places: Vec<usize> = (0..)
        .zip(found(read))
        .filter(|(_, element)| **element == append.argument)
        .map(|(place, _)| place)
        .collect();
    let &[one, other, ..] = &places[..] else { return None };
    Some(format!(
        "{} read a list with {} at places {one} and {other}, but only {} ever appended it, once",
        node(read),
        show(append, append.argument),
        node(append)
    ))
}

fn read_before_append(members: &[Recorded<'_>]) -> Option<String> {
    let (read, append) = (reads(members).next()?, appends(members).next()?);
    let element = show(append, append.argument);
    Some(format!(
        "{} read a list with {element}, and that ended {} before the append of {element} on {} \
         began",
        node(read),
        gap(read, append)?,
        node(append)
    ))
}

fn divergent(members: &[Recorded<'_>]) -> Option<String> {
    let mut reads = reads(members);
    let (one, other) = (reads.next()?, reads.next()?);
    let place = found(one).iter().zip(found(other)).position(|(a, b)| a != b)?;
    Some(format!(
        "{} read a list with {} at place {place}, {} one with {} there: neither list continues \
         the other",
        node(one),
        show(one, found(one)[place]),
        node(other),
        show(other, found(other)[place])
    ))
}

fn out_of_order(members: &[Recorded<'_>]) -> Option<String> {
    let lost = |append: Recorded<'_>, read: Recorded<'_>| !found(read).contains(&append.argument);
    let appends: Vec<Recorded<'_>> = appends(members).collect();
    let reads: Vec<Recorded<'_>> = reads(members).collect();
    match (&appends[..], &reads[..]) {
        (&[append], &[read]) => {
            let element = show(append, append.argument);
            Some(format!(
                "{} read a list without {element} that began {} after the append of {element} on \
                 {} was acknowledged",
                node(read),
                gap(append, read)?,
                node(append)
            ))
        }
        (&[append], &[one, other]) => {
            let (seen, unseen) = if lost(append, other) { (one, other) } else { (other, one) };
            let element = show(append, append.argument);
            Some(format!(
                "{} read a list without {element} that began {} after {} had read one with \
                 {element}",
                node(unseen),
                gap(seen, unseen)?,
                node(seen)
            ))
        }
        (&[one, other], &[read]) => {
            let (first, second) = if precedes(one, other) { (one, other) } else { (other, one) };
            let before = show(first, first.argument);
            let after = show(second, second.argument);
            let seen = if lost(first, read) {
                format!("with {after} but without {before}")
            } else {
                format!("with {after} before {before}")
            };
            Some(format!(
                "{} read a list {seen}, though the append of {before} had ended {} before that \
                 of {after} began",
                node(read),
                gap(first, second)?
            ))
        }
        _ => None,
    }
}
