//! What the data directory gives back after clean ends, crashes and damage.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crashes;
mod directory;
mod log;
mod model;
mod power;
mod samples;
mod snapshots;
