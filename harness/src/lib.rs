//! Black-box linearizability testing of distributed stores under faults.
//!
//! This library carries out one run: `plan -> cluster + clients + nemesis -> history ->
//! verdict -> results`. It drives every system, the built-in node too, from outside.
//!
//! A project that tests a store of its own implements [`system::System`] and [`system::Client`]
//! and runs a [`Test`]; `docs/library.md` shows all of it. The crates below are exported, so that
//! such a project depends on this one alone.

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
pub mod run_clock;

mod own_process;
mod promises;

pub mod finished;
pub mod test;

pub mod bugs;
pub mod scenario;
pub mod suite;
pub mod trial;

pub use finished::Finished;
pub use serde_json;
pub use squall_checker as checker;
pub use squall_nemesis as nemesis;
pub use squall_results as results;
pub use squall_workloads as workloads;
pub use systems::http;
pub use test::Test;
