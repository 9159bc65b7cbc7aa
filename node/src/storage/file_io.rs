//! The one door to the file system.
//!
//! Everything that storage does to a file or directory goes through [`FileIo`]:
//! so every failure names the operation and the file, the planted bug that skips
//! syncs has one place, and a test can fail or cut short any single operation.
//!
//! Absent: buffering, retries and knowledge of any format.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::StorageError;

/// What is done to a file or directory; displayed as a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operation {
    CreateDirectory,
    List,
    Create,
    Open,
    Lock,
    Read,
    Allocate,
    Write,
    Truncate,
    Sync,
    SyncDirectory,
    Rename,
    Remove,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreateDirectory => "create the directory",
            Self::List => "list",
            Self::Create => "create",
            Self::Open => "open",
            Self::Lock => "lock",
            Self::Read => "read",
            Self::Allocate => "allocate space for",
            Self::Write => "write to",
            Self::Truncate => "set the length of",
            Self::Sync => "sync",
            Self::SyncDirectory => "sync the directory",
            Self::Rename => "rename",
            Self::Remove => "remove",
        })
    }
}

/// Whether what is called durable is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Files and directories are synced before anything relies on them.
    #[default]
    Synced,
    /// Nothing is ever synced: the planted bug `no-fsync`.
    BugUnsynced,
}

/// How an operation is made to fail.
#[derive(Debug)]
pub enum Fault {
    /// It is not done at all.
    Fails(io::Error),
    /// Only this many bytes are written, then it fails; for writes.
    Short(usize, io::Error),
}

/// What may make file operations fail, for tests.
pub trait Faults: fmt::Debug + Send + Sync {
    /// Is asked before each operation, also from several threads at once.
    fn before(&self, operation: Operation, path: &Path) -> Option<Fault>;
}

/// Does file operations and says what failed.
#[derive(Clone, Debug, Default)]
pub(super) struct FileIo {
    durability: Durability,
    faults: Option<Arc<dyn Faults>>,
}

type Result<T> = std::result::Result<T, StorageError>;

impl FileIo {
    pub(super) fn new(durability: Durability, faults: Option<Arc<dyn Faults>>) -> Self {
        Self { durability, faults }
    }

    pub(super) fn create_dir(&self, path: &Path) -> Result<()> {
        self.run(Operation::CreateDirectory, path, || fs::create_dir(path))
    }

    /// Returns the names in a directory; those that are not UTF-8 are none of ours.
    pub(super) fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.run(Operation::List, dir, || {
            let names = fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
            Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
    }

    /// Creates a file that must not exist, to be written and read.
    pub(super) fn create(&self, path: &Path) -> Result<File> {
        self.run(Operation::Create, path, || {
            OpenOptions::new().read(true).write(true).create_new(true).open(path)
        })
    }

    /// Opens a file to be read and written.
    pub(super) fn open(&self, path: &Path) -> Result<File> {
        self.run(Operation::Open, path, || OpenOptions::new().read(true).write(true).open(path))
    }

    /// Opens or creates a file and locks it against other processes for as long
    /// as it stays open.
    pub(super) fn lock(&self, path: &Path) -> Result<File> {
        let file = self.run(Operation::Create, path, || {
            OpenOptions::new().write(true).create(true).truncate(false).open(path)
        })?;
        self.run(Operation::Lock, path, || match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(source),
        })?
        .then_some(file)
        .ok_or_else(|| StorageError::InUse { path: path.to_owned() })
    }

    /// Reads a whole file.
    pub(super) fn read_all(&self, file: &File, path: &Path) -> Result<Vec<u8>> {
        self.run(Operation::Read, path, || {
            let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
            let mut content = Vec::with_capacity(length);
            (&*file).read_to_end(&mut content)?;
            Ok(content)
        })
    }

    /// Reads the whole file of this name, or `None` if there is none.
    pub(super) fn read_if_exists(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        self.run(Operation::Read, path, || match fs::read(path) {
            Ok(content) => Ok(Some(content)),
            Err(failure) if failure.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        })
    }

    /// Reads up to `bytes_max` bytes at `offset`; fewer only at the end of the file.
    pub(super) fn read_at(
        &self,
        file: &File,
        path: &Path,
        offset: u64,
        bytes_max: usize,
    ) -> Result<Vec<u8>> {
        self.run(Operation::Read, path, || {
            let mut content = vec![0; bytes_max];
            let mut filled = 0;
            while filled < bytes_max {
                match file.read_at(&mut content[filled..], offset + filled as u64) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(failure) if failure.kind() == io::ErrorKind::Interrupted => {}
                    Err(failure) => return Err(failure),
                }
            }
            content.truncate(filled);
            Ok(content)
        })
    }

    pub(super) fn length(&self, file: &File, path: &Path) -> Result<u64> {
        self.run(Operation::Read, path, || Ok(file.metadata()?.len()))
    }

    /// Gives the file this length and space on disk up to it, reading as zeros.
    ///
    /// Where the file system cannot, nothing happens and the file grows as it is
    /// written.
    pub(super) fn allocate(&self, file: &File, path: &Path, length: u64) -> Result<()> {
        self.run(Operation::Allocate, path, || {
            match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, length) {
                Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
                Err(failure) => Err(failure.into()),
            }
        })
    }

    pub(super) fn write_at(
        &self,
        file: &File,
        path: &Path,
        bytes: &[u8],
        offset: u64,
    ) -> Result<()> {
        let outcome = match self.fault(Operation::Write, path) {
            None => file.write_all_at(bytes, offset),
            Some(Fault::Fails(failure)) => Err(failure),
            Some(Fault::Short(count, failure)) => {
                let written = file.write_all_at(&bytes[..count.min(bytes.len())], offset);
                written.and(Err(failure))
            }
        };
        outcome.map_err(|source| error(Operation::Write, path, source))
    }

    pub(super) fn set_length(&self, file: &File, path: &Path, length: u64) -> Result<()> {
        self.run(Operation::Truncate, path, || file.set_len(length))
    }

    /// Makes the content of a file durable, and its length.
    pub(super) fn sync(&self, file: &File, path: &Path) -> Result<()> {
        if self.durability == Durability::BugUnsynced {
            return Ok(());
        }
        self.run(Operation::Sync, path, || file.sync_data())
    }

    /// Makes the names in a directory durable.
    pub(super) fn sync_dir(&self, dir: &Path) -> Result<()> {
        if self.durability == Durability::BugUnsynced {
            return Ok(());
        }
        self.run(Operation::SyncDirectory, dir, || File::open(dir)?.sync_all())
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.run(Operation::Rename, from, || fs::rename(from, to))
    }

    pub(super) fn remove(&self, path: &Path) -> Result<()> {
        self.run(Operation::Remove, path, || fs::remove_file(path))
    }

    fn run<T>(
        &self,
        operation: Operation,
        path: &Path,
        action: impl FnOnce() -> io::Result<T>,
    ) -> Result<T> {
        let outcome = match self.fault(operation, path) {
            None => action(),
            Some(Fault::Fails(failure) | Fault::Short(_, failure)) => Err(failure),
        };
        outcome.map_err(|source| error(operation, path, source))
    }

    fn fault(&self, operation: Operation, path: &Path) -> Option<Fault> {
        self.faults.as_ref()?.before(operation, path)
    }
}

fn error(operation: Operation, path: &Path, source: io::Error) -> StorageError {
    StorageError::Io { operation, path: PathBuf::from(path), source }
}
