//! From the fields of an event, as text, to a history.
//!
//! Owns what must be remembered between events: whether values are tuples of key and value,
//! which kinds of values there are, which threads live again, the numbering of events. While
//! it is unknown whether values are tuples, events wait as text; how much may wait is bounded.

use std::borrow::Cow;

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::edn::cursor::{Begins, Cursor, Fault};
use super::edn::spelling::Spellings;
use super::edn::value::{Values, key, name};
use super::framing::Framing;
use super::keys::{self, Evidence, Known, Layout};
use super::lives::Lives;
use super::{FORM_BYTES_MAX, Keys};
use crate::history::{Event, EventType, History, HistoryBuilder, HistoryError, Process};

/// The fields of an event, each as the text of one EDN form that was gone over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    pub(super) process: Process,
    pub(super) kind: EventType,
    pub(super) f: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) index: Option<u64>,
    pub(super) time: Option<u64>,
    pub(super) node: Option<&'a [u8]>,
    /// Any text, of a form or not.
    pub(super) error: Option<&'a [u8]>,
    pub(super) revision: Option<u64>,
    pub(super) evidence: Option<&'a [u8]>,
    /// What a completion that failed has as its value, where `value` is that of its invocation.
    pub(super) found: Option<&'a [u8]>,
}

impl Default for Fields<'_> {
    fn default() -> Self {
        Self {
            process: Process::NEMESIS,
            kind: EventType::Info,
            f: None,
            value: None,
            key: None,
            index: None,
            time: None,
            node: None,
            error: None,
            revision: None,
            evidence: None,
            found: None,
        }
    }
}

/// What a number of a process means after an indeterminate operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Processes {
    /// Nothing: it retires.
    Retire,
    /// The thread of a new process.
    GoOn,
}

/// Finds the fields in a line or form; `None` for what is no event and need not be one.
type Parse = fn(&[u8]) -> Result<Option<Fields<'_>>, Fault>;

/// What numbers events.
#[derive(Clone, Copy, Debug)]
enum Numbering {
    Unknown,
    Indices,
    /// The next event's, in the order of the source.
    Positions(u64),
}

/// Builds a history from lines or forms.
pub(super) struct Assembler {
    parse: Parse,
    processes: Processes,
    builder: HistoryBuilder,
    values: Values,
    keys: Spellings,
    known: Known,
    waiting: Waiting,
    lives: Lives,
    in_flight: FxHashMap<u64, Invoked>,
    numbering: Numbering,
}

/// An operation in flight, as far as its completion needs it.
#[derive(Debug, Default)]
struct Invoked {
    key: Option<String>,
}

/// Lines or forms that wait.
#[derive(Default)]
struct Waiting {
    text: Vec<u8>,
    /// The line of each, and where it ends in the text.
    ends: Vec<(usize, usize)>,
    /// The line of the first one that is not of the nemesis.
    first_client: Option<usize>,
}

impl Assembler {
    pub(super) fn new(parse: Parse, keys: Keys, processes: Processes) -> Self {
        Self {
            parse,
            processes,
            builder: HistoryBuilder::default(),
            values: Values::default(),
            keys: Spellings::default(),
            known: Known::from(keys),
            waiting: Waiting::default(),
            lives: Lives::default(),
            in_flight: FxHashMap::default(),
            numbering: Numbering::Unknown,
        }
    }

    /// Reads all of `framing`.
    pub(super) fn read(mut self, mut framing: impl Framing) -> Result<History, HistoryError> {
        while framing.next(&mut |line, text| self.take(line, text))? {}
        match self.waiting.first_client {
            Some(line) => return Err(HistoryError::KeysUnclear { line }),
            None => self.decide(Layout::Plain)?,
        }
        let mut history = self.builder.finish();
        history.torn = framing.torn();
        Ok(history)
    }

