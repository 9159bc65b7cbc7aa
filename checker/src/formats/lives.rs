//! Processes that go on after an indeterminate operation.
//!
//! Logs name the thread rather than the process, so a number comes back after `:info`. What
//! comes back is a new client: the old operation stays open for ever, whatever the thread
//! does next. So each life gets a number of its own, as Jepsen numbers processes.

use rustc_hash::FxHashMap;

/// What lies between the numbers of two lives of one thread.
const STRIDE: u64 = 1_000_000;

/// Numbers the lives of threads.
#[derive(Debug, Default)]
pub(super) struct Lives {
    ended: FxHashMap<u64, u64>,
}

impl Lives {
    /// The process that thread `thread` is now: the number itself in its first life.
    ///
    /// `None` if the number is taken by the later lives of others.
    pub(super) fn process(&self, thread: u64) -> Option<u64> {
        let lives = self.ended.get(&thread).copied().unwrap_or(0);
        (thread < STRIDE).then_some(thread + lives * STRIDE)
    }

    /// Notes an indeterminate operation of `thread`.
    pub(super) fn end(&mut self, thread: u64) {
        *self.ended.entry(thread).or_insert(0) += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_life_has_a_number_of_its_own() {
        let mut lives = Lives::default();
        assert_eq!((lives.process(3), lives.process(4)), (Some(3), Some(4)));
        lives.end(3);
        lives.end(3);
        assert_eq!((lives.process(3), lives.process(4)), (Some(2_000_003), Some(4)));
        assert_eq!(lives.process(STRIDE), None);
    }
}
