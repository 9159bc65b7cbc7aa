//! What the nemesis must know of the cluster it torments.

use std::future::Future;

/// The nodes of one cluster, as their owner sees them.
///
/// The owner spawns and reaps the processes; the nemesis only signals them. Nodes are numbered
/// from 0 in the order of [`Nodes::names`].
pub trait Nodes: Send + Sync + 'static {
    /// The names of all nodes.
    fn names(&self) -> &[String];

    /// The node that leads, as last observed; `None` when nobody is known to.
    fn leader(&self) -> Option<usize>;

    /// The process id of the node's group leader; `None` when the node does not run.
    fn pid(&self, node: usize) -> Option<u32>;

    /// Resolves once the owner has reaped the node's process, and says how it ended.
    ///
    /// Resolves at once when the process has been reaped already. The text is evidence, such as
    /// `killed by signal 9`.
    fn exited(&self, node: usize) -> impl Future<Output = String> + Send;

    /// Starts the node again on its old data; resolves when it answers, with its process id.
    ///
    /// # Errors
    /// What kept it from starting or answering, in words.
    fn start(&self, node: usize) -> impl Future<Output = Result<u32, String>> + Send;
}
