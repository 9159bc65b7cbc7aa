#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! | | |
//! |---|---|
//! | [`history`] | events as recorded, paired and validated; JSONL |
//! | [`formats`] | the formats of other tools, and which is which |
//! | [`model`] | what objects do: the models by name, and the trait for others |
//! | [`check()`] | which model, which objects, which procedure, which verdict |
//! | [`register`], [`versions`], [`list`], [`grow_set`], [`counter`], [`ids`], [`bit`], [`lock`], [`queue`], [`transactions`] | the near-linear procedures, with their proofs; [`procedure`] is what they say, [`rank`] a lemma some share |
//! | [`search`](mod@search), [`frontiers`] | general search, depth first for a whole history, breadth first event by event |
//! | [`online`] | judging while events arrive |
//! | [`verdict`], [`precedence`] | verdicts, counterexamples, and the cycles behind them |
//! | [`placement`] | points in time at which operations may have happened, for people |
//! | [`certificate`], [`verify()`] | the proof, and the judge of it that shares no code with the rest |

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
pub mod lock;
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
pub mod placement;
pub mod precedence;
pub mod verdict;

pub mod certificate;
mod verify;

pub use check::{Budget, CheckError, CheckOptions, check};
pub use verify::{Flaw, Verified, VerifyError, verify};