    fn take(&mut self, line: usize, text: &[u8]) -> Result<(), HistoryError> {
        let Some(fields) = (self.parse)(text).map_err(|fault| fault.on(line))? else {
            return Ok(());
        };
        let evidence = match self.known {
            Known::Stated(_) => Evidence::None,
            Known::Decided(_) | Known::Nothing => {
                keys::evidence(&fields).map_err(|fault| fault.on(line))?
            }
        };
        match (self.known, evidence) {
            (Known::Nothing, Evidence::None) => self.wait(line, text, fields.process),
            (Known::Nothing, Evidence::Tuples) => {
                self.decide(Layout::Tuples)?;
                self.push(line, &fields, Layout::Tuples)
            }
            (Known::Nothing, Evidence::Plain) => {
                self.decide(Layout::Plain)?;
                self.push(line, &fields, Layout::Plain)
            }
            (Known::Decided(Layout::Plain), Evidence::Tuples)
            | (Known::Decided(Layout::Tuples), Evidence::Plain) => {
                Err(HistoryError::KeysUnclear { line })
            }
            (Known::Stated(layout) | Known::Decided(layout), _) => self.push(line, &fields, layout),
        }
    }

    fn wait(&mut self, line: usize, text: &[u8], process: Process) -> Result<(), HistoryError> {
        let waiting = &mut self.waiting;
        if matches!(process, Process::Client(_)) {
            waiting.first_client.get_or_insert(line);
        }
        if waiting.text.len() + text.len() > FORM_BYTES_MAX {
            return Err(HistoryError::KeysUnclear { line: waiting.first_client.unwrap_or(line) });
        }
        waiting.text.extend_from_slice(text);
        waiting.ends.push((line, waiting.text.len()));
        Ok(())
    }

    /// Goes on with what waited, now that it is known where keys are.
    fn decide(&mut self, layout: Layout) -> Result<(), HistoryError> {
        if self.known == Known::Nothing {
            self.known = Known::Decided(layout);
        }
        let waiting = std::mem::take(&mut self.waiting);
        let mut begin = 0;
        for (line, end) in waiting.ends {
            self.take(line, &waiting.text[begin..end])?;
            begin = end;
        }
        Ok(())
    }

    fn push(
        &mut self,
        line: usize,
        fields: &Fields<'_>,
        layout: Layout,
    ) -> Result<(), HistoryError> {
        let index = self.number(line, fields)?;
        let event = match fields.process {
            Process::Client(thread) => self.of_client(index, thread, fields, layout),
            Process::Nemesis(_) => self.of_nemesis(index, fields),
        };
        self.builder.push(line, event.map_err(|fault| fault.on(line))?)?;
        Ok(())
    }

    fn number(&mut self, line: usize, fields: &Fields<'_>) -> Result<Option<u64>, HistoryError> {
        match (self.numbering, fields.index) {
            (Numbering::Unknown, Some(_)) => {
                self.numbering = Numbering::Indices;
                Ok(fields.index)
            }
            (Numbering::Indices, Some(_)) => Ok(fields.index),
            (Numbering::Indices, None) => Err(HistoryError::MixedIndices { line, indexed: false }),
            (Numbering::Positions(_), Some(_)) => {
                Err(HistoryError::MixedIndices { line, indexed: true })
            }
            (Numbering::Unknown, None) => {
                self.numbering = Numbering::Positions(1);
                Ok(Some(0))
            }
            (Numbering::Positions(position), None) => {
                self.numbering = Numbering::Positions(position + 1);
                Ok(Some(position))
            }
        }
    }

    fn of_client(
        &mut self,
        index: Option<u64>,
        thread: u64,
        fields: &Fields<'_>,
        layout: Layout,
    ) -> Result<Event, Fault> {
        let process = match self.processes {
            Processes::Retire => thread,
            Processes::GoOn => self.lives.process(thread).ok_or_else(|| {
                Fault::new("the number of a thread, below 1000000", format!("{thread}"))
            })?,
        };
        let f = function(fields.f.unwrap_or_default())?;
        let (key, value) = match (fields.key, layout) {
            (Some(key), _) => (Some(self.key(key)?), fields.value),
            (None, Layout::Plain) => (None, fields.value),
            (None, Layout::Tuples) => self.split(process, fields)?,
        };
        if self.processes == Processes::GoOn && fields.kind == EventType::Info {
            self.lives.end(thread);
        }
        let value = match fields.kind {
            EventType::Fail => fields.found.or(value),
            EventType::Invoke | EventType::Ok | EventType::Info => value,
        };
        let value = match (value, f.as_ref()) {
            (None, _) => Value::Null,
            (Some(text), "cas") => self.values.pair(text)?,
            (Some(text), "txn") => self.values.transaction(text)?,
            (Some(text), _) => self.values.value(text)?,
        };
        let key = key.map(Cow::Owned);
        Ok(Event { key, ..event(index, Process::Client(process), fields, f, value)? })
    }

