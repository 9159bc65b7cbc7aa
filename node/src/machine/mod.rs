//! The replicated state machine: a map of strings to JSON values.
//!
//! The machine is owned by the driver and changed only by committed commands in
//! log order, so that all nodes hold the same state after the same entry. A
//! [`Command`] goes in with the index of its entry, an [`Outcome`] comes out.
//! Everything the machine knows is replicated and in its snapshot; it has no
//! clock and no source of chance, and reads nothing but its own state.
//!
//! - `command` and `outcome` are what goes in and what comes out.
//! - `change` is what the operations mean.
//! - `sessions` makes a write that is tried again count once.
//! - `state` holds the map such that a snapshot can be taken while it changes,
//!   `snapshot` turns it into bytes and back, `digest` compares it.
//!
//! Deliberately absent: expiry by time, which would need a clock that is
//! replicated, and reads of old revisions.

mod change;
mod command;
mod digest;
mod json;
mod key;
mod outcome;
mod sessions;
mod snapshot;
mod state;

use self::sessions::{Admission, Sessions};
use self::state::State;
use crate::bugs::Bug;
use crate::raft::LogIndex;

pub use self::change::{RESULTS_BYTES_MAX, VALUE_BYTES_MAX};
pub use self::command::{
    Action, Change, Command, Comparison, Expectation, Presence, Relation, Sequence, SessionId,
    Stamp, Step, TRANSACTION_PARTS_MAX, Transaction,
};
pub use self::json::Json;
pub(crate) use self::json::{DEPTH_MAX, is_shallow};
pub use self::key::{BadKey, KEY_BYTES_MAX, Key};
pub use self::outcome::{Branch, Held, Outcome, Refusal, StepResult};
pub use self::sessions::{SESSION_OUTCOMES_BYTES_MAX, SESSION_OUTCOMES_MAX, SESSIONS_MAX};
pub use self::snapshot::{Frozen, RestoreError};

/// The state that all nodes agree on.
#[derive(Debug, Default)]
pub struct Machine {
    state: State,
    sessions: Sessions,
    bug: Option<Bug>,
}

/// What becomes of a command before it enters the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// This is to be proposed.
    Propose(Command),
    /// Nothing is: its outcome is known, as only a planted bug would have it.
    Known(Outcome),
}

impl Machine {
    /// Returns an empty machine, which breaks the rule it is told to.
    pub fn new(bug: Option<Bug>) -> Self {
        Self { bug, ..Self::default() }
    }

    /// Returns what the key holds.
    pub fn get(&self, key: &Key) -> Option<&Held> {
        self.state.get(key)
    }

    /// Applies the command of the entry at `index`.
    ///
    /// Indices rise from call to call; entries without a command are left out.
    pub fn apply(&mut self, index: LogIndex, command: Command) -> Outcome {
        match command {
            Command::RegisterSession => Outcome::Registered(self.sessions.register(index)),
            Command::Plain(action) => change::act(&mut self.state, index, action),
            Command::Stamped(stamp, action) => match self.sessions.admit(index, stamp) {
                Admission::Barred(outcome) => outcome,
                Admission::Repeated(outcome) if self.bug != Some(Bug::DoubleApply) => outcome,
                Admission::First | Admission::Repeated(_) => {
                    let outcome = change::act(&mut self.state, index, action);
                    self.sessions.record(stamp, outcome.clone());
                    outcome
                }
            },
        }
    }

    /// Returns what a leader is to propose for a command: the command itself.
    ///
    /// Comparisons are part of commands because what they compare may change until
    /// the command is applied; the planted bug makes them here.
    pub fn prepare(&self, command: Command) -> Prepared {
        if self.bug != Some(Bug::CasNotAtomic) {
            return Prepared::Propose(command);
        }
        let compared = |action| match action {
            Action::Cas { key, expect, value } => {
                match change::mismatch(&self.state, &key, &expect) {
                    Some(mismatch) => Err(mismatch),
                    None => Ok(Action::Change(key, Change::Put(value))),
                }
            }
            other => Ok(other),
        };
        let prepared = match command {
            Command::RegisterSession => Ok(Command::RegisterSession),
            Command::Plain(action) => compared(action).map(Command::Plain),
            Command::Stamped(stamp, action) => {
                compared(action).map(|action| Command::Stamped(stamp, action))
            }
        };
        prepared.map_or_else(Prepared::Known, Prepared::Propose)
    }

    /// Takes hold of the state as it is, to be written while the machine goes on.
    ///
    /// Takes microseconds whatever the size. Until the result is dropped, the first
    /// change to each shard of the map and to each session copies it.
    pub fn freeze(&mut self) -> Frozen {
        if self.bug == Some(Bug::LostSessionOnSnapshot) {
            self.sessions.forget_outcomes();
        }
        Frozen::of(&self.state, &self.sessions, self.bug)
    }

    /// Returns a number that is the same for machines in the same state, and for
    /// others differs except by a chance of one in 2^64. Costs nothing.
    pub fn digest(&self) -> u64 {
        self.state.digest().wrapping_add(self.sessions.digest())
    }

    /// Returns how many keys hold something.
    pub fn keys(&self) -> usize {
        self.state.keys()
    }

    /// Returns how many sessions there are.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cas(expect: i64, value: i64) -> Command {
        let (expect, value) = (Json::integer(expect), Json::integer(value));
        Command::Plain(Action::Cas { key: "k".parse().unwrap(), expect, value })
    }

    fn holding_one(bug: Option<Bug>) -> Machine {
        let mut machine = Machine::new(bug);
        let put = Change::Put(Json::integer(1));
        machine.apply(LogIndex(1), Command::Plain(Action::Change("k".parse().unwrap(), put)));
        machine
    }

    #[test]
    fn commands_are_proposed_as_they_are_unless_comparing_is_not_atomic() {
        let machine = holding_one(None);
        assert_eq!(machine.prepare(cas(0, 2)), Prepared::Propose(cas(0, 2)));

        let mut machine = holding_one(Some(Bug::CasNotAtomic));
        assert!(matches!(machine.prepare(cas(0, 2)), Prepared::Known(Outcome::Mismatch { .. })));
        // Both compare before either is applied.
        for (index, prepared) in (2..).zip([machine.prepare(cas(1, 2)), machine.prepare(cas(1, 3))])
        {
            let Prepared::Propose(command) = prepared else { panic!("{prepared:?}") };
            let outcome = machine.apply(LogIndex(index), command);
            assert!(matches!(outcome, Outcome::Written { .. }));
        }
    }

    #[test]
    fn a_command_tried_again_is_applied_once_unless_a_bug_is_planted() {
        for (bug, total) in [(None, 5), (Some(Bug::DoubleApply), 10)] {
            let mut machine = Machine::new(bug);
            machine.apply(LogIndex(1), Command::RegisterSession);
            let (session, sequence) = (SessionId(1), Sequence(1));
            let stamp = Stamp { session, sequence, lowest_outstanding: sequence };
            let add = Action::Change("k".parse().unwrap(), Change::Add(5));
            for index in 2..4 {
                machine.apply(LogIndex(index), Command::Stamped(stamp, add.clone()));
            }
            let held = machine.get(&"k".parse().unwrap()).unwrap();
            assert_eq!(held.value, Json::integer(total));
        }
    }
}
