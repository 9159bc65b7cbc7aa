//! A crash at every file operation, with whatever the disk had got by then, leaves
//! the state before the call that was under way or the one after it.

use std::path::Path;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use squall_node::storage::{
    Durability, Operation, Recovered, Storage, StorageError, StorageOptions,
};

use crate::model::{Failed, Model, Step, write_on};
use crate::power::{Manner, Power, REMAINS};
use crate::samples::fast_dir;

/// So small that segments end within a script of a few steps.
const SEGMENT_BYTES: u64 = 600;

fn options(faults: Option<Arc<Power>>) -> StorageOptions {
    StorageOptions {
        segment_bytes: SEGMENT_BYTES,
        durability: Durability::Synced,
        faults: faults.map(|power| power as _),
    }
}

/// Every kind of step, each after what makes it interesting.
fn script() -> Vec<Step> {
    vec![
        Step::Vote,
        Step::Append { replaced: 0, count: 5 },
        Step::Append { replaced: 0, count: 3 },
        Step::Append { replaced: 2, count: 6 },
        Step::Vote,
        Step::Append { replaced: 9, count: 2 },
        Step::Append { replaced: 0, count: 12 },
        Step::Append { replaced: 0, count: 4 },
        Step::Save { before_end: 5 },
        Step::Compact,
        Step::Append { replaced: 3, count: 7 },
        Step::InstallHeld { before_end: 4 },
        Step::Append { replaced: 0, count: 2 },
        Step::Compact,
        Step::InstallOther { after_begin: 3 },
        Step::Append { replaced: 0, count: 3 },
        Step::InstallOther { after_begin: 40 },
        Step::Append { replaced: 0, count: 8 },
        Step::Append { replaced: 1, count: 8 },
        Step::Save { before_end: 0 },
        Step::Compact,
        Step::Append { replaced: 0, count: 1 },
    ]
}

/// What a crash may leave: nothing of the call under way, or all of it.
struct Allowed {
    before: Recovered,
    after: Recovered,
    error: Option<StorageError>,
}

/// Runs the steps until one fails.
fn run(dir: &Path, steps: &[Step], power: &Arc<Power>) -> Allowed {
    let mut model = Model::default();
    let unchanged = model.recovered();
    let (mut storage, _) = match Storage::open(dir, options(Some(power.clone()))) {
        Ok(opened) => opened,
        Err(error) => {
            return Allowed { before: unchanged.clone(), after: unchanged, error: Some(error) };
        }
    };
    for &step in steps {
        if let Err(failed) = model.step(step, &mut storage) {
            let Failed { error, after } = *failed;
            return Allowed { before: model.recovered(), after, error: Some(error) };
        }
    }
    Allowed { before: model.recovered(), after: model.recovered(), error: None }
}

/// Crashes at one operation and looks at what each extreme leaves.
fn crash(steps: &[Step], crash_at: usize, manner: Manner) {
    let dir = fast_dir();
    let power = Arc::new(Power::watch(dir.path(), Some((crash_at, manner))));
    let allowed = run(dir.path(), steps, &power);
    let operations = power.operations();
    let (operation, path) = &operations[crash_at];
    let Some(StorageError::Io { operation: failed, path: named, .. }) = &allowed.error else {
        panic!("operation {crash_at}: {:?}", allowed.error);
    };
    assert_eq!((failed, named), (operation, path), "the message names the operation");
    assert_eq!(operations.len(), crash_at + 1, "nothing is tried after a failure");

    for remains in REMAINS {
        let left = fast_dir();
        power.remains(remains, left.path());
        let case = format!("{remains:?} after {operation:?} {crash_at} of {path:?}");
        let (mut storage, recovered) =
            Storage::open(left.path(), options(None)).unwrap_or_else(|error| {
                panic!("{case}: {error}");
            });
        let state = Recovered { torn_bytes: 0, ..recovered };
        assert!(
            state == allowed.before || state == allowed.after,
            "{case}:\n{state:#?}\nbefore {:#?}\nafter {:#?}",
            allowed.before,
            allowed.after
        );
        let expected = write_on(&mut storage, &state);
        drop(storage);
        assert_eq!(Storage::open(left.path(), options(None)).unwrap().1, expected, "{case}");
    }
}

