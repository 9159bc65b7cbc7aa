//! What each process of a history is doing.
//!
//! Harnesses number processes from 0 on, and give an indeterminate one's successor a number
//! not far above: these are looked up by index. Any other number costs a hash.

use rustc_hash::FxHashMap;

/// Numbers that are looked up by index however few processes there are.
const ALWAYS_DENSE: usize = 1024;

/// What a process is doing, with the line that made it so.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum ProcessState {
    /// Nothing was heard of it.
    #[default]
    Unseen,
    Idle {
        time_ns: u64,
    },
    InFlight {
        operation: usize,
        line: usize,
    },
    Retired {
        line: usize,
    },
}

/// The states of all processes.
#[derive(Debug, Default)]
pub(super) struct Processes {
    dense: Vec<ProcessState>,
    /// Those with numbers past `dense`.
    others: FxHashMap<u64, ProcessState>,
    seen: usize,
}

impl Processes {
    pub(super) fn get(&self, process: u64) -> ProcessState {
        match self.dense.get(process as usize) {
            Some(state) => *state,
            None => self.others.get(&process).copied().unwrap_or_default(),
        }
    }

    pub(super) fn set(&mut self, process: u64, state: ProcessState) {
        if process >= self.dense.len() as u64 {
            self.reach_for(process);
        }
        let slot = match self.dense.get_mut(process as usize) {
            Some(slot) => slot,
            None => self.others.entry(process).or_default(),
        };
        self.seen += usize::from(matches!(slot, ProcessState::Unseen));
        *slot = state;
    }

    /// Extends the index to a process, unless most of it would stay empty.
    fn reach_for(&mut self, process: u64) {
        let limit = 4 * self.seen + ALWAYS_DENSE;
        if process >= limit as u64 {
            return;
        }
        let length = process as usize + 1;
        self.dense.resize(length + length / 2, ProcessState::Unseen);
        let Self { dense, others, .. } = self;
        others.retain(|process, state| match dense.get_mut(*process as usize) {
            Some(slot) => {
                *slot = *state;
                false
            }
            None => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_kept_when_the_index_grows_past_them() {
        let mut processes = Processes::default();
        let mut numbers: Vec<u64> = vec![0, 5000, 1023, 1600, u64::MAX, 1 << 32];
        numbers.extend(0..3000);
        numbers.push(4500);
        for (line, process) in numbers.iter().enumerate() {
            processes.set(*process, ProcessState::Retired { line });
            for (line, process) in numbers.iter().enumerate().take(line + 1).rev().step_by(37) {
                let state = processes.get(*process);
                let latest = numbers[..=line].len();
                let ProcessState::Retired { line: found } = state else { panic!("{state:?}") };
                assert!(found + 1 >= latest || numbers[found] == *process);
            }
        }
        for process in [0, 5000, 1023, 1600, u64::MAX, 1 << 32, 2999, 4500] {
            let last = numbers.iter().rposition(|number| *number == process);
            let ProcessState::Retired { line } = processes.get(process) else { panic!("retired") };
            assert_eq!(Some(line), last);
        }
        assert!(matches!(processes.get(3001), ProcessState::Unseen));
        assert!(processes.dense.len() > 4500 && processes.others.len() <= 2);
    }
}
