//! The store as a whole: an index of its runs and of the nights of its suites.
//!
//! The file system owns the state. The index is computed from it, kept in memory and brought
//! up to date whenever it is asked for: folders are listed anew, files are read again only
//! where size, time or identity changed. Nothing is ever written, and no link is followed.
//! Deliberately absent: histories; an index needs a few fields of each `results.json`.

mod beneath;
mod digest;
mod files;
mod night;
mod query;
mod run;
mod walk;
mod when;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use beneath::{Beneath, plain};
pub(crate) use digest::read;
pub use digest::{Digest, FaultKind, Fingerprint, SIZE_MAX};
pub(crate) use files::{Files, Listed, list_files};
pub(crate) use night::unexpected;
pub use night::{Night, NightCell};
pub(crate) use query::pairs;
pub use query::{Query, QueryError};
pub use run::{Run, State};
pub use walk::{NIGHTS_MAX, RUNS_MAX};
pub use when::When;

use beneath::Stamp;
use walk::{Bounds, Found, FoundNight, FoundRun};

/// An index of a store, shared by all who ask.
#[derive(Debug)]
pub struct Store {
    beneath: Beneath,
    bounds: Bounds,
    /// How often the index was asked for.
    asked: AtomicU64,
    known: Mutex<Known>,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Known {
    runs: HashMap<String, (Key, Arc<Run>)>,
    nights: HashMap<String, (Stamp, Arc<Night>)>,
    index: Arc<Index>,
    /// Everybody who asked before this many is answered by `index`.
    answers: u64,
}

/// What a run's entry in the index depends on.
type Key = (Option<Stamp>, bool);

/// The runs and nights of a store at one moment.
#[derive(Debug, Default)]
pub struct Index {
    /// The runs, newest first.
    pub runs: Vec<Arc<Run>>,
    /// The nights of suites, by suite, each oldest first.
    pub suites: BTreeMap<String, Vec<Arc<Night>>>,
    /// Folders that could not be looked into, with why.
    pub unreadable: Vec<String>,
    /// There are more than [`RUNS_MAX`] runs, and the rest is left out.
    pub more: bool,
    /// There are more than [`NIGHTS_MAX`] nights of suites, and the rest is left out.
    pub more_nights: bool,
    by_id: HashMap<String, Arc<Run>>,
}

impl Index {
    /// The run at `id`.
    pub fn run(&self, id: &str) -> Option<&Arc<Run>> {
        self.by_id.get(id)
    }

    /// The night of a suite at `id`.
    pub fn night(&self, id: &str) -> Option<&Arc<Night>> {
        self.suites.values().flatten().find(|night| night.id == id)
    }

    /// Runs that are part of no suite, by name, each newest first.
    pub fn series(&self) -> BTreeMap<&str, Vec<&Arc<Run>>> {
        let mut series: BTreeMap<&str, Vec<&Arc<Run>>> = BTreeMap::new();
        for run in self.runs.iter().filter(|run| run.suite.is_none()) {
            series.entry(&run.name).or_default().push(run);
        }
        series
    }
}

impl Store {
    /// The store in `folder`, which need not exist yet.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            beneath: Beneath::new(folder),
            bounds: Bounds::default(),
            asked: AtomicU64::new(0),
            known: Mutex::default(),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.beneath.root()
    }

    pub(crate) fn beneath(&self) -> &Beneath {
        &self.beneath
    }

