//! The chains of a register that are not forgotten, by their first ends.

use crate::fault::planted;
use crate::verdict::OperationId;

/// Names a chain; rises with its first end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChainId(u64);

/// An operation that shows where a chain was, with the write of its value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Witness {
    /// `None` for the initial value.
    pub(super) operation: Option<OperationId>,
    pub(super) writer: Option<OperationId>,
}

struct Span {
    id: ChainId,
    first_end: u32,
    last_beginning: u32,
    /// The greatest `last_beginning` of this and all earlier spans.
    greatest: u32,
    gone: bool,
    first: Witness,
    last: Witness,
}

/// Chains by first ends, which is also the order in which they began to take part.
#[derive(Default)]
pub(super) struct Window {
    spans: Vec<Span>,
    begun: u64,
}

impl Window {
    /// A chain takes part from now on, since an operation of it ended.
    pub(super) fn begin(&mut self, first_end: u32, first: Witness) -> ChainId {
        let id = ChainId(self.begun);
        self.begun += 1;
        self.spans.push(Span {
            id,
            first_end,
            last_beginning: 0,
            greatest: self.spans.last().map_or(0, |span| span.greatest),
            gone: false,
            first,
            last: Witness::default(),
        });
        id
    }

    /// A chain has an operation that began at `invoked`.
    ///
    /// # Errors
    /// The operations of two chains that would each have to come before the other.
    pub(super) fn raise(
        &mut self,
        id: ChainId,
        invoked: u32,
        last: Witness,
    ) -> Result<(), Vec<Option<OperationId>>> {
        let index = self.index(id);
        let span = &mut self.spans[index];
        if invoked <= span.last_beginning {
            return Ok(());
        }
        span.last_beginning = invoked;
        span.last = last;
        for span in &mut self.spans[index..] {
            if span.greatest >= invoked {
                break;
            }
            span.greatest = invoked;
        }
        match self.conflicting(index) {
            None => Ok(()),
            Some(other) => Err([index, other]
                .into_iter()
                .flat_map(|index| [self.spans[index].first, self.spans[index].last])
                .flat_map(|witness| [witness.operation, witness.writer])
                .collect()),
        }
    }

    /// A chain that must come both before and after the one at `index`.
    ///
    /// Those that first ended before the latter's last beginning must come before it; of
    /// them, the earlier ones are summed up by the greatest of their last beginnings.
    fn conflicting(&self, index: usize) -> Option<usize> {
        let span = &self.spans[index];
        let must_come_after = |other: &Span| {
            let tie = planted("online register: ties precede");
            span.first_end < other.last_beginning || tie && span.first_end == other.last_beginning
        };
        let mut other = self.spans.len();
        while other > 0 && self.spans[other - 1].first_end >= span.last_beginning {
            other -= 1;
        }
        while other > index + 1 {
            other -= 1;
            if must_come_after(&self.spans[other]) {
                return Some(other);
            }
        }
        let earlier = &self.spans[..other.min(index)];
        if earlier.last()?.greatest <= span.first_end {
            return None;
        }
        earlier.iter().position(must_come_after)
    }

    fn index(&self, id: ChainId) -> usize {
        self.spans
            .binary_search_by_key(&id, |span| span.id)
            .expect("a chain is kept while one of its clusters is")
    }

    /// Marks the chains that nothing can return to; see the module of the register.
    pub(super) fn mark_gone(&mut self, horizon: u32) {
        let late = planted("online register: the horizon is ignored");
        let ended = self.spans.partition_point(|span| late || span.first_end < horizon);
        let Some(greatest) = self.spans[..ended].last().map(|span| span.greatest) else { return };
        let keeper = self.spans.iter().position(|span| span.last_beginning == greatest);
        for (index, span) in self.spans.iter_mut().enumerate() {
            let is_keeper =
                Some(index) == keeper && !planted("online register: the keeper is forgotten");
            let closed = late || span.last_beginning < horizon;
            span.gone = span.first_end < greatest && closed && !is_keeper;
        }
    }

    pub(super) fn is_gone(&self, id: ChainId) -> bool {
        self.spans[self.index(id)].gone
    }

    /// Drops the chains marked as gone.
    pub(super) fn drop_gone(&mut self) {
        self.spans.retain(|span| !span.gone);
        let mut greatest = 0;
        for span in &mut self.spans {
            greatest = greatest.max(span.last_beginning);
            span.greatest = greatest;
        }
    }
}
