//! What a counter did wrong.

use super::words::{gap, node, show};
use crate::history::{History, Moment, Outcome, Recorded};
use crate::verdict::Contradiction;

/// The sentence for reads of a counter, if there is one for them.
pub(super) fn explain(
    history: &History,
    kind: Contradiction,
    members: &[Recorded<'_>],
) -> Option<String> {
    match (kind, members) {
        (Contradiction::NeverWritten, &[read]) => no_multiple(history, read),
        (Contradiction::CountTooHigh, &[read]) => too_high(history, read),
        (Contradiction::CountTooLow, &[read]) => too_low(history, read),
        (Contradiction::CountTooLow, &[one, other]) => {
            let ended = |read: Recorded<'_>| read.completed.map(Moment::position);
            let one_first = ended(one).is_some_and(|end| end < other.invoked.position());
            let (earlier, later) = if one_first { (one, other) } else { (other, one) };
            lower_than_before(history, earlier, later)
        }
        _ => None,
    }
}

/// The operations that may have added to the counter which `read` is of.
fn additions<'a>(history: &'a History, read: Recorded<'a>) -> impl Iterator<Item = Recorded<'a>> {
    history.iter().map(|(_, operation)| operation).filter(move |operation| {
        operation.key == read.key && operation.f() != "read" && operation.outcome != Outcome::Fail
    })
}

fn end(operation: Recorded<'_>) -> Option<u32> {
    let completed = operation.completed.filter(|_| operation.outcome == Outcome::Ok);
    completed.map(Moment::position)
}

/// What the operations added, in words: all did the same.
fn counted(history: &History, read: Recorded<'_>, count: usize) -> String {
    let amount = additions(history, read)
        .find(|addition| addition.f() == "add")
        .map_or_else(|| "1".to_owned(), |addition| show(addition, addition.argument));
    match count {
        0 => "no addition had".to_owned(),
        1 => format!("1 addition of {amount} had"),
        _ => format!("{count} additions of {amount} had"),
    }
}

fn no_multiple(history: &History, read: Recorded<'_>) -> Option<String> {
    let addition = additions(history, read).next()?;
    let amount =
        if addition.f() == "add" { show(addition, addition.argument) } else { "1".to_owned() };
    Some(format!(
        "{} read {}, which is no multiple of {amount}, and nobody ever added anything else",
        node(read),
        show(read, read.result)
    ))
}

fn too_high(history: &History, read: Recorded<'_>) -> Option<String> {
    let ended = end(read)?;
    let begun =
        additions(history, read).filter(|addition| addition.invoked.position() <= ended).count();
    let only = if begun == 0 { "" } else { "only " };
    Some(format!(
        "{} read {}, though {only}{} begun when that read ended",
        node(read),
        show(read, read.result),
        counted(history, read, begun)
    ))
}

fn too_low(history: &History, read: Recorded<'_>) -> Option<String> {
    let before = additions(history, read)
        .filter(|addition| end(*addition).is_some_and(|end| end < read.invoked.position()))
        .count();
    Some(format!(
        "{} read {}, though {} ended before that read began",
        node(read),
        show(read, read.result),
        counted(history, read, before)
    ))
}

fn lower_than_before(
    history: &History,
    earlier: Recorded<'_>,
    later: Recorded<'_>,
) -> Option<String> {
    let (ended, began) = (end(earlier)?, later.invoked.position());
    let between = additions(history, later)
        .filter(|addition| {
            addition.invoked.position() > ended && end(*addition).is_some_and(|end| end < began)
        })
        .count();
    let meanwhile = if between == 0 {
        String::new()
    } else {
        format!(", and {} begun and ended in between", counted(history, later, between))
    };
    Some(format!(
        "{} read {}, beginning {} after {} had read {}{meanwhile}",
        node(later),
        show(later, later.result),
        gap(earlier, later)?,
        node(earlier),
        show(earlier, earlier.result)
    ))
}
