//! What each transaction saw of a list before it changed it, and whether it agrees with
//! itself.
//!
//! Within one transaction the second read of a key returns the first and what the
//! transaction appended in between; the first read ends with what it had appended before.
//! What is left of the first read, the *base*, is the state the transaction began with.

use super::Anomaly;
use super::input::{ElementId, KeyId, MicroOperation, Transactions};
use super::writes::{NONE, Writes};
use crate::fault::planted;
use crate::verdict::Contradiction;

/// What one transaction that took effect saw of one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) transaction: u32,
    pub(super) key: KeyId,
    /// Length of the list when the transaction began.
    pub(super) base: u32,
    /// Where the last and longest read of it lies, and its length.
    pub(super) start: usize,
    pub(super) length: u32,
    /// The first element the transaction itself appended to it, or [`NONE`].
    pub(super) wrote: u32,
}

/// What the current transaction did to a key.
#[derive(Clone, Copy)]
struct Touched {
    transaction: u32,
    /// Its view, or [`NONE`] before the first read.
    view: u32,
    /// The first element it appended.
    wrote: u32,
    /// The elements it appended since its last read: the first, and how many.
    since: u32,
    appended: u32,
}

impl Touched {
    fn by(transaction: u32) -> Self {
        Self { transaction, view: NONE, wrote: NONE, since: NONE, appended: 0 }
    }
}

/// The views of all lists, in the order of the transactions.
///
/// # Errors
/// [`Contradiction::Internal`]: a transaction whose read contradicts its earlier accesses.
pub(super) fn views(transactions: &Transactions, writes: &Writes) -> Result<Vec<View>, Anomaly> {
    let mut views: Vec<View> = Vec::with_capacity(transactions.len());
    let mut touched = vec![Touched::by(NONE); transactions.keys()];
    for transaction in transactions.all().filter(|&transaction| transactions.is_ok(transaction)) {
        for micro_operation in transactions.micro_operations(transaction) {
            let (MicroOperation::Write { key, .. } | MicroOperation::Read { key, .. }) =
                *micro_operation;
            let mine = &mut touched[key.0 as usize];
            if mine.transaction != transaction {
                *mine = Touched::by(transaction);
            }
            match *micro_operation {
                MicroOperation::Write { element, .. } => {
                    append(mine, element, &mut views);
                }
                MicroOperation::Read { start, length, .. } => {
                    read(transactions, writes, mine, (key, start, length), &mut views)?;
                }
            }
        }
    }
    Ok(views)
}

fn append(mine: &mut Touched, element: ElementId, views: &mut [View]) {
    if mine.wrote == NONE {
        mine.wrote = element.0;
        if let Some(view) = views.get_mut(mine.view as usize) {
            view.wrote = element.0;
        }
    }
    if mine.appended == 0 {
        mine.since = element.0;
    }
    mine.appended += 1;
}

fn read(
    transactions: &Transactions,
    writes: &Writes,
    mine: &mut Touched,
    (key, start, length): (KeyId, usize, u32),
    views: &mut Vec<View>,
) -> Result<(), Anomaly> {
    let list = transactions.list(start, length);
    let internal = || Anomaly::new(Contradiction::Internal, [mine.transaction]).about(key, None);
    let base = length.checked_sub(mine.appended).ok_or_else(internal)?;
    let (before, own) = list.split_at(base as usize);
    let mut expected = mine.since;
    for element in own {
        if element.0 != expected && !planted("transactions: own appends ignored") {
            return Err(internal());
        }
        expected = writes.of(ElementId(expected)).next;
    }
    if let Some(view) = views.get_mut(mine.view as usize) {
        if transactions.list(view.start, view.length) != before {
            return Err(internal());
        }
        (view.start, view.length) = (start, length);
    } else {
        mine.view = u32::try_from(views.len()).expect("fewer views than positions");
        let (transaction, wrote) = (mine.transaction, mine.wrote);
        views.push(View { transaction, key, base, start, length, wrote });
    }
    mine.appended = 0;
    Ok(())
}
