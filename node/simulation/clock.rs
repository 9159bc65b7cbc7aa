//! The clock of one machine, which runs at a rate of its own.

use super::schedule::Moment;

/// The rate of a clock that is right.
pub(crate) const TRUE_RATE: u64 = 1_000;

/// A monotonic clock that gains or loses time.
pub(crate) struct Clock {
    /// Local microseconds in a thousand of virtual time.
    rate: u64,
    /// What it showed when its rate was set last.
    local_us: u64,
    since: Moment,
}

impl Clock {
    pub(crate) fn new(rate: u64) -> Self {
        Self { rate, local_us: 0, since: Moment::default() }
    }

    fn local_us(&self, now: Moment) -> u64 {
        self.local_us + (now.0 - self.since.0) * self.rate / TRUE_RATE
    }

    /// Returns what the clock shows, in milliseconds.
    pub(crate) fn local_ms(&self, now: Moment) -> u64 {
        self.local_us(now) / 1_000
    }

    /// Lets it run at another rate from now on.
    pub(crate) fn set_rate(&mut self, now: Moment, rate: u64) {
        self.local_us = self.local_us(now);
        self.since = now;
        self.rate = rate;
    }

    /// Returns how much virtual time passes while the clock advances by `local_us`.
    pub(crate) fn real_us(&self, local_us: u64) -> u64 {
        local_us * TRUE_RATE / self.rate
    }
}
