//! One bit that operations set and clear: an element of a set, or a lock without owners.
//!
//! Values repeat, so neither clusters nor ranks apply; what decides is that the bit has only
//! two states. The sweep follows events in time and changes the bit *only when the end of an
//! operation forces it*: a read of the other state, a [`BitOp::Set`] of a bit that is set, and
//! so on. To change it, the pending operation that ends first does. A pending read of the
//! state the bit is in takes effect at once. If no pending operation can make a forced
//! change, there is no linearization.
//!
//! *Proof.* Let P be what took effect so far. Invariant: if there are linearizations, one
//! begins with P; call it P R. When the end of an operation forces a change, that operation
//! is in R, and all operations before it in R have begun. The first operation of R is no read
//! of the present state (those are in P), so it changes the bit; call it t, and t' the pending
//! one of the same direction that ends first. Exchange them in P R (or drop t, if t' is not
//! in P R: then t' never ends, so neither does t). t' moves ahead of operations that have not
//! ended, and t moves to where an operation stood that ends no later than t. So P t' begins a
//! linearization. Reads of the new state that have begun move next to t' for the same reason.
//!
//! Deliberately absent: operations that say how many elements there are, or which; and adds
//! and removes that do not tell whether they changed anything. Such an operation can be spent
//! on a bit that is in its state already, and once it ended it cannot make a later change, so
//! waiting until a change is forced may lose the only order there is.
//!
//! Sources: Abdulla et al., *Efficient Linearizability Monitoring*, for sets; the proof is ours.

#[cfg(test)]
mod tests;
mod window;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::fault::planted;
use crate::nearly_sorted;
use crate::procedure::Decision;
use crate::timed::{NEVER, Timed};

/// The two states of a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BitState {
    /// The element is absent, the lock is free.
    Clear,
    /// The element is present, the lock is held.
    Set,
}

impl BitState {
    /// The other state.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Clear => Self::Set,
            Self::Set => Self::Clear,
        }
    }
}

/// What an operation does to the bit or says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BitOp {
    /// Sets the bit, which was clear: an add or an acquire that succeeded.
    Set,
    /// Clears the bit, which was set: a remove or a release that succeeded.
    Clear,
    /// Finds the bit set: an add that changed nothing, an element that is contained.
    IsSet,
    /// Finds the bit clear: a remove that changed nothing, an element that is not contained.
    IsClear,
}

/// How an operation meets the state of the bit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Needs the state, and leaves it.
    Finds,
    /// Needs the opposite state, and changes it.
    Changes,
}

impl BitOp {
    /// The state the bit is in after the operation.
    pub fn state(self) -> BitState {
        match self {
            Self::Set | Self::IsSet => BitState::Set,
            Self::Clear | Self::IsClear => BitState::Clear,
        }
    }

    fn effect(self) -> Effect {
        match self {
            Self::Set | Self::Clear => Effect::Changes,
            Self::IsSet | Self::IsClear => Effect::Finds,
        }
    }
}

/// Decides whether the operations on one bit have a linearization.
///
/// `operations` are sorted by beginnings; ends may tie with anything. A
/// violation is [`NoOrder`](crate::verdict::Contradiction::NoOrder) and names the operations of a stretch
/// of time, from the first beginning to the last end among those named: every operation that
/// changes the bit and lies within it, and the reads that matter. They have no order even if
/// the state at its beginning may be anything and those changes that had begun but not ended
/// may have happened before it; unless nothing at all had ended by then, when the bit is
/// still in its initial state.
///
/// O(n log c) time with c operations at a time, O(n) memory, for any number of indeterminate
/// operations.
///
/// ```
/// use squall_checker::bit::{BitOp, BitState, linearize};
/// use squall_checker::procedure::Decision;
/// use squall_checker::timed::Timed;
///
/// let add = Timed { op: BitOp::Set, invoked: 1, returned: 4 };
/// let contained = Timed { op: BitOp::IsSet, invoked: 2, returned: 3 };
/// let decision = linearize(&[add, contained], BitState::Clear);
/// assert_eq!(decision, Decision::Linearizable(vec![0, 1]));
/// ```
pub fn linearize(operations: &[Timed<BitOp>], initially: BitState) -> Decision {
    match Sweep::new(operations, initially).run() {
        Ok(order) => Decision::Linearizable(order),
        Err(stuck) => Decision::Violation(window::explain(operations, initially, stuck)),
    }
}

