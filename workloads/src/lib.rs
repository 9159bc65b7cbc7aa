//! What clients do during a run, how the end is read back, and which model judges it.
//!
//! A [`Workload`] hands every client a [`Generator`](generator::Generator), a seeded stream of
//! [`Invocation`]s that knows nothing of clusters, sockets or clocks, so that all of it is
//! testable alone: [`rehearsal`] runs whole workloads in virtual time. Deliberately absent: who
//! executes an invocation and when (the harness does), and whether the result was legal (the
//! checker does).

pub mod operation;
pub mod workload;

pub mod generator;
pub mod keys;
mod roles;

pub mod workloads;

mod catalogue;
pub mod recipe;
pub mod rehearsal;

pub use catalogue::{Entry, MIX, UnknownWorkload, WORKLOADS, by_name, canonical, entry};
pub use operation::{Access, Address, Ending, Function, Invocation};
pub use workload::{Client, Promise, SERVICE_KEY, Settings, Workload};