    /// The index as it is now. Those who ask at the same time share one look.
    ///
    /// Blocks: lists every folder, and reads every file of results that changed. `tell` hears
    /// how many of how many are read.
    ///
    /// # Errors
    /// When the store itself cannot be listed.
    pub fn index(&self, tell: &(dyn Fn(usize, usize) + Sync)) -> io::Result<Arc<Index>> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if asked < known.answers {
            return Ok(known.index.clone());
        }
        let answers = self.asked.load(Ordering::SeqCst);
        let found = walk::walk(&self.beneath, self.bounds)?;
        let fresh_runs = self.read_runs(&found.runs, &known.runs, tell);
        let fresh_nights = self.read_nights(&found.nights, &known.nights);
        let unchanged = fresh_runs.is_empty()
            && fresh_nights.is_empty()
            && found.runs.len() == known.runs.len()
            && found.nights.len() == known.nights.len()
            && found.unreadable == known.index.unreadable
            && (found.more, found.more_nights) == (known.index.more, known.index.more_nights);
        if !unchanged {
            known.replace(found, fresh_runs, fresh_nights);
        }
        known.answers = answers;
        Ok(known.index.clone())
    }

    /// Reads the runs that are new or changed, on every processor there is.
    fn read_runs(
        &self,
        found: &[FoundRun],
        known: &HashMap<String, (Key, Arc<Run>)>,
        tell: &(dyn Fn(usize, usize) + Sync),
    ) -> HashMap<String, (Key, Arc<Run>)> {
        let changed = |run: &&FoundRun| known.get(&run.id).is_none_or(|(key, _)| *key != run.key());
        let changed: Vec<_> = found.iter().filter(changed).collect();
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let fresh = Mutex::new(HashMap::with_capacity(changed.len()));
        let work = || {
            while let Some(run) = changed.get(next.fetch_add(1, Ordering::Relaxed)) {
                let read = Arc::new(self.read_run(run));
                let mut fresh = fresh.lock().unwrap_or_else(PoisonError::into_inner);
                fresh.insert(run.id.clone(), (run.key(), read));
                drop(fresh);
                tell(done.fetch_add(1, Ordering::Relaxed) + 1, changed.len());
            }
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 1..processors.min(8).min(changed.len()) {
                scope.spawn(work);
            }
            work();
        });
        fresh.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_run(&self, found: &FoundRun) -> Run {
        let results = found.results.map(|stamp| match stamp.size {
            size if size > SIZE_MAX => Err((State::TooLarge, digest::too_large(size))),
            _ => self
                .bytes(&found.id, "results.json")
                .and_then(|bytes| Digest::of(&bytes))
                .map_err(|why| (State::Damaged, why)),
        });
        Run::new(&found.id, found.has_report, results)
    }

    fn read_nights(
        &self,
        found: &[FoundNight],
        known: &HashMap<String, (Stamp, Arc<Night>)>,
    ) -> HashMap<String, (Stamp, Arc<Night>)> {
        let changed =
            |night: &&FoundNight| known.get(&night.id).is_none_or(|(key, _)| *key != night.suite);
        let read = |night: &FoundNight| (night.suite, Arc::new(self.read_night(night)));
        found.iter().filter(changed).map(|night| (night.id.clone(), read(night))).collect()
    }

    fn read_night(&self, found: &FoundNight) -> Night {
        let json = match found.suite.size {
            size if size > SIZE_MAX => Err(digest::too_large(size)),
            _ => self.bytes(&found.id, "suite.json"),
        };
        Night::new(&found.id, json)
    }

    fn bytes(&self, id: &str, name: &str) -> Result<Vec<u8>, String> {
        let parts: Vec<&str> = id.split('/').chain([name]).collect();
        read(self.beneath.file(&parts).map_err(|error| error.to_string())?)
    }
}

impl FoundRun {
    fn key(&self) -> Key {
        (self.results, self.has_report)
    }
}

impl Known {
    /// Takes what was found in place of what was known.
    fn replace(
        &mut self,
        found: Found,
        fresh_runs: HashMap<String, (Key, Arc<Run>)>,
        fresh_nights: HashMap<String, (Stamp, Arc<Night>)>,
    ) {
        self.runs.extend(fresh_runs);
        self.nights.extend(fresh_nights);
        let there: HashMap<&str, ()> = found.runs.iter().map(|run| (run.id.as_str(), ())).collect();
        self.runs.retain(|id, _| there.contains_key(id.as_str()));
        let there: HashMap<&str, ()> =
            found.nights.iter().map(|night| (night.id.as_str(), ())).collect();
        self.nights.retain(|id, _| there.contains_key(id.as_str()));

        let mut runs: Vec<_> = self.runs.values().map(|(_, run)| run.clone()).collect();
        runs.sort_by(|a, b| (&b.when, &b.id).cmp(&(&a.when, &a.id)));
        let mut suites: BTreeMap<String, Vec<Arc<Night>>> = BTreeMap::new();
        for (_, night) in self.nights.values() {
            suites.entry(night.suite.clone()).or_default().push(night.clone());
        }
        for nights in suites.values_mut() {
            nights.sort_by(|a, b| (&a.when, &a.id).cmp(&(&b.when, &b.id)));
        }
        self.index = Arc::new(Index {
            by_id: runs.iter().map(|run| (run.id.clone(), run.clone())).collect(),
            runs,
            suites,
            unreadable: found.unreadable,
            more: found.more,
            more_nights: found.more_nights,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(store: &Path, name: &str, file: &str) {
        let folder = store.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(file), b"{}").unwrap();
    }

    #[test]
    fn what_is_left_out_is_known_also_while_counts_stay_equal() {
        let folder = tempfile::tempdir().unwrap();
        let bounds = Bounds { runs: 2, nights: 1 };
        let store = Store { bounds, ..Store::new(folder.path().to_path_buf()) };
        let look = || {
            let index = store.index(&|_, _| {}).unwrap();
            let nights: Vec<_> = index.suites.values().flatten().map(|n| n.id.clone()).collect();
            (index.runs.len(), index.more, nights.join(" "), index.more_nights)
        };
        add(folder.path(), "a/1", "history.jsonl");
        add(folder.path(), "a/2", "history.jsonl");
        add(folder.path(), "s/1", "suite.json");
        assert_eq!(look(), (2, false, "s/1".to_owned(), false));
        add(folder.path(), "z/3", "history.jsonl");
        assert_eq!(look(), (2, true, "s/1".to_owned(), false));
        // The newest night stays.
        add(folder.path(), "s/2", "suite.json");
        assert_eq!(look(), (2, true, "s/2".to_owned(), true));
        std::fs::remove_dir_all(folder.path().join("z")).unwrap();
        std::fs::remove_dir_all(folder.path().join("s/1")).unwrap();
        assert_eq!(look(), (2, false, "s/2".to_owned(), false));
    }
}
