//! Histories: events as recorded, and the operations they make up.
//!
//! Reading validates: a [`History`] in hand is paired, ordered and has one operation in
//! flight per process at most. Other formats than JSONL are the business of
//! [`formats`](crate::formats).

mod arena;
mod builder;
mod error;
mod event;
mod line;
mod names;
mod numbers;
mod operation;
mod processes;
mod reader;
mod scanner;
mod values;
mod writer;

pub use builder::{HistoryBuilder, Pushed};
pub use error::{Complaint, HistoryError};
pub use event::{Event, EventType, FORMAT_VERSION, Header, HeaderTag, NemesisTag, Process};
pub use names::{Name, Names};
pub use operation::{History, Moment, Operation, Outcome, Recorded, Revision};
pub use reader::read_jsonl;
pub use values::{Fields, Value, Values, View};
pub use writer::EventWriter;
