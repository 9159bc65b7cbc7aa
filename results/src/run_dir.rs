//! The folder of one run inside the store: its name, its files, how they are written.
//!
//! The file system owns the state; a [`RunDir`] is only a path known to be a run.
//! Files appear whole or not at all, and `store/latest` never points to nothing.
//! Deliberately absent: the history writer, which appends while the run goes on and so
//! cannot be atomic; it opens [`RunDir::history`] itself.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

/// Why a run directory could not be made, opened or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The name of the run would leave its folder.
    #[error("name a run {name:?}: use one plain folder name, without / or ..")]
    Name {
        /// The name given.
        name: String,
    },
    /// A folder could not be made.
    #[error("create the folder {}; check that its parent is writable and not full, or choose another with --store", path.display())]
    Create {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The `latest` link could not be set.
    #[error("point {} at the new run; remove it if it is not a symbolic link", path.display())]
    Latest {
        /// The link.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("write {}; check free space and permissions", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder holds no history.
    #[error("open {} as a run: it holds no history.jsonl; give a folder such as store/latest", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
}

/// The folder of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Makes `store/<name>/<utc_stamp>-<seed>/` with its `logs/`, and points `store/latest` at it.
    ///
    /// Two runs of the same second and seed get folders of their own (`-2`, `-3`, ... is
    /// appended), also when several processes share the store.
    ///
    /// # Errors
    /// When `name` or `utc_stamp` is no plain folder name, or the store cannot be written.
    pub fn create(
        store: &Path,
        name: &str,
        utc_stamp: &str,
        seed: u64,
    ) -> Result<Self, StoreError> {
        plain_name(name)?;
        plain_name(utc_stamp)?;
        let parent = store.join(name);
        fs::create_dir_all(&parent)
            .map_err(|source| StoreError::Create { path: parent.clone(), source })?;
        let (folder, path) = create_unique(&parent, &format!("{utc_stamp}-{seed}"))?;
        let logs = path.join("logs");
        fs::create_dir(&logs).map_err(|source| StoreError::Create { path: logs, source })?;
        point_latest(store, &Path::new(name).join(folder))?;
        Ok(Self { path })
    }

    /// Opens the folder of a run that took place; `path` may be a link such as `store/latest`.
    ///
    /// # Errors
    /// When there is no history in it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let run = Self { path: path.to_path_buf() };
        if run.history().is_file() { Ok(run) } else { Err(StoreError::NotARun { path: run.path }) }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the plan is kept.
    pub fn plan(&self) -> PathBuf {
        self.path.join("plan.toml")
    }

    /// Where the history is recorded.
    pub fn history(&self) -> PathBuf {
        self.path.join("history.jsonl")
    }

    /// Where the probes are recorded.
    pub fn cluster(&self) -> PathBuf {
        self.path.join("cluster.jsonl")
    }

    /// Where the results are kept.
    pub fn results(&self) -> PathBuf {
        self.path.join("results.json")
    }

    /// Where the proof of the verdict is kept.
    pub fn certificate(&self) -> PathBuf {
        self.path.join("certificate.json")
    }

    /// Where the HTML report is kept.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// Where the JUnit file is kept.
    pub fn junit(&self) -> PathBuf {
        self.path.join("junit.xml")
    }

    /// Where the output of `node` is kept; whatever is no plain file name in it becomes `_`.
    pub fn log(&self, node: &str) -> PathBuf {
        let plain: String = node
            .chars()
            .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
            .collect();
        self.path.join("logs").join(format!("{plain}.log"))
    }

    /// Writes a file so that readers see the old one or the whole new one, whatever happens.
    ///
    /// `path` is one of the paths above.
    ///
    /// # Errors
    /// When it cannot be written; the old file, if any, is then untouched.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        write_atomically(path, bytes)
    }
}

/// Writes a file beside `path`, flushes it to disk and renames it into place.
///
/// # Errors
/// When it cannot be written; the old file, if any, is then untouched.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut partial = OsString::from(path);
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let written = fs::File::create(&partial)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&partial, path));
    written.map_err(|source| {
        // Best effort: the cause is reported either way, and a leftover is only untidy.
        let _ = fs::remove_file(&partial);
        StoreError::Write { path: path.to_path_buf(), source }
    })
}

