//! The files of one run, with their sizes.

use std::io;
use std::os::fd::OwnedFd;

use super::beneath::{self, Beneath};

/// Files of one run beyond this many are not listed.
pub(crate) const FILES_MAX: usize = 5_000;

/// Folders within a run that are looked into.
const DEPTH_MAX: usize = 6;

/// A file of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Where it lies, from the run.
    pub(crate) path: Vec<String>,
    /// Its size in bytes when it was listed.
    pub(crate) size: u64,
}

/// Lists the regular files of a run in order of their paths, and says whether those are all.
pub(crate) fn list_files(store: &Beneath, id: &str) -> io::Result<(Vec<Listed>, bool)> {
    let parts: Vec<&str> = id.split('/').collect();
    let mut found = Vec::new();
    let all = visit(&store.folder(&parts)?, &mut Vec::new(), &mut found)?;
    Ok((found, all))
}

fn visit(folder: &OwnedFd, at: &mut Vec<String>, found: &mut Vec<Listed>) -> io::Result<bool> {
    let mut all = true;
    let (folders, files): (Vec<_>, Vec<_>) =
        beneath::list(folder)?.into_iter().partition(|entry| entry.is_folder);
    for file in files {
        if found.len() >= FILES_MAX {
            return Ok(false);
        }
        let Some(stamp) = beneath::stamp(folder, &file.name) else { continue };
        let path = at.iter().cloned().chain([file.name]).collect();
        found.push(Listed { path, size: stamp.size });
    }
    for inner in folders {
        if at.len() >= DEPTH_MAX {
            return Ok(false);
        }
        // It may have been removed since it was listed.
        let Ok(inside) = beneath::inner(folder, &inner.name) else { continue };
        at.push(inner.name);
        all &= visit(&inside, at, found)?;
        at.pop();
    }
    Ok(all)
}
