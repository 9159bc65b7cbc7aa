//! Phases: no client begins one before all have ended the one before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{Generator, Step};
use crate::operation::{Ending, Invocation};

/// Where clients wait for each other.
#[derive(Clone, Debug)]
pub struct Barrier {
    arrived: Arc<AtomicUsize>,
    clients: usize,
}

impl Barrier {
    /// A barrier that opens when all of `clients` clients have come to it.
    pub fn new(clients: usize) -> Self {
        Self { arrived: Arc::default(), clients }
    }

    fn arrive(&self) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
    }

    fn is_open(&self) -> bool {
        self.arrived.load(Ordering::SeqCst) >= self.clients
    }
}

/// How long a client that waits for others waits before it looks again.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// One part of a course that all clients go through together: the stream `before`, then
/// `barrier`, then the stream `after`.
///
/// A client whose operation hangs holds the others up until that is over.
pub struct Phase {
    before: Box<dyn Generator>,
    after: Box<dyn Generator>,
    barrier: Barrier,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    Waiting,
    After,
}

impl Phase {
    /// `before`, then `after`, with `barrier` between them, which all clients share.
    pub fn new(before: Box<dyn Generator>, barrier: Barrier, after: Box<dyn Generator>) -> Self {
        Self { before, after, barrier, place: Place::Before }
    }
}

impl Generator for Phase {
    fn next(&mut self, now: Duration) -> Step {
        if self.place == Place::Before {
            match self.before.next(now) {
                Step::Done => {
                    self.barrier.arrive();
                    self.place = Place::Waiting;
                }
                step => return step,
            }
        }
        if self.place == Place::Waiting {
            if !self.barrier.is_open() {
                return Step::Wait(now + LOOK_INTERVAL);
            }
            self.place = Place::After;
        }
        self.after.next(now)
    }

    fn observe(&mut self, invocation: &Invocation, ending: Ending<'_>, now: Duration) {
        match self.place {
            Place::Before | Place::Waiting => self.before.observe(invocation, ending, now),
            Place::After => self.after.observe(invocation, ending, now),
        }
    }
}
