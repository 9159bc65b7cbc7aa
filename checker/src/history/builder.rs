//! Events in, operations out: pairing and validation.
//!
//! Owns the state of every process while a history is read or while it is still being
//! recorded. Knows nothing of files.
//!
//! Positions are ordinals of events where there are indices, which rise strictly, so that
//! ordinals keep their order. Otherwise they are ranks of stamps, equal ones sharing a rank.
//! As long as stamps rise with the events, ranks are counted; where they do not, they are
//! assigned once at the end.

use std::num::NonZeroU32;

use super::line::{ClientLine, EventLine, LineValue};
use super::names::Recent;
use super::processes::{ProcessState, Processes};
use super::{
    Event, EventType, Header, History, HistoryError, Moment, Operation, Outcome, Process, Revision,
    Value,
};
use crate::verdict::OperationId;

/// Events that one history may hold: positions stay below the mark for "never".
const EVENTS_MAX: u32 = u32::MAX - 1;

/// Builds a history from events, given in the order recorded.
///
/// Every event is validated as it comes, so a history may be followed while it grows.
///
/// ```
/// use squall_checker::history::{Event, EventType, HistoryBuilder, Process, Pushed};
/// use squall_checker::verdict::OperationId;
///
/// let event = |time, kind| Event {
///     index: None,
///     time,
///     process: Process::Client(0),
///     node: None,
///     kind,
///     f: "write".into(),
///     key: None,
///     value: 31.into(),
///     error: None,
///     revision: None,
///     evidence: serde_json::Value::Null,
/// };
/// let mut builder = HistoryBuilder::default();
/// let write = OperationId(0);
/// assert_eq!(builder.push(1, event(10, EventType::Invoke))?, Pushed::Invoked(write));
/// assert_eq!(builder.push(2, event(25, EventType::Ok))?, Pushed::Completed(write));
/// assert_eq!(builder.finish().get(write).f(), "write");
/// # Ok::<(), squall_checker::history::HistoryError>(())
/// ```
#[derive(Debug, Default)]
pub struct HistoryBuilder {
    history: History,
    processes: Processes,
    recent: Recent,
    clock: Option<Clock>,
    /// The position of the latest event, or of the latest stamp.
    position: u32,
}

/// What an event did to the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It began an operation.
    Invoked(OperationId),
    /// It ended an operation, in whatever way.
    Completed(OperationId),
    /// It is one of the nemesis.
    Nemesis,
}

/// What orders the events of a history.
#[derive(Clone, Copy, Debug)]
enum Clock {
    /// Indices; the greatest so far.
    Index(u64),
    /// Stamps that never fell; the latest.
    Rising(u64),
    /// Stamps that fell from one event to the next.
    Time,
}

impl HistoryBuilder {
    /// A history with this header and no events yet.
    pub fn new(header: Option<Header>) -> Self {
        Self { history: History { header, ..History::default() }, ..Self::default() }
    }

    /// Takes the next event, which stands on line `line` of its source.
    ///
    /// # Errors
    /// An event that does not fit those before it; nothing may be pushed after that.
    pub fn push(&mut self, line: usize, event: Event) -> Result<Pushed, HistoryError> {
        self.push_line(line, EventLine::from(event))
    }

    /// The history so far; operations in flight have no completion yet.
    ///
    /// Positions are final if there are indices or if stamps never fell so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The history; operations still in flight stay indeterminate.
    pub fn finish(self) -> History {
        let mut history = self.history;
        if matches!(self.clock, Some(Clock::Time)) {
            rank_stamps(&mut history.operations);
        }
        history
    }

    /// Takes the event of a line.
    pub(super) fn push_line(
        &mut self,
        line: usize,
        event: EventLine<'_>,
    ) -> Result<Pushed, HistoryError> {
        match event.process {
            Process::Client(process) => self.push_client(line, &event.of_client(process)),
            Process::Nemesis(_) => {
                self.moment(line, event.index, event.time)?;
                self.history.nemesis.push(event.into_event());
                Ok(Pushed::Nemesis)
            }
        }
    }

    /// Takes the event of a client.
    pub(super) fn push_client(
        &mut self,
        line: usize,
        event: &ClientLine<'_>,
    ) -> Result<Pushed, HistoryError> {
        let moment = self.moment(line, event.index, event.time)?;
        match event.kind {
            EventType::Invoke => self.invoke(line, moment, event).map(Pushed::Invoked),
            EventType::Ok | EventType::Fail | EventType::Info => {
                self.complete(line, moment, event).map(Pushed::Completed)
            }
        }
    }

    fn moment(
        &mut self,
        line: usize,
        index: Option<u64>,
        time: Option<u64>,
    ) -> Result<Moment, HistoryError> {
        let (clock, steps) = match (index, time, self.clock) {
            (Some(index), _, Some(Clock::Index(previous))) if index <= previous => {
                return Err(HistoryError::IndexNotRising { line, index, previous });
            }
            (Some(_), _, Some(Clock::Rising(_) | Clock::Time)) => {
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
                (Clock::Index(index), true)
            }
            (None, Some(time_ns), None) => (Clock::Rising(time_ns), true),
            (None, Some(time_ns), Some(Clock::Rising(latest))) if time_ns >= latest => {
                (Clock::Rising(time_ns), time_ns > latest)
            }
            (None, Some(_), _) => (Clock::Time, false),
            (None, None, _) => return Err(HistoryError::NoOrder { line }),
        };
        self.clock = Some(clock);
        if steps && self.position == EVENTS_MAX {
            return Err(HistoryError::TooManyEvents { line });
        }
        self.position += u32::from(steps);
        let position = NonZeroU32::new(self.position).expect("the first event steps");
        Ok(Moment::new(position, time.unwrap_or(0)))
    }

