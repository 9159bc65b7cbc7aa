//! Virtual time, and what is to happen in it.

use std::collections::BTreeMap;
use std::fmt;

/// A moment of virtual time, in microseconds since the run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    /// Returns the moment this much later.
    pub(crate) fn after_us(self, us: u64) -> Self {
        Self(self.0 + us)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9.3} ms", self.0 as f64 / 1_000.0)
    }
}

/// What is to happen, in the order of its time; what is due at the same moment
/// happens in the order in which it was planned, so that a run repeats itself.
pub(crate) struct Schedule<E> {
    now: Moment,
    planned: u64,
    due: BTreeMap<(Moment, u64), E>,
}

impl<E> Schedule<E> {
    pub(crate) fn new() -> Self {
        Self { now: Moment::default(), planned: 0, due: BTreeMap::new() }
    }

    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    /// Plans an event `us` microseconds from now.
    pub(crate) fn plan(&mut self, us: u64, event: E) {
        self.planned += 1;
        self.due.insert((self.now.after_us(us), self.planned), event);
    }

    /// Takes the next event; time goes on to its moment.
    pub(crate) fn next(&mut self) -> Option<E> {
        let ((at, _), event) = self.due.pop_first()?;
        self.now = at;
        Some(event)
    }
}
