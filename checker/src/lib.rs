//! Histories, models and linearizability checking with proofs.

pub mod history;
pub mod model;

mod check;
pub mod register;
pub mod search;

mod reduce;

mod explain;
pub mod precedence;
pub mod verdict;

pub mod certificate;
mod verify;

pub use check::{Budget, CheckError, CheckOptions, check};
pub use verify::{Flaw, Verified, VerifyError, verify};
