//! The order of the versions of each list, read off its longest read.
//!
//! A list only grows, so of two reads one continues the other, and the longest read of a
//! key holds every version that was ever seen. It also holds every transaction whole: all
//! elements that it appended to the key, one after the other, as it appended them.

use super::Anomaly;
use super::input::{ElementId, KeyId, Outcome, Transactions};
use super::views::View;
use super::writes::{NONE, Writes};
use crate::fault::planted;
use crate::verdict::{Contradiction, Precedence};

/// The longest read of one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Longest {
    /// Who read it; [`NONE`] if nobody read the key.
    pub(super) reader: u32,
    pub(super) start: usize,
    pub(super) length: u32,
}

/// The longest reads by key.
pub(super) struct Versions(Vec<Longest>);

impl Versions {
    /// Finds the longest reads, and gives each element its place in them.
    ///
    /// # Errors
    /// What the reads show that no order of transactions explains, by itself.
    pub(super) fn find(
        transactions: &Transactions,
        writes: &mut Writes,
        views: &[View],
    ) -> Result<Self, Anomaly> {
        let unread = Longest { reader: NONE, start: 0, length: 0 };
        let mut longest = vec![unread; transactions.keys()];
        for view in views {
            let known = &mut longest[view.key.0 as usize];
            if known.reader == NONE || view.length > known.length {
                *known =
                    Longest { reader: view.transaction, start: view.start, length: view.length };
            }
        }
        let versions = Self(longest);
        for (key, longest) in (0..).map(KeyId).zip(&versions.0) {
            let list = transactions.list(longest.start, longest.length);
            elements(transactions, writes, key, longest.reader, list)?;
            for (place, &element) in (0..).zip(list) {
                writes.put(element, place);
            }
        }
        for view in views {
            prefix(transactions, writes, &versions, view)?;
        }
        for (key, longest) in (0..).map(KeyId).zip(&versions.0) {
            wholes(transactions, writes, key, longest)?;
        }
        views.iter().try_for_each(|view| base(transactions, writes, &versions, view))?;
        Ok(versions)
    }

    pub(super) fn of(&self, key: KeyId) -> &Longest {
        &self.0[key.0 as usize]
    }

    /// The element at a place of the order of a key; none past its end.
    pub(super) fn at(
        &self,
        transactions: &Transactions,
        key: KeyId,
        place: u32,
    ) -> Option<ElementId> {
        let longest = self.of(key);
        transactions.list(longest.start, longest.length).get(place as usize).copied()
    }
}

/// Each element of a read was appended, once, by a transaction that did not fail.
fn elements(
    transactions: &Transactions,
    writes: &Writes,
    key: KeyId,
    reader: u32,
    list: &[ElementId],
) -> Result<(), Anomaly> {
    for &element in list {
        let Some(writer) = writes.writer(key, element) else {
            let anomaly = Anomaly::new(Contradiction::NeverWritten, [reader]);
            return Err(anomaly.about(key, Some(element)));
        };
        if transactions.outcome(writer) == Outcome::Fail
            && !planted("transactions: failed appends believed")
        {
            let anomaly = Anomaly::new(Contradiction::G1a, [reader, writer]);
            return Err(anomaly.about(key, Some(element)));
        }
    }
    Ok(())
}

/// A read is the beginning of the longest one.
fn prefix(
    transactions: &Transactions,
    writes: &Writes,
    versions: &Versions,
    view: &View,
) -> Result<(), Anomaly> {
    let list = transactions.list(view.start, view.length);
    let longest = versions.of(view.key);
    let known = transactions.list(longest.start, longest.length);
    // The longest read itself must not show an element twice: of equal ones only the last
    // has the place it was given.
    let whole = view.transaction == longest.reader;
    if whole {
        let repeated =
            (0..).zip(known).find(|(place, element)| writes.of(**element).place != *place);
        if let Some((_, &element)) = repeated {
            let anomaly = Anomaly::new(Contradiction::RepeatedElement, [longest.reader]);
            return Err(anomaly.about(view.key, Some(element)));
        }
    }
    if whole || known.starts_with(list) || planted("transactions: prefixes not compared") {
        return Ok(());
    }
    elements(transactions, writes, view.key, view.transaction, list)?;
    let parted = list.iter().zip(known).find(|(one, other)| one != other);
    let element = parted.map(|(element, _)| *element);
    let readers = [view.transaction, longest.reader];
    Err(Anomaly::new(Contradiction::DivergentReads, readers).about(view.key, element))
}

/// The elements that a transaction appended stand together in the longest read.
fn wholes(
    transactions: &Transactions,
    writes: &Writes,
    key: KeyId,
    longest: &Longest,
) -> Result<(), Anomaly> {
    let list = transactions.list(longest.start, longest.length);
    let reader = longest.reader;
    for (place, &element) in list.iter().enumerate() {
        let written = writes.of(element);
        let writer = written.writer;
        let internal = || {
            Err(Anomaly::new(Contradiction::Internal, [writer, reader]).about(key, Some(element)))
        };
        let halved = || {
            if writer == reader {
                return internal();
            }
            Err(Anomaly::new(Contradiction::G1b, [writer, reader]).about(key, Some(element)))
        };
        if written.previous != NONE && writes.of(ElementId(written.previous)).place == NONE {
            return halved();
        }
        if written.next == NONE {
            continue;
        }
        let next = writes.of(ElementId(written.next)).place as usize;
        let Some(&after) = list.get(place + 1) else {
            // The last element: only its own transaction may read it before it goes on.
            if next != NONE as usize {
                return internal();
            }
            if writer != reader && !planted("transactions: halves accepted") {
                return halved();
            }
            continue;
        };
        let other = writes.of(after).writer;
        match next {
            _ if next == place + 1 => {}
            _ if next == NONE as usize => return halved(),
            _ if next < place || other == writer => return internal(),
            _ => {
                let anomaly = Anomaly::new(Contradiction::G0, [writer, other, reader]);
                return Err(anomaly
                    .about(key, Some(after))
                    .with(writer, other, Precedence::WriteWrite, Some(key))
                    .with(other, writer, Precedence::WriteWrite, Some(key)));
            }
        }
    }
    Ok(())
}

/// A transaction begins with other transactions whole, and with nothing of its own.
fn base(
    transactions: &Transactions,
    writes: &Writes,
    versions: &Versions,
    view: &View,
) -> Result<(), Anomaly> {
    let reader = view.transaction;
    if view.wrote != NONE && writes.of(ElementId(view.wrote)).place < view.base {
        let anomaly = Anomaly::new(Contradiction::Internal, [reader]);
        return Err(anomaly.about(view.key, Some(ElementId(view.wrote))));
    }
    let Some(place) = view.base.checked_sub(1) else { return Ok(()) };
    let Some(element) = versions.at(transactions, view.key, place) else { return Ok(()) };
    let written = writes.of(element);
    if written.next == NONE || planted("transactions: halves accepted") {
        return Ok(());
    }
    Err(Anomaly::new(Contradiction::G1b, [reader, written.writer]).about(view.key, Some(element)))
}
