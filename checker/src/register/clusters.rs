//! The operations of each value, and the chains that compare-and-sets make of them.
//!
//! Everything is in one array by value. To stay within 20 bytes a value, two fields change
//! their meaning on the way; each says when.

use super::{Obstacle, conflict};
use crate::fault::planted;
use crate::model::{RegisterOp, ValueId};
use crate::procedure::Conflict;
use crate::timed::{NEVER, Timed};

/// The absence of an operation or of a value.
const NONE: u32 = u32::MAX;

/// The operations of one value.
#[derive(Clone, Copy)]
struct Cluster {
    /// What stored the value, whether it takes part or not.
    writer: u32,
    /// The value stored by the compare-and-set that found this one.
    successor: u32,
    /// How many reads returned it; in [`Clusters::spread`], where the next of them goes.
    reads: u32,
    /// First end of a read; from [`Clusters::chains`] on, for the first cluster of a chain,
    /// the first end in the chain.
    first_end: u32,
    /// Last beginning of a read; then that of the chain likewise.
    last_beginning: u32,
}

impl Cluster {
    const EMPTY: Self =
        Self { writer: NONE, successor: NONE, reads: 0, first_end: NEVER, last_beginning: 0 };
}

/// The clusters of a register.
pub(super) struct Clusters<'a> {
    operations: &'a [Timed<RegisterOp>],
    by_value: Vec<Cluster>,
    refusals: usize,
    swaps: usize,
    /// Values that indeterminate compare-and-sets would have stored.
    open_swaps: Vec<ValueId>,
    /// A value found by two compare-and-sets that ended, and what these stored.
    clash: Option<[ValueId; 3]>,
}

impl<'a> Clusters<'a> {
    /// Gathers the reads and the store of each value, and links those values that
    /// compare-and-sets replaced and ended.
    pub(super) fn gather(
        operations: &'a [Timed<RegisterOp>],
        values: u32,
    ) -> Result<Self, Obstacle> {
        let mut clusters = Self {
            operations,
            by_value: vec![Cluster::EMPTY; values.max(1) as usize],
            refusals: 0,
            swaps: 0,
            open_swaps: Vec::new(),
            clash: None,
        };
        let mut latest = 0;
        for (index, operation) in (0..).zip(operations) {
            if operation.invoked < latest {
                return Err(Obstacle::NotApplicable("its operations are not by beginnings"));
            }
            latest = operation.invoked;
            match operation.op {
                RegisterOp::Read(_) | RegisterOp::Refused(_) if operation.is_indeterminate() => {}
                RegisterOp::Read(value) => {
                    let cluster = &mut clusters.by_value[value.0 as usize];
                    cluster.reads += 1;
                    cluster.first_end = cluster.first_end.min(operation.returned);
                    // They come by beginnings.
                    cluster.last_beginning = operation.invoked;
                }
                RegisterOp::Refused(_) => clusters.refusals += 1,
                RegisterOp::Write(value) => clusters.store(value, index)?,
                RegisterOp::Cas { expected, new } => {
                    clusters.store(new, index)?;
                    clusters.swaps += 1;
                    if operation.is_indeterminate() {
                        clusters.open_swaps.push(new);
                        continue;
                    }
                    let successor = &mut clusters.by_value[expected.0 as usize].successor;
                    if *successor == NONE {
                        *successor = new.0;
                    } else {
                        clusters.clash = Some([expected, ValueId(*successor), new]);
                    }
                }
            }
        }
        Ok(clusters)
    }

    fn store(&mut self, value: ValueId, index: u32) -> Result<(), Obstacle> {
        let cluster = &mut self.by_value[value.0 as usize];
        if cluster.writer != NONE {
            return Err(Obstacle::NotApplicable("a value was stored twice"));
        }
        if value == ValueId::INITIAL {
            return Err(Obstacle::NotApplicable("the initial value was stored"));
        }
        cluster.writer = index;
        Ok(())
    }

    /// Links what indeterminate compare-and-sets replaced, if they take part.
    ///
    /// One takes part if its value was read, or replaced by one that takes part: from each
    /// that does, this goes back along the values they found until one took part anyway.
    pub(super) fn link(&mut self) -> Result<(), Conflict> {
        let unchecked = planted("register: a value is replaced twice");
        if let Some([expected, one, other]) = self.clash
            && !unchecked
        {
            return Err(conflict::replaced_twice(self, expected, one, other));
        }
        for value in std::mem::take(&mut self.open_swaps) {
            if !self.takes_part(value) {
                continue;
            }
            let mut new = value;
            while let Some(expected) = self.expected(new) {
                let took_part = self.takes_part(expected);
                let cluster = &mut self.by_value[expected.0 as usize];
                if cluster.successor == new.0 {
                    break;
                }
                if cluster.successor != NONE && !unchecked {
                    let other = ValueId(cluster.successor);
                    return Err(conflict::replaced_twice(self, expected, other, new));
                }
                cluster.successor = new.0;
                // What took part before has its own turn, or was linked when it was gathered.
                if took_part || planted("register: unread predecessors stay out") {
                    break;
                }
                new = expected;
            }
        }
        Ok(())
    }

