//! A disk that remembers what was synced, and can lose the rest.
//!
//! Watches every operation from outside. At the chosen one the node "crashes":
//! that operation and all after it fail. What is left then depends on what the
//! file system had written back by itself, so there are four extremes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use squall_node::storage::{Fault, Faults, Operation};

/// What of some kind is left after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// What was synced.
    Synced,
    /// Everything.
    All,
}

/// All extremes of what a crash leaves of names and of contents; to kill the
/// process leaves all of both.
pub(crate) const REMAINS: [(Left, Left); 4] = [
    (Left::All, Left::All),
    (Left::All, Left::Synced),
    (Left::Synced, Left::All),
    (Left::Synced, Left::Synced),
];

/// How the operation fails at which the node crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It is not done.
    Whole,
    /// A write gets this far.
    Short(usize),
}

/// Identifies a file whatever its name. Files are kept open, so that no number
/// is used again.
type Inode = u64;

#[derive(Debug, Default)]
struct Seen {
    operations: Vec<(Operation, PathBuf)>,
    files: BTreeMap<Inode, File>,
    synced_contents: BTreeMap<Inode, Vec<u8>>,
    /// Of each directory that was synced, the files then in it.
    synced_names: BTreeMap<PathBuf, BTreeMap<PathBuf, Inode>>,
}

/// The watched directory.
#[derive(Debug)]
pub(crate) struct Power {
    root: PathBuf,
    crash_at: Option<(usize, Manner)>,
    seen: Mutex<Seen>,
}

impl Power {
    /// Watches `root`, and fails from the operation with this number on, if any.
    pub(crate) fn watch(root: &Path, crash_at: Option<(usize, Manner)>) -> Self {
        Self { root: root.to_owned(), crash_at, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Returns what was done, the operations that failed included.
    pub(crate) fn operations(&self) -> Vec<(Operation, PathBuf)> {
        self.seen().operations.clone()
    }

    /// Builds in `target` what a crash leaves.
    pub(crate) fn remains(&self, (names, contents): (Left, Left), target: &Path) {
        let mut seen = self.seen();
        seen.look_at(&self.root);
        let names = match names {
            Left::All => directories(&self.root)
                .into_iter()
                .map(|dir| (dir.clone(), files_in(&dir)))
                .collect(),
            Left::Synced => seen.synced_names.clone(),
        };
        let place = |path: &Path| target.join(path.strip_prefix(&self.root).unwrap());
        for (dir, files) in names {
            // A directory is there if its parent was synced, which the node sees
            // to before it puts anything in.
            fs::create_dir_all(place(&dir)).unwrap();
            for (path, inode) in files {
                let content = match contents {
                    Left::All => seen.content(inode),
                    Left::Synced => seen.synced_contents.get(&inode).cloned().unwrap_or_default(),
                };
                fs::write(place(&path), content).unwrap();
            }
        }
    }
}

impl Faults for Power {
    fn before(&self, operation: Operation, path: &Path) -> Option<Fault> {
        let mut seen = self.seen();
        let number = seen.operations.len();
        seen.operations.push((operation, path.to_owned()));
        seen.look_at(&self.root);
        if let Some((crash_at, manner)) = self.crash_at
            && number >= crash_at
        {
            let failure = io::Error::other("crash");
            return Some(match manner {
                Manner::Short(bytes) if number == crash_at => Fault::Short(bytes, failure),
                Manner::Short(_) | Manner::Whole => Fault::Fails(failure),
            });
        }
        match operation {
            Operation::Sync => {
                let inode = fs::metadata(path).unwrap().ino();
                let content = seen.content(inode);
                seen.synced_contents.insert(inode, content);
            }
            Operation::SyncDirectory if path.starts_with(&self.root) => {
                seen.synced_names.insert(path.to_owned(), files_in(path));
            }
            _ => {}
        }
        None
    }
}

impl Seen {
    /// Takes hold of files not seen before.
    fn look_at(&mut self, root: &Path) {
        for dir in directories(root) {
            for (path, inode) in files_in(&dir) {
                self.files.entry(inode).or_insert_with(|| File::open(path).unwrap());
            }
        }
    }

    fn content(&self, inode: Inode) -> Vec<u8> {
        let mut file = &self.files[&inode];
        let mut content = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut content).unwrap();
        content
    }
}

/// Returns the root and the directories in it; there are none deeper.
fn directories(root: &Path) -> Vec<PathBuf> {
    let inner = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    [root.to_owned()].into_iter().chain(inner.filter(|path| path.is_dir())).collect()
}

fn files_in(dir: &Path) -> BTreeMap<PathBuf, Inode> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.path(), entry.metadata().unwrap().ino()))
        .collect()
}
