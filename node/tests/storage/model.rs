//! What a data directory stands for, as plain values; and the calls it gets.

use std::collections::BTreeMap;

use squall_node::raft::{Entry, HardState, Install, LogIndex, Snapshot, Suffix};
use squall_node::storage::{Recovered, Storage, StorageError};

use crate::samples::{entry, hard_state, meta, snapshot};

/// A step that failed on disk.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: StorageError,
    /// What would have been there otherwise.
    pub(crate) after: Recovered,
}

/// One call, as Raft makes them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A term and vote.
    Vote,
    /// This many entries in a new term, in place of so many at the end.
    Append { replaced: u64, count: u64 },
    /// A snapshot of its own, so far before the end.
    Save { before_end: u64 },
    /// The leader's snapshot, of an entry the log holds, so far before the end.
    InstallHeld { before_end: u64 },
    /// The leader's snapshot, of an entry the log does not hold: so far after the
    /// beginning, with another term.
    InstallOther { after_begin: u64 },
    /// The log is cut to what follows the snapshot.
    Compact,
}

/// The obvious state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    hard_state: HardState,
    snapshot: Option<Snapshot>,
    log: BTreeMap<u64, Entry>,
    steps: u64,
}

/// A step with its numbers filled in.
#[derive(Clone, Debug)]
enum Call {
    Vote(HardState),
    Append(Vec<Entry>),
    Save(Snapshot),
    Install(Snapshot),
    Compact(LogIndex),
    Nothing,
}

impl Model {
    fn covered(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.meta.last.index.0)
    }

    fn last(&self) -> u64 {
        self.log.last_key_value().map_or(0, |(&index, _)| index).max(self.covered())
    }

    /// Returns what opening the directory must give back.
    pub(crate) fn recovered(&self) -> Recovered {
        let entries = self.log.range(self.covered() + 1..).map(|(_, entry)| entry.clone());
        Recovered {
            hard_state: self.hard_state,
            snapshot: self.snapshot.clone(),
            entries: entries.collect(),
            torn_bytes: 0,
        }
    }

    fn call(&self, step: Step) -> Call {
        let number = self.steps + 1;
        let state = vec![number as u8; 700];
        // What is replaced, and what a snapshot stands for, is not yet covered.
        let within = |index: u64| (index > self.covered()).then_some(index);
        match step {
            Step::Vote => Call::Vote(hard_state(number, "n2")),
            Step::Append { replaced, count } => {
                let keep = self.last().saturating_sub(replaced).max(self.covered());
                let indices = keep + 1..=keep + count;
                Call::Append(indices.map(|index| entry(index, number, &[7; 60])).collect())
            }
            Step::Save { before_end } | Step::InstallHeld { before_end } => {
                let held = within(self.last().saturating_sub(before_end))
                    .and_then(|index| self.log.get(&index));
                let Some(Entry { position, .. }) = held else { return Call::Nothing };
                let snapshot = snapshot(position.index.0, position.term.0, &state);
                match step {
                    Step::Save { .. } => Call::Save(snapshot),
                    _ => Call::Install(snapshot),
                }
            }
            Step::InstallOther { after_begin } => {
                Call::Install(snapshot(self.covered() + 1 + after_begin, number, &state))
            }
            Step::Compact => Call::Compact(LogIndex(self.covered())),
        }
    }

    fn apply(&mut self, call: &Call) {
        match call {
            Call::Vote(hard_state) => self.hard_state = *hard_state,
            Call::Append(entries) => {
                self.log.split_off(&entries[0].position.index.0);
                self.log
                    .extend(entries.iter().map(|entry| (entry.position.index.0, entry.clone())));
            }
            Call::Save(snapshot) => self.snapshot = Some(snapshot.clone()),
            Call::Install(snapshot) => {
                let last = snapshot.meta.last;
                if self.log.get(&last.index.0).is_none_or(|entry| entry.position != last) {
                    self.log.clear();
                }
                self.snapshot = Some(snapshot.clone());
            }
            Call::Compact(_) | Call::Nothing => {}
        }
        self.steps += 1;
    }

    /// Does the step here and on disk; on failure the model is left as it was
    /// before.
    pub(crate) fn step(&mut self, step: Step, storage: &mut Storage) -> Result<(), Box<Failed>> {
        let call = self.call(step);
        let mut after = self.clone();
        after.apply(&call);
        let done = match &call {
            Call::Vote(hard_state) => storage.set_hard_state(*hard_state),
            Call::Append(entries) => storage.append(entries),
            Call::Save(Snapshot { meta, data }) => {
                storage.snapshots().save(meta, |file| file.write_all(data)).map(drop)
            }
            Call::Install(snapshot) => {
                let install = Install { snapshot: snapshot.clone(), suffix: Suffix::Keep };
                storage.install_snapshot(&install)
            }
            Call::Compact(through) => storage.compact(*through),
            Call::Nothing => Ok(()),
        };
        match done {
            Ok(()) => *self = after,
            Err(error) => return Err(Box::new(Failed { error, after: after.recovered() })),
        }
        Ok(())
    }
}

/// Shows that a directory just opened can be written on, and keeps that.
pub(crate) fn write_on(storage: &mut Storage, recovered: &Recovered) -> Recovered {
    let mut expected = recovered.clone();
    let covered = recovered.snapshot.as_ref().map_or(0, |snapshot| snapshot.meta.last.index.0);
    let next = covered + recovered.entries.len() as u64 + 1;
    expected.hard_state = hard_state(99, "n3");
    storage.set_hard_state(expected.hard_state).unwrap();
    expected.entries.push(entry(next, 99, b"on"));
    storage.append(&expected.entries[expected.entries.len() - 1..]).unwrap();
    storage.snapshots().save(&meta(next, 99), |file| file.write_all(b"state")).unwrap();
    storage.compact(LogIndex(next)).unwrap();
    expected.snapshot = Some(snapshot(next, 99, b"state"));
    expected.entries.clear();
    expected.torn_bytes = 0;
    expected
}
