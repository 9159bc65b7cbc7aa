//! How a leader is chosen.
//!
//! Source: Ongaro 2014, 3.4 (election) and 3.6.1 (who may be elected).

use std::collections::BTreeSet;

use super::core::{Raft, RoleState};
use super::message::{Body, Campaign, VoteReply};
use super::types::{NodeId, Position};

impl Raft {
    /// Stands for election in the next term, beginning with its own vote.
    ///
    /// A candidate whose election comes to nothing, because votes were split or
    /// lost, gets here again when its new timeout has passed.
    pub(super) fn campaign(&mut self) {
        self.term = self.term.next();
        self.vote = Some(self.config.id);
        self.leader = None;
        self.role = RoleState::Candidate { votes: BTreeSet::new() };
        self.restart_election_timer();
        let last = self.log.last();
        for peer in self.peers() {
            self.send(peer, Body::VoteRequest { last, campaign: Campaign::Timeout });
        }
        self.on_vote(self.config.id);
    }

    /// Decides on a request for the vote in the current term.
    ///
    /// One vote a term, first come, first served, and never for a candidate
    /// whose log is older: that is what keeps committed entries in the logs of
    /// later leaders. A candidate and a leader have voted for themselves.
    pub(super) fn on_vote_request(&mut self, from: NodeId, last: Position) {
        let free = self.vote.is_none_or(|vote| vote == from);
        if free && self.leader.is_none() && last >= self.log.last() {
            self.vote = Some(from);
            self.restart_election_timer();
            self.send(from, Body::VoteReply(VoteReply::Granted));
        } else {
            self.send(from, Body::VoteReply(VoteReply::Denied));
        }
    }

    /// Counts a vote for this node; votes after the election do not matter.
    pub(super) fn on_vote(&mut self, from: NodeId) {
        let quorum = self.quorum();
        if let RoleState::Candidate { votes } = &mut self.role {
            votes.insert(from);
            if votes.len() >= quorum {
                self.become_leader();
            }
        }
    }
}
