//! The memberships in the log, and the one before it.
//!
//! A node goes by the newest, so a follower whose entries are replaced has to
//! find the one before again; and a snapshot needs the one as of its last entry.
//! Source: Ongaro 2014, 4.1.

use super::membership::Membership;
use super::ready::SnapshotMeta;
use super::types::{Entry, LogIndex, Payload};

/// Every membership that may yet matter, with the index of its entry.
pub(super) struct Memberships {
    /// As of the snapshot, or as of the start of a cluster that has none.
    base: Membership,
    /// Those in the log, oldest first.
    logged: Vec<(LogIndex, Membership)>,
}

impl Memberships {
    /// Starts with what a node finds on disk.
    pub(super) fn new(bootstrap: &Membership, snapshot: &SnapshotMeta, entries: &[Entry]) -> Self {
        let base = if snapshot.last.index > LogIndex::ZERO {
            snapshot.membership.clone()
        } else {
            bootstrap.clone()
        };
        let mut memberships = Self { base, logged: Vec::new() };
        memberships.note(entries);
        memberships
    }

    /// Notes entries that were appended to the log.
    pub(super) fn note(&mut self, entries: &[Entry]) {
        for entry in entries {
            if let Payload::Membership(membership) = &entry.payload {
                self.logged.push((entry.position.index, membership.clone()));
            }
        }
    }

    /// Goes back to what held before the entry at `index`, which leaves the log
    /// with all that follow.
    pub(super) fn truncate_from(&mut self, index: LogIndex) {
        self.logged.truncate(self.count_before(index));
    }

    /// Keeps only the newest up to `index` and those after it.
    pub(super) fn compact(&mut self, index: LogIndex) {
        let covered = self.count_before(index.next());
        if let Some((_, newest)) = self.logged.drain(..covered).next_back() {
            self.base = newest;
        }
    }

    /// Starts anew from a snapshot whose last entry the log does not hold.
    pub(super) fn restore(&mut self, membership: Membership) {
        self.logged.clear();
        self.base = membership;
    }

    /// Returns the newest of all.
    pub(super) fn newest(&self) -> &Membership {
        self.logged.last().map_or(&self.base, |(_, membership)| membership)
    }

    /// Returns the index of the newest, zero if no entry in the log holds it.
    pub(super) fn newest_index(&self) -> LogIndex {
        self.logged.last().map_or(LogIndex::ZERO, |&(index, _)| index)
    }

    /// Returns the newest up to `index`.
    pub(super) fn at(&self, index: LogIndex) -> &Membership {
        let count = self.count_before(index.next());
        self.logged[..count].last().map_or(&self.base, |(_, membership)| membership)
    }

    fn count_before(&self, index: LogIndex) -> usize {
        self.logged.partition_point(|&(logged, _)| logged < index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::{NodeId, Position, Term};

    fn of(names: &[&str]) -> Membership {
        Membership::of_voters(names.iter().map(|name| name.parse::<NodeId>().unwrap()))
    }

    fn entry(index: u64, membership: &Membership) -> Entry {
        let position = Position { term: Term(1), index: LogIndex(index) };
        Entry { position, payload: Payload::Membership(membership.clone()) }
    }

    #[test]
    fn what_is_truncated_gives_way_to_what_held_before() {
        let (one, two, three) = (of(&["a"]), of(&["a", "b"]), of(&["a", "b", "c"]));
        let entries = [entry(3, &two), entry(5, &three)];
        let mut memberships = Memberships::new(&one, &SnapshotMeta::default(), &entries);
        assert_eq!(memberships.newest(), &three);
        assert_eq!(memberships.at(LogIndex(2)), &one);
        assert_eq!(memberships.at(LogIndex(4)), &two);

        memberships.truncate_from(LogIndex(5));
        assert_eq!(memberships.newest(), &two);
        memberships.truncate_from(LogIndex(1));
        assert_eq!(memberships.newest(), &one);
        assert_eq!(memberships.newest_index(), LogIndex::ZERO);
    }

    #[test]
    fn compaction_keeps_the_newest_it_covers() {
        let (one, two, three) = (of(&["a"]), of(&["a", "b"]), of(&["a", "b", "c"]));
        let entries = [entry(3, &two), entry(5, &three)];
        let mut memberships = Memberships::new(&one, &SnapshotMeta::default(), &entries);
        memberships.compact(LogIndex(4));
        assert_eq!(memberships.at(LogIndex(4)), &two);
        assert_eq!(memberships.newest(), &three);
        memberships.truncate_from(LogIndex(5));
        assert_eq!(memberships.newest(), &two);
        memberships.restore(one.clone());
        assert_eq!(memberships.newest(), &one);
    }
}
