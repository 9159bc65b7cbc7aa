//! Writes `history.edn`, as Jepsen's and Elle's tools read it.

use std::io::{self, Write};

use rustc_hash::FxHashMap;
use serde_json::Value;
use thiserror::Error;

use super::spelling::is_integer;
use crate::history::{Event, EventType, Process};

/// Bytes gathered before the sink is written to without being asked.
const BUFFER_BYTES: usize = 64 * 1024;

/// An event that could not be written as EDN.
#[derive(Debug, Error)]
pub enum EdnWriteError {
    /// The sink failed.
    #[error("write the history as EDN")]
    Write(#[from] io::Error),
    /// Equal times are concurrent, but lines of EDN are ordered.
    #[error(
        "write event {position} as EDN: it has no index, and readers of EDN would take the order \
         of the file for the order of events; number the events first"
    )]
    NoIndex {
        /// The 1-based position of the event.
        position: usize,
    },
}

/// Writes events, one map a line.
///
/// Types and functions are keywords, strings are strings. The value of an operation with a key
/// is the tuple `[key value]` of `jepsen.independent`; keys, and those of objects, that are
/// integers in decimal are written as integers; functions of micro operations of `txn` are
/// keywords. What is written is read back as the same operations, by a reader told about the
/// tuples if no event tells it. A header has no place in EDN and is not written.
///
/// Two things are as Jepsen's checkers demand rather than as they are in an event, and what they
/// hide stands in fields that only Squall reads. All events of a nemesis are `:info`, as Knossos
/// takes any other for an operation of its model; `:squall/type` is their type. A completion that
/// failed repeats the value of its invocation, without which Knossos refuses the history;
/// `:squall/found` is its own.
///
/// Memory: 64 KiB and a line, and a copy of the value of every operation in flight. That of one
/// that never completes is kept until its process invokes another, which is never where processes
/// retire: at most one value for each process there ever was.
///
/// ```
/// use squall_checker::formats::EdnWriter;
/// use squall_checker::history::{Event, EventType, Process};
///
/// let mut text = Vec::new();
/// let mut writer = EdnWriter::new(&mut text);
/// writer.append(&Event {
///     index: Some(0),
///     time: 12,
///     process: Process::Client(3),
///     node: None,
///     kind: EventType::Invoke,
///     f: "write".into(),
///     key: Some("17".into()),
///     value: 31.into(),
///     error: None,
///     revision: None,
///     evidence: serde_json::Value::Null,
/// })?;
/// writer.finish()?;
/// assert_eq!(
///     text,
///     b"{:index 0, :time 12, :process 3, :type :invoke, :f :write, :value [17 31]}\n"
/// );
/// # Ok::<(), squall_checker::formats::EdnWriteError>(())
/// ```
#[derive(Debug)]
pub struct EdnWriter<W: Write> {
    sink: W,
    buffer: String,
    events: usize,
    /// What the last operation of each process was called with, until it completes; at most one
    /// for each process there ever was.
    invoked: FxHashMap<u64, Value>,
}

impl<W: Write> EdnWriter<W> {
    /// Writes to `sink`.
    pub fn new(sink: W) -> Self {
        Self { sink, buffer: String::new(), events: 0, invoked: FxHashMap::default() }
    }

    /// Appends an event.
    ///
    /// # Errors
    /// An event without an index, of which nothing is written; and those of the sink, when
    /// enough lines have gathered, after which the end of what it took may lack.
    pub fn append(&mut self, event: &Event) -> Result<(), EdnWriteError> {
        self.events += 1;
        let index = event.index.ok_or(EdnWriteError::NoIndex { position: self.events })?;
        let invoked = self.invoked_otherwise(event);
        line(&mut self.buffer, index, event, invoked.as_ref());
        if self.buffer.len() >= BUFFER_BYTES {
            self.hand_over()?;
        }
        Ok(())
    }