    fn invoke(
        &mut self,
        line: usize,
        invoked: Moment,
        event: &ClientLine<'_>,
    ) -> Result<OperationId, HistoryError> {
        let process = event.process;
        match self.processes.get(process) {
            ProcessState::InFlight { line: invoked_line, .. } => {
                return Err(HistoryError::InFlight { line, process, invoked_line });
            }
            ProcessState::Retired { line: retired_line } => {
                return Err(HistoryError::Retired { line, process, retired_line });
            }
            ProcessState::Idle { time_ns } => self.in_order(line, process, time_ns, invoked)?,
            ProcessState::Unseen => {}
        }
        let operation = self.history.operations.len();
        let id = OperationId(operation as u32);
        let argument = self.value(line, event.value)?;
        let mut name = |text: &str| self.recent.intern(&mut self.history.names, text);
        let (f, node) = (name(event.f), event.node.map(&mut name));
        let key = event.key.map(name);
        self.processes.set(process, ProcessState::InFlight { operation, line });
        self.history.operations.push(Operation {
            process,
            node,
            f,
            key,
            argument,
            result: Value::NULL,
            outcome: Outcome::Info,
            invoked,
            completed: None,
            error: None,
            revision: None,
        });
        Ok(id)
    }

    fn value(&mut self, line: usize, value: LineValue<'_>) -> Result<Value, HistoryError> {
        if value.has_room(&self.history.values) {
            Ok(value.intern(&mut self.history.values))
        } else {
            Err(HistoryError::TooManyValues { line })
        }
    }

    fn complete(
        &mut self,
        line: usize,
        completed: Moment,
        event: &ClientLine<'_>,
    ) -> Result<OperationId, HistoryError> {
        let process = event.process;
        let (index, invoked_line) = match self.processes.get(process) {
            ProcessState::InFlight { operation, line } => (operation, line),
            ProcessState::Retired { line: retired_line } => {
                return Err(HistoryError::Retired { line, process, retired_line });
            }
            ProcessState::Idle { .. } | ProcessState::Unseen => {
                return Err(HistoryError::NotInvoked { line, process });
            }
        };
        self.in_order(line, process, self.history.operations[index].invoked.time_ns(), completed)?;
        self.repeats(line, invoked_line, &self.history.operations[index], event)?;
        let result = self.value(line, event.value)?;
        let error = event.error.map(|error| self.recent.intern(&mut self.history.names, error));
        let operation = &mut self.history.operations[index];
        operation.result = result;
        operation.completed = Some(completed);
        operation.error = error;
        operation.revision = event.revision.map(Revision::new);
        operation.outcome = match event.kind {
            EventType::Ok => Outcome::Ok,
            EventType::Fail => Outcome::Fail,
            EventType::Info | EventType::Invoke => Outcome::Info,
        };
        let state = match operation.outcome {
            Outcome::Info => ProcessState::Retired { line },
            Outcome::Ok | Outcome::Fail => ProcessState::Idle { time_ns: completed.time_ns() },
        };
        self.processes.set(process, state);
        Ok(OperationId(index as u32))
    }

    /// A completion repeats function and key of its invocation.
    fn repeats(
        &self,
        line: usize,
        invoked_line: usize,
        operation: &Operation,
        event: &ClientLine<'_>,
    ) -> Result<(), HistoryError> {
        let names = &self.history.names;
        let process = event.process;
        let f = names.get(operation.f);
        if f != event.f {
            return Err(HistoryError::Mismatch {
                line,
                process,
                field: "f",
                invoked: f.to_owned(),
                completed: event.f.to_owned(),
                invoked_line,
            });
        }
        let key = event.key;
        let invoked_key = operation.key.map(|key| names.get(key));
        if invoked_key != key {
            return Err(HistoryError::Mismatch {
                line,
                process,
                field: "key",
                invoked: spell_key(invoked_key),
                completed: spell_key(key),
                invoked_line,
            });
        }
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
            Some(Clock::Rising(_) | Clock::Time) if moment.time_ns() < previous_ns => {
                let time_ns = moment.time_ns();
                Err(HistoryError::TimeReversed { line, process, time_ns, previous_ns })
            }
            _ => Ok(()),
        }
    }
}

/// Makes positions the ranks of stamps.
fn rank_stamps(operations: &mut [Operation]) {
    let moments = |operation: &Operation| [Some(operation.invoked), operation.completed];
    let mut stamps: Vec<u64> =
        operations.iter().flat_map(moments).flatten().map(Moment::time_ns).collect();
    stamps.sort_unstable();
    stamps.dedup();
    let ranked = |moment: Moment| {
        let below = stamps.partition_point(|stamp| *stamp < moment.time_ns());
        moment.moved(NonZeroU32::MIN.saturating_add(below as u32))
    };
    for operation in operations {
        operation.invoked = ranked(operation.invoked);
        operation.completed = operation.completed.map(ranked);
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
        let mut builder = HistoryBuilder::new(header);
        for (position, event) in events.into_iter().enumerate() {
            builder.push(position + 1, event)?;
        }
        Ok(builder.finish())
    }
}
