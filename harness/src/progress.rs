//! What a run tells while it goes on; how it is shown is the binary's business.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use serde_json::Value;
use squall_nemesis::conductor::{NemesisEvent, Stage};

use crate::recorder::Tally;

/// Someone who wants to know how the run goes.
pub trait Progress: Send + Sync {
    /// A new phase begins, in a few words: `starting 5 nodes`.
    fn phase(&self, what: &str);
    /// The workload goes on; called a few times a second.
    fn tick(&self, snapshot: &Snapshot);
}

/// Nobody wants to know.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn phase(&self, _what: &str) {}

    fn tick(&self, _snapshot: &Snapshot) {}
}

/// The run at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Since the clients began.
    pub elapsed: Duration,
    /// How long the clients are to run.
    pub total: Duration,
    /// Completed operations a second since the last snapshot.
    pub operations_per_s: f64,
    /// Operations so far, by outcome.
    pub tally: Tally,
    /// The faults in force, in words; empty when there are none.
    pub faults: Vec<String>,
    /// The leader as last seen, and its term.
    pub leader: Option<(String, Option<u64>)>,
}

/// The faults in force, kept up from the nemesis's own events.
#[derive(Debug, Default)]
pub struct FaultsInForce(Mutex<BTreeMap<u64, String>>);

impl FaultsInForce {
    /// Takes note of an event.
    pub fn note(&self, event: &NemesisEvent) {
        let Some(id) = event.value.get("id").and_then(Value::as_u64) else { return };
        let undo = matches!(event.f, "restart" | "resume" | "heal" | "readmit" | "settle");
        match (undo, event.stage) {
            (false, Stage::Invoke) => {
                let words = event.value.get("description").and_then(Value::as_str);
                self.lock().insert(id, words.unwrap_or(event.f).to_owned());
            }
            (true, Stage::Ok | Stage::Fail) => {
                self.lock().remove(&id);
            }
            _ => {}
        }
    }

    /// The faults in force, oldest first, in words.
    pub fn now(&self) -> Vec<String> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.0.lock().expect("no thread panics while it holds the faults")
    }
}
