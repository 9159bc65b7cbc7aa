//! Files and folders beneath the store, reached without following any link.
//!
//! Every step is opened from the folder before it, so that no name leads out of the store,
//! whatever is renamed or linked meanwhile. Owns no state but the path of the store.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

/// The folder that everything lies beneath; itself it may be a link.
#[derive(Clone, Debug)]
pub(crate) struct Beneath {
    root: PathBuf,
}

/// What is known of a file before it is read: enough to see that it was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    modified: (i64, i64),
    inode: u64,
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) is_folder: bool,
}

/// What is in a folder.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// In order.
    pub(super) plain: Vec<Name>,
    /// Files and folders whose names are none that [`plain`] lets through.
    pub(super) unnamed: usize,
}

impl Beneath {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Opens the folder at `parts`.
    pub(crate) fn folder(&self, parts: &[&str]) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut folder = rustix::fs::open(&self.root, flags, Mode::empty())?;
        for part in parts {
            folder = inner(&folder, part)?;
        }
        Ok(folder)
    }

    /// Opens the regular file at `parts` for reading.
    ///
    /// # Errors
    /// When there is none, when a link is on the way, or when a part is no plain name.
    pub(crate) fn file(&self, parts: &[&str]) -> io::Result<File> {
        let (name, folders) = parts.split_last().ok_or(io::ErrorKind::NotFound)?;
        regular(&self.folder(folders)?, name)
    }
}

/// Opens a folder of `folder`.
pub(super) fn inner(folder: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, plain(name)?, flags, Mode::empty())?)
}

/// Opens a regular file of `folder`.
pub(super) fn regular(folder: &OwnedFd, name: &str) -> io::Result<File> {
    // Without NONBLOCK, opening a pipe that somebody put there would wait for ever.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(folder, plain(name)?, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// What is known of a regular file of `folder`.
pub(super) fn stamp(folder: &OwnedFd, name: &str) -> io::Result<Stamp> {
    let stat = rustix::fs::statat(folder, plain(name)?, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(Stamp {
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
        inode: stat.st_ino,
    })
}

/// The regular files and the folders in `folder`; links and pipes are left out.
pub(super) fn list(folder: &OwnedFd) -> io::Result<Names> {
    let mut names = Names::default();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let kind = match entry.file_type() {
            // Some file systems do not say so in the listing.
            FileType::Unknown => {
                rustix::fs::statat(folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                    .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode))
            }
            known => known,
        };
        let own = matches!(entry.file_name().to_bytes(), b"." | b"..");
        if own || !matches!(kind, FileType::Directory | FileType::RegularFile) {
            continue;
        }
        match entry.file_name().to_str().ok().filter(|name| plain(name).is_ok()) {
            Some(name) => names
                .plain
                .push(Name { name: name.to_owned(), is_folder: kind == FileType::Directory }),
            None => names.unnamed += 1,
        }
    }
    names.plain.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(names)
}

/// Refuses what is no name of one file in one folder.
pub(crate) fn plain(name: &str) -> io::Result<&str> {
    let hostile = name.contains(['/', '\\']) || name.chars().any(char::is_control);
    if name.is_empty() || name == "." || name == ".." || name.len() > 255 || hostile {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_outside_is_reached_by_names_or_links() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), b"secret").unwrap();
        let store = tempfile::tempdir().unwrap();
        let run = store.path().join("run");
        std::fs::create_dir(&run).unwrap();
        std::fs::write(run.join("here"), b"here").unwrap();
        symlink(outside.path().join("secret"), run.join("file-link")).unwrap();
        symlink(outside.path(), run.join("folder-link")).unwrap();
        let beneath = Beneath::new(store.path().to_path_buf());
        assert!(beneath.file(&["run", "here"]).is_ok());
        for parts in [
            &["run", "file-link"][..],
            &["run", "folder-link", "secret"],
            &["run", "..", "run", "here"],
            &["run/here"],
            &["/etc/passwd"],
            &["run", "here\0"],
            &["run"],
            &[],
        ] {
            assert!(beneath.file(parts).is_err(), "{parts:?}");
        }
        let listed = list(&beneath.folder(&["run"]).unwrap()).unwrap();
        assert_eq!(listed.plain, [Name { name: "here".to_owned(), is_folder: false }]);
        assert_eq!(listed.unnamed, 0);
    }
}
