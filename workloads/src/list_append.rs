//! Lists that everyone appends to and reads as a whole: shows the order in which a store
//! applied its changes, and so catches what it lost, doubled or turned round.
//!
//! Elements are unique, so every list read tells which appends came before it, in their order.
//! A list is left for a fresh one when [`LIST_LENGTH`] appends to it have been issued: values
//! stay short and no key grows with the length of the run.
//!
//! Needs `read` and `append`. Detects lost, doubled and reordered appends, stale reads, and
//! reads of what was undone later. Cannot detect broken compare-and-set.
//!
//! Which list of its time each client reads or appends to depends on the seed alone. The
//! element, and when the next list begins, depend on how many appends all clients together
//! have come to, so that those that a fault holds up do not stay behind on old lists.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rand::{RngExt, rngs::ChaCha8Rng};
use squall_checker::model::ModelName;

use crate::{
    roles::{Role, client_rng},
    workload::{Generator, Invocation, Workload},
};

/// Appends that are issued to one list.
const LIST_LENGTH: u64 = 128;

/// Lists read back on every node at the end, the newest first; a run of minutes has some
/// hundred.
const FINAL_LISTS_MAX: usize = 500;

/// The `list-append` workload.
#[derive(Clone, Debug)]
pub struct ListAppend {
    seed: u64,
    /// One for each list that is appended to at the same time.
    slots: Arc<[Slot]>,
}

/// The lists that follow each other in one place, by the appends issued to all of them.
#[derive(Debug, Default)]
struct Slot {
    issued: AtomicU64,
}

impl Slot {
    /// The next element, and the number of the list it goes to.
    fn issue(&self) -> (u64, u64) {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        (number % LIST_LENGTH + 1, number / LIST_LENGTH)
    }

    /// The number of the list that was appended to last.
    fn newest(&self) -> u64 {
        self.issued.load(Ordering::Relaxed).saturating_sub(1) / LIST_LENGTH
    }
}

fn key(slot: usize, list: u64) -> String {
    format!("{slot}.{list}")
}

impl ListAppend {
    /// A workload over `keys` lists at a time, all chosen equally often.
    pub fn new(seed: u64, keys: usize) -> Self {
        Self { seed, slots: (0..keys).map(|_| Slot::default()).collect() }
    }
}

impl Workload for ListAppend {
    fn name(&self) -> &'static str {
        "list-append"
    }

    fn model(&self) -> ModelName {
        ModelName::ListAppend
    }

    fn functions(&self) -> &'static [&'static str] {
        &["read", "append"]
    }

    fn generator(&self, client: usize, clients: usize) -> Box<dyn Generator> {
        Box::new(ListStream {
            rng: client_rng(self.seed, client),
            slots: Arc::clone(&self.slots),
            role: Role::of(client, clients),
        })
    }

    fn final_reads(&self) -> Vec<Invocation> {
        let mut lists: Vec<(u64, usize, u64)> = Vec::new();
        for (slot, lists_of) in self.slots.iter().enumerate() {
            let newest = lists_of.newest();
            lists.extend((0..=newest).map(|list| (newest - list, slot, list)));
        }
        lists.sort_unstable();
        lists.truncate(FINAL_LISTS_MAX.max(self.slots.len()));
        lists.into_iter().map(|(_, slot, list)| Invocation::read(key(slot, list))).collect()
    }

    fn service_check(&self, key: &'static str, number: u64) -> Invocation {
        Invocation::append(key, number)
    }
}

struct ListStream {
    rng: ChaCha8Rng,
    slots: Arc<[Slot]>,
    role: Role,
}

impl Generator for ListStream {
    fn next(&mut self) -> Invocation {
        let slot = self.rng.random_range(0..self.slots.len());
        let reads = match self.role {
            Role::Both => self.rng.random(),
            Role::Reads => true,
            Role::Changes => false,
        };
        if reads {
            return Invocation::read(key(slot, self.slots[slot].newest()));
        }
        let (element, list) = self.slots[slot].issue();
        Invocation::append(key(slot, list), element)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn run(workload: &ListAppend, clients: usize, rounds: usize) -> Vec<Invocation> {
        let mut streams: Vec<_> =
            (0..clients).map(|client| workload.generator(client, clients)).collect();
        (0..rounds).flat_map(|_| streams.iter_mut().map(|s| s.next()).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn elements_are_unique_and_no_list_outgrows_its_length() {
        let mut lists: HashMap<String, HashSet<u64>> = HashMap::new();
        for op in run(&ListAppend::new(1, 3), 8, 500) {
            if op.f == "append" {
                let element = op.value.as_u64().expect("elements are numbers");
                assert!(lists.entry(op.key.into_owned()).or_default().insert(element));
            }
        }
        assert!(lists.len() > 9, "lists are left for fresh ones: {}", lists.len());
        assert!(lists.values().all(|list| list.len() as u64 <= LIST_LENGTH));
    }

    #[test]
    fn reads_go_where_appends_went_last() {
        let mut newest: HashMap<String, String> = HashMap::new();
        for op in run(&ListAppend::new(2, 3), 8, 500) {
            let slot = op.key.split_once('.').expect("slot and list").0.to_owned();
            let fresh = format!("{slot}.0");
            match op.f {
                "append" => drop(newest.insert(slot, op.key.into_owned())),
                _ => assert_eq!(*newest.get(&slot).unwrap_or(&fresh), op.key),
            }
        }
    }

    #[test]
    fn everything_is_read_back_the_newest_lists_first() {
        let workload = ListAppend::new(3, 2);
        let appended: HashSet<_> = run(&workload, 4, 1_000)
            .into_iter()
            .filter(|op| op.f == "append")
            .map(|op| op.key)
            .collect();
        let reads: Vec<_> = workload.final_reads().into_iter().map(|read| read.key).collect();
        assert_eq!(appended, reads.iter().cloned().collect());
        assert_eq!(appended.len(), reads.len());
        let first = reads[0].split_once('.').expect("slot and list").1;
        assert_ne!(first, "0", "the oldest come last");
    }

    #[test]
    fn the_seed_decides_who_does_what_where() {
        let told = |seed| {
            let ops = run(&ListAppend::new(seed, 3), 4, 100);
            ops.into_iter().map(|op| (op.f, op.key)).collect::<Vec<_>>()
        };
        assert_eq!(told(7), told(7));
        assert_ne!(told(7), told(8));
    }
}
