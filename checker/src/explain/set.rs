//! What a set did wrong.

use super::words::{gap, node, show};
use crate::history::{History, Moment, Outcome, Recorded, Value, View};
use crate::verdict::Contradiction;

/// The sentence for operations of a set, if there is one for them.
pub(super) fn explain(
    history: &History,
    kind: Contradiction,
    members: &[Recorded<'_>],
) -> Option<String> {
    match kind {
        Contradiction::NeverWritten => never_added(history, members),
        Contradiction::ReadBeforeWrite => read_before_add(members),
        Contradiction::DivergentReads => divergent(members),
        Contradiction::OutOfOrder => out_of_order(members),
        Contradiction::NoOrder => one_element(members),
        _ => None,
    }
}

fn found(read: Recorded<'_>) -> &[Value] {
    match read.result() {
        View::List(elements) => elements,
        _ => &[],
    }
}

fn reads<'a>(members: &[Recorded<'a>]) -> Vec<Recorded<'a>> {
    members.iter().copied().filter(|member| member.f() == "read").collect()
}

/// The end of an operation that is known to have happened.
fn end(operation: Recorded<'_>) -> Option<u32> {
    let ended = operation.completed.filter(|_| operation.outcome == Outcome::Ok);
    ended.map(Moment::position)
}

fn precedes(first: Recorded<'_>, second: Recorded<'_>) -> bool {
    end(first).is_some_and(|end| end < second.invoked.position())
}

/// The elements added, each once.
fn added(members: &[Recorded<'_>]) -> Vec<Value> {
    let mut elements: Vec<Value> =
        members.iter().filter(|one| one.f() == "add").map(|add| add.argument).collect();
    elements.sort_unstable();
    elements.dedup();
    elements
}

fn adds<'a>(members: &[Recorded<'a>], element: Value) -> impl Iterator<Item = Recorded<'a>> {
    members.iter().copied().filter(move |one| one.f() == "add" && one.argument == element)
}

fn first_begun<'a>(members: &[Recorded<'a>], element: Value) -> Option<Recorded<'a>> {
    adds(members, element).min_by_key(|add| add.invoked.position())
}

fn first_ended<'a>(members: &[Recorded<'a>], element: Value) -> Option<Recorded<'a>> {
    adds(members, element).filter(|add| end(*add).is_some()).min_by_key(|add| end(*add))
}

fn never_added(history: &History, members: &[Recorded<'_>]) -> Option<String> {
    let &[read] = members else { return None };
    let add_of = |element: Value, failed: bool| {
        history.iter().map(|(_, operation)| operation).find(|operation| {
            operation.f() == "add"
                && operation.key == read.key
                && operation.argument == element
                && (operation.outcome == Outcome::Fail) == failed
        })
    };
    let &element = found(read).iter().find(|element| add_of(**element, false).is_none())?;
    let (reader, shown) = (node(read), show(read, element));
    Some(match add_of(element, true) {
        Some(failed) => format!(
            "{reader} read a set with {shown}, though every add of {shown} had failed, the first \
             on {}",
            node(failed)
        ),
        None => format!("{reader} read a set with {shown}, but nobody ever added {shown}"),
    })
}

fn read_before_add(members: &[Recorded<'_>]) -> Option<String> {
    let read = *reads(members).first()?;
    let add = first_begun(members, *added(members).first()?)?;
    let element = show(add, add.argument);
    Some(format!(
        "{} read a set with {element}, and that ended {} before the add of {element} on {} began",
        node(read),
        gap(read, add)?,
        node(add)
    ))
}

fn divergent(members: &[Recorded<'_>]) -> Option<String> {
    let &[one, other] = &reads(members)[..] else { return None };
    let elements = added(members);
    let only = |one: Recorded<'_>, other: Recorded<'_>| {
        let lacking =
            |element: &&Value| found(one).contains(element) && !found(other).contains(element);
        elements.iter().find(lacking).map(|element| show(one, *element))
    };
    let (here, there) = (only(one, other)?, only(other, one)?);
    Some(format!(
        "{} read a set with {here} but without {there}, {} one with {there} but without {here}: \
         neither can have been read first",
        node(one),
        node(other)
    ))
}

fn out_of_order(members: &[Recorded<'_>]) -> Option<String> {
    let lacks = |read: Recorded<'_>, element: Value| !found(read).contains(&element);
    match (&added(members)[..], &reads(members)[..]) {
        (&[element], &[read]) => {
            let add = first_ended(members, element)?;
            let shown = show(read, element);
            Some(format!(
                "{} read a set without {shown} that began {} after the add of {shown} on {} was \
                 acknowledged",
                node(read),
                gap(add, read)?,
                node(add)
            ))
        }
        (&[element], &[one, other]) => {
            let (seen, unseen) = if lacks(other, element) { (one, other) } else { (other, one) };
            let shown = show(seen, element);
            Some(format!(
                "{} read a set without {shown} that began {} after {} had read one with {shown}",
                node(unseen),
                gap(seen, unseen)?,
                node(seen)
            ))
        }
        (&[one, other], &[read]) => {
            let (lost, kept) = if lacks(read, one) { (one, other) } else { (other, one) };
            let (first, second) = (first_ended(members, lost)?, first_begun(members, kept)?);
            let (lost, kept) = (show(read, lost), show(read, kept));
            Some(format!(
                "{} read a set with {kept} but without {lost}, though the add of {lost} had ended \
                 {} before that of {kept} began",
                node(read),
                gap(first, second)?
            ))
        }
        _ => None,
    }
}

/// What an operation on one element says of it.
struct Said {
    /// Whether the element was there before.
    before: bool,
    /// Whether it is there after.
    after: bool,
    words: &'static str,
}

fn said(operation: Recorded<'_>) -> Option<Said> {
    let echoed = operation.f() != "contains" && operation.result == operation.argument;
    let View::Bool(answer) = operation.result() else { return None };
    let (before, after, words) = match (operation.f(), answer) {
        _ if echoed || operation.outcome != Outcome::Ok => return None,
        ("add", true) => (false, true, "added"),
        ("remove", true) => (true, false, "removed"),
        ("add", false) | ("contains", true) => (true, true, "found"),
        ("remove" | "contains", false) => (false, false, "missed"),
        _ => return None,
    };
    Some(Said { before, after, words })
}

/// One operation on an element that was not in the state it says, or two of which the first
/// left it in another state than the second says.
fn one_element(members: &[Recorded<'_>]) -> Option<String> {
    let change = |there: bool| if there { "added" } else { "removed" };
    let what = |operation: Recorded<'_>, said: &Said| {
        format!("{} {} {}", node(operation), said.words, show(operation, operation.argument))
    };
    match *members {
        [lone] => {
            let says = said(lone)?;
            let lone = what(lone, &says);
            says.before.then(|| format!("{lone}, though nobody can have added it by then"))
        }
        [one, other] => {
            let (first, second) = if precedes(one, other) { (one, other) } else { (other, one) };
            let (left, says) = (said(first)?, said(second)?);
            if !precedes(first, second)
                || left.after == says.before
                || first.argument != second.argument
            {
                return None;
            }
            Some(format!(
                "{}, though nobody can have {} it since {} {} it, {} before",
                what(second, &says),
                change(says.before),
                node(first),
                left.words,
                gap(first, second)?
            ))
        }
        _ => None,
    }
}