/// An operation ended before which the bit would have had to change, but nothing could do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stuck {
    operation: u32,
}

/// The pending operations of one state.
#[derive(Default)]
struct Pending {
    /// Reads, not yet satisfied.
    reads: Vec<u32>,
    /// What can change the bit and will end, by ends.
    ending: BinaryHeap<Reverse<u64>>,
    /// What can change the bit and never ends.
    endless: Vec<u32>,
}

/// The sweep over the events of one bit.
struct Sweep<'a> {
    operations: &'a [Timed<BitOp>],
    state: BitState,
    set: Pending,
    clear: Pending,
    done: Vec<bool>,
    order: Vec<u32>,
}

impl<'a> Sweep<'a> {
    fn new(operations: &'a [Timed<BitOp>], initially: BitState) -> Self {
        Self {
            operations,
            state: initially,
            set: Pending::default(),
            clear: Pending::default(),
            done: vec![false; operations.len()],
            order: Vec::with_capacity(operations.len()),
        }
    }

    fn run(mut self) -> Result<Vec<u32>, Stuck> {
        let mut ends: Vec<u64> = (0..)
            .zip(self.operations)
            .filter(|(_, operation)| !operation.is_indeterminate())
            .map(|(index, operation)| nearly_sorted::key(operation.returned, index))
            .collect();
        nearly_sorted::sort(&mut ends);
        let mut begun = 0;
        for end in ends {
            let now = nearly_sorted::position(end);
            // What begins where another operation ends runs at the same time.
            while self.operations.get(begun).is_some_and(|operation| {
                operation.invoked < now
                    || operation.invoked == now && !planted("bit: ties in order")
            }) {
                self.begin(begun as u32);
                begun += 1;
            }
            self.end(nearly_sorted::index(end))?;
        }
        Ok(self.order)
    }

    fn pending(&mut self, state: BitState) -> &mut Pending {
        match state {
            BitState::Set => &mut self.set,
            BitState::Clear => &mut self.clear,
        }
    }

    fn begin(&mut self, index: u32) {
        let operation = &self.operations[index as usize];
        let (state, returned) = (operation.op.state(), operation.returned);
        match operation.op.effect() {
            Effect::Finds if state == self.state => self.take(index),
            Effect::Finds => self.pending(state).reads.push(index),
            Effect::Changes if returned == NEVER => {
                self.pending(state).endless.push(index);
            }
            Effect::Changes => {
                self.pending(state).ending.push(Reverse(nearly_sorted::key(returned, index)));
            }
        }
    }

    fn end(&mut self, index: u32) -> Result<(), Stuck> {
        if self.done[index as usize] {
            return Ok(());
        }
        let operation = &self.operations[index as usize];
        let state = operation.op.state();
        let stuck = Stuck { operation: index };
        match operation.op.effect() {
            Effect::Changes => {
                if self.state == state {
                    self.change().ok_or(stuck)?;
                }
                // The operation itself is the pending one that ends first.
                self.change().ok_or(stuck)
            }
            Effect::Finds => self.change().ok_or(stuck),
        }
    }

    fn take(&mut self, index: u32) {
        self.done[index as usize] = true;
        self.order.push(index);
    }

    /// Changes the bit by the pending operation that ends first, and satisfies the reads that
    /// waited for it.
    fn change(&mut self) -> Option<()> {
        let state = self.state.opposite();
        let operation = self.spend(state)?;
        self.state = state;
        self.take(operation);
        for read in std::mem::take(&mut self.pending(state).reads) {
            self.take(read);
        }
        Some(())
    }

    /// The operation to change the bit to `state` with.
    fn spend(&mut self, state: BitState) -> Option<u32> {
        if planted("bit: endless first")
            && let Some(index) = self.pending(state).endless.pop()
        {
            return Some(index);
        }
        let pending = self.pending(state);
        let ending = pending.ending.pop().map(|Reverse(key)| nearly_sorted::index(key));
        ending.or_else(|| pending.endless.pop())
    }
}
