//! Histories, models and linearizability checking with proofs.

pub mod certificate;
mod check;
pub mod history;
pub mod model;
pub mod verdict;
mod verify;

pub use check::{Budget, CheckError, CheckOptions, check};
pub use verify::{Flaw, Verified, VerifyError, verify};
