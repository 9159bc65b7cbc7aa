//! The file `state`: the term and the vote.
//!
//! ```text
//! "squall" 'T' version   8 bytes
//! crc32                  4 bytes, little-endian, of what follows
//! hard state             postcard
//! ```
//!
//! It is replaced as a whole: written under another name, synced, renamed, and
//! the directory synced. So it always holds one term and vote that were once
//! asked for, and anything else in it is damage. Two slots written in turn would
//! cost a single sync, but then a damaged newer slot could not be told from one
//! half-written in a crash, and the node would vote twice in the older one's term.

use std::path::{Path, PathBuf};

use super::StorageError;
use super::file_io::FileIo;
use crate::raft::HardState;

const NAME: &str = "state";
const TEMPORARY_NAME: &str = "state.tmp";
const MAGIC: &[u8; 8] = b"squallT\x01";
const HEADER_BYTES: usize = MAGIC.len() + 4;

/// The term and vote on disk.
#[derive(Debug)]
pub(super) struct StateFile {
    io: FileIo,
    dir: PathBuf,
}

impl StateFile {
    /// Reads the file in `dir`; `None` if there is none.
    pub(super) fn open(dir: &Path, io: &FileIo) -> Result<(Self, Option<HardState>), StorageError> {
        let file = Self { io: io.clone(), dir: dir.to_owned() };
        let path = file.path();
        let hard_state = match io.read_if_exists(&path)? {
            None => None,
            Some(content) => Some(decode(&content, &path)?),
        };
        Ok((file, hard_state))
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.join(NAME)
    }

    /// Replaces the content; durable on return. Costs two syncs.
    pub(super) fn replace(&mut self, hard_state: HardState) -> Result<(), StorageError> {
        let temporary = self.dir.join(TEMPORARY_NAME);
        // One left by a crash may be of any length.
        if temporary.exists() {
            self.io.remove(&temporary)?;
        }
        let file = self.io.create(&temporary)?;
        self.io.write_at(&file, &temporary, &encode(hard_state), 0)?;
        self.io.sync(&file, &temporary)?;
        self.io.rename(&temporary, &self.path())?;
        self.io.sync_dir(&self.dir)
    }
}

fn encode(hard_state: HardState) -> Vec<u8> {
    let body =
        postcard::to_stdvec(&hard_state).expect("writing plain data to memory does not fail");
    let crc = crc32fast::hash(&body).to_le_bytes();
    [MAGIC, &crc[..], &body].concat()
}

fn decode(content: &[u8], path: &Path) -> Result<HardState, StorageError> {
    if content.len() >= MAGIC.len() && !content.starts_with(MAGIC) {
        return Err(StorageError::Foreign { path: path.to_owned() });
    }
    let corrupt = || StorageError::Corrupt {
        path: path.to_owned(),
        offset: 0,
        what: "the term and vote are damaged",
    };
    let (header, body) = content.split_at_checked(HEADER_BYTES).ok_or_else(corrupt)?;
    if header[MAGIC.len()..] != crc32fast::hash(body).to_le_bytes() {
        return Err(corrupt());
    }
    postcard::from_bytes(body).map_err(|_| corrupt())
}
