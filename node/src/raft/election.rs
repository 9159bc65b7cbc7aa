//! How a leader is chosen, and kept.
//!
//! A node that has not heard a leader for its election timeout first asks the
//! others whether they would vote for it. They say no while they hear a leader
//! themselves, so a node that was merely cut off asks in vain and disturbs
//! nobody: a term begins only with an election that can succeed.
//!
//! How long a node has heard no leader is counted apart from its term. A
//! follower may learn of a later term from a message that is no leader's, and
//! must all the same not vote before the leader it confirmed has been silent for
//! an election timeout: leases rely on it (`lease`).
//!
//! Source: Ongaro 2014, 3.4 (election), 3.6.1 (who may be elected), 4.2.3
//! (disruptive servers), 9.6 (pre-vote).

use std::collections::BTreeSet;

use rand::RngExt;

use super::core::{Config, Elections, Raft, ReadMode, Role, RoleState};
use super::message::{Body, Campaign, VoteReply};
use super::types::{NodeId, Position, Term};
use crate::bugs::Bug;

/// A silence no counting reaches.
const NEVER_HEARD: u32 = u32::MAX;

/// Returns for how many ticks a node that starts takes the leader to be silent.
///
/// Where leases are given, it may have given one just before it stopped, and
/// does not remember it: it votes for nobody until that has run out.
pub(super) fn silence_at_start(config: &Config) -> u32 {
    if config.bug == Some(Bug::NeverHeals) {
        return NEVER_HEARD;
    }
    match config.reads {
        ReadMode::ReadIndex => config.election_ticks,
        ReadMode::Lease => 0,
    }
}

impl Raft {
    /// Counts towards the election timeout, and stands for election when it has
    /// passed.
    pub(super) fn tick_towards_election(&mut self) {
        match self.config.bug {
            Some(Bug::FixedElectionTimeout) if self.is_timeout_fixed() => {
                return self.tick_with_fixed_timeout();
            }
            Some(Bug::NeverHeals) if self.is_deaf() => return,
            _ => {}
        }
        if self.ticks < self.timeout_ticks {
            return;
        }
        self.leader = None;
        if !self.may_stand() {
            self.restart_election_timer();
            return;
        }
        match self.config.elections {
            Elections::Guarded => self.ask_before_campaign(),
            Elections::Plain => self.campaign(Campaign::Timeout),
        }
    }

    /// Returns whether this node may stand for election.
    ///
    /// A node that is being removed may while its removal is not committed: the
    /// others may lack the entry, and then be unable to elect one of themselves
    /// (Ongaro 2014, 4.2.2 and figure 4.6).
    pub(super) fn may_stand(&self) -> bool {
        let id = self.config.id;
        self.membership().is_voter(id) || self.membership_at(self.commit).is_voter(id)
    }

    /// Asks everyone whether they would vote for this node, and changes nothing.
    fn ask_before_campaign(&mut self) {
        self.role = RoleState::PreCandidate { promises: BTreeSet::new() };
        self.restart_election_timer();
        let (term, last) = (self.term.next(), self.log.last());
        for voter in self.other_voters() {
            self.send(voter, Body::PreVoteRequest { term, last });
        }
        self.on_pre_vote_reply(self.config.id, term, VoteReply::Granted);
    }

    /// Stands for election in the next term, beginning with its own vote.
    ///
    /// A candidate whose election comes to nothing, because votes were split or
    /// lost, starts over when its new timeout has passed.
    pub(super) fn campaign(&mut self, campaign: Campaign) {
        self.become_candidate();
        self.ask_for_votes(campaign);
    }

    pub(super) fn become_candidate(&mut self) {
        self.term = self.term.next();
        self.vote = Some(self.config.id);
        self.leader = None;
        self.role = RoleState::Candidate { votes: BTreeSet::new() };
        self.restart_election_timer();
    }

    pub(super) fn ask_for_votes(&mut self, campaign: Campaign) {
        let last = self.log.last();
        for voter in self.other_voters() {
            self.send(voter, Body::VoteRequest { last, campaign });
        }
        self.on_vote(self.config.id);
    }

    fn other_voters(&self) -> Vec<NodeId> {
        self.membership().voters().filter(|&id| id != self.config.id).collect()
    }

