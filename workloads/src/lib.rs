//! What clients do during a run, how the end is read back, and which model judges it.
//!
//! A [`Workload`] hands every client a [`Generator`], a seeded stream of [`Invocation`]s
//! that knows nothing of clusters, sockets or clocks, so that all of it is testable
//! alone. Deliberately absent: who executes an invocation and when (the harness does),
//! and whether the result was legal (the checker does).

mod cas_register;
mod catalogue;
mod counter;
mod list_append;
mod register;
mod roles;
mod workload;

pub use cas_register::CasRegister;
pub use catalogue::{Settings, UnknownWorkload, WORKLOADS, by_name};
pub use counter::Counter;
pub use list_append::ListAppend;
pub use register::Register;
pub use workload::{Ending, Generator, Invocation, Workload};
