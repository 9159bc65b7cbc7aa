//! Why a history cannot be judged.

use std::error::Error as StdError;
use std::{fmt, io};

use thiserror::Error;

use super::FORMAT_VERSION;

/// A history that could not be read or does not hold together.
///
/// Messages complete "failed to ..."; what a source said is left to the source.
/// Line numbers are 1-based; a history built from events in memory counts events.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// The source failed.
    #[error("read the history after line {line}")]
    Read {
        /// The last line read whole.
        line: usize,
        /// What the source said.
        source: io::Error,
    },
    /// A line is not what stands on such a line.
    #[error("find {expected} on line {line}; repair or remove the line")]
    Malformed {
        /// Where.
        line: usize,
        /// What should stand there.
        expected: &'static str,
        /// What the parser said.
        source: Complaint,
    },
    /// A line or form of another tool's history is not what stands there.
    #[error("find {expected} on line {line}: there is {found}; repair or remove it")]
    Unreadable {
        /// Where it begins.
        line: usize,
        /// What should stand there.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// A line or form too long to be read.
    #[error(
        "read line {line}: it, or the form that begins there, is longer than {bytes_max} bytes; \
         give each event a line of its own"
    )]
    TooLong {
        /// Where it begins.
        line: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The beginning looks like no known format.
    #[error(
        "find an event on line 1 or after it: a JSON object, an EDN map, or the columns of a \
         Jepsen log; state the format if the history is in one of them"
    )]
    UnknownFormat,
    /// Nothing tells whether values are tuples of key and value, or events disagree.
    #[error(
        "tell whether the value of line {line} is a tuple of key and value, as `jepsen.independent` \
         makes them, or a vector of two; state which, the events before and after leave it open \
         or disagree"
    )]
    KeysUnclear {
        /// The first line in doubt.
        line: usize,
    },
    /// A header of a format this version does not read.
    #[error(
        "accept line {line}: it declares format version {found}, this is a reader of version \
         {FORMAT_VERSION}; use the release that recorded the history"
    )]
    Version {
        /// Where.
        line: usize,
        /// The version declared.
        found: u32,
    },
    /// A header after the first line.
    #[error("accept line {line}: it is a second header; check each history by itself")]
    SecondHeader {
        /// Where.
        line: usize,
    },
    /// A number with more digits than can be told apart.
    #[error(
        "compare the value of line {line}: it holds a number with more digits than 64 bits tell \
         apart; record such numbers as strings"
    )]
    Ambiguous {
        /// Where.
        line: usize,
    },
    /// An event without a place in the order of events.
    #[error("order line {line}: it has neither `index` nor `time`; record at least one of them")]
    NoOrder {
        /// Where.
        line: usize,
    },
    /// Some events have an index, others have none.
    #[error(
        "order line {line}: it {}; give every event an index, or none and a `time` each",
        if *.indexed { "has an index though earlier events have none" }
        else { "has no index though earlier events have one" }
    )]
    MixedIndices {
        /// Where.
        line: usize,
        /// Whether this event has an index.
        indexed: bool,
    },
    /// Indices do not rise.
    #[error(
        "order line {line}: it has index {index}, not above the {previous} before it; restore the \
         order in which the events were recorded"
    )]
    IndexNotRising {
        /// Where.
        line: usize,
        /// The index found.
        index: u64,
        /// The greatest index so far.
        previous: u64,
    },
    /// An event of a process earlier than the one before it, in a history without indices.
    #[error(
        "order line {line}: process {process} has an event at {time_ns} ns, before its previous \
         one at {previous_ns} ns; take all stamps from one monotonic clock"
    )]
    TimeReversed {
        /// Where.
        line: usize,
        /// Whose.
        process: u64,
        /// The stamp found.
        time_ns: u64,
        /// The stamp of the process's previous event.
        previous_ns: u64,
    },
    /// A completion of a process that had nothing in flight.
    #[error(
        "pair line {line}: it completes an operation of process {process}, which has none in \
         flight; record the invocation before the completion"
    )]
    NotInvoked {
        /// Where.
        line: usize,
        /// Whose.
        process: u64,
    },
    /// A second operation of a process.
    #[error(
        "pair line {line}: it invokes an operation of process {process}, whose operation of line \
         {invoked_line} is still in flight; use one process per operation in flight"
    )]
    InFlight {
        /// Where.
        line: usize,
        /// Whose.
        process: u64,
        /// The line of the invocation in flight.
        invoked_line: usize,
    },
    /// A process that went on after an indeterminate operation.
    #[error(
        "pair line {line}: it uses process {process}, which retired at line {retired_line} because \
         its operation was indeterminate; go on with a new process"
    )]
    Retired {
        /// Where.
        line: usize,
        /// Whose.
        process: u64,
        /// The line of its `info`.
        retired_line: usize,
    },
    /// A completion that does not fit its invocation.
    #[error(
        "pair line {line}: process {process} completes {field} {completed}, but invoked \
         {field} {invoked} at line {invoked_line}; a completion repeats its invocation's {field}"
    )]
    Mismatch {
        /// Where.
        line: usize,
        /// Whose.
        process: u64,
        /// What differs, `f` or `key`.
        field: &'static str,
        /// What the invocation has.
        invoked: String,
        /// What the completion has.
        completed: String,
        /// The line of the invocation.
        invoked_line: usize,
    },
    /// More events than can be numbered.
    #[error(
        "accept line {line}: it would be event 4294967295, more than one history may hold; \
         split the run"
    )]
    TooManyEvents {
        /// Where.
        line: usize,
    },
    /// More values than can be numbered.
    #[error(
        "accept line {line}: it would bring the history to more than 536870912 different \
         values of one kind, more than it may hold; split the run"
    )]
    TooManyValues {
        /// Where.
        line: usize,
    },
}

/// What the parser said of one line, with the place in the line only: it saw one line at a
/// time and calls each of them line 1.
#[derive(Debug)]
pub struct Complaint(pub(super) serde_json::Error);

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        match text.rsplit_once(" at line ") {
            Some((what, _)) => write!(formatter, "{what} at column {}", self.0.column()),
            None => formatter.write_str(&text),
        }
    }
}

impl StdError for Complaint {}
