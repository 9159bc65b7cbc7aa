//! Writes a history that was read, in the formats that have a writer.
//!
//! Events are numbered anew, in the order that the history gives them. Equal positions, which
//! a history without indices may have, are concurrent: there, invocations are written before
//! completions, which is the one total order in which exactly the same operations precede
//! each other.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::io::{self, Write};

use rustc_hash::FxHashMap;
use thiserror::Error;

use super::edn::write::{EdnWriteError, EdnWriter};
use crate::history::{
    Event, EventType, EventWriter, History, Moment, Outcome, Process, Recorded, Revision,
};
use crate::verdict::OperationId;

/// A format that histories are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Written {
    /// `history.jsonl`, with the header if there is one.
    Jsonl,
    /// Jepsen's `history.edn`, which has no place for a header.
    JepsenEdn,
}

/// Why a history could not be written; messages complete "failed to ...".
#[derive(Debug, Error)]
pub enum WriteError {
    /// The sink failed.
    #[error("write the history")]
    Write(#[from] io::Error),
    /// A line of EDN could not be written.
    #[error(transparent)]
    Edn(#[from] EdnWriteError),
    /// Two operations of one process that nothing orders.
    #[error(
        "number the events: operation {} of process {process} begins at the stamp at which \
         another of its operations begins or ends; give its events different stamps",
        .operation.0
    )]
    Tied {
        /// The later of the two.
        operation: OperationId,
        /// Whose.
        process: u64,
    },
    /// EDN keeps keys in values, in those of all operations or of none.
    #[error(
        "write the history as EDN: operation {} has {}, and EDN keeps keys in the values of \
         all operations or of none; write JSONL",
        .operation.0,
        if *.keyed { "a key though others have none" } else { "no key though others have one" }
    )]
    KeysMixed {
        /// The first that differs from operation 0.
        operation: OperationId,
        /// Whether it has a key.
        keyed: bool,
    },
}

/// Writes `history` to `sink`, which should be buffered, and flushes it.
///
/// What is written is read back as the same operations. Lost events, which
/// [`History::missing`] counts, leave no gap behind. O(events), and 12 bytes of memory each; as EDN
/// also what an [`EdnWriter`] keeps.
///
/// ```
/// use squall_checker::formats::{ReadOptions, Written, read, write};
///
/// let text = "{:process 0, :type :invoke, :f :write, :value 3}
///             {:process 0, :type :ok, :f :write, :value 3}";
/// let history = read(text.as_bytes(), ReadOptions::default())?;
/// let mut jsonl = Vec::new();
/// write(&history, Written::Jsonl, &mut jsonl)?;
/// assert!(jsonl.starts_with(br#"{"index":0,"time":0,"process":0,"type":"invoke","f":"write""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Operations that the format cannot tell as they are, and those of the sink; some of the
/// history may have been written.
pub fn write(history: &History, format: Written, sink: impl Write) -> Result<(), WriteError> {
    let events = events(history)?;
    match format {
        Written::Jsonl => {
            let mut writer = match &history.header {
                Some(header) => EventWriter::new(sink, header)?,
                None => EventWriter::without_header(sink),
            };
            for event in events {
                writer.append(&event)?;
            }
            Ok(writer.flush()?)
        }
        Written::JepsenEdn => {
            same_keys(history)?;
            let mut writer = EdnWriter::new(sink);
            for event in events {
                writer.append(&event)?;
            }
            Ok(writer.finish()?)
        }
    }
}

/// Whether all operations have a key or none has.
fn same_keys(history: &History) -> Result<(), WriteError> {
    let Some(first) = history.operations.first() else { return Ok(()) };
    let differs = |(_, operation): &(OperationId, Recorded<'_>)| {
        operation.key.is_some() != first.key.is_some()
    };
    match history.iter().find(differs) {
        Some((operation, _)) => {
            Err(WriteError::KeysMixed { operation, keyed: first.key.is_none() })
        }
        None => Ok(()),
    }
}

