//! The Raft core in clusters without sockets, disks or clocks: scripted
//! scenarios, and random runs with invariants.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cluster;
mod invariants;
mod scripts;
mod simulation;
