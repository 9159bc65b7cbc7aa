//! The map, in pieces that a snapshot can share.
//!
//! Keys are spread over shards. A snapshot takes hold of all shards at once, at
//! the price of as many pointers; afterwards the first change to a shard copies
//! that shard, and the snapshot keeps what it saw. So the node goes on while a
//! snapshot is written, and no pause is longer than one shard takes to copy.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::digest::Mixer;
use super::key::Key;
use super::outcome::Held;

/// How many shards there are: few enough to take hold of within microseconds, and
/// so many that of a million keys a shard has a thousand.
const SHARDS: usize = 1_024;

/// Keeps the digests of keys apart from those of sessions.
const DIGEST_KIND: u64 = 1;

/// What keys hold, in the order of the keys.
pub(super) type Shard = BTreeMap<Key, Slot>;

/// What a key holds, and the digest of both.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) held: Held,
    digest: u64,
}

/// The map.
#[derive(Debug)]
pub(super) struct State {
    shards: Box<[Arc<Shard>]>,
    digest: u64,
    keys: usize,
}

impl Default for State {
    fn default() -> Self {
        let empty = Arc::new(Shard::new());
        Self { shards: vec![empty; SHARDS].into(), digest: 0, keys: 0 }
    }
}

impl State {
    /// Returns what the key holds.
    pub(super) fn get(&self, key: &Key) -> Option<&Held> {
        self.shards[shard_of(key)].get(key).map(|slot| &slot.held)
    }

    /// Sets or removes the key.
    ///
    /// Copies the key's shard if a snapshot has it.
    pub(super) fn set(&mut self, key: Key, held: Option<Held>) {
        let shard = Arc::make_mut(&mut self.shards[shard_of(&key)]);
        let before = match held {
            Some(held) => {
                let digest = digest(&key, &held);
                self.digest = self.digest.wrapping_add(digest);
                self.keys += 1;
                shard.insert(key, Slot { held, digest })
            }
            None => shard.remove(&key),
        };
        if let Some(before) = before {
            self.digest = self.digest.wrapping_sub(before.digest);
            self.keys -= 1;
        }
    }

    /// Returns how many keys hold something.
    pub(super) fn keys(&self) -> usize {
        self.keys
    }

    /// Returns a number that is the same for equal maps, and hardly for others.
    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// Returns the map as it is now, shared until it changes.
    pub(super) fn shards(&self) -> Box<[Arc<Shard>]> {
        self.shards.clone()
    }
}

fn shard_of(key: &Key) -> usize {
    let hash = Mixer::new(0).bytes(key.as_str().as_bytes()).finish();
    usize::try_from(hash % SHARDS as u64).expect("it is less than the number of shards")
}

fn digest(key: &Key, held: &Held) -> u64 {
    Mixer::new(DIGEST_KIND)
        .bytes(key.as_str().as_bytes())
        .bytes(held.value.as_str().as_bytes())
        .number(held.revision.0)
        .number(held.created.0)
        .number(held.version)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Json;
    use crate::raft::LogIndex;

    fn held(number: i64) -> Held {
        let index = LogIndex(number.unsigned_abs());
        Held { value: Json::integer(number), revision: index, created: index, version: 1 }
    }

    fn key(number: usize) -> Key {
        number.to_string().parse().unwrap()
    }

    #[test]
    fn the_digest_goes_by_what_is_held_and_not_by_how_it_came_about() {
        let (mut this, mut that) = (State::default(), State::default());
        for number in 0..100 {
            this.set(key(number), Some(held(1)));
            that.set(key(99 - number), Some(held(2)));
            assert_ne!(this.digest(), that.digest());
        }
        for number in 0..100 {
            that.set(key(number), Some(held(1)));
        }
        assert_eq!((this.digest(), this.keys()), (that.digest(), 100));
        for number in 0..100 {
            this.set(key(number), None);
        }
        this.set(key(0), None);
        assert_eq!((this.digest(), this.keys()), (0, 0));
    }

    #[test]
    fn what_a_snapshot_shares_stays_as_it_was_and_only_what_changes_is_copied() {
        let mut state = State::default();
        for number in 0..10_000 {
            state.set(key(number), Some(held(1)));
        }
        let before = state.shards();
        state.set(key(7), Some(held(2)));
        state.set(key(7), None);
        let shared = |shards: &[Arc<Shard>]| {
            shards.iter().zip(&before).filter(|(now, then)| Arc::ptr_eq(now, then)).count()
        };
        assert_eq!(shared(&state.shards()), SHARDS - 1);
        assert_eq!(before[shard_of(&key(7))][&key(7)].held, held(1));
        let largest = before.iter().map(|shard| shard.len()).max();
        assert!(largest < Some(40), "ten thousand keys in {SHARDS} shards: {largest:?}");
    }
}
