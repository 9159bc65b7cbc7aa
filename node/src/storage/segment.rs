//! One file of the log: its name, its header and the frames in it.
//!
//! ```text
//! log/<sequence, 10 digits>-<first index, 20 digits>.seg
//!
//! "squall" 'L' version   8 bytes
//! sequence               8 bytes, little-endian, as all numbers here
//! beginning              8 bytes: 0 continues the segment before, 1 begins afresh
//! previous term          8 bytes
//! previous index         8 bytes, the entry before the first
//! crc32                  4 bytes, of all of the above
//! frames
//! ```
//!
//! Segments are numbered in the order in which they were written, so that a
//! missing one is noticed although entries can be replaced. One that begins
//! afresh makes all before it void: the log goes on after a snapshot that it did
//! not lead to.

use std::fmt;
use std::path::{Path, PathBuf};

use super::StorageError;
use super::frame::{self, Found};
use crate::raft::{Entry, LogIndex, Position, Term};

const MAGIC: &[u8; 8] = b"squallL\x01";

/// The length of what precedes the frames.
pub(super) const HEADER_BYTES: usize = 44;

/// What a segment is to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// Its first entry continues the log, or replaces some of it.
    Continues,
    /// It is the log; nothing before it counts.
    Afresh,
}

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) sequence: u64,
    pub(super) beginning: Beginning,
    /// The entry before its first.
    pub(super) previous: Position,
}

/// What the first bytes of a segment are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeaderFound {
    Sound(Header),
    /// The file is none of ours.
    Foreign,
    /// It is damaged, or a crash has left only a part of it.
    Damaged,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let beginning = match self.beginning {
            Beginning::Continues => 0,
            Beginning::Afresh => 1,
        };
        let Position { term, index } = self.previous;
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        let numbers = [self.sequence, beginning, term.0, index.0];
        for (place, number) in bytes[8..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let crc = crc32fast::hash(&bytes[..40]);
        bytes[40..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the beginning of a file.
    pub(super) fn decode(file: &[u8]) -> HeaderFound {
        let bytes = &file[..file.len().min(HEADER_BYTES)];
        // What did not reach the disk is missing or reads as zeros.
        let written = &bytes[..frame::written_end(bytes).min(MAGIC.len())];
        if !MAGIC.starts_with(written) {
            return HeaderFound::Foreign;
        }
        Self::decode_sound(bytes).map_or(HeaderFound::Damaged, HeaderFound::Sound)
    }

    fn decode_sound(bytes: &[u8]) -> Option<Self> {
        let crc: [u8; 4] = bytes.get(40..HEADER_BYTES)?.try_into().ok()?;
        if crc != crc32fast::hash(&bytes[..40]).to_le_bytes() {
            return None;
        }
        let number = |place: usize| {
            let bytes = bytes[8 + 8 * place..][..8].try_into();
            u64::from_le_bytes(bytes.expect("the slice has eight bytes"))
        };
        let beginning = match number(1) {
            0 => Beginning::Continues,
            1 => Beginning::Afresh,
            _ => return None,
        };
        let previous = Position { term: Term(number(2)), index: LogIndex(number(3)) };
        Some(Self { sequence: number(0), beginning, previous })
    }

    /// Returns the name of the segment.
    pub(super) fn name(&self) -> Name {
        Name { sequence: self.sequence, first: self.previous.index.next() }
    }
}

/// The name of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) sequence: u64,
    pub(super) first: LogIndex,
}

impl Name {
    /// Reads the name of a file, if it is that of a segment.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (sequence, first) = name.strip_suffix(".seg")?.split_once('-')?;
        let parsed =
            Self { sequence: sequence.parse().ok()?, first: LogIndex(first.parse().ok()?) };
        (parsed.to_string() == name).then_some(parsed)
    }

    pub(super) fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.to_string())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}-{:020}.seg", self.sequence, self.first.0)
    }
}

/// Whether a segment may end in what a crash left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It was written last: it may end in zeros, after an unfinished frame.
    Newest,
    /// It was cut to its length and synced before the next was made.
    Older,
}

/// Where the sound part of a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) offset: usize,
    /// How much of an unfinished frame follows.
    pub(super) torn_bytes: usize,
}

/// Hands the entries of a segment to `put`, in order, and returns where they end.
///
/// `put` says what is wrong with an entry, if anything.
pub(super) fn replay(
    file: &[u8],
    path: &Path,
    age: Age,
    mut put: impl FnMut(Entry) -> Result<(), &'static str>,
) -> Result<End, StorageError> {
    let corrupt = |offset: usize, what| StorageError::Corrupt {
        path: path.to_owned(),
        offset: offset as u64,
        what,
    };
    let mut at = HEADER_BYTES;
    loop {
        match frame::read(file, at) {
            Found::Frame { payload, end } => {
                replay_frame(payload, &mut put).map_err(|what| corrupt(at, what))?;
                at = end;
            }
            Found::End if age == Age::Newest || at == file.len() => {
                return Ok(End { offset: at, torn_bytes: 0 });
            }
            Found::End | Found::Damage if age == Age::Older => {
                return Err(corrupt(at, "a damaged frame is followed by another segment"));
            }
            Found::End | Found::Damage if frame::find_sound(file, at + 1).is_some() => {
                return Err(corrupt(at, "a damaged frame is followed by a sound one"));
            }
            Found::End | Found::Damage => {
                let torn_bytes = frame::written_end(file) - at;
                return Ok(End { offset: at, torn_bytes });
            }
        }
    }
}

fn replay_frame(
    mut payload: &[u8],
    put: &mut impl FnMut(Entry) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    while !payload.is_empty() {
        let (entry, rest) = postcard::take_from_bytes(payload)
            .map_err(|_| "a frame has a sound checksum but unknown content")?;
        put(entry)?;
        payload = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_and_any_damage_to_it_is_seen() {
        let previous = Position { term: Term(7), index: LogIndex(41) };
        let header = Header { sequence: 3, beginning: Beginning::Afresh, previous };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), HeaderFound::Sound(header));
        for place in 0..HEADER_BYTES {
            let mut damaged = bytes;
            damaged[place] ^= 1;
            let found = Header::decode(&damaged);
            let expected = if place < 8 { HeaderFound::Foreign } else { HeaderFound::Damaged };
            assert_eq!(found, expected, "byte {place}");
        }
        for written in 0..HEADER_BYTES {
            let mut left = bytes[..written].to_vec();
            assert_eq!(Header::decode(&left), HeaderFound::Damaged, "{written} bytes");
            left.resize(90, 0);
            assert_eq!(Header::decode(&left), HeaderFound::Damaged, "{written} bytes, then zeros");
        }
    }

    #[test]
    fn a_name_is_read_back_and_another_is_left_alone() {
        let name = Name { sequence: 12, first: LogIndex(3_456) };
        assert_eq!(name.to_string(), "0000000012-00000000000000003456.seg");
        assert_eq!(Name::parse(&name.to_string()), Some(name));
        for other in ["12-3456.seg", "0000000012-00000000000000003456", "lost+found", "-.seg"] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }
}
