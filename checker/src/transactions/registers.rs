//! Transactions over registers: the dependencies that are certain, and an order that fits.
//!
//! A read of a register tells which write came last, but not in what order the writes
//! before it came. Certain are: a write before those that read it; who found the initial
//! value before all who wrote; who found a value before the one that found and replaced it.
//! A cycle of these is a contradiction.
//!
//! What each transaction did to one key, what it found first and left last, is a read, a
//! write or a compare-and-set of a [register](crate::register), and if the transactions have
//! a serial order, so have these. If one key has none, that is the contradiction. If all
//! have, an order is [built](super::schedule) that respects what is certain. It is believed
//! only if the transactions replay in it; where none is found nothing follows, because the
//! question is NP-complete in general (Papadimitriou 1979).

use super::edges::Links;
use super::evidence::{Evidence, Readers};
use super::input::{ElementId, KeyId, MicroOperation, Outcome, Transactions};
use super::writes::{NONE, Writes};
use super::{Anomaly, Judgement, cycles, order, real_time, schedule};
use crate::fault::planted;
use crate::model::{RegisterOp, ValueId};
use crate::procedure::Decision;
use crate::register;
use crate::timed::Timed;
use crate::verdict::{Contradiction, Precedence};

/// What a transaction found in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It did not read before it wrote, or nobody knows what it read.
    Unknown,
    Initial,
    Element(ElementId),
}

/// What a transaction did to one register, all of it taken together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    pub(super) transaction: u32,
    pub(super) key: KeyId,
    pub(super) found: Found,
    /// What it left there, if it wrote.
    pub(super) left: Option<ElementId>,
    /// What a read within the transaction must return by now.
    current: Found,
}

/// Decides whether the transactions are strictly serializable, as far as reads tell.
pub(super) fn decide(transactions: &Transactions, writes: &Writes) -> Result<Judgement, Anomaly> {
    let several = |start: &MicroOperation| matches!(start, MicroOperation::Read { length, .. } if *length > 1);
    if transactions.all().any(|each| transactions.micro_operations(each).iter().any(several)) {
        return Ok(Judgement::NotApplicable("a read of a register returned several values"));
    }
    let updates = updates(transactions)?;
    let readers = readers(transactions, writes, &updates)?;
    let mut links = certain(transactions, writes, &updates, &readers);
    real_time::link(transactions, &mut links);
    let evidence = Evidence { transactions, writes, readers: Readers::ByElement(&readers) };
    if let order::Sorted::Cyclic(cyclic) = order::sort(transactions, &links) {
        let unconfirmed = Judgement::NotApplicable("no cycle of dependencies could be confirmed");
        return cycles::find(&links, &cyclic, &evidence).map_or(Ok(unconfirmed), Err);
    }
    // Each of several that replaced a value is only linked to one of the others.
    if let Some(anomaly) = cycles::lost_update(&links, &evidence) {
        return Err(anomaly);
    }
    for updates in by_key(transactions, &updates) {
        by_itself(transactions, &updates)?;
    }
    let took_part = |update: &Update| links.took_part[update.transaction as usize];
    let updates: Vec<Update> = updates.into_iter().filter(took_part).collect();
    Ok(match schedule::build(transactions, writes, &updates, &links) {
        Some(order) if order::replays(transactions, &order) => Judgement::Serializable(order),
        _ => Judgement::NotApplicable(
            "the reads leave open in which order the registers were written",
        ),
    })
}

/// What each transaction that did not fail did to each key.
///
/// # Errors
/// [`Contradiction::Internal`]: a read contradicts an earlier access of its transaction.
fn updates(transactions: &Transactions) -> Result<Vec<Update>, Anomaly> {
    let mut updates: Vec<Update> = Vec::new();
    let mut latest = vec![NONE; transactions.keys()];
    for transaction in transactions.all() {
        let is_ok = match transactions.outcome(transaction) {
            Outcome::Ok { .. } => true,
            Outcome::Info => false,
            Outcome::Fail => continue,
        };
        for micro_operation in transactions.micro_operations(transaction) {
            let (MicroOperation::Write { key, .. } | MicroOperation::Read { key, .. }) =
                *micro_operation;
            let at = &mut latest[key.0 as usize];
            let known = updates.get(*at as usize).map(|update| update.transaction);
            if known != Some(transaction) {
                *at = u32::try_from(updates.len()).expect("fewer updates than positions");
                let (found, current) = (Found::Unknown, Found::Unknown);
                updates.push(Update { transaction, key, found, left: None, current });
            }
            let update = &mut updates[*at as usize];
            match *micro_operation {
                MicroOperation::Write { element, .. } => {
                    update.left = Some(element);
                    update.current = Found::Element(element);
                }
                MicroOperation::Read { start, length, .. } if is_ok => {
                    let list = transactions.list(start, length);
                    let read = list.first().map_or(Found::Initial, |value| Found::Element(*value));
                    if update.current == Found::Unknown {
                        update.found = read;
                        update.current = read;
                    } else if update.current != read
                        && !planted("transactions: own writes forgotten")
                    {
                        let anomaly = Anomaly::new(Contradiction::Internal, [transaction]);
                        return Err(anomaly.about(key, None));
                    }
                }
                MicroOperation::Read { .. } => {}
            }
        }
    }
    Ok(updates)
}

