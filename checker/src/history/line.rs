//! One event as it stands on its line, borrowing from it.
//!
//! Most strings of a line are only compared (a completion repeats what its invocation
//! said), so they are borrowed here and owned only by what keeps them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use super::scanner::Plain;
use super::{Event, EventType, Process, Value, Values};

/// An event of a client, as far as operations are made from it.
#[derive(Debug)]
pub(super) struct ClientLine<'a> {
    pub(super) index: Option<u64>,
    pub(super) time: Option<u64>,
    pub(super) process: u64,
    pub(super) node: Option<&'a str>,
    pub(super) kind: EventType,
    pub(super) f: &'a str,
    pub(super) key: Option<&'a str>,
    pub(super) value: LineValue<'a>,
    pub(super) error: Option<&'a str>,
    pub(super) revision: Option<u64>,
}

/// A value, not yet interned.
#[derive(Clone, Copy, Debug)]
pub(super) enum LineValue<'a> {
    /// As serde read it.
    Json(&'a Json),
    /// As it stands on the line.
    Plain(Plain<'a>),
}

/// Values that nearly every event has fewer of.
const PARTS_USUAL: usize = 1 << 16;

impl LineValue<'_> {
    /// Whether `values` is sure to have room for it.
    pub(super) fn has_room(self, values: &Values) -> bool {
        // Counting the parts of a value is left for when it may matter.
        values.has_room(PARTS_USUAL)
            || values.has_room(match self {
                Self::Json(json) => parts(json),
                Self::Plain(plain) => plain.parts_max(),
            })
    }

    /// Its handle among `values`.
    pub(super) fn intern(self, values: &mut Values) -> Value {
        match self {
            Self::Json(json) => values.intern(json),
            Self::Plain(plain) => plain.intern(values),
        }
    }
}

/// How many values a value consists of, the names of fields included.
fn parts(json: &Json) -> usize {
    match json {
        Json::Array(items) => 1 + items.iter().map(parts).sum::<usize>(),
        Json::Object(fields) => 1 + fields.values().map(|value| 1 + parts(value)).sum::<usize>(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 1,
    }
}

/// The fields of [`Event`] with borrowed strings, and with `time` known to be absent.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(expecting = "an object with the fields of an event")]
pub(super) struct EventLine<'a> {
    #[serde(default)]
    pub(super) index: Option<u64>,
    #[serde(default)]
    pub(super) time: Option<u64>,
    #[serde(deserialize_with = "process")]
    pub(super) process: Process,
    #[serde(borrow, default)]
    pub(super) node: Option<Text<'a>>,
    #[serde(rename = "type")]
    pub(super) kind: EventType,
    #[serde(borrow)]
    pub(super) f: Text<'a>,
    #[serde(borrow, default)]
    pub(super) key: Option<Text<'a>>,
    #[serde(default)]
    pub(super) value: Json,
    #[serde(default)]
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) revision: Option<u64>,
    #[serde(default)]
    pub(super) evidence: Json,
}

impl EventLine<'_> {
    /// The event as one of this client.
    pub(super) fn of_client(&self, process: u64) -> ClientLine<'_> {
        ClientLine {
            index: self.index,
            time: self.time,
            process,
            node: self.node.as_ref().map(|node| node.0.as_ref()),
            kind: self.kind,
            f: &self.f.0,
            key: self.key.as_ref().map(|key| key.0.as_ref()),
            value: LineValue::Json(&self.value),
            error: self.error.as_deref(),
            revision: self.revision,
        }
    }

    /// The event, owning its strings.
    pub(super) fn into_event(self) -> Event {
        Event {
            index: self.index,
            time: self.time.unwrap_or(0),
            process: self.process,
            node: self.node.map(Text::into_owned),
            kind: self.kind,
            f: self.f.into_owned(),
            key: self.key.map(Text::into_owned),
            value: self.value,
            error: self.error,
            revision: self.revision,
            evidence: self.evidence,
        }
    }
}

impl From<Event> for EventLine<'static> {
    fn from(event: Event) -> Self {
        Self {
            index: event.index,
            time: Some(event.time),
            process: event.process,
            node: event.node.map(Text),
            kind: event.kind,
            f: Text(event.f),
            key: event.key.map(Text),
            value: event.value,
            error: event.error,
            revision: event.revision,
            evidence: event.evidence,
        }
    }
}

/// A string, borrowed from the line unless it holds escapes.
///
/// serde borrows a bare `Cow<str>` but not one inside an `Option`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

/// Functions that need no allocation, being in nearly every history.
const FUNCTIONS: &[&str] =
    &["read", "write", "cas", "append", "add", "enqueue", "dequeue", "acquire", "release", "txn"];

impl Text<'_> {
    /// The string as kept by a history.
    pub(super) fn into_owned(self) -> Cow<'static, str> {
        match FUNCTIONS.iter().find(|known| **known == self.0) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(self.0.into_owned()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// Reads a process without the buffering an untagged enum costs.
fn process<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Process, D::Error> {
    struct ProcessVisitor;

    impl Visitor<'_> for ProcessVisitor {
        type Value = Process;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a process: a number from 0 on, or \"nemesis\"")
        }

        fn visit_u64<E: Error>(self, process: u64) -> Result<Process, E> {
            Ok(Process::Client(process))
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<Process, E> {
            if name == "nemesis" {
                Ok(Process::NEMESIS)
            } else {
                Err(E::invalid_value(serde::de::Unexpected::Str(name), &self))
            }
        }
    }

    deserializer.deserialize_any(ProcessVisitor)
}
