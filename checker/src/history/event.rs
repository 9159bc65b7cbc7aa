//! One line of a recorded history, as it stands in `history.jsonl`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the formats this crate reads and writes.
pub const FORMAT_VERSION: u32 = 1;

/// First line of a history: what was run, on what, from which seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Format version, [`FORMAT_VERSION`].
    pub squall: u32,
    /// Always `"header"`.
    #[serde(rename = "type")]
    pub kind: HeaderTag,
    /// The system under test.
    pub system: String,
    /// The workload that issued the operations.
    pub workload: String,
    /// The model that judges the history, by name.
    pub model: String,
    /// The nodes of the cluster, in plan order.
    pub nodes: Vec<String>,
    /// The seed that determined plan, values and fault schedule.
    pub seed: u64,
    /// The whole plan, as recorded.
    #[serde(default)]
    pub plan: Value,
    /// What the clock on the wall showed when the clock of the run began, in nanoseconds since
    /// 1970 (UTC). No event is judged by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_unix_ns: Option<u64>,
    /// How far local time was ahead of UTC then, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utc_offset_s: Option<i32>,
}

/// Marks a line as the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeaderTag {
    /// The only value.
    #[default]
    #[serde(rename = "header")]
    Header,
}

/// What an event says about its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventType {
    /// The operation began: stamped before its first byte was sent.
    Invoke,
    /// It took effect, between invocation and this event.
    Ok,
    /// It did not and never will take effect.
    Fail,
    /// Nobody knows: it may take effect at any time from its invocation on, or never.
    Info,
}

/// Who caused an event: a logical client or the nemesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Process {
    /// A logical client with one operation in flight.
    Client(u64),
    /// The fault injector.
    Nemesis(NemesisTag),
}

/// Marks an event as the nemesis's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NemesisTag {
    /// The only value.
    #[serde(rename = "nemesis")]
    Nemesis,
}

impl Process {
    /// The fault injector.
    pub const NEMESIS: Self = Self::Nemesis(NemesisTag::Nemesis);
}

/// One event of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the global order of events; unique and rising. Absent in histories
    /// of other tools, which then fall back to `time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Nanoseconds since the run began.
    #[serde(default)]
    pub time: u64,
    /// Who caused it.
    pub process: Process,
    /// The node a client's operation was sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Cow<'static, str>>,
    /// Invocation or kind of completion.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// The function invoked (`read`, `write`, ...) or, for the nemesis, the fault.
    pub f: Cow<'static, str>,
    /// The object operated on; every key is checked by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Cow<'static, str>>,
    /// Argument of an invocation, result of a completion, targets of a fault.
    #[serde(default)]
    pub value: Value,
    /// Why an operation failed or is indeterminate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The revision the system attached to its reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// What showed that a fault took hold; on completions of the nemesis.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub evidence: Value,
}
