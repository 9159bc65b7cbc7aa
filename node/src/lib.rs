//! The built-in Raft key-value node.
