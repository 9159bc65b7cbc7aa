//! Who belongs to the cluster.
//!
//! A membership is a value in the log: a node goes by the newest one it holds,
//! committed or not. Members change one at a time, so that any majority of the
//! old membership meets any majority of the new one.
//! Source: Ongaro 2014, 4.1 to 4.2.1, with the correction of 2015: no change
//! before the leader has committed an entry of its own term.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::types::NodeId;

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// It votes and counts towards majorities.
    Voter,
    /// It only receives the log, until it has caught up and is promoted.
    Learner,
}

/// One member of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// What it does.
    pub part: Part,
    /// Where it is reached, in a form only the driver understands; empty where
    /// every node has been told by other means.
    pub address: String,
}

/// The members of a cluster, by name.
///
/// Empty for a node that waits to be added to a cluster: it never stands for
/// election.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership(BTreeMap<NodeId, Member>);

impl Membership {
    /// Returns a membership of these voters, with addresses known by other means.
    pub fn of_voters(voters: impl IntoIterator<Item = NodeId>) -> Self {
        let voter = |id| (id, Member { part: Part::Voter, address: String::new() });
        Self(voters.into_iter().map(voter).collect())
    }

    /// Returns all members in the order of their names.
    pub fn members(&self) -> impl Iterator<Item = (NodeId, &Member)> {
        self.0.iter().map(|(&id, member)| (id, member))
    }

    /// Returns what is known of a member.
    pub fn get(&self, id: NodeId) -> Option<&Member> {
        self.0.get(&id)
    }

    /// Returns whether the node is a member, voting or not.
    pub fn contains(&self, id: NodeId) -> bool {
        self.0.contains_key(&id)
    }

    /// Returns whether the node votes.
    pub fn is_voter(&self, id: NodeId) -> bool {
        self.0.get(&id).is_some_and(|member| member.part == Part::Voter)
    }

    /// Returns the voters in the order of their names.
    pub fn voters(&self) -> impl Iterator<Item = NodeId> {
        self.0.iter().filter(|(_, member)| member.part == Part::Voter).map(|(&id, _)| id)
    }

    /// Returns how many of these nodes vote.
    pub fn count_voters<'a>(&self, nodes: impl IntoIterator<Item = &'a NodeId>) -> usize {
        nodes.into_iter().filter(|&&id| self.is_voter(id)).count()
    }

    /// Returns how many voters make a majority.
    pub fn quorum(&self) -> usize {
        self.voters().count() / 2 + 1
    }

    /// Returns the membership with one more member, or with another part or
    /// address for one there is.
    #[must_use]
    pub fn with(&self, id: NodeId, member: Member) -> Self {
        let mut members = self.0.clone();
        members.insert(id, member);
        Self(members)
    }

    /// Returns the membership without the node.
    #[must_use]
    pub fn without(&self, id: NodeId) -> Self {
        let mut members = self.0.clone();
        members.remove(&id);
        Self(members)
    }
}