    /// The first value of each chain that takes part, by number; notes its extent there.
    pub(super) fn chains(&mut self) -> Result<Vec<ValueId>, Conflict> {
        let mut chains = Vec::with_capacity(self.by_value.len() - self.swaps);
        let (mut reached, mut present) = (0_usize, 0_usize);
        for value in (0..self.by_value.len() as u32).map(ValueId) {
            let Cluster { writer, successor, reads, .. } = self.by_value[value.0 as usize];
            let is_found = reads > 0 || successor != NONE;
            if writer == NONE {
                if value != ValueId::INITIAL {
                    if is_found {
                        return Err(conflict::never_written(self, value));
                    }
                    continue;
                }
            } else {
                let writer = &self.operations[writer as usize];
                if !is_found && writer.is_indeterminate() {
                    continue;
                }
                if matches!(writer.op, RegisterOp::Cas { .. }) {
                    present += 1;
                    continue;
                }
            }
            present += 1;
            reached += self.measure(value)?;
            chains.push(value);
        }
        if reached != present && !planted("register: circles are not seen") {
            return Err(conflict::chain_closed(self, &chains));
        }
        Ok(chains)
    }

    /// Walks the chain that begins with `first`; returns how many values it has.
    fn measure(&mut self, first: ValueId) -> Result<usize, Conflict> {
        let (mut first_end, mut last_beginning, mut length) = (NEVER, 0, 0);
        if first == ValueId::INITIAL && !planted("register: the initial value may return") {
            // It is current before all events.
            first_end = 0;
        }
        let mut next = Some(first);
        while let Some(value) = next {
            length += 1;
            if let Some(writer) = self.writer(value) {
                let writer = &self.operations[writer as usize];
                let unchecked = planted("register: stores may come before their chain");
                if writer.returned < last_beginning && !unchecked {
                    return Err(conflict::chain_inverted(self, first));
                }
                last_beginning = last_beginning.max(writer.invoked);
                first_end = first_end.min(writer.returned);
            }
            let reads = &self.by_value[value.0 as usize];
            let unchecked = planted("register: reads may come before their chain");
            if reads.first_end < last_beginning && !unchecked {
                return Err(conflict::chain_inverted(self, first));
            }
            last_beginning = last_beginning.max(reads.last_beginning);
            first_end = first_end.min(reads.first_end);
            next = self.successor(value);
        }
        let cluster = &mut self.by_value[first.0 as usize];
        (cluster.first_end, cluster.last_beginning) = (first_end, last_beginning);
        Ok(length)
    }

    /// Where a chain goes among the others.
    pub(super) fn rank(&self, chain: ValueId) -> u64 {
        let (first_end, last_beginning) = self.extent(chain);
        let is_forward = first_end < last_beginning;
        let after_equals = is_forward != planted("register: equal chains in the wrong order");
        u64::from(first_end.min(last_beginning)) << 1 | u64::from(after_equals)
    }

    /// The first end and the last beginning in a chain, once it was measured.
    pub(super) fn extent(&self, chain: ValueId) -> (u32, u32) {
        let cluster = &self.by_value[chain.0 as usize];
        (cluster.first_end, cluster.last_beginning)
    }

    /// The operations of the chains in their order: of each value the store, then the reads
    /// as they began.
    pub(super) fn spread(&mut self, chains: &[ValueId]) -> Vec<u32> {
        let mut order = vec![0; self.operations.len() - self.refusals];
        let mut total = 0_u32;
        for &chain in chains {
            let mut next = Some(chain);
            while let Some(value) = next {
                if let Some(writer) = self.writer(value) {
                    order[total as usize] = writer;
                    total += 1;
                }
                let reads = &mut self.by_value[value.0 as usize].reads;
                let count = std::mem::replace(reads, total);
                total += count;
                next = self.successor(value);
            }
        }
        for (index, operation) in (0..).zip(self.operations) {
            if let RegisterOp::Read(value) = operation.op
                && !operation.is_indeterminate()
            {
                let place = &mut self.by_value[value.0 as usize].reads;
                order[*place as usize] = index;
                *place += 1;
            }
        }
        order.truncate(total as usize);
        order
    }

    /// Whether the store of a value must have happened; the initial value always has.
    fn takes_part(&self, value: ValueId) -> bool {
        let cluster = &self.by_value[value.0 as usize];
        cluster.reads > 0
            || cluster.successor != NONE
            || value == ValueId::INITIAL
            || self.has_ended(value)
    }

    /// Whether what stored a value has ended.
    pub(super) fn has_ended(&self, value: ValueId) -> bool {
        self.writer(value).is_some_and(|writer| {
            let writer = &self.operations[writer as usize];
            !writer.is_indeterminate()
        })
    }

    /// What stored a value.
    pub(super) fn writer(&self, value: ValueId) -> Option<u32> {
        let writer = self.by_value[value.0 as usize].writer;
        (writer != NONE).then_some(writer)
    }

    /// The value that what stored `value` had to find.
    pub(super) fn expected(&self, value: ValueId) -> Option<ValueId> {
        match self.operations[self.writer(value)? as usize].op {
            RegisterOp::Cas { expected, .. } => Some(expected),
            RegisterOp::Read(_) | RegisterOp::Write(_) | RegisterOp::Refused(_) => None,
        }
    }

    /// The value that a compare-and-set stored in place of `value`, as far as linked.
    pub(super) fn successor(&self, value: ValueId) -> Option<ValueId> {
        let successor = self.by_value[value.0 as usize].successor;
        (successor != NONE).then_some(ValueId(successor))
    }

    /// How many values there are.
    pub(super) fn count(&self) -> usize {
        self.by_value.len()
    }

    /// How many operations were told only "not this value".
    pub(super) fn refusals(&self) -> usize {
        self.refusals
    }

    /// The operations behind the clusters.
    pub(super) fn operations(&self) -> &'a [Timed<RegisterOp>] {
        self.operations
    }
}
