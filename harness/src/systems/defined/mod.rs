//! Systems described by a TOML file: how nodes start, how they are asked, what replies mean.
//!
//! `docs/system-toml.md` describes the file. A definition is read and checked as a whole before
//! anything runs, so that what is wrong with it is said with the line it stands in.

mod call;
mod command;
mod definition;
mod expression;
mod http;
mod nodes;
mod operations;
mod orders;
mod request;
mod system;
mod template;

pub use definition::DefinitionError;
pub use system::{Choice, Defined};
