//! Streams of invocations, and how greater ones are made of smaller ones.
//!
//! A [`Generator`] is the stream of *one* client: what it does next, at the time it is asked.
//! It knows no cluster, socket or clock (time is handed in), so that any of it can be
//! [rehearsed](crate::rehearsal) without them. Streams of several clients share at most a few
//! atomic counters, never a lock.
//!
//! | Combinator | What it does |
//! |---|---|
//! | [`Mix`] | the next operation is that of one of several streams, by weights |
//! | [`Limit`] | ends a stream after so many operations or at some time |
//! | [`Sequence`] | one stream after another has ended |
//! | [`Phase`] | as a sequence, but no client begins a part before all have ended the one before |
//! | [`UntilOk`] | the same operation again until it succeeds |
//! | [`Think`] | a pause after every operation |
//! | [`Bursts`] | so many operations in a row, then a pause |
//! | [`Reserve`] | so many clients for one stream, so many for another |
//! | [`Paced`] | a rate, held each client for itself or by all together |
//! | [`Moving`] | a session that moves on to the next node now and then |
//! | [`SentTo`] | operations sent to the leader, to one node, or to whichever answers |

mod bursts;
mod limit;
mod mix;
mod moving;
mod paced;
mod phase;
mod reserve;
mod sequence;
mod think;
mod until_ok;

pub use bursts::Bursts;
pub use limit::Limit;
pub use mix::Mix;
pub use moving::{Moving, SentTo};
pub use paced::{Arrivals, MADE_UP, Paced, Schedule};
pub use phase::{Barrier, Phase};
pub use reserve::Reserve;
pub use sequence::Sequence;
pub use think::Think;
pub use until_ok::UntilOk;

use std::time::Duration;

use crate::operation::{Ending, Invocation};

/// What a client does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// This, at once.
    Invoke(Invocation),
    /// Nothing before this time; then ask again.
    Wait(Duration),
    /// Nothing ever again.
    Done,
}

impl Step {
    /// The same with its invocation changed.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Invocation) -> Invocation) -> Self {
        match self {
            Self::Invoke(invocation) => Self::Invoke(change(invocation)),
            other => other,
        }
    }
}

/// The stream of one client.
///
/// The same workload, seed and client give the same stream of functions and objects, whatever
/// the cluster does; what else a stream may depend on, each workload says of itself.
pub trait Generator: Send {
    /// What the client does next, at `now` since the clients began. Times never go back.
    fn next(&mut self, now: Duration) -> Step;

    /// Learns how the invocation that [`Generator::next`] gave last has ended.
    ///
    /// Called once for each that ended, before the next is asked for. Most streams do not
    /// care.
    fn observe(&mut self, _invocation: &Invocation, _ending: Ending<'_>, _now: Duration) {}
}

impl Generator for Box<dyn Generator> {
    fn next(&mut self, now: Duration) -> Step {
        (**self).next(now)
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, now: Duration) {
        (**self).observe(invocation, ending, now);
    }
}

/// An endless stream that only needs to be asked for its next invocation.
pub struct Endless<F>(pub F);

impl<F: FnMut() -> Invocation + Send> Generator for Endless<F> {
    fn next(&mut self, _now: Duration) -> Step {
        Step::Invoke((self.0)())
    }
}

#[cfg(test)]
mod tests;
