//! What happened in a run: a digest of all of it, and the end of it in words.
//!
//! Words cost more than the run itself, so they are only kept when asked for: a
//! run that failed is run again from the same seed.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::schedule::Moment;

/// Whether a run is put into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// It is not.
    None,
    /// This many of its last events are.
    Last(usize),
}

/// The record of a run.
pub(crate) struct Trace {
    words: Words,
    hasher: DefaultHasher,
    tail: VecDeque<String>,
    events: u64,
}

impl Trace {
    pub(crate) fn new(words: Words) -> Self {
        Self { words, hasher: DefaultHasher::new(), tail: VecDeque::new(), events: 0 }
    }

    /// Notes an event: `facts` go into the digest, `words` are for people.
    pub(crate) fn note(&mut self, at: Moment, facts: impl Hash, words: impl FnOnce() -> String) {
        self.events += 1;
        (at.0, facts).hash(&mut self.hasher);
        if let Words::Last(most) = self.words {
            if self.tail.len() >= most {
                self.tail.pop_front();
            }
            self.tail.push_back(format!("{at} {}", words()));
        }
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// Returns a number that two runs share only if the same happened in both.
    pub(crate) fn digest(&self) -> u64 {
        self.hasher.finish()
    }

    /// Returns the last events, oldest first.
    pub(crate) fn into_tail(self) -> Vec<String> {
        self.tail.into()
    }
}
