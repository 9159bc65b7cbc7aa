//! Making a directory that is still there after a crash.
//!
//! A directory's name is an entry of its parent and durable once the parent is
//! synced. Directories are made from the top, each durable before the next is
//! made in it: so whatever was interrupted, by a crash or a kill, only the
//! deepest directory there is may not be durable yet, and syncing its parent
//! again makes up for that.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::StorageError;
use super::file_io::{FileIo, Operation};

/// Creates `dir` and what is missing above it, or makes sure of it if it exists.
pub(super) fn create(dir: &Path, io: &FileIo) -> Result<(), StorageError> {
    // A relative path ends in an empty one, which is no directory.
    let dir = std::path::absolute(dir).map_err(|source| find_error(dir, source))?;
    let missing: Vec<_> = dir.ancestors().take_while(|place| !place.is_dir()).collect();
    if let Some(parent) = dir.ancestors().nth(missing.len() + 1) {
        match io.sync_dir(parent) {
            // Whoever gave this node a directory inside one that it may not read
            // or that has nothing to sync, such as an automounter's, did not
            // leave it to this node to make it.
            Err(StorageError::Io { source, .. })
                if matches!(
                    source.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::InvalidInput
                ) => {}
            synced => synced?,
        }
    }
    for place in missing.into_iter().rev() {
        match io.create_dir(place) {
            Err(StorageError::Io { source, .. })
                if source.kind() == ErrorKind::AlreadyExists && place.is_dir() => {}
            created => created?,
        }
        if let Some(parent) = place.parent() {
            io.sync_dir(parent)?;
        }
    }
    Ok(())
}

fn find_error(dir: &Path, source: io::Error) -> StorageError {
    StorageError::Io { operation: Operation::Open, path: dir.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    use super::super::file_io::{Durability, Fault, Faults};
    use super::*;

    /// Records syncs, and fails that of one directory.
    #[derive(Debug, Default)]
    struct Watch {
        fail_at: Option<(PathBuf, ErrorKind)>,
        synced: Mutex<Vec<PathBuf>>,
    }

    impl Faults for Watch {
        fn before(&self, operation: Operation, path: &Path) -> Option<Fault> {
            if operation != Operation::SyncDirectory {
                return None;
            }
            if let Some((_, kind)) = self.fail_at.as_ref().filter(|(place, _)| place == path) {
                return Some(Fault::Fails((*kind).into()));
            }
            self.synced.lock().unwrap().push(path.to_owned());
            None
        }
    }

    /// Creates `dir`, with a failure instead of one sync if any, and returns what
    /// was synced before.
    fn create_and_watch(
        dir: &Path,
        fail_at: Option<(&Path, ErrorKind)>,
    ) -> (Result<(), StorageError>, Vec<PathBuf>) {
        let fail_at = fail_at.map(|(place, kind)| (place.to_owned(), kind));
        let watch = Arc::new(Watch { fail_at, ..Watch::default() });
        let outcome = create(dir, &FileIo::new(Durability::Synced, Some(watch.clone())));
        let synced = watch.synced.lock().unwrap().clone();
        (outcome, synced)
    }

    #[test]
    fn every_directory_made_is_synced_into_its_parent() {
        let root = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "a/b", "a/b/c"].map(|path| root.path().join(path));
        let above = root.path().parent().unwrap();
        assert_eq!(create_and_watch(&c, None).1, [above, root.path(), &a, &b]);
        assert!(c.is_dir());
        assert_eq!(create_and_watch(&c, None).1, [b]);
    }

    #[test]
    fn what_a_crash_left_unsynced_is_synced_next_time() {
        let root = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "a/b", "a/b/c"].map(|path| root.path().join(path));
        create_and_watch(&c, Some((&a, ErrorKind::Other))).0.unwrap_err();
        assert!(b.is_dir() && !c.is_dir());
        assert_eq!(create_and_watch(&c, None).1, [a, b]);
    }

    #[test]
    fn a_parent_that_may_not_be_read_is_no_obstacle_but_a_failing_one_is() {
        let root = tempfile::tempdir().unwrap();
        let parent = root.path().parent().unwrap();
        let refuse = |kind| create_and_watch(root.path(), Some((parent, kind))).0;
        refuse(ErrorKind::PermissionDenied).unwrap();
        let failed = refuse(ErrorKind::Other).unwrap_err();
        let StorageError::Io { operation: Operation::SyncDirectory, path, .. } = &failed else {
            panic!("{failed:?}");
        };
        assert_eq!(path, parent);
    }
}