    /// Hands all lines to the sink and flushes it; what is dropped without is lost.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self) -> Result<(), EdnWriteError> {
        self.hand_over()?;
        Ok(self.sink.flush()?)
    }

    /// What an operation that failed was called with, if its completion has another value.
    fn invoked_otherwise(&mut self, event: &Event) -> Option<Value> {
        match (&event.process, event.kind) {
            (Process::Client(process), EventType::Invoke) => {
                self.invoked.insert(*process, event.value.clone());
                None
            }
            (Process::Client(process), kind) => {
                let invoked = self.invoked.remove(process)?;
                (kind == EventType::Fail && invoked != event.value).then_some(invoked)
            }
            (Process::Nemesis(_), _) => None,
        }
    }

    fn hand_over(&mut self) -> io::Result<()> {
        self.sink.write_all(self.buffer.as_bytes())?;
        self.buffer.clear();
        Ok(())
    }
}

fn line(text: &mut String, index: u64, event: &Event, invoked: Option<&Value>) {
    text.push_str(&format!("{{:index {index}, :time {}, :process ", event.time));
    match event.process {
        Process::Client(process) => text.push_str(&process.to_string()),
        Process::Nemesis(_) => text.push_str(":nemesis"),
    }
    let is_nemesis = matches!(event.process, Process::Nemesis(_));
    text.push_str(", :type ");
    text.push_str(if is_nemesis { type_name(EventType::Info) } else { type_name(event.kind) });
    text.push_str(", :f ");
    name(text, &event.f);
    text.push_str(", :value ");
    let shown = invoked.unwrap_or(&event.value);
    match &event.key {
        None => argument(text, shown, &event.f),
        Some(key) => {
            text.push('[');
            self::key(text, key);
            text.push(' ');
            argument(text, shown, &event.f);
            text.push(']');
        }
    }
    if let Some(node) = &event.node {
        text.push_str(", :node ");
        string(text, node);
    }
    if let Some(error) = &event.error {
        text.push_str(", :error ");
        string(text, error);
    }
    if let Some(revision) = event.revision {
        text.push_str(&format!(", :revision {revision}"));
    }
    if !event.evidence.is_null() {
        text.push_str(", :evidence ");
        value(text, &event.evidence);
    }
    if is_nemesis && event.kind != EventType::Info {
        text.push_str(&format!(", :squall/type {}", type_name(event.kind)));
    }
    if invoked.is_some() {
        text.push_str(", :squall/found ");
        argument(text, &event.value, &event.f);
    }
    text.push_str("}\n");
}

fn type_name(kind: EventType) -> &'static str {
    match kind {
        EventType::Invoke => ":invoke",
        EventType::Ok => ":ok",
        EventType::Fail => ":fail",
        EventType::Info => ":info",
    }
}

/// What an operation `f` was called with or returned.
fn argument(text: &mut String, value: &Value, f: &str) {
    match (value, f) {
        (Value::Array(operations), "txn") => spaced(text, ('[', ']'), operations, micro_operation),
        (other, _) => self::value(text, other),
    }
}

fn micro_operation(text: &mut String, operation: &Value) {
    match operation.as_array().map(Vec::as_slice) {
        Some([Value::String(f), rest @ ..]) => {
            text.push('[');
            name(text, f);
            for part in rest {
                text.push(' ');
                value(text, part);
            }
            text.push(']');
        }
        _ => value(text, operation),
    }
}

fn value(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("nil"),
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(content) => string(text, content),
        Value::Array(elements) => spaced(text, ('[', ']'), elements, self::value),
        Value::Object(fields) => spaced(text, ('{', '}'), fields, |text, (key, value)| {
            self::key(text, key);
            text.push(' ');
            self::value(text, value);
        }),
    }
}

fn spaced<T>(
    text: &mut String,
    (open, close): (char, char),
    items: impl IntoIterator<Item = T>,
    write: impl Fn(&mut String, T),
) {
    text.push(open);
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            text.push(' ');
        }
        write(text, item);
    }
    text.push(close);
}

/// A key: an integer if it is spelled as one, otherwise a string.
fn key(text: &mut String, key: &str) {
    if is_integer(key) { text.push_str(key) } else { string(text, key) }
}

/// A name: a keyword if it can be one, otherwise a string.
fn name(text: &mut String, name: &str) {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+*!?.<>=&%$".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if begins && name.bytes().all(is_plain) {
        text.push(':');
        text.push_str(name);
    } else {
        string(text, name);
    }
}

fn string(text: &mut String, content: &str) {
    text.push('"');
    for letter in content.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            letter if letter.is_control() => {
                text.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            letter => text.push(letter),
        }
    }
    text.push('"');
}
