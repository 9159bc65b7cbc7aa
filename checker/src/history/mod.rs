//! Histories: events as recorded, and the operations they make up.

mod event;
mod operation;

pub use event::{Event, EventType, FORMAT_VERSION, Header, HeaderTag, NemesisTag, Process};
pub use operation::{History, Moment, Operation, Outcome};
