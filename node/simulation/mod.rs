//! A deterministic simulation of whole clusters.
//!
//! Real cores and real state machines run against simulated clocks, disks,
//! networks and clients. All of it is one sequence of events in virtual time,
//! drawn from one seed, so that a run that breaks a promise can be run again.
//! What is simulated is what the driver does with sockets, files and clocks;
//! the driver itself takes no part.
//!
//! A run has faults first, then none. It is judged by what Raft promises at all
//! times (`promises`), by whether the cluster recovers, and by whether the
//! clients' history is linearizable, which our own checker decides (`history`).
//!
//! Included by a test and by an example, because neither the crate nor its users
//! should link the checker.

mod client;
mod clients;
mod clock;
mod course;
mod disk;
mod faults;
mod history;
mod network;
mod nodes;
mod plan;
pub(crate) mod promises;
mod schedule;
mod server;
mod totals;
mod trace;
mod workload;

pub(crate) use course::{Failure, run};
pub(crate) use plan::Plan;
pub(crate) use totals::Totals;
