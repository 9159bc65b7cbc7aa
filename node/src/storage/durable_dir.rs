//! Making a directory that is still there after a crash.
//!
//! A directory's name is an entry of its parent and durable once the parent is
//! synced. Directories are made from the top, each durable before the next is
//! made in it: so whatever was interrupted, by a crash or a kill, only the
//! deepest directory there is may not be durable yet, and syncing its parent
//! again makes up for that.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::StorageError;

/// What makes the entries of a directory durable; tests watch it.
pub(super) type SyncDir<'a> = &'a mut dyn FnMut(&Path) -> io::Result<()>;

/// Makes the entries of a directory durable.
pub(super) fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Calls `sync_dir` and says what failed.
pub(super) fn call(sync_dir: SyncDir<'_>, dir: &Path) -> Result<(), StorageError> {
    sync_dir(dir).map_err(|source| error("sync", dir, source))
}

/// Creates `dir` and what is missing above it, or makes sure of it if it exists.
pub(super) fn create(dir: &Path, sync_dir: SyncDir<'_>) -> Result<(), StorageError> {
    // A relative path ends in an empty one, which is no directory.
    let dir = std::path::absolute(dir).map_err(|source| error("find", dir, source))?;
    let missing: Vec<_> = dir.ancestors().take_while(|place| !place.is_dir()).collect();
    if let Some(parent) = dir.ancestors().nth(missing.len() + 1) {
        match sync_dir(parent) {
            // Whoever gave this node a directory inside one that it may not read
            // or that has nothing to sync, such as an automounter's, did not
            // leave it to this node to make it.
            Err(refusal)
                if matches!(
                    refusal.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::InvalidInput
                ) => {}
            synced => synced.map_err(|source| error("sync", parent, source))?,
        }
    }
    for place in missing.into_iter().rev() {
        match fs::create_dir(place) {
            Err(failure) if failure.kind() == ErrorKind::AlreadyExists && place.is_dir() => {}
            created => created.map_err(|source| error("create", place, source))?,
        }
        if let Some(parent) = place.parent() {
            call(sync_dir, parent)?;
        }
    }
    Ok(())
}

fn error(doing: &'static str, path: &Path, source: io::Error) -> StorageError {
    StorageError::Io { doing, path: PathBuf::from(path), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates `dir`, with a crash instead of the sync of `crash_at` if any, and
    /// returns what was synced before.
    fn create_and_watch(dir: &Path, crash_at: Option<&Path>) -> Vec<PathBuf> {
        let mut synced = Vec::new();
        let outcome = create(dir, &mut |place| {
            if Some(place) == crash_at {
                return Err(io::Error::other("crash"));
            }
            synced.push(place.to_owned());
            Ok(())
        });
        assert_eq!(outcome.is_err(), crash_at.is_some(), "{outcome:?}");
        synced
    }

    #[test]
    fn every_directory_made_is_synced_into_its_parent() {
        let root = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "a/b", "a/b/c"].map(|path| root.path().join(path));
        let above = root.path().parent().unwrap();
        assert_eq!(create_and_watch(&c, None), [above, root.path(), &a, &b]);
        assert!(c.is_dir());
        assert_eq!(create_and_watch(&c, None), [b]);
    }

    #[test]
    fn what_a_crash_left_unsynced_is_synced_next_time() {
        let root = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "a/b", "a/b/c"].map(|path| root.path().join(path));
        create_and_watch(&c, Some(&a));
        assert!(b.is_dir() && !c.is_dir());
        assert_eq!(create_and_watch(&c, None), [a, b]);
    }

    #[test]
    fn a_parent_that_may_not_be_read_is_no_obstacle_but_a_failing_one_is() {
        let root = tempfile::tempdir().unwrap();
        let refuse = |kind: ErrorKind| create(root.path(), &mut |_| Err(kind.into()));
        refuse(ErrorKind::PermissionDenied).unwrap();
        assert!(matches!(refuse(ErrorKind::Other), Err(StorageError::Io { doing: "sync", .. })));
    }
}
