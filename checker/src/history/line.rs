//! One event as it stands on its line, borrowing from it.
//!
//! Most strings of a line are only compared (a completion repeats what its invocation
//! said), so they are borrowed here and owned only by what keeps them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Event, EventType, Process};

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
    pub(super) value: Value,
    #[serde(default)]
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) revision: Option<u64>,
    #[serde(default)]
    pub(super) evidence: Value,
}

impl EventLine<'_> {
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
