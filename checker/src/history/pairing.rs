//! Events in, operations out: pairing and validation.
//!
//! Owns the state of every process while a history is read. Knows nothing of files.

use rustc_hash::FxHashMap;

use super::line::{EventLine, Text};
use super::{Event, EventType, Header, History, HistoryError, Moment, Operation, Outcome, Process};

/// Pairs events, given in the order recorded.
#[derive(Default)]
pub(super) struct Pairing {
    history: History,
    processes: FxHashMap<u64, ProcessState>,
    clock: Option<Clock>,
}

/// What orders the events of a history.
#[derive(Clone, Copy)]
enum Clock {
    /// Indices; the greatest so far.
    Index(u64),
    /// Stamps only.
    Time,
}

/// What a process is doing, with the line that made it so.
#[derive(Clone, Copy)]
enum ProcessState {
    Idle { time_ns: u64 },
    InFlight { operation: usize, line: usize },
    Retired { line: usize },
}

impl Pairing {
    pub(super) fn new(header: Option<Header>) -> Self {
        Self { history: History { header, ..History::default() }, ..Self::default() }
    }

    /// Takes the event of a line.
    pub(super) fn push(&mut self, line: usize, event: EventLine<'_>) -> Result<(), HistoryError> {
        let moment = self.moment(line, &event)?;
        match (event.process, event.kind) {
            (Process::Nemesis(_), _) => {
                self.history.nemesis.push(event.into_event());
                Ok(())
            }
            (Process::Client(process), EventType::Invoke) => {
                self.invoke(line, process, moment, event)
            }
            (Process::Client(process), _) => self.complete(line, process, moment, event),
        }
    }

    /// The history; operations still in flight stay indeterminate.
    pub(super) fn finish(self) -> History {
        self.history
    }

    fn moment(&mut self, line: usize, event: &EventLine<'_>) -> Result<Moment, HistoryError> {
        let position = match (event.index, event.time, self.clock) {
            (Some(index), _, Some(Clock::Index(previous))) if index <= previous => {
                return Err(HistoryError::IndexNotRising { line, index, previous });
            }
            (Some(_), _, Some(Clock::Time)) => {
                return Err(HistoryError::MixedIndices { line, indexed: true });
            }
            (None, _, Some(Clock::Index(_))) => {
                return Err(HistoryError::MixedIndices { line, indexed: false });
            }
            (Some(index), _, clock) => {
                self.history.missing += match (clock, &self.history.header) {
                    (Some(Clock::Index(previous)), _) => index - previous - 1,
                    // Only a header shows where the history began.
                    (_, Some(_)) => index,
                    (_, None) => 0,
                };
                self.clock = Some(Clock::Index(index));
                index
            }
            (None, Some(time_ns), _) => {
                self.clock = Some(Clock::Time);
                time_ns
            }
            (None, None, _) => return Err(HistoryError::NoOrder { line }),
        };
        Ok(Moment { position, time_ns: event.time.unwrap_or(0) })
    }

    fn invoke(
        &mut self,
        line: usize,
        process: u64,
        invoked: Moment,
        event: EventLine<'_>,
    ) -> Result<(), HistoryError> {
        match self.processes.get(&process) {
            Some(&ProcessState::InFlight { line: invoked_line, .. }) => {
                return Err(HistoryError::InFlight { line, process, invoked_line });
            }
            Some(&ProcessState::Retired { line: retired_line }) => {
                return Err(HistoryError::Retired { line, process, retired_line });
            }
            Some(&ProcessState::Idle { time_ns }) => {
                self.in_order(line, process, time_ns, invoked)?;
            }
            None => {}
        }
        let operation = self.history.operations.len();
        if u32::try_from(operation).is_err() {
            return Err(HistoryError::TooManyOperations { line });
        }
        self.processes.insert(process, ProcessState::InFlight { operation, line });
        self.history.operations.push(Operation {
            process,
            node: event.node.map(Text::into_owned),
            f: event.f.into_owned(),
            key: event.key.map(Text::into_owned),
            argument: event.value,
            result: serde_json::Value::Null,
            outcome: Outcome::Info,
            invoked,
            completed: None,
            error: None,
            revision: None,
        });
        Ok(())
    }

    fn complete(
        &mut self,
        line: usize,
        process: u64,
        completed: Moment,
        event: EventLine<'_>,
    ) -> Result<(), HistoryError> {
        let (index, invoked_line) = match self.processes.get(&process) {
            Some(&ProcessState::InFlight { operation, line }) => (operation, line),
            Some(&ProcessState::Retired { line: retired_line }) => {
                return Err(HistoryError::Retired { line, process, retired_line });
            }
            Some(ProcessState::Idle { .. }) | None => {
                return Err(HistoryError::NotInvoked { line, process });
            }
        };
        self.in_order(line, process, self.history.operations[index].invoked.time_ns, completed)?;
        let operation = &mut self.history.operations[index];
        if operation.f != event.f.0 {
            return Err(HistoryError::Mismatch {
                line,
                process,
                field: "f",
                invoked: operation.f.to_string(),
                completed: event.f.0.into_owned(),
                invoked_line,
            });
        }
        let key = event.key.as_ref().map(|key| key.0.as_ref());
        if operation.key.as_deref() != key {
            return Err(HistoryError::Mismatch {
                line,
                process,
                field: "key",
                invoked: spell_key(operation.key.as_deref()),
                completed: spell_key(key),
                invoked_line,
            });
        }
        operation.result = event.value;
        operation.completed = Some(completed);
        operation.error = event.error;
        operation.revision = event.revision;
        operation.outcome = match event.kind {
            EventType::Ok => Outcome::Ok,
            EventType::Fail => Outcome::Fail,
            EventType::Info | EventType::Invoke => Outcome::Info,
        };
        let state = match operation.outcome {
            Outcome::Info => ProcessState::Retired { line },
            Outcome::Ok | Outcome::Fail => ProcessState::Idle { time_ns: completed.time_ns },
        };
        self.processes.insert(process, state);
        Ok(())
    }

    /// Without indices, the stamps of one process may not fall.
    fn in_order(
        &self,
        line: usize,
        process: u64,
        previous_ns: u64,
        moment: Moment,
    ) -> Result<(), HistoryError> {
        match self.clock {
            Some(Clock::Time) if moment.time_ns < previous_ns => Err(HistoryError::TimeReversed {
                line,
                process,
                time_ns: moment.time_ns,
                previous_ns,
            }),
            _ => Ok(()),
        }
    }
}

fn spell_key(key: Option<&str>) -> String {
    key.map_or_else(|| "none".to_owned(), |key| format!("`{key}`"))
}

impl History {
    /// Pairs and validates events given in the order recorded.
    ///
    /// # Errors
    /// As for [`read_jsonl`](super::read_jsonl), lines being the 1-based positions of the events.
    pub fn from_events(
        header: Option<Header>,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<Self, HistoryError> {
        let mut pairing = Pairing::new(header);
        for (position, event) in events.into_iter().enumerate() {
            pairing.push(position + 1, EventLine::from(event))?;
        }
        Ok(pairing.finish())
    }
}
