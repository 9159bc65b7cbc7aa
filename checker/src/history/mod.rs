//! Histories: events as recorded, and the operations they make up.
//!
//! Reading validates: a [`History`] in hand is paired, ordered and has one operation in
//! flight per process at most. Other formats than JSONL are absent.

mod error;
mod event;
mod line;
mod numbers;
mod operation;
mod pairing;
mod reader;
mod writer;

pub use error::{Complaint, HistoryError};
pub use event::{Event, EventType, FORMAT_VERSION, Header, HeaderTag, NemesisTag, Process};
pub use operation::{History, Moment, Operation, Outcome};
pub use reader::read_jsonl;
pub use writer::EventWriter;
