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

use squall_checker::model::ModelName;

use crate::{
    generator::{Endless, Generator},
    keys::{FINAL_KEYS_MAX, KeyChoice, Slots},
    operation::{Function, Invocation},
    roles::{Role, client_rng},
    workload::{Client, SERVICE_KEY, Settings, Workload},
};

/// Appends that are issued to one list.
const LIST_LENGTH: u64 = 128;

/// The `list-append` workload.
#[derive(Clone, Debug)]
pub struct ListAppend {
    seed: u64,
    choice: KeyChoice,
    lists: Slots,
}

impl ListAppend {
    /// A workload over so many lists at a time.
    pub fn new(settings: Settings) -> Self {
        let lists = Slots::new(settings.keys, LIST_LENGTH);
        Self { seed: settings.seed, choice: settings.choice(), lists }
    }
}

impl Workload for ListAppend {
    fn name(&self) -> &'static str {
        "list-append"
    }

    fn model(&self) -> ModelName {
        ModelName::ListAppend
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Read, Function::Append]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let (lists, choice) = (self.lists.clone(), self.choice.clone());
        let (mut rng, role) = (client_rng(self.seed, client), Role::of(client));
        Box::new(Endless(move || {
            let slot = choice.draw(&mut rng);
            let reads = role.reads(50, &mut rng);
            if reads {
                return Invocation::read(Slots::key(slot, lists.newest(slot)));
            }
            let (element, list) = lists.issue(slot);
            Invocation::append(Slots::key(slot, list), element)
        }))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        let lists = self.lists.all(FINAL_KEYS_MAX).into_iter();
        lists.map(|(slot, list)| Invocation::read(Slots::key(slot, list))).collect()
    }

    fn service_check(&self, number: u64) -> Invocation {
        Invocation::append(SERVICE_KEY, number)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::workloads::tests::by_turns;

    fn lists(seed: u64, keys: usize) -> ListAppend {
        ListAppend::new(Settings { keys, ..Settings::of(seed) })
    }

    #[test]
    fn elements_are_unique_and_no_list_outgrows_its_length() {
        let mut lists_seen: HashMap<String, HashSet<u64>> = HashMap::new();
        for op in by_turns(&lists(1, 3), 8, 500) {
            if op.function == Function::Append {
                let element = op.value.as_u64().expect("elements are numbers");
                assert!(lists_seen.entry(op.key().to_owned()).or_default().insert(element));
            }
        }
        assert!(lists_seen.len() > 9, "lists are left for fresh ones: {}", lists_seen.len());
        assert!(lists_seen.values().all(|list| list.len() as u64 <= LIST_LENGTH));
    }

    #[test]
    fn reads_go_where_appends_went_last() {
        let mut newest: HashMap<String, String> = HashMap::new();
        for op in by_turns(&lists(2, 3), 8, 500) {
            let slot = op.key().split_once('.').expect("slot and list").0.to_owned();
            let fresh = format!("{slot}.0");
            match op.function {
                Function::Append => drop(newest.insert(slot, op.key().to_owned())),
                _ => assert_eq!(newest.get(&slot).unwrap_or(&fresh), op.key()),
            }
        }
    }

    #[test]
    fn everything_is_read_back_the_newest_lists_first() {
        let workload = lists(3, 2);
        let appended: HashSet<_> = by_turns(&workload, 4, 1_000)
            .into_iter()
            .filter(|op| op.function == Function::Append)
            .map(|op| op.key)
            .collect();
        let reads: Vec<_> = workload.final_reads().into_iter().map(|read| read.key).collect();
        assert_eq!(appended, reads.iter().cloned().collect());
        assert_eq!(appended.len(), reads.len());
        let first = reads[0].as_deref().and_then(|key| key.split_once('.'));
        assert_ne!(first.expect("slot and list").1, "0", "the oldest come last");
    }
}
