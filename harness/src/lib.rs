//! Black-box linearizability testing of distributed stores under faults.
//!
//! This library carries out one run: `plan -> cluster + clients + nemesis -> history ->
//! verdict -> results`. It drives every system, the built-in node too, from outside.

pub mod plan;
pub mod system;
pub mod systems;
pub mod whole_file;

pub mod clients;
pub mod cluster;
pub mod composed;
pub mod pace;
pub mod probes;
pub mod readback;
pub mod recorder;
pub mod session;

pub mod analysis;
pub mod fail_fast;
pub mod follow;
pub mod host;
pub mod progress;
pub mod run;

mod own_process;
mod promises;

pub mod bugs;
pub mod scenario;
pub mod suite;
pub mod trial;
