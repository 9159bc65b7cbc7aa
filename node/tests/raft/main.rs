//! The Raft core in clusters without sockets, disks or clocks: scripted
//! scenarios, and random runs with invariants.

mod cluster;
mod invariants;
mod scripts;
mod simulation;
