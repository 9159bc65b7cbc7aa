//! Histories, models and linearizability checking with proofs.

pub mod history;
pub mod verdict;
