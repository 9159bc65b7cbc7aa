//! Opening, appending to and syncing the file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

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
    #[error("failed to {doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another process has the file open.
    #[error("failed to open {}: another process is using it; stop it or choose another --data", path.display())]
    InUse {
        /// Which file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("failed to open {}: it is not a log of this version", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// The file is damaged in a way no crash can explain.
    #[error(
        "failed to read {} at offset {offset}: {what}; what this node acknowledged is lost, so \
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
    #[error("failed to start the thread that writes the log")]
    Thread(#[source] io::Error),
    /// The records given are more than one frame holds.
    #[error("failed to append to {}: the records exceed {} bytes", path.display(), frame::PAYLOAD_BYTES_MAX)]
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
    /// # Errors
    /// The file cannot be opened, is in use by another process, or is damaged
    /// elsewhere than at its end.
    pub fn open(dir: &Path) -> Result<(Self, Recovered), StorageError> {
        create_dir_durably(dir)?;
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
        let recovered = if FILE_HEADER.starts_with(&content) && content != FILE_HEADER {
            // New, or a crash came before the header was on disk: nothing was
            // ever acknowledged.
            file.rewind().map_err(io("rewind"))?;
            file.write_all(FILE_HEADER).map_err(io("write"))?;
            file.sync_all().map_err(io("sync"))?;
            sync_dir(dir)?;
            Recovered::default()
        } else if content.starts_with(FILE_HEADER) {
            let (recovered, end) = replay::replay(&content, FILE_HEADER.len()).map_err(
                |Corruption { offset, what }| StorageError::Corrupt {
                    path: path.clone(),
                    offset,
                    what,
                },
            )?;
            if recovered.torn_bytes > 0 {
                file.set_len(end as u64).map_err(io("cut the end of"))?;
                file.sync_all().map_err(io("sync"))?;
            }
            recovered
        } else {
            return Err(StorageError::Foreign { path });
        };
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

/// Creates `dir` so that it is still there after a crash.
fn create_dir_durably(dir: &Path) -> Result<(), StorageError> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(|source| StorageError::Io {
        doing: "create",
        path: dir.to_owned(),
        source,
    })?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}

/// Makes the entries of a directory durable.
fn sync_dir(dir: &Path) -> Result<(), StorageError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| StorageError::Io {
        doing: "sync",
        path: dir.to_owned(),
        source,
    })
}
