//! Whether writing one file would destroy another.

use std::{fs::metadata, os::unix::fs::MetadataExt, path::Path};

/// Whether two paths lead to the same file.
pub(crate) fn same_file(one: &Path, other: &Path) -> bool {
    let identity = |path| metadata(path).map(|file| (file.dev(), file.ino())).ok();
    identity(one).is_some_and(|found| Some(found) == identity(other))
}
