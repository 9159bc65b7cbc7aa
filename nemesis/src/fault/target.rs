//! Whom a fault strikes, and the form of a cut: by chance, by office, or by name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in a target or in a cut, and who takes it.
///
/// Written as `leader`, `other`, `rest`, or the name of a node. No node takes two places of one
/// fault; those taken by name go first, then the leader's, then the others, then the rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Member {
    /// The node that leads when the fault begins; a random one where none does.
    Leader,
    /// A random node with no other place.
    Other,
    /// Every node with no other place.
    Rest,
    /// The node of this name.
    Node(String),
}

impl From<String> for Member {
    fn from(text: String) -> Self {
        match text.as_str() {
            "leader" => Self::Leader,
            "other" => Self::Other,
            "rest" => Self::Rest,
            _ => Self::Node(text),
        }
    }
}

impl From<&str> for Member {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<Member> for String {
    fn from(member: Member) -> Self {
        member.to_string()
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leader => "leader",
            Self::Other => "other",
            Self::Rest => "rest",
            Self::Node(name) => name,
        })
    }
}

/// Which nodes a kill or a pause strikes, counted over the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// One node, at random.
    One,
    /// As many random nodes as the rest can do without: `(n - 1) / 2`.
    Minority,
    /// One random node more than the rest can do without: `n / 2 + 1`.
    Majority,
    /// Every node.
    All,
    /// The node that leads when the fault begins.
    Leader,
    /// Exactly these, at least one.
    Nodes(Vec<Member>),
}

impl Target {
    /// The node called `name`.
    #[must_use]
    pub fn node(name: &str) -> Self {
        Self::Nodes(vec![Member::Node(name.to_owned())])
    }

    /// The node that leads when the fault begins, and `others` random ones.
    #[must_use]
    pub fn leader_and(others: usize) -> Self {
        let others = std::iter::repeat_n(Member::Other, others);
        Self::Nodes(std::iter::once(Member::Leader).chain(others).collect())
    }

    /// How many nodes of a cluster of `nodes` it strikes, at most.
    #[must_use]
    pub fn count(&self, nodes: usize) -> usize {
        match self {
            Self::One | Self::Leader => nodes.min(1),
            Self::Minority => nodes.saturating_sub(1) / 2,
            Self::Majority => (nodes / 2 + 1).min(nodes),
            Self::All => nodes,
            Self::Nodes(members) if members.contains(&Member::Rest) => nodes,
            Self::Nodes(members) => members.len().min(nodes),
        }
    }

    /// True when whom it strikes depends on who leads.
    #[must_use]
    pub fn names_leader(&self) -> bool {
        match self {
            Self::Leader => true,
            Self::Nodes(members) => members.contains(&Member::Leader),
            Self::One | Self::Minority | Self::Majority | Self::All => false,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "one",
            Self::Minority => "minority",
            Self::Majority => "majority",
            Self::All => "all",
            Self::Leader => "leader",
            Self::Nodes(members) => return f.write_str(&joined(members)),
        })
    }
}

/// The form of a partition; [`crate::grudge::Grudge`] has the cuts each one makes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A random node alone.
    IsolateOne,
    /// The node that leads when the fault begins, alone.
    IsolateLeader,
    /// A random minority against the rest.
    RandomHalves,
    /// Two halves and one node that sees both.
    Bridge,
    /// Every node sees a majority, no two the same.
    MajoritiesRing,
    /// One node's packets are lost on the way out, or on the way in, but not both.
    OneWay,
    /// Each group cut off from every other, both ways; nodes in no group see everybody.
    Groups(Vec<Vec<Member>>),
    /// What the first send never reaches the second; the way back stays open.
    OneWayBetween {
        /// Who sends in vain.
        from: Vec<Member>,
        /// Who hears nothing of it.
        to: Vec<Member>,
    },
}

impl Shape {
    /// The groups it names, each a list of places; none where chance decides.
    #[must_use]
    pub fn groups(&self) -> Vec<&[Member]> {
        match self {
            Self::Groups(groups) => groups.iter().map(Vec::as_slice).collect(),
            Self::OneWayBetween { from, to } => vec![from, to],
            Self::IsolateOne
            | Self::IsolateLeader
            | Self::RandomHalves
            | Self::Bridge
            | Self::MajoritiesRing
            | Self::OneWay => Vec::new(),
        }
    }

    /// True when what it cuts depends on who leads.
    #[must_use]
    pub fn names_leader(&self) -> bool {
        let by_place = || self.groups().concat().contains(&Member::Leader);
        *self == Self::IsolateLeader || by_place()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IsolateOne => "isolate-one",
            Self::IsolateLeader => "isolate-leader",
            Self::RandomHalves => "random-halves",
            Self::Bridge => "bridge",
            Self::MajoritiesRing => "majorities-ring",
            Self::OneWay => "one-way",
            Self::Groups(groups) => {
                let groups: Vec<String> = groups.iter().map(|group| joined(group)).collect();
                return write!(f, "groups {}", groups.join("|"));
            }
            Self::OneWayBetween { from, to } => {
                return write!(f, "one-way {}>{}", joined(from), joined(to));
            }
        })
    }
}

fn joined(members: &[Member]) -> String {
    members.iter().map(Member::to_string).collect::<Vec<_>>().join("+")
}