/// An end of an operation; compares as the events are to be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    position: u32,
    completes: bool,
    operation: u32,
}

/// The events of a history in their order, numbered from 0 on.
fn events(history: &History) -> Result<impl Iterator<Item = Event> + '_, WriteError> {
    let mut ends: Vec<End> = Vec::with_capacity(2 * history.operations.len());
    for (operation, recorded) in (0..).zip(&history.operations) {
        let end = |position, completes| End { position, completes, operation };
        ends.push(end(recorded.invoked.position(), false));
        ends.extend(recorded.completed.map(|moment| end(moment.position(), true)));
    }
    ends.sort_unstable();
    let mut groups = ends.chunk_by(|one, other| one.position == other.position);
    if let Some(operation) = groups.find_map(|tied| tied_process(history, tied)) {
        let process = history.get(operation).process;
        return Err(WriteError::Tied { operation, process });
    }
    Ok(Merged { history, ends, next: 0, nemesis: 0, written: 0 })
}

/// An operation among `tied` ends that meets another one of its process.
fn tied_process(history: &History, tied: &[End]) -> Option<OperationId> {
    if let [_] = tied {
        return None;
    }
    let mut seen: FxHashMap<u64, u32> = FxHashMap::default();
    tied.iter().find_map(|end| {
        match seen.entry(history.operations[end.operation as usize].process) {
            Entry::Vacant(vacant) => {
                vacant.insert(end.operation);
                None
            }
            Entry::Occupied(other) if *other.get() == end.operation => None,
            Entry::Occupied(other) => Some(OperationId(end.operation.max(*other.get()))),
        }
    })
}

/// Events of clients and of the nemesis, merged.
struct Merged<'a> {
    history: &'a History,
    ends: Vec<End>,
    next: usize,
    nemesis: usize,
    written: u32,
}

impl Merged<'_> {
    /// Whether the next event of the nemesis comes before that of a client.
    fn nemesis_first(&self, event: &Event, end: Option<&End>) -> bool {
        let Some(end) = end else { return true };
        match event.index {
            // With indices positions are ordinals: those that no client has are the nemesis's.
            Some(_) => end.position > self.written + 1,
            None => event.time < self.moment(*end).time_ns(),
        }
    }

    fn moment(&self, end: End) -> Moment {
        let operation = &self.history.operations[end.operation as usize];
        match operation.completed {
            Some(completed) if end.completes => completed,
            _ => operation.invoked,
        }
    }

    fn event(&self, end: End) -> Event {
        let recorded = self.history.get(OperationId(end.operation));
        let (kind, value) = match (end.completes, recorded.outcome) {
            (false, _) => (EventType::Invoke, recorded.argument),
            (true, Outcome::Ok) => (EventType::Ok, recorded.result),
            (true, Outcome::Fail) => (EventType::Fail, recorded.result),
            (true, Outcome::Info) => (EventType::Info, recorded.result),
        };
        let owned = |text: &str| Cow::Owned(text.to_owned());
        Event {
            index: None,
            time: self.moment(end).time_ns(),
            process: Process::Client(recorded.process),
            node: recorded.node().map(owned),
            kind,
            f: owned(recorded.f()),
            key: recorded.key().map(owned),
            value: self.history.values.to_json(value),
            error: recorded.error().filter(|_| end.completes).map(str::to_owned),
            revision: recorded.revision.filter(|_| end.completes).map(Revision::get),
            evidence: serde_json::Value::Null,
        }
    }
}

impl Iterator for Merged<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let end = self.ends.get(self.next);
        let event = match self.history.nemesis.get(self.nemesis) {
            Some(nemesis) if self.nemesis_first(nemesis, end) => {
                self.nemesis += 1;
                nemesis.clone()
            }
            _ => {
                let event = self.event(*end?);
                self.next += 1;
                event
            }
        };
        let index = Some(u64::from(self.written));
        self.written += 1;
        Some(Event { index, ..event })
    }
}