/// Returns the operations of an undisturbed run.
fn undisturbed(steps: &[Step]) -> Vec<Operation> {
    let dir = fast_dir();
    let power = Arc::new(Power::watch(dir.path(), None));
    let allowed = run(dir.path(), steps, &power);
    assert!(allowed.error.is_none(), "{:?}", allowed.error);
    let operations = power.operations();
    assert_eq!(Storage::open(dir.path(), options(None)).unwrap().1, allowed.after);
    operations.into_iter().map(|(operation, _)| operation).collect()
}

#[test]
fn a_crash_at_any_operation_leaves_the_state_before_or_after_the_call() {
    let steps = script();
    let operations = undisturbed(&steps);
    for kind in [Operation::Allocate, Operation::Rename, Operation::Remove, Operation::Truncate] {
        assert!(operations.contains(&kind), "the script does not come to {kind:?}");
    }
    for (number, operation) in operations.into_iter().enumerate() {
        crash(&steps, number, Manner::Whole);
        if operation == Operation::Write {
            for bytes in [1, 11, 40, 100] {
                crash(&steps, number, Manner::Short(bytes));
            }
        }
    }
}

#[test]
fn opening_again_and_again_after_crashes_while_opening_loses_nothing() {
    let made = fast_dir();
    let power = Arc::new(Power::watch(made.path(), None));
    let expected = run(made.path(), &script()[..17], &power).after;
    // The leader's snapshot is there, but not yet what makes the log void.
    let operations = power.operations();
    let renamed = operations.iter().rposition(|(kind, _)| *kind == Operation::Rename).unwrap();
    for crash_at in 0.. {
        let dir = fast_dir();
        let power = Arc::new(Power::watch(dir.path(), Some((renamed + 2, Manner::Whole))));
        run(dir.path(), &script(), &power);
        let power = Arc::new(Power::watch(dir.path(), Some((crash_at, Manner::Whole))));
        let finished = Storage::open(dir.path(), options(Some(power))).is_ok();
        let (_, recovered) = Storage::open(dir.path(), options(None)).unwrap();
        assert_eq!(recovered, expected, "crash at operation {crash_at}");
        if finished {
            break;
        }
    }
}

#[test]
fn the_bug_without_syncs_loses_all_that_was_acknowledged() {
    let dir = fast_dir();
    let power = Arc::new(Power::watch(dir.path(), None));
    let unsynced =
        StorageOptions { durability: Durability::BugUnsynced, ..options(Some(power.clone())) };
    let (mut storage, _) = Storage::open(dir.path(), unsynced).unwrap();
    let mut model = Model::default();
    for step in script() {
        model.step(step, &mut storage).unwrap();
    }
    let synced = [Operation::Sync, Operation::SyncDirectory];
    assert!(power.operations().iter().all(|(operation, _)| !synced.contains(operation)));
    drop(storage);
    // Killing the process does not show it.
    assert_eq!(Storage::open(dir.path(), options(None)).unwrap().1, model.recovered());
    let left = fast_dir();
    power.remains(REMAINS[3], left.path());
    assert_eq!(Storage::open(left.path(), options(None)).unwrap().1, Recovered::default());
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Vote),
        6 => (0..12_u64, 1..9_u64)
            .prop_map(|(replaced, count)| Step::Append { replaced: replaced.saturating_sub(6), count }),
        1 => (0..8_u64).prop_map(|before_end| Step::Save { before_end }),
        1 => (0..8_u64).prop_map(|before_end| Step::InstallHeld { before_end }),
        1 => (0..30_u64).prop_map(|after_begin| Step::InstallOther { after_begin }),
        1 => Just(Step::Compact),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any steps, and a crash at any operation.
    #[test]
    fn any_steps_survive_a_crash_anywhere(
        steps in vec(step(), 1..30),
        place in any::<prop::sample::Index>(),
        short in prop::option::of(0..600_usize),
    ) {
        let operations = undisturbed(&steps);
        let crash_at = place.index(operations.len());
        let manner = match short {
            Some(bytes) if operations[crash_at] == Operation::Write => Manner::Short(bytes),
            _ => Manner::Whole,
        };
        crash(&steps, crash_at, manner);
    }
}
