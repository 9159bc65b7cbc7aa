//! Every workload against a store in memory: one that does it right is linearizable whatever
//! becomes of replies, and one with a flaw that a workload is there for is not.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;
use squall_checker::{
    CheckOptions,
    certificate::Certificate,
    check,
    history::{History, Outcome},
    verdict::{Conclusion, Verdict},
    verify,
};
use squall_workloads::{
    Access, Function, SERVICE_KEY, Settings, WORKLOADS, by_name,
    rehearsal::{Conditions, Flaw, Performed, Rehearsed, rehearse},
};

fn settings(seed: u64) -> Settings {
    Settings { keys: 6, ..Settings::of(seed) }
}

fn rehearsed(name: &str, conditions: Conditions) -> Rehearsed {
    let workload = by_name(name, settings(conditions.seed)).expect("listed");
    rehearse(&*workload, conditions).expect("what clients do is a history")
}

/// The verdict on a history, whose proof is verified; and why, where it is not linearizable.
fn judged(history: &History) -> (Verdict, String) {
    let analysis = check(history, &CheckOptions::default()).expect("the model knows all of it");
    if analysis.verdict != Verdict::Unknown {
        let verified = verify(history, &Certificate::of(&analysis)).expect("the proof holds");
        assert_eq!(verified.verdict, analysis.verdict);
    }
    let why = analysis.keys.iter().find_map(|key| match &key.conclusion {
        Conclusion::Linearizable { .. } => None,
        Conclusion::Unknown { reason } => Some(format!("{:?}: {reason}", key.key)),
        Conclusion::Violation(found) => Some(format!("{:?}: {}", key.key, found.explanation)),
    });
    (analysis.verdict, why.unwrap_or_default())
}

#[test]
fn a_store_that_does_it_right_is_linearizable_under_every_workload() {
    for entry in WORKLOADS {
        for seed in 0..6 {
            let conditions = Conditions { seed, clients: 12, ..Conditions::default() };
            let Rehearsed { history, performed } = rehearsed(entry.name, conditions);
            assert!(performed.len() > 1_000, "{}: {} operations", entry.name, performed.len());
            let (verdict, why) = judged(&history);
            assert_eq!(verdict, Verdict::Linearizable, "{}, seed {seed}: {why}", entry.name);
        }
    }
}

#[test]
fn every_function_of_a_workload_is_used_and_succeeds() {
    for entry in WORKLOADS {
        let workload = by_name(entry.name, settings(1)).expect("listed");
        let conditions = Conditions { seed: 1, clients: 12, ..Conditions::default() };
        let Rehearsed { performed, history } = rehearse(&*workload, conditions).expect("a history");
        let used: BTreeSet<Function> = performed.iter().map(|op| op.invocation.function).collect();
        let offered: BTreeSet<Function> = workload.functions().into_iter().collect();
        assert!(used.is_subset(&offered), "{}: {used:?} beside {offered:?}", entry.name);
        let mut unused: BTreeSet<_> = offered.difference(&used).copied().collect();
        // What the harness itself asks for.
        unused.remove(&workload.service_check(1).function);
        assert!(unused.is_empty(), "{}: {unused:?}", entry.name);
        let known = workload.model().functions();
        assert!(offered.iter().all(|function| known.contains(&function.f())), "{}", entry.name);
        for function in used {
            let ok = |op: &&Performed| {
                op.invocation.function == function
                    && matches!(op.reply, Some(squall_workloads::rehearsal::Reply::Ok(_)))
            };
            let (of, ok) = (
                performed.iter().filter(|op| op.invocation.function == function).count(),
                performed.iter().filter(ok).count(),
            );
            assert!(ok * 10 > of, "{}: {ok} of {of} {function} succeeded", entry.name);
        }
        assert!(!performed.iter().any(|op| op.invocation.key().ends_with(SERVICE_KEY)));
        assert!(history.operations.len() > performed.len(), "{}: the end is read", entry.name);
    }
}

#[test]
fn flaws_are_found_by_the_workloads_that_are_there_for_them() {
    let table: &[(&str, &[Flaw])] = &[
        ("register", &[Flaw::StaleRead, Flaw::LostChange]),
        ("cas-register", &[Flaw::StaleRead, Flaw::LostChange, Flaw::BlindCas]),
        ("kv", &[Flaw::StaleRead, Flaw::LostChange, Flaw::BlindCas]),
        ("list-append", &[Flaw::StaleRead, Flaw::LostChange, Flaw::DoubleApply]),
        ("set", &[Flaw::StaleRead, Flaw::LostChange]),
        ("counter", &[Flaw::StaleRead, Flaw::LostChange, Flaw::DoubleApply]),
        ("queue", &[Flaw::LostChange, Flaw::DoubleApply]),
        ("bag", &[Flaw::LostChange, Flaw::DoubleApply]),
        ("mutex", &[Flaw::LostChange, Flaw::BlindCas]),
        ("ids", &[Flaw::LostChange, Flaw::DoubleApply]),
        ("bank", &[Flaw::StaleRead, Flaw::LostChange, Flaw::BlindCas, Flaw::TornRead]),
        ("long-fork", &[Flaw::StaleRead, Flaw::LostChange, Flaw::TornRead]),
        ("txn-append", &[Flaw::StaleRead, Flaw::LostChange, Flaw::DoubleApply, Flaw::TornRead]),
        ("txn-register", &[Flaw::StaleRead, Flaw::LostChange, Flaw::TornRead]),
        ("multi-compare", &[Flaw::StaleRead, Flaw::LostChange]),
        ("sessions", &[Flaw::StaleRead, Flaw::LostChange, Flaw::DoubleApply]),
        ("watch", &[Flaw::StaleRead, Flaw::LostChange]),
        ("mixed", &[Flaw::StaleRead, Flaw::LostChange, Flaw::DoubleApply, Flaw::BlindCas]),
    ];
    assert_eq!(table.len(), WORKLOADS.len());
    for (name, flaws) in table {
        for &flaw in *flaws {
            let conditions = Conditions { seed: 3, clients: 12, flaw, ..Conditions::default() };
            let (verdict, why) = judged(&rehearsed(name, conditions).history);
            assert_eq!(verdict, Verdict::Violation, "{name}: {flaw:?}: {why}");
        }
    }
}

