//! The files of one run, with their sizes, and whether those are all.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use super::beneath::{self, Beneath};
use crate::wording::{count, plural};

/// Files of one run beyond this many are not listed.
const FILES_MAX: usize = 5_000;

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

/// The regular files of a run in order of their paths; links and pipes are none.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) listed: Vec<Listed>,
    pub(crate) missing: Missing,
}

/// What a listing lacks.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    /// There are more files than are listed.
    too_many: bool,
    /// There are folders deeper than are looked into.
    too_deep: bool,
    /// Files and folders that could not be looked at.
    unreadable: usize,
    /// Names that have no address: no UTF-8, or with characters that no name here has.
    unnamed: usize,
}

impl Missing {
    /// Whether nothing is missing.
    pub(crate) fn is_nothing(&self) -> bool {
        !self.too_many && !self.too_deep && self.unreadable == 0 && self.unnamed == 0
    }
}

/// Says why a listing is not whole, as a sentence without its full stop.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut why = Vec::new();
        if self.too_many {
            why.push(format!("it has more than {} files", count(FILES_MAX as u64)));
        }
        if self.too_deep {
            why.push(format!("it has folders more than {DEPTH_MAX} deep"));
        }
        if self.unreadable > 0 {
            let number = plural(self.unreadable as u64, "file or folder", "files or folders");
            why.push(format!("{number} of it cannot be read"));
        }
        if self.unnamed > 0 {
            let number = plural(self.unnamed as u64, "name", "names");
            why.push(format!("{number} in it cannot be written in an address"));
        }
        f.write_str(&why.join("; "))
    }
}

/// Lists the files of a run.
///
/// # Errors
/// When the run's own folder cannot be listed.
pub(crate) fn list_files(store: &Beneath, id: &str) -> io::Result<Files> {
    let parts: Vec<&str> = id.split('/').collect();
    let mut found = Files::default();
    visit(&store.folder(&parts)?, &mut Vec::new(), &mut found)?;
    Ok(found)
}

fn visit(folder: &OwnedFd, at: &mut Vec<String>, found: &mut Files) -> io::Result<()> {
    let names = beneath::list(folder)?;
    found.missing.unnamed += names.unnamed;
    let (folders, files): (Vec<_>, Vec<_>) =
        names.plain.into_iter().partition(|entry| entry.is_folder);
    for file in files {
        if found.listed.len() >= FILES_MAX {
            found.missing.too_many = true;
            break;
        }
        match beneath::stamp(folder, &file.name) {
            Ok(stamp) => {
                let path = at.iter().cloned().chain([file.name]).collect();
                found.listed.push(Listed { path, size: stamp.size });
            }
            Err(error) => found.missing.failed(&error),
        }
    }
    for inner in folders {
        if at.len() >= DEPTH_MAX {
            found.missing.too_deep = true;
            break;
        }
        if found.missing.too_many {
            break;
        }
        let inside = beneath::inner(folder, &inner.name);
        at.push(inner.name);
        if let Err(error) = inside.and_then(|inside| visit(&inside, at, found)) {
            found.missing.failed(&error);
        }
        at.pop();
    }
    Ok(())
}

impl Missing {
    /// Counts what could not be looked at, unless it was removed since it was listed.
    fn failed(&mut self, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.unreadable += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;

    use super::*;

    fn listed(store: &Path) -> Files {
        list_files(&Beneath::new(store.to_path_buf()), "run").unwrap()
    }

    #[test]
    fn a_listing_says_what_it_lacks_and_why() {
        let store = tempfile::tempdir().unwrap();
        let run = store.path().join("run");
        let deep = run.join(["d"; DEPTH_MAX].join("/"));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), b"here").unwrap();
        let found = listed(store.path());
        assert!(found.missing.is_nothing(), "{}", found.missing);
        assert_eq!(found.listed.len(), 1);

        fs::create_dir(deep.join("deeper")).unwrap();
        assert_eq!(listed(store.path()).missing.to_string(), "it has folders more than 6 deep");
        fs::write(run.join(OsStr::from_bytes(b"\xff.log")), b"").unwrap();
        fs::write(run.join("a\nb"), b"").unwrap();
        let why = listed(store.path()).missing.to_string();
        assert!(why.ends_with("; 2 names in it cannot be written in an address"), "{why}");
    }

    #[test]
    fn more_files_than_are_listed_are_told_as_such() {
        let store = tempfile::tempdir().unwrap();
        let run = store.path().join("run");
        fs::create_dir_all(run.join("inner")).unwrap();
        for number in 0..FILES_MAX {
            fs::write(run.join(number.to_string()), b"").unwrap();
        }
        assert!(listed(store.path()).missing.is_nothing());
        fs::write(run.join("inner/one"), b"").unwrap();
        assert_eq!(listed(store.path()).missing.to_string(), "it has more than 5,000 files");
    }
}
