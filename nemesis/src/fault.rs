//! The faults there are, by name.
//!
//! Types only: what a plan or a command line may ask for. Which node a [`Target`] means and which
//! cut a [`Shape`] means is decided when the fault begins, since both may depend on who leads.

mod target;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use target::{Member, Shape, Target};

/// A family of faults, as the command line names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// SIGKILL to a node's whole process tree, then a restart on its old data.
    Kill,
    /// SIGSTOP to a node's whole process tree, then SIGCONT.
    Pause,
    /// Directed network cuts between nodes, then a heal.
    Partition,
    /// Members removed from the cluster, then added again.
    Membership,
    /// Other orders of an administrator: the lead handed over, snapshots taken.
    Admin,
}

impl FaultKind {
    /// Every kind, in the order help texts list them.
    pub const ALL: [Self; 5] =
        [Self::Kill, Self::Pause, Self::Partition, Self::Membership, Self::Admin];

    /// The name on the command line and in plans.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Partition => "partition",
            Self::Membership => "membership",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FaultKind {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

/// A name that is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("recognize fault `{0}`: the faults are {names}, or `all`, or `none`", names = names())]
pub struct UnknownFault(String);

fn names() -> String {
    FaultKind::ALL.map(|kind| format!("`{kind}`")).join(", ")
}

/// The kinds of fault a run may use.
///
/// Written as names between commas (`kill,pause`), or `all`, or `none`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FaultSet(Vec<FaultKind>);

impl FaultSet {
    /// Every kind there is.
    #[must_use]
    pub fn all() -> Self {
        FaultKind::ALL.into_iter().collect()
    }

    /// No faults at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// True when the run has no faults.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when `kind` may be used.
    #[must_use]
    pub fn contains(&self, kind: FaultKind) -> bool {
        self.0.contains(&kind)
    }

    /// The kinds, each once, in the order of [`FaultKind::ALL`].
    pub fn kinds(&self) -> impl Iterator<Item = FaultKind> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<FaultKind> for FaultSet {
    fn from_iter<I: IntoIterator<Item = FaultKind>>(kinds: I) -> Self {
        let mut kinds: Vec<FaultKind> = kinds.into_iter().collect();
        kinds.sort_unstable();
        kinds.dedup();
        Self(kinds)
    }
}

impl FromStr for FaultSet {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        match text.trim() {
            "all" => Ok(Self::all()),
            "none" | "" => Ok(Self::none()),
            list => list.split(',').map(|name| name.trim().parse()).collect(),
        }
    }
}

impl fmt::Display for FaultSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let names: Vec<&str> = self.0.iter().map(|kind| kind.name()).collect();
        f.write_str(&names.join(","))
    }
}

impl TryFrom<String> for FaultSet {
    type Error = UnknownFault;

    fn try_from(text: String) -> Result<Self, UnknownFault> {
        text.parse()
    }
}

impl From<FaultSet> for String {
    fn from(set: FaultSet) -> Self {
        set.to_string()
    }
}

/// One fault to be done: what, and to whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fault {
    /// Kill the target's processes; restart them at the end.
    Kill {
        /// Who is killed.
        target: Target,
    },
    /// Stop the target's processes; let them go on at the end.
    Pause {
        /// Who is stopped.
        target: Target,
    },
    /// Cut the network; heal it at the end.
    Partition {
        /// How it is cut.
        shape: Shape,
    },
    /// Remove the target from the cluster, its processes running on; add it again at the end.
    Membership {
        /// Who is removed.
        target: Target,
    },
    /// Give an order that needs no undoing; the end is when somebody leads.
    Admin {
        /// What is ordered.
        action: AdminAction,
        /// Who is to do it.
        target: Target,
    },
}

/// An order that leaves nothing to undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminAction {
    /// The lead is handed to the target, its first node if it has several; [`Target::One`] is one
    /// that does not lead.
    Transfer,
    /// The target takes snapshots.
    Snapshot,
}

impl AdminAction {
    /// The name in plans and histories.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Snapshot => "snapshot",
        }
    }
}

impl Fault {
    /// The family it belongs to.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Kill { .. } => FaultKind::Kill,
            Self::Pause { .. } => FaultKind::Pause,
            Self::Partition { .. } => FaultKind::Partition,
            Self::Membership { .. } => FaultKind::Membership,
            Self::Admin { .. } => FaultKind::Admin,
        }
    }

    /// True when whom it strikes depends on who leads.
    #[must_use]
    pub fn strikes_leader(&self) -> bool {
        match self {
            Self::Kill { target }
            | Self::Pause { target }
            | Self::Membership { target }
            | Self::Admin { target, .. } => target.names_leader(),
            Self::Partition { shape } => shape.names_leader(),
        }
    }

    /// The groups of places it names; none where chance decides.
    #[must_use]
    pub fn groups(&self) -> Vec<&[Member]> {
        match self {
            Self::Kill { target }
            | Self::Pause { target }
            | Self::Membership { target }
            | Self::Admin { target, .. } => match target {
                Target::Nodes(members) => vec![members],
                _ => Vec::new(),
            },
            Self::Partition { shape } => shape.groups(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill { target } => write!(f, "kill-{target}"),
            Self::Pause { target } => write!(f, "pause-{target}"),
            Self::Partition { shape } => shape.fmt(f),
            Self::Membership { target } => write!(f, "remove-{target}"),
            Self::Admin { action, target } => write!(f, "{}-{target}", action.name()),
        }
    }
}