fn plain_name(name: &str) -> Result<(), StoreError> {
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        // `latest` is the link's.
        (Some(Component::Normal(only)), None) if only == name && name != "latest" => Ok(()),
        _ => Err(StoreError::Name { name: name.to_owned() }),
    }
}

/// Makes a folder nobody had before; `create_dir` is the atomic test.
fn create_unique(parent: &Path, wanted: &str) -> Result<(String, PathBuf), StoreError> {
    let mut folder = wanted.to_owned();
    for attempt in 2_u32.. {
        let path = parent.join(&folder);
        match fs::create_dir(&path) {
            Ok(()) => return Ok((folder, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                folder = format!("{wanted}-{attempt}");
            }
            Err(source) => return Err(StoreError::Create { path, source }),
        }
    }
    Err(StoreError::Create {
        path: parent.join(wanted),
        source: io::Error::from(io::ErrorKind::AlreadyExists),
    })
}

/// Replaces `store/latest` in one rename, so that it points to a run at every moment.
fn point_latest(store: &Path, target: &Path) -> Result<(), StoreError> {
    let latest = store.join("latest");
    // The target is unique to this run, and so is a name made of it.
    let flat = target.to_string_lossy().replace(['/', '\\'], "-");
    let fresh = store.join(format!(".latest-{flat}"));
    std::os::unix::fs::symlink(target, &fresh).and_then(|()| fs::rename(&fresh, &latest)).map_err(
        |source| {
            // Best effort, as above.
            let _ = fs::remove_file(&fresh);
            StoreError::Latest { path: latest, source }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_the_same_second_get_folders_of_their_own_and_latest_is_the_newest() {
        let store = tempfile::tempdir().unwrap();
        let first = RunDir::create(store.path(), "register", "20260102T030405", 7).unwrap();
        let second = RunDir::create(store.path(), "register", "20260102T030405", 7).unwrap();
        assert!(first.path().ends_with("register/20260102T030405-7"));
        assert!(second.path().ends_with("register/20260102T030405-7-2"));
        assert!(second.log("n1").parent().unwrap().is_dir());

        second.write(&second.history(), b"{}\n").unwrap();
        let latest = RunDir::open(&store.path().join("latest")).unwrap();
        assert_eq!(fs::read(latest.history()).unwrap(), b"{}\n");
        let left: Vec<_> =
            fs::read_dir(store.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "only the runs and the link: {left:?}");
    }

    #[test]
    fn threads_that_create_at_once_never_share_a_folder() {
        let store = tempfile::tempdir().unwrap();
        let paths: std::collections::BTreeSet<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| RunDir::create(store.path(), "a", "t", 1).unwrap().path))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(paths.len(), 8);
    }

    #[test]
    fn names_that_leave_the_store_are_refused() {
        let store = tempfile::tempdir().unwrap();
        for name in ["", ".", "..", "a/b", "../x", "/etc", "latest", "a/"] {
            let error = RunDir::create(store.path(), name, "t", 1).unwrap_err();
            assert!(matches!(error, StoreError::Name { .. }), "{name:?}: {error}");
        }
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_nothing_else() {
        let store = tempfile::tempdir().unwrap();
        let run = RunDir::create(store.path(), "a", "t", 1).unwrap();
        run.write(&run.results(), b"old").unwrap();
        // A folder cannot be replaced by a file.
        let taken = run.path().join("logs");
        let error = run.write(&taken, b"new").unwrap_err();
        assert!(error.to_string().contains("logs"), "{error}");
        assert_eq!(fs::read(run.results()).unwrap(), b"old");
        assert_eq!(fs::read_dir(run.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_folder_without_a_history_is_no_run() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(RunDir::open(folder.path()), Err(StoreError::NotARun { .. })));
    }

    #[test]
    fn a_hostile_node_name_stays_inside_the_logs() {
        let run = RunDir { path: PathBuf::from("run") };
        assert_eq!(run.log("../../n1"), Path::new("run/logs/.._.._n1.log"));
    }
}
