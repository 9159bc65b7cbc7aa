//! Turns a checked history into what people and machines read: a run directory,
//! `results.json`, a self-contained HTML report, JUnit and a terminal summary.
//!
//! The crate renders, computes statistics and makes [`checks`] beside linearizability; it
//! never judges a history, never starts anything and never reads a clock: whatever only the harness can know arrives in [`facts::RunFacts`].
//! Everything here can be computed again from a run directory. [`serve`] shows what lies in a
//! [`store`] of them and writes nothing.

pub mod checks;
pub mod facts;
pub mod fingerprint;
pub mod junit;
pub mod log_lines;
pub mod probes;
pub mod report;
pub mod run_dir;
pub mod serve;
pub mod store;
pub mod suite;
pub mod summary;
pub mod text;
mod wording;
