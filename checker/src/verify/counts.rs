//! Counterexamples that are sums: how many operations had begun, and how many had ended.
//!
//! *Counter*, all of whose increments add the same amount, so that every count is a number
//! of increments. A read R cannot count more increments than began by its end. It cannot
//! count less than had ended before it began; nor less than an earlier read R' counted plus
//! the increments that began after R' ended and ended before R began, since these take
//! effect after R' and before R.
//!
//! *Numbers handed out in turn*: the operation that got number n takes effect after exactly
//! n others, all of which began by its end.

use super::Flaw;
use super::chosen::{Chosen, taking_part};
use super::objects::Object;
use super::rules::{self, Counter, CounterDeed, Ids, IdsDeed};
use crate::history::History;
use crate::verdict::{Contradiction, OperationId};

/// Checks a counterexample of a counter.
pub(super) fn verify_counter(
    history: &History,
    object: &Object<'_>,
    kind: Contradiction,
    named: &[OperationId],
) -> Result<(), Flaw> {
    let chosen = Chosen::read(&Counter, history, object, named)?;
    let whole = taking_part(&Counter, history, object)?;
    let amounts = whole.iter().filter_map(|(_, deed)| match *deed {
        CounterDeed::Add(amount) => Some(amount),
        CounterDeed::Read(_) => None,
    });
    let amounts: Vec<i128> = amounts.collect();
    let amount = amounts.first().copied().unwrap_or(1);
    if amount == 0 || amounts.iter().any(|other| *other != amount) {
        return Err(Flaw::AmountsDiffer);
    }
    let mut reads = Vec::new();
    for &(id, deed) in &chosen.operations {
        let CounterDeed::Read(sum) = deed else { continue };
        if sum % amount != 0 {
            // No number of increments gives this.
            return if kind == Contradiction::NeverWritten && named.len() == 1 {
                Ok(())
            } else {
                Err(Flaw::NotOfTheKind(kind))
            };
        }
        reads.push((id, sum / amount));
    }
    let increments: Vec<(u32, Option<u32>)> = whole
        .iter()
        .filter(|(_, deed)| matches!(deed, CounterDeed::Add(_)))
        .map(|(id, _)| {
            let operation = history.get(*id);
            (operation.invoked.position(), rules::end(operation))
        })
        .collect();
    let span = |id: OperationId| {
        let operation = history.get(id);
        let began = operation.invoked.position();
        (began, rules::end(operation).unwrap_or(u32::MAX))
    };
    let within = |after: u32, before: u32| {
        let counted = increments
            .iter()
            .filter(|(began, ended)| *began > after && ended.is_some_and(|ended| ended < before));
        counted.count() as i128
    };
    let shown = match (kind, reads.as_slice()) {
        (Contradiction::CountTooHigh, &[(read, count)]) => {
            let (_, ended) = span(read);
            let begun = increments.iter().filter(|(began, _)| *began <= ended).count();
            count > begun as i128
        }
        (Contradiction::CountTooLow, &[(read, count)]) => count < within(0, span(read).0),
        (Contradiction::CountTooLow, &[one, other]) => {
            let shown = |(earlier, low): (OperationId, i128),
                         (later, high): (OperationId, i128)| {
                let ended = span(earlier).1;
                let began = span(later).0;
                ended < began && high < low + within(ended, began)
            };
            shown(one, other) || shown(other, one)
        }
        _ => false,
    };
    if shown { Ok(()) } else { Err(Flaw::NotOfTheKind(kind)) }
}

/// Checks a counterexample of numbers handed out.
pub(super) fn verify_ids(
    history: &History,
    object: &Object<'_>,
    kind: Contradiction,
    named: &[OperationId],
) -> Result<(), Flaw> {
    let chosen = Chosen::read(&Ids, history, object, named)?;
    let deeds: Vec<(OperationId, IdsDeed)> = chosen.operations;
    let shown = match (kind, deeds.as_slice()) {
        (Contradiction::DuplicateId, [(_, one), (_, other)]) => {
            one == other && *one != IdsDeed::FetchIncrement(None)
        }
        (
            Contradiction::OutOfOrder,
            &[
                (one, IdsDeed::FetchIncrement(Some(first))),
                (other, IdsDeed::FetchIncrement(Some(second))),
            ],
        ) => {
            let precedes = |one, other| rules::precedes(history.get(one), history.get(other));
            (precedes(one, other) && first > second) || (precedes(other, one) && second > first)
        }
        (Contradiction::MissingId, &[(id, IdsDeed::FetchIncrement(Some(number)))]) => {
            let ended = rules::end(history.get(id)).unwrap_or(u32::MAX);
            let begun = taking_part(&Ids, history, object)?
                .into_iter()
                .filter(|(other, deed)| {
                    *other != id
                        && matches!(deed, IdsDeed::FetchIncrement(_))
                        && history.get(*other).invoked.position() <= ended
                })
                .filter(|(_, deed)| match deed {
                    IdsDeed::FetchIncrement(Some(other)) => *other < number,
                    _ => true,
                })
                .count();
            number < 0 || number > begun as i128
        }
        _ => false,
    };
    if shown { Ok(()) } else { Err(Flaw::NotOfTheKind(kind)) }
}
