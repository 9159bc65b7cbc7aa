//! The life of a node.
use crate::args::NodeArgs;

/// Why a node could not start or could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The arguments contradict each other.
    #[error("failed to start the node: {0}")]
    Arguments(String),
}

/// Runs one node until SIGTERM or SIGINT.
pub async fn run(args: NodeArgs) -> Result<(), NodeError> {
    let _ = args;
    tokio::signal::ctrl_c().await.map_err(|e| NodeError::Arguments(e.to_string()))
}
