//! The identities and values the protocol is made of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::membership::Membership;

/// The longest node name, in bytes.
const NODE_ID_BYTES_MAX: usize = 16;

/// The name of a node, such as `n1`.
///
/// 1 to 16 ASCII letters, digits, `-`, `_` or `.`. The name is held inline, so
/// that the protocol copies it like a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId([u8; NODE_ID_BYTES_MAX]);

impl NodeId {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(NODE_ID_BYTES_MAX);
        std::str::from_utf8(&self.0[..end]).expect("a name is checked to be ASCII when it is made")
    }
}

impl FromStr for NodeId {
    type Err = BadNodeId;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > NODE_ID_BYTES_MAX || !name.bytes().all(allowed) {
            return Err(BadNodeId(name.to_owned()));
        }
        let mut bytes = [0; NODE_ID_BYTES_MAX];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for NodeId {
    type Error = BadNodeId;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error for a name that cannot be a [`NodeId`].
#[derive(Debug, thiserror::Error)]
#[error("name a node {0:?}: use 1 to 16 letters, digits, '-', '_' or '.'")]
pub struct BadNodeId(String);

/// A period with at most one leader; the logical clock of the protocol.
///
/// Zero is before the first election (Ongaro 2014, 3.3).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Term(pub u64);

impl Term {
    /// Returns the term after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of an entry in the log; the first entry has 1, zero is before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct LogIndex(pub u64);

impl LogIndex {
    /// The place before the first entry.
    pub const ZERO: Self = Self(0);

    /// Returns the place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Returns the place before this one; the place before zero is zero.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for LogIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The identity of an entry: no two different entries share one.
///
/// Ordered as the election restriction compares logs: by term, then by index
/// (Ongaro 2014, 3.6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The term of the leader that made the entry.
    pub term: Term,
    /// The place of the entry in the log.
    pub index: LogIndex,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

/// What an entry asks of the state machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// Nothing: the entry with which a leader begins its term, so that it can
    /// learn what is committed (Ongaro 2014, 6.4).
    Noop,
    /// A command, opaque to the protocol.
    Command(Vec<u8>),
    /// The members from here on. A node goes by the newest in its log, committed
    /// or not (Ongaro 2014, 4.1).
    Membership(Membership),
}

impl Payload {
    /// Returns the length of the command in bytes; other payloads have none.
    pub fn len_bytes(&self) -> usize {
        match self {
            Self::Noop | Self::Membership(_) => 0,
            Self::Command(command) => command.len(),
        }
    }
}

/// One entry of the replicated log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where the entry stands and who made it.
    pub position: Position,
    /// What it does once committed.
    pub payload: Payload,
}

/// What a node must not forget apart from its log (Ongaro 2014, figure 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardState {
    /// The newest term the node has seen.
    pub term: Term,
    /// Whom it voted for in that term.
    pub vote: Option<NodeId>,
}
