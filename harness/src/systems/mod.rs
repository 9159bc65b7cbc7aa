//! Adapters for systems under test, by name.

mod http;
mod node;
mod protocol;

use std::path::Path;

pub use node::Node;

use crate::{plan::Plan, system::System};

/// Every built-in system: name and one sentence.
pub const SYSTEMS: &[(&str, &str)] = &[("node", "the built-in Raft key-value node")];

/// A system that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// The name is not known.
    #[error("test the system `{name}`: there is none of that name; there is: {}", known())]
    Unknown {
        /// The name given.
        name: String,
    },
}

fn known() -> String {
    SYSTEMS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// The system a plan asks for. `executable` is the `squall` binary, which is also the
/// built-in node.
///
/// # Errors
/// When there is no system of that name.
pub fn by_plan(plan: &Plan, executable: &Path) -> Result<Box<dyn System>, SystemError> {
    match plan.system.as_str() {
        "node" => {
            let flags = plan.node_flags.iter().flat_map(|words| words.split_whitespace());
            let node = Node::new(executable.to_owned(), plan.bug.clone());
            Ok(Box::new(node.with_flags(flags.map(str::to_owned).collect())))
        }
        name => Err(SystemError::Unknown { name: name.to_owned() }),
    }
}
