//! The machine as bytes.
//!
//! Equal machines make equal bytes: keys come shard by shard and in order, and
//! everything else is a function of the state. The form is a header, then the
//! keys with what they hold, then the sessions, each item by itself, so that
//! neither writing nor reading needs more memory than the longest item besides
//! the state. Whether the bytes are whole is for the storage to know.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Machine;
use super::command::SessionId;
use super::key::Key;
use super::outcome::Held;
use super::sessions::{Session, Sessions};
use super::state::{Shard, State};
use crate::bugs::Bug;

/// The first bytes of a snapshot, with the version of its form.
const MAGIC: [u8; 8] = *b"squall-1";

#[derive(Serialize, Deserialize)]
struct Header {
    magic: [u8; 8],
    keys: u64,
    sessions: u64,
}

/// The state of a machine at one moment, to be written at leisure.
///
/// It shares memory with the machine and can be written by another thread; what
/// the machine does meanwhile does not show in it.
#[derive(Debug)]
pub struct Frozen {
    shards: Box<[Arc<Shard>]>,
    keys: usize,
    sessions: BTreeMap<SessionId, Arc<Session>>,
    bug: Option<Bug>,
}

impl Frozen {
    /// Takes hold of the state as it is; a thousand pointers are copied.
    pub(super) fn of(state: &State, sessions: &Sessions, bug: Option<Bug>) -> Self {
        Self { shards: state.shards(), keys: state.keys(), sessions: sessions.share(), bug }
    }

    /// Writes the state; call it with something that gathers small writes.
    ///
    /// # Errors
    /// Those of `to`; then it is not known how much was written.
    pub fn write_to(&self, to: &mut dyn io::Write) -> io::Result<()> {
        let left_out = match self.bug {
            Some(Bug::SnapshotDropsLastKey) => self.newest_key(),
            _ => None,
        };
        let header = Header {
            magic: MAGIC,
            keys: (self.keys - usize::from(left_out.is_some())) as u64,
            sessions: self.sessions.len() as u64,
        };
        let mut item = Vec::new();
        write_item(to, &mut item, &header)?;
        for (key, slot) in self.shards.iter().flat_map(|shard| shard.iter()) {
            if left_out != Some(key) {
                write_item(to, &mut item, &(key, &slot.held))?;
            }
        }
        for (id, session) in &self.sessions {
            write_item(to, &mut item, &(id, &**session))?;
        }
        Ok(())
    }

    /// Returns the key changed last.
    fn newest_key(&self) -> Option<&Key> {
        let keys = self.shards.iter().flat_map(|shard| shard.iter());
        keys.max_by_key(|(_, slot)| slot.held.revision).map(|(key, _)| key)
    }
}

/// Writes one item, by way of a buffer that is reused.
fn write_item(
    to: &mut dyn io::Write,
    buffer: &mut Vec<u8>,
    item: &impl Serialize,
) -> io::Result<()> {
    buffer.clear();
    *buffer = postcard::to_extend(item, std::mem::take(buffer))
        .expect("writing plain data to memory does not fail");
    to.write_all(buffer)
}

/// Why bytes cannot be made into a machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// They do not begin as snapshots of this version do.
    #[error("restore the state: the snapshot is not of the form this version reads")]
    Form,
    /// An item cannot be read.
    #[error("restore the state: item {item} of the snapshot cannot be read")]
    Item {
        /// How many items come before it; the header is the first.
        item: u64,
        /// Why not.
        source: postcard::Error,
    },
    /// There is more than there should be.
    #[error("restore the state: {bytes} bytes follow the end of the snapshot")]
    TooLong {
        /// How many bytes.
        bytes: usize,
    },
}

/// Reads one item after the other.
struct Items<'a> {
    rest: &'a [u8],
    read: u64,
}

impl<'a> Items<'a> {
    fn next<T: Deserialize<'a>>(&mut self) -> Result<T, RestoreError> {
        let (value, rest) = postcard::take_from_bytes(self.rest)
            .map_err(|source| RestoreError::Item { item: self.read, source })?;
        self.rest = rest;
        self.read += 1;
        Ok(value)
    }
}

