//! Operations between two events: all that the procedures know of time.

/// The end of an operation that never ended: an indeterminate one.
pub const NEVER: u32 = u32::MAX;

/// An operation with the positions of its two events.
///
/// Positions count events from 1 on; gaps are allowed, only their order means anything, and
/// events at equal positions are concurrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed<Op> {
    /// What it did.
    pub op: Op,
    /// When it began.
    pub invoked: u32,
    /// When it ended: not before `invoked`; [`NEVER`] if it is indeterminate.
    pub returned: u32,
}

impl<Op> Timed<Op> {
    /// Whether this operation ended before `other` began, so that every order keeps them so.
    pub fn precedes<Other>(&self, other: &Timed<Other>) -> bool {
        self.returned < other.invoked
    }

    /// Whether nobody knows if it ever took effect.
    pub fn is_indeterminate(&self) -> bool {
        self.returned == NEVER
    }
}
