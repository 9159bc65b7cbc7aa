//! Suites: many plans, each with the verdict it must come to.
//!
//! [`Suite`] is the file, expanded into cells; [`run`] carries the cells out one after
//! another, each in a process of its own, so that no run can take the suite down with it.

mod definition;
mod runner;

pub use definition::{CellPlan, Suite, SuiteError};
pub use runner::{SuiteOrder, Told, run};
