//! From the bytes of the file to the state they stand for.

use serde::{Deserialize, Serialize};

use super::frame::{self, Found};
use crate::raft::{Entry, HardState};

/// One thing to remember.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The term and vote, in place of those before.
    HardState(HardState),
    /// An entry, in place of what stood at its index and after it.
    Entry(Entry),
}

/// What the file held when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The newest term and vote.
    pub hard_state: HardState,
    /// The log, from index 1.
    pub entries: Vec<Entry>,
    /// Bytes of an unfinished frame that were cut off at the end.
    pub torn_bytes: u64,
}

/// Damage that no crash can explain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Corruption {
    /// Where in the file.
    pub(super) offset: u64,
    /// What is wrong there.
    pub(super) what: &'static str,
}

/// Reads everything from `start` on.
///
/// Returns what it stands for and where the sound part ends.
pub(super) fn replay(file: &[u8], start: usize) -> Result<(Recovered, usize), Corruption> {
    let mut recovered = Recovered::default();
    let mut at = start;
    loop {
        match frame::read(file, at) {
            Found::End => return Ok((recovered, at)),
            Found::Frame { payload, end } => {
                apply_frame(&mut recovered, payload)
                    .map_err(|what| Corruption { offset: at as u64, what })?;
                at = end;
            }
            Found::Damage if frame::find_sound(file, at + 1).is_some() => {
                let what = "a damaged frame is followed by a sound one";
                return Err(Corruption { offset: at as u64, what });
            }
            Found::Damage => {
                recovered.torn_bytes = (file.len() - at) as u64;
                return Ok((recovered, at));
            }
        }
    }
}

fn apply_frame(recovered: &mut Recovered, mut payload: &[u8]) -> Result<(), &'static str> {
    while !payload.is_empty() {
        let (record, rest) = postcard::take_from_bytes(payload)
            .map_err(|_| "a frame has a sound checksum but unknown content")?;
        match record {
            Record::HardState(hard_state) => recovered.hard_state = hard_state,
            Record::Entry(entry) => {
                let before = entry.position.index.previous().0;
                if entry.position.index.0 == 0 || before > recovered.entries.len() as u64 {
                    return Err("an entry is missing from the log");
                }
                recovered.entries.truncate(before as usize);
                recovered.entries.push(entry);
            }
        }
        payload = rest;
    }
    Ok(())
}
