//! The operations of one object that are in flight, oldest first.
//!
//! A doubly linked list through a slab: what begins goes to its end, what ends is taken out
//! wherever it is, and the horizon is at its head. Every step takes constant time.

use super::{Completion, Halt, Moment, Monitor};
use crate::verdict::OperationId;

/// The absence of a slot.
const NONE: u32 = u32::MAX;

/// Names an operation in flight until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(u32);

struct Entry<Pending> {
    /// `None` while the slot is free.
    pending: Option<Pending>,
    invoked: u32,
    older: u32,
    /// The next free slot while this one is free.
    newer: u32,
}

/// A monitor together with what is in flight on its object.
///
/// ```
/// use squall_checker::model::ValueId;
/// use squall_checker::online::register::{RegisterCall, RegisterMonitor, RegisterReply};
/// use squall_checker::online::{Completion, Watched};
/// use squall_checker::verdict::OperationId;
///
/// let mut register = Watched::new(RegisterMonitor::new(ValueId::INITIAL));
/// let write = register.invoke(OperationId(0), RegisterCall::Write(ValueId(1)), 1)?;
/// register.complete(write, Completion::Ok(RegisterReply::Done), 2)?;
/// let read = register.invoke(OperationId(1), RegisterCall::Read, 3)?;
/// // The write ended before this read began.
/// let stale = Completion::Ok(RegisterReply::Found(ValueId::INITIAL));
/// assert!(register.complete(read, stale, 4).is_err());
/// # Ok::<(), squall_checker::online::Halt>(())
/// ```
pub struct Watched<M: Monitor> {
    monitor: M,
    entries: Vec<Entry<M::Pending>>,
    free: u32,
    oldest: u32,
    newest: u32,
}

impl<M: Monitor> Watched<M> {
    /// Watches an object in its initial state.
    pub fn new(monitor: M) -> Self {
        Self { monitor, entries: Vec::new(), free: NONE, oldest: NONE, newest: NONE }
    }

    /// The monitor.
    pub fn monitor(&self) -> &M {
        &self.monitor
    }

    /// An operation begins. Positions never fall, and of events at equal positions the
    /// invocations come first.
    ///
    /// # Errors
    /// When the monitor goes no further.
    pub fn invoke(
        &mut self,
        operation: OperationId,
        call: M::Call,
        position: u32,
    ) -> Result<Slot, Halt> {
        let at = Moment { position, horizon: self.horizon(position) };
        let pending = self.monitor.invoke(operation, call, at)?;
        let entry =
            Entry { pending: Some(pending), invoked: position, older: self.newest, newer: NONE };
        let slot = match self.entries.get(self.free as usize) {
            Some(freed) => {
                let slot = self.free;
                self.free = freed.newer;
                self.entries[slot as usize] = entry;
                slot
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        match self.newest {
            NONE => self.oldest = slot,
            newest => self.entries[newest as usize].newer = slot,
        }
        self.newest = slot;
        Ok(Slot(slot))
    }

    /// An operation ends, and `slot` names it no longer.
    ///
    /// # Errors
    /// When the monitor goes no further.
    ///
    /// # Panics
    /// If `slot` names no operation in flight.
    pub fn complete(
        &mut self,
        slot: Slot,
        completion: Completion<M::Reply>,
        position: u32,
    ) -> Result<(), Halt> {
        let Slot(slot) = slot;
        let entry = &mut self.entries[slot as usize];
        let pending = entry.pending.take().expect("a slot is completed once");
        let (older, newer) = (entry.older, entry.newer);
        entry.newer = self.free;
        self.free = slot;
        match older {
            NONE => self.oldest = newer,
            older => self.entries[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.entries[newer as usize].older = older,
        }
        let at = Moment { position, horizon: self.horizon(position) };
        self.monitor.complete(pending, completion, at)
    }

    /// No event follows: what is in flight stays indeterminate.
    ///
    /// # Errors
    /// When the end is what makes it illegal.
    pub fn end(&mut self) -> Result<(), Halt> {
        self.monitor.end()
    }

    fn horizon(&self, position: u32) -> u32 {
        self.entries.get(self.oldest as usize).map_or(position, |entry| entry.invoked)
    }
}