    /// Returns whether a message is a candidate's that must not be heard, because
    /// there is a leader.
    ///
    /// A candidate whom the leader itself has asked to take over is heard. One
    /// that can neither be heard nor led, because its term is later, gets the
    /// leader's heartbeats and deposes it by its answers.
    pub(super) fn is_not_to_be_disturbed_by(&self, body: &Body) -> bool {
        match body {
            Body::PreVoteRequest { .. } | Body::VoteRequest { campaign: Campaign::Timeout, .. } => {
                self.hears_leader()
            }
            _ => false,
        }
    }

    /// Answers a candidate that was not heard; its term is not taken over.
    pub(super) fn turn_away(&mut self, from: NodeId, body: &Body) {
        if let &Body::PreVoteRequest { term, .. } = body {
            self.send(from, Body::PreVoteReply { term, reply: VoteReply::Denied });
        }
    }

    /// Returns whether some leader was heard within the shortest election timeout;
    /// a leader hears itself until it steps down.
    fn hears_leader(&self) -> bool {
        match self.config.elections {
            Elections::Plain => false,
            Elections::Guarded => {
                self.role() == Role::Leader || self.silence_ticks < self.config.election_ticks
            }
        }
    }

    /// Returns whether this node, by the planted bug `never-heals`, takes no part
    /// any more: it had a leader and has not heard one for so long that another
    /// should long have been elected.
    pub(super) fn is_deaf(&self) -> bool {
        let lost_ticks = 4 * self.config.election_ticks;
        self.role() != Role::Leader
            && self.silence_ticks != NEVER_HEARD
            && self.silence_ticks >= lost_ticks
    }

    /// Returns whether a log that ends with `last` is at least as new as this
    /// node's own.
    fn is_new_enough(&self, last: Position) -> bool {
        match self.config.bug {
            Some(Bug::VoteForStaleLog) => true,
            _ => last >= self.log.last(),
        }
    }

    /// Answers the question whether this node would give its vote in `term`.
    ///
    /// It would to any number of nodes; the answer binds it to nothing.
    pub(super) fn on_pre_vote_request(&mut self, from: NodeId, term: Term, last: Position) {
        let reply = if term > self.term && self.is_new_enough(last) {
            VoteReply::Granted
        } else {
            VoteReply::Denied
        };
        self.send(from, Body::PreVoteReply { term, reply });
    }

    /// Counts a node that would vote for this one, and begins the term once those
    /// are a majority.
    pub(super) fn on_pre_vote_reply(&mut self, from: NodeId, term: Term, reply: VoteReply) {
        if reply == VoteReply::Denied || term != self.term.next() {
            return;
        }
        let (quorum, membership) = (self.quorum(), self.memberships.newest());
        if let RoleState::PreCandidate { promises } = &mut self.role {
            promises.insert(from);
            if membership.count_voters(&*promises) >= quorum {
                self.campaign(Campaign::Timeout);
            }
        }
    }

    /// Decides on a request for the vote in the current term.
    ///
    /// One vote a term, first come, first served, and never for a candidate
    /// whose log is older: that is what keeps committed entries in the logs of
    /// later leaders. A candidate and a leader have voted for themselves.
    ///
    /// Whether this node is a voter is the candidate's to judge, by its own log:
    /// the entry that makes this node one may not have reached it yet.
    pub(super) fn on_vote_request(&mut self, from: NodeId, last: Position) {
        let free = self.vote.is_none_or(|vote| vote == from);
        if free && self.leader.is_none() && self.is_new_enough(last) {
            self.vote = Some(from);
            self.restart_election_timer();
            self.send(from, Body::VoteReply(VoteReply::Granted));
        } else {
            self.send(from, Body::VoteReply(VoteReply::Denied));
        }
    }

    /// Counts a vote for this node; votes after the election do not matter.
    pub(super) fn on_vote(&mut self, from: NodeId) {
        let (quorum, membership) = (self.quorum(), self.memberships.newest());
        if let RoleState::Candidate { votes } = &mut self.role {
            votes.insert(from);
            if membership.count_voters(&*votes) >= quorum {
                self.become_leader();
            }
        }
    }

    /// Draws a new election timeout, so that rivals rarely stand twice at once.
    pub(super) fn restart_election_timer(&mut self) {
        self.ticks = 0;
        let shortest = self.config.election_ticks.max(1);
        self.timeout_ticks = self.rng.random_range(shortest..2 * shortest);
    }
}
