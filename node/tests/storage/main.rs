//! What the data directory gives back after clean ends, crashes and damage.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod directory;
mod log;
mod samples;
mod snapshots;
