//! Opening, appending to and syncing the file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::durable_dir::{self, SyncDir};
use super::frame;
use super::replay::{self, Corruption, Record, Recovered};

/// The name of the file in the data directory.
const FILE_NAME: &str = "raft.log";

/// What the file begins with: its kind and the version of its format.
const FILE_HEADER: &[u8; 8] = b"squall\0\x01";

/// Why a node's state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The operating system refused something.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another process has the file open.
    #[error("open {}: another process is using it; stop it or choose another --data", path.display())]
    InUse {
        /// Which file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("open {}: it is not a log of this version", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// The file is damaged in a way no crash can explain.
    #[error(
        "read {} at offset {offset}: {what}; what this node acknowledged is lost, so \
         it must not rejoin: restore the file or replace the node", path.display()
    )]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// Where the damage begins, in bytes from the beginning of the file.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The thread that writes the file could not be started.
    #[error("start the thread that writes the log")]
    Thread(#[source] io::Error),
    /// The records given are more than one frame holds.
    #[error("append to {}: the records exceed {} bytes", path.display(), frame::PAYLOAD_BYTES_MAX)]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
}

/// The log file, locked and open for appending.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
}

impl LogFile {
    /// Opens the file in `dir`, creating both if they do not exist, and reads
    /// what it holds. An unfinished frame at the end is cut off for good.
    ///
    /// What is returned is on disk: the node may have been killed before, with
    /// the machine still to go down.
    ///
    /// # Errors
    /// The file cannot be opened, is in use by another process, or is damaged
    /// elsewhere than at its end.
    pub fn open(dir: &Path) -> Result<(Self, Recovered), StorageError> {
        Self::open_with(dir, &mut durable_dir::sync)
    }

    fn open_with(dir: &Path, sync_dir: SyncDir<'_>) -> Result<(Self, Recovered), StorageError> {
        durable_dir::create(dir, sync_dir)?;
        let path = dir.join(FILE_NAME);
        let io = |doing| {
            let path = path.clone();
            move |source| StorageError::Io { doing, path, source }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StorageError::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(io("lock")(source)),
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(io("read"))?;
        let recovered = if content.starts_with(FILE_HEADER) {
            let (recovered, end) = replay::replay(&content, FILE_HEADER.len()).map_err(
                |Corruption { offset, what }| StorageError::Corrupt {
                    path: path.clone(),
                    offset,
                    what,
                },
            )?;
            if recovered.torn_bytes > 0 {
                file.set_len(end as u64).map_err(io("cut the end of"))?;
            }
            recovered
        } else if is_header_unfinished(&content) {
            file.rewind().map_err(io("rewind"))?;
            file.write_all(FILE_HEADER).map_err(io("write"))?;
            Recovered::default()
        } else {
            return Err(StorageError::Foreign { path });
        };
        // Always, for what was just read may be in memory only, written by a
        // process that was killed before it could sync.
        file.sync_all().map_err(io("sync"))?;
        durable_dir::call(sync_dir, dir)?;
        file.seek(SeekFrom::End(0)).map_err(io("seek in"))?;
        Ok((Self { file, path, buffer: Vec::new() }, recovered))
    }

    /// Appends `records` and returns once they are on disk: all or, after a
    /// crash, none. Costs one write and one sync.
    ///
    /// # Errors
    /// The records may or may not be on disk; the file must not be used again.
    pub fn append<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<(), StorageError> {
        frame::begin(&mut self.buffer);
        let mut buffer = std::mem::take(&mut self.buffer);
        for record in records {
            buffer = postcard::to_extend(record, buffer)
                .expect("writing plain data to memory does not fail");
        }
        self.buffer = buffer;
        frame::finish(&mut self.buffer)
            .ok_or_else(|| StorageError::TooLarge { path: self.path.clone() })?;
        self.file.write_all(&self.buffer).map_err(|source| self.io("write to", source))?;
        self.file.sync_data().map_err(|source| self.io("sync", source))
    }

    fn io(&self, doing: &'static str, source: io::Error) -> StorageError {
        StorageError::Io { doing, path: self.path.clone(), source }
    }
}

/// Returns whether this is a new file, or what a crash left of writing the
/// header: then nothing was ever acknowledged.
///
/// Bytes that did not reach the disk read as zero if the length did.
fn is_header_unfinished(content: &[u8]) -> bool {
    content.len() <= FILE_HEADER.len()
        && content.iter().zip(FILE_HEADER).all(|(&byte, &whole)| byte == whole || byte == 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Opens the log and returns the directories that were synced.
    fn synced_by_opening(dir: &Path) -> Vec<PathBuf> {
        let mut synced = Vec::new();
        let record = &mut |dir: &Path| {
            synced.push(dir.to_owned());
            Ok(())
        };
        LogFile::open_with(dir, record).unwrap();
        synced
    }

    #[test]
    fn the_directory_is_synced_whether_the_file_is_new_or_not() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            assert_eq!(synced_by_opening(dir.path()).last().unwrap(), dir.path());
        }
    }

    #[test]
    fn opening_makes_up_for_a_crash_before_the_directory_was_synced() {
        let dir = tempfile::tempdir().unwrap();
        let crash = &mut |synced: &Path| {
            if synced == dir.path() { Err(io::Error::other("crash")) } else { Ok(()) }
        };
        let crashed = LogFile::open_with(dir.path(), crash);
        assert!(matches!(crashed, Err(StorageError::Io { doing: "sync", .. })), "{crashed:?}");
        assert_eq!(fs::read(dir.path().join(FILE_NAME)).unwrap(), FILE_HEADER);
        assert_eq!(synced_by_opening(dir.path()).last().unwrap(), dir.path());
    }
}
