//! Who wrote what: the table of elements that everything else looks things up in.

use super::input::{ElementId, KeyId, MicroOperation, Outcome, Transactions};

/// The absence of a transaction, an element or a place.
pub(super) const NONE: u32 = u32::MAX;

/// What is known of one element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    /// The transaction that wrote it, or [`NONE`].
    pub(super) writer: u32,
    /// The key it was written to.
    pub(super) key: u32,
    /// The element its transaction wrote to the same key just before it, or [`NONE`].
    pub(super) previous: u32,
    /// The element its transaction wrote to the same key next, or [`NONE`].
    pub(super) next: u32,
    /// Its place in the longest read of its key, or [`NONE`]; for lists only.
    pub(super) place: u32,
}

/// All elements, by number.
pub(super) struct Writes(Vec<Written>);

impl Writes {
    /// Numbers the writes of every transaction, failed ones too.
    ///
    /// # Errors
    /// Which precondition of the procedures does not hold.
    pub(super) fn gather(transactions: &Transactions) -> Result<Self, &'static str> {
        if transactions.has_erasures() {
            return Err("a register was given its initial value, so reads do not tell who wrote");
        }
        let nobody = Written { writer: NONE, key: NONE, previous: NONE, next: NONE, place: NONE };
        let mut written = vec![nobody; transactions.elements()];
        // The transaction that wrote to a key last, and what.
        let mut last = vec![(NONE, NONE); transactions.keys()];
        let mut begun = 0;
        for transaction in transactions.all() {
            let invoked = transactions.invoked(transaction);
            if invoked < begun {
                return Err("the transactions are not in the order of their invocations");
            }
            begun = invoked;
            if matches!(transactions.outcome(transaction), Outcome::Ok { returned } if returned < invoked)
            {
                return Err("a transaction ended before it began");
            }
            for micro_operation in transactions.micro_operations(transaction) {
                let MicroOperation::Write { key, element } = *micro_operation else { continue };
                if written[element.0 as usize].writer != NONE {
                    return Err("an element was written twice");
                }
                let (by, what) = last[key.0 as usize];
                let previous = if by == transaction { what } else { NONE };
                if previous != NONE {
                    written[previous as usize].next = element.0;
                }
                last[key.0 as usize] = (transaction, element.0);
                written[element.0 as usize] =
                    Written { writer: transaction, key: key.0, previous, ..nobody };
            }
        }
        Ok(Self(written))
    }

    pub(super) fn of(&self, element: ElementId) -> &Written {
        &self.0[element.0 as usize]
    }

    /// The transaction that wrote an element to a key; none if nobody did.
    pub(super) fn writer(&self, key: KeyId, element: ElementId) -> Option<u32> {
        let written = self.of(element);
        (written.writer != NONE && written.key == key.0).then_some(written.writer)
    }

    pub(super) fn put(&mut self, element: ElementId, place: u32) {
        self.0[element.0 as usize].place = place;
    }
}