    fn of_nemesis(&mut self, index: Option<u64>, fields: &Fields<'_>) -> Result<Event, Fault> {
        let f = function(fields.f.unwrap_or_default())?;
        // What a nemesis did is for people: it is compared with nothing.
        let shown = |text: Option<&[u8]>| match text {
            None => Value::Null,
            Some(text) => Values::default()
                .value(text)
                .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(text))),
        };
        let mut event = event(index, fields.process, fields, f, shown(fields.value))?;
        event.evidence = shown(fields.evidence);
        Ok(event)
    }

    /// Key and value of a history with tuples.
    ///
    /// A completion that did not succeed may have something else as its value, which then is
    /// nothing the operation returned; its key is that of its invocation.
    fn split<'a>(
        &mut self,
        process: u64,
        fields: &Fields<'a>,
    ) -> Result<(Option<String>, Option<&'a [u8]>), Fault> {
        let value = fields.value.unwrap_or(b"nil");
        let parts = keys::split(value)?;
        let invoked = self.in_flight.entry(process).or_default();
        match (fields.kind, parts) {
            (EventType::Invoke, Some((key, value))) => {
                let key = spell_key(key, &mut self.keys)?;
                invoked.key = Some(key.clone());
                Ok((Some(key), Some(value)))
            }
            (EventType::Fail | EventType::Info, None) => Ok((invoked.key.clone(), None)),
            (EventType::Fail | EventType::Info, Some((key, value))) => {
                let key = spell_key(key, &mut self.keys);
                if key.as_ref().ok() == invoked.key.as_ref() {
                    Ok((invoked.key.clone(), Some(value)))
                } else {
                    Ok((invoked.key.clone(), None))
                }
            }
            (EventType::Ok, Some((key, value))) => {
                Ok((Some(spell_key(key, &mut self.keys)?), Some(value)))
            }
            (EventType::Invoke | EventType::Ok, None) => {
                Err(Fault::at("a value `[key value]`, as other events have", value))
            }
        }
    }

    fn key(&mut self, text: &[u8]) -> Result<String, Fault> {
        spell_key(text, &mut self.keys)
    }
}

fn spell_key(text: &[u8], spellings: &mut Spellings) -> Result<String, Fault> {
    key(&mut Cursor::new(text, 0), spellings)
}

/// An event without key and evidence.
fn event(
    index: Option<u64>,
    process: Process,
    fields: &Fields<'_>,
    f: Cow<'static, str>,
    value: Value,
) -> Result<Event, Fault> {
    Ok(Event {
        index,
        time: fields.time.unwrap_or(0),
        process,
        node: fields.node.map(node).transpose()?.flatten(),
        kind: fields.kind,
        f,
        key: None,
        value,
        error: fields.error.and_then(error),
        revision: fields.revision,
        evidence: Value::Null,
    })
}

/// Functions that need no allocation, being in nearly every history.
const FUNCTIONS: &[&str] = &[
    "read", "write", "cas", "append", "add", "enqueue", "dequeue", "acquire", "release", "txn",
    "get", "put",
];

fn function(text: &[u8]) -> Result<Cow<'static, str>, Fault> {
    if let [b':', name @ ..] = text
        && let Some(known) = FUNCTIONS.iter().find(|known| known.as_bytes() == name)
    {
        return Ok(Cow::Borrowed(known));
    }
    let mut cursor = Cursor::new(text, 0);
    name(&mut cursor, "a function: a keyword such as `:read`").map(Cow::Owned)
}

fn node(text: &[u8]) -> Result<Option<Cow<'static, str>>, Fault> {
    if text == b"nil" {
        return Ok(None);
    }
    name(&mut Cursor::new(text, 0), "a node: a string").map(|node| Some(Cow::Owned(node)))
}

/// A reason as people read it: a string or keyword as its text, anything else as written.
fn error(text: &[u8]) -> Option<String> {
    if text == b"nil" {
        return None;
    }
    let mut cursor = Cursor::new(text, 0);
    let named = match cursor.begins() {
        Begins::Text | Begins::Atom => name(&mut cursor, "a reason").ok(),
        _ => None,
    };
    let whole = named.filter(|_| cursor.rest().is_empty());
    Some(whole.unwrap_or_else(|| String::from_utf8_lossy(text).into_owned()))
}
