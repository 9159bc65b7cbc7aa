//! Faults, their schedules, the sandbox they happen in, and the evidence that they did.
//!
//! In reading order: [`grudge`] says who drops whose packets, [`fault`] names the faults,
//! [`schedule`] draws when each happens, [`sandbox`] makes the disposable world of a run,
//! [`network`] connects the nodes and cuts them apart, and [`conductor`] carries a schedule out
//! against [`Nodes`] and reports what it observed.
//!
//! Nothing here knows what a node computes, what a client does, or what a history is.

mod causes;
pub mod conductor;
pub mod fault;
pub mod grudge;
mod netlink;
pub mod network;
mod nodes;
mod process;
pub mod sandbox;
pub mod schedule;

pub use nodes::{Exit, Nodes, Order};