/// Somebody who found each element, or [`NONE`]; each one found can have been there.
fn readers(
    transactions: &Transactions,
    writes: &Writes,
    updates: &[Update],
) -> Result<Vec<u32>, Anomaly> {
    let mut readers = vec![NONE; transactions.elements()];
    for update in updates {
        let Found::Element(element) = update.found else { continue };
        let (reader, key) = (update.transaction, update.key);
        let Some(writer) = writes.writer(key, element) else {
            return Err(
                Anomaly::new(Contradiction::NeverWritten, [reader]).about(key, Some(element))
            );
        };
        let kind = if writer == reader {
            Contradiction::Internal
        } else if transactions.outcome(writer) == Outcome::Fail {
            Contradiction::G1a
        } else if writes.of(element).next != NONE && !planted("transactions: halves accepted") {
            Contradiction::G1b
        } else {
            readers[element.0 as usize] = reader;
            continue;
        };
        return Err(Anomaly::new(kind, [reader, writer]).about(key, Some(element)));
    }
    Ok(readers)
}

/// The links that the reads make certain.
fn certain(
    transactions: &Transactions,
    writes: &Writes,
    updates: &[Update],
    readers: &[u32],
) -> Links {
    let mut links = Links::new(transactions);
    for (element, _) in (0..).zip(readers).filter(|(_, reader)| **reader != NONE) {
        links.take_part(writes.of(ElementId(element)).writer);
    }
    // Who found each element, or the initial value of each key, and replaced it.
    let mut replaced = vec![NONE; readers.len()];
    let mut first = vec![NONE; transactions.keys()];
    for update in updates.iter().filter(|update| update.left.is_some()) {
        let by = match update.found {
            Found::Unknown => continue,
            Found::Initial => &mut first[update.key.0 as usize],
            Found::Element(element) => &mut replaced[element.0 as usize],
        };
        let other = std::mem::replace(by, update.transaction);
        if other != NONE && links.lost_update.is_none() {
            links.lost_update = Some((other, update.transaction, update.key));
        }
    }
    let mut written: Vec<u32> = vec![NONE; transactions.keys()];
    for update in updates {
        let (key, transaction) = (update.key, update.transaction);
        match update.found {
            Found::Element(element) => {
                let writer = writes.of(element).writer;
                links.add(writer, transaction, Precedence::ReadsFrom);
                if update.left.is_some() {
                    links.add(writer, transaction, Precedence::WriteWrite);
                }
                let next = replaced[element.0 as usize];
                if next != NONE {
                    links.add(transaction, next, Precedence::ReadWrite);
                }
            }
            Found::Initial => {
                // One node stands between all who found it and all who wrote.
                let node = &mut written[key.0 as usize];
                if *node == NONE {
                    *node = links.node();
                }
                if first[key.0 as usize] != NONE {
                    links.add(transaction, first[key.0 as usize], Precedence::ReadWrite);
                }
                links.add(transaction, *node, Precedence::ReadWrite);
            }
            Found::Unknown => {}
        }
    }
    for update in updates.iter().filter(|update| update.left.is_some()) {
        let (key, transaction) = (update.key.0 as usize, update.transaction);
        let took_part = links.took_part[transaction as usize];
        if written[key] != NONE && took_part && first[key] != transaction {
            links.add(written[key], transaction, Precedence::ReadWrite);
        }
    }
    links
}

/// The updates of each key, in the order of their transactions.
fn by_key(transactions: &Transactions, updates: &[Update]) -> Vec<Vec<Update>> {
    let mut by_key = vec![Vec::new(); transactions.keys()];
    for update in updates {
        by_key[update.key.0 as usize].push(*update);
    }
    by_key
}

/// Judges what happened to one key by itself.
///
/// # Errors
/// The key by itself cannot have happened.
fn by_itself(transactions: &Transactions, updates: &[Update]) -> Result<(), Anomaly> {
    let mut numbers = rustc_hash::FxHashMap::default();
    let mut number = |element: ElementId| {
        let next = u32::try_from(numbers.len() + 1).expect("fewer values than positions");
        ValueId(*numbers.entry(element).or_insert(next))
    };
    let mut projected: Vec<&Update> = Vec::new();
    let mut operations = Vec::new();
    for update in updates {
        let found = match update.found {
            Found::Unknown => None,
            Found::Initial => Some(ValueId::INITIAL),
            Found::Element(element) => Some(number(element)),
        };
        let op = match (found, update.left.map(&mut number)) {
            (Some(expected), Some(new)) => RegisterOp::Cas { expected, new },
            (None, Some(new)) => RegisterOp::Write(new),
            (Some(found), None) => RegisterOp::Read(found),
            (None, None) => continue,
        };
        let invoked = transactions.invoked(update.transaction);
        operations.push(Timed { op, invoked, returned: transactions.returned(update.transaction) });
        projected.push(update);
    }
    let values = u32::try_from(numbers.len() + 1).expect("fewer values than positions");
    let Decision::Violation(conflict) = register::decide(&operations, values) else {
        return Ok(());
    };
    let named = conflict.operations.iter();
    let named = named.map(|&position| projected[position as usize].transaction);
    let key = updates.first().map(|update| update.key);
    Err(Anomaly { key, ..Anomaly::new(conflict.kind, named) })
}