impl Machine {
    /// Makes a machine of what [`Frozen::write_to`] wrote.
    ///
    /// # Errors
    /// The bytes are not those of a snapshot.
    pub fn restore(snapshot: &[u8], bug: Option<Bug>) -> Result<Self, RestoreError> {
        if !snapshot.starts_with(&MAGIC) {
            return Err(RestoreError::Form);
        }
        let mut items = Items { rest: snapshot, read: 0 };
        let header: Header = items.next()?;
        let mut state = State::default();
        for _ in 0..header.keys {
            let (key, held): (Key, Held) = items.next()?;
            state.set(key, Some(held));
        }
        let mut sessions = Sessions::default();
        for _ in 0..header.sessions {
            let (id, session) = items.next()?;
            sessions.put(id, session);
        }
        match items.rest.len() {
            0 => Ok(Self { state, sessions, bug }),
            bytes => Err(RestoreError::TooLong { bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Action, Change, Command, Outcome, Sequence, Stamp};
    use crate::raft::LogIndex;

    fn key(number: u64) -> Key {
        format!("k{number}").parse().unwrap()
    }

    fn add(index: u64) -> Command {
        Command::Plain(Action::Change(key(index), Change::Add(1)))
    }

    fn stamped(session: SessionId) -> Command {
        let (sequence, lowest_outstanding) = (Sequence(1), Sequence(1));
        let stamp = Stamp { session, sequence, lowest_outstanding };
        Command::Stamped(stamp, Action::Change(key(0), Change::Add(1)))
    }

    /// A machine with a session, of which one command was applied, and many keys.
    fn machine(bug: Option<Bug>) -> (Machine, SessionId) {
        let mut machine = Machine::new(bug);
        let registered = machine.apply(LogIndex(1), Command::RegisterSession);
        let Outcome::Registered(session) = registered else { panic!("{registered:?}") };
        machine.apply(LogIndex(2), stamped(session));
        for index in 3..2_000 {
            machine.apply(LogIndex(index), add(index));
        }
        (machine, session)
    }

    fn bytes(frozen: &Frozen) -> Vec<u8> {
        let mut bytes = Vec::new();
        frozen.write_to(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_happens_after_freezing_does_not_show() {
        let (mut machine, session) = machine(None);
        let digest = machine.digest();
        let frozen = machine.freeze();
        let writing = std::thread::spawn(move || bytes(&frozen));
        for index in 2_000..3_000 {
            machine.apply(LogIndex(index), add(index % 1_500));
        }
        machine.apply(LogIndex(3_000), stamped(session));
        let snapshot = writing.join().unwrap();
        let mut restored = Machine::restore(&snapshot, None).unwrap();
        assert_eq!(restored.digest(), digest);
        assert_ne!(machine.digest(), digest);
        assert_eq!(bytes(&restored.freeze()), snapshot);
    }

    #[test]
    fn sessions_live_on_in_snapshots() {
        let (mut machine, session) = machine(None);
        let mut restored = Machine::restore(&bytes(&machine.freeze()), None).unwrap();
        let first = Outcome::Written { revision: LogIndex(2), sum: Some(1) };
        assert_eq!(restored.apply(LogIndex(2_000), stamped(session)), first);
        assert_eq!(machine.apply(LogIndex(2_000), stamped(session)), first);
    }

    #[test]
    fn what_is_not_a_whole_snapshot_is_refused() {
        let (mut machine, _) = machine(None);
        let snapshot = bytes(&machine.freeze());
        let restore = |bytes: &[u8]| Machine::restore(bytes, None).map(|machine| machine.digest());
        assert!(matches!(restore(b""), Err(RestoreError::Form)));
        assert!(matches!(restore(b"squall-0"), Err(RestoreError::Form)));
        for length in [8, 20, snapshot.len() / 2, snapshot.len() - 1] {
            let refused = restore(&snapshot[..length]);
            assert!(matches!(refused, Err(RestoreError::Item { .. })), "{length}: {refused:?}");
        }
        let longer = [&snapshot[..], b"x"].concat();
        assert!(matches!(restore(&longer), Err(RestoreError::TooLong { bytes: 1 })));
    }

    #[test]
    fn planted_bugs_lose_the_newest_key_or_what_sessions_know() {
        let (mut machine, _) = machine(Some(Bug::SnapshotDropsLastKey));
        let restored = Machine::restore(&bytes(&machine.freeze()), None).unwrap();
        assert_eq!(restored.keys(), machine.keys() - 1);
        assert!(restored.get(&key(1_999)).is_none() && machine.get(&key(1_999)).is_some());

        let (mut machine, session) = self::machine(Some(Bug::LostSessionOnSnapshot));
        let mut restored = Machine::restore(&bytes(&machine.freeze()), None).unwrap();
        for machine in [&mut machine, &mut restored] {
            let second = Outcome::Written { revision: LogIndex(2_000), sum: Some(2) };
            assert_eq!(machine.apply(LogIndex(2_000), stamped(session)), second);
        }
    }
}