/// Function, key and address of each operation of each client, in their order.
fn streams(performed: &[Performed]) -> BTreeMap<usize, Vec<(Function, String, Value)>> {
    let mut streams: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for op in performed {
        let invocation = &op.invocation;
        let told = (invocation.function, invocation.key().to_owned(), invocation.value.clone());
        streams.entry(op.client).or_default().push(told);
    }
    streams
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn same_seed_same_everything(seed: u64, which in 0..WORKLOADS.len()) {
        let name = WORKLOADS[which].name;
        let time = std::time::Duration::from_millis(300);
        let run = |seed| {
            let conditions = Conditions { seed, time, ..Conditions::default() };
            streams(&rehearsed(name, conditions).performed)
        };
        prop_assert_eq!(run(seed), run(seed));
        prop_assert_ne!(run(seed), run(seed.wrapping_add(1)));
    }

    /// A process has one operation in flight, and none after one that is indeterminate.
    #[test]
    fn a_process_retires_after_what_is_indeterminate(seed: u64, which in 0..WORKLOADS.len()) {
        let time = std::time::Duration::from_millis(300);
        let conditions = Conditions { seed, time, lost: 200, ..Conditions::default() };
        let history = rehearsed(WORKLOADS[which].name, conditions).history;
        let mut ended: BTreeSet<u64> = BTreeSet::new();
        for (_, op) in history.iter() {
            prop_assert!(!ended.contains(&op.process), "process {} goes on", op.process);
            if op.outcome == Outcome::Info {
                ended.insert(op.process);
            }
        }
        prop_assert!(!ended.is_empty());
    }

    /// Two clients never write one value to one key, whatever is lost and tried again.
    #[test]
    fn written_values_are_unique_per_key(seed: u64) {
        // Their changes are alike on purpose, or are tried again as they are.
        let alike = ["counter", "ids", "mutex"];
        for entry in WORKLOADS.iter().filter(|entry| !alike.contains(&entry.name)) {
            let conditions = Conditions { seed, lost: 100, ..Conditions::default() };
            let mut written: BTreeSet<(String, String)> = BTreeSet::new();
            for op in rehearsed(entry.name, conditions).performed {
                for (key, value) in changes(&op) {
                    let fresh = written.insert((key.clone(), value.to_string()));
                    prop_assert!(fresh, "{}: {} written twice to {}", entry.name, value, key);
                }
            }
        }
    }
}

/// What an operation writes, key by key; nothing of what may be written twice: elements that
/// come and go, and additions to sets, which are tried again.
fn changes(op: &Performed) -> Vec<(String, Value)> {
    let invocation = &op.invocation;
    let key = invocation.key().to_owned();
    match invocation.function {
        Function::Write | Function::Append | Function::AppendOnce | Function::Enqueue => {
            vec![(key, invocation.value.clone())]
        }
        Function::Cas => vec![(key, invocation.value[1].clone())],
        Function::Txn | Function::AppendTxn | Function::GuardedTxn => invocation
            .accesses()
            .into_iter()
            .filter_map(|access| match access {
                Access::Write(key, value) | Access::Append(key, value) => Some((key, value)),
                Access::Read(..) => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn however_few_clients_there_are_something_is_changed_and_something_read() {
    for entry in WORKLOADS {
        for clients in 1..=4 {
            let conditions = Conditions { seed: 2, clients, ..Conditions::default() };
            let performed = rehearsed(entry.name, conditions).performed;
            let reads = |op: &&Performed| match op.invocation.function {
                Function::Read | Function::ElementContains => true,
                Function::Txn | Function::AppendTxn => changes(op).is_empty(),
                _ => false,
            };
            let count = performed.iter().filter(reads).count();
            let nothing_reads = ["queue", "bag", "mutex", "ids"].contains(&entry.name);
            assert!(nothing_reads || count > 0, "{}: {clients} clients never read", entry.name);
            assert!(count < performed.len(), "{}: {clients} clients never change", entry.name);
        }
    }
}
