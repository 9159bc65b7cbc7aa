#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! [`history`] reads and validates; [`formats`] does so for histories of other tools; [`check()`] picks model and procedure per key;
//! [`register`] and [`search`] decide; [`precedence`] and the explanations make a violation
//! readable; [`certificate`] keeps the proof and [`verify()`] judges it by itself.

#[cfg(test)]
mod cross_check;
mod fault;
mod nearly_sorted;

pub mod formats;
pub mod history;
pub mod model;
pub mod timed;

pub mod bit;
mod check;
pub mod counter;
pub mod grow_set;
pub mod ids;
pub mod list;
pub mod procedure;
pub mod queue;
pub mod rank;
pub mod register;
pub mod search;
pub mod transactions;
pub mod versions;

pub mod frontiers;

pub mod online;

mod reduce;

mod explain;
pub mod precedence;
pub mod verdict;

pub mod certificate;
mod verify;

pub use check::{Budget, CheckError, CheckOptions, check};
pub use verify::{Flaw, Verified, VerifyError, verify};
