//! The directory itself: whose it is, and what does not belong there.

use std::fs;

use squall_node::storage::{Recovered, StorageError};
use tempfile::TempDir;

use crate::samples::{entry, files, hard_state, open, recover};

#[test]
fn two_processes_do_not_share_a_directory() {
    let dir = TempDir::new().unwrap();
    let _held = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(StorageError::InUse { .. })));
}

#[test]
fn the_one_file_of_an_earlier_version_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let old = dir.path().join("raft.log");
    fs::write(&old, b"squall\0\x01").unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, StorageError::OldFormat { .. }), "{error:?}");
    assert!(error.to_string().contains("raft.log: it is the one-file log of an earlier version"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn files_of_another_kind_are_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    storage.append(&[entry(1, 1, b"x")]).unwrap();
    storage.snapshots().save(&crate::samples::meta(1, 1), |_| Ok(())).unwrap();
    drop(storage);
    let segment = files(dir.path(), "log").remove(0);
    let snapshot = files(dir.path(), "snap").remove(0);
    for path in [segment, snapshot, dir.path().join("state")] {
        let kept = fs::read(&path).unwrap();
        for content in [&b"precious"[..], b"squallX\x01", b"squallL\x02 and more"] {
            fs::write(&path, content).unwrap();
            let error = open(dir.path()).unwrap_err();
            assert!(matches!(error, StorageError::Foreign { .. }), "{error:?}");
            assert!(error.to_string().starts_with("open /"), "{error}");
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        fs::write(&path, kept).unwrap();
    }
    recover(dir.path());
}

#[test]
fn a_vote_replaces_the_one_before_and_damage_to_it_is_refused() {
    let dir = TempDir::new().unwrap();
    let (mut storage, recovered) = open(dir.path()).unwrap();
    assert_eq!(recovered, Recovered::default());
    for term in 1..4 {
        storage.set_hard_state(hard_state(term, "n2")).unwrap();
    }
    drop(storage);
    // A crash while the next was written leaves it as it was.
    fs::write(dir.path().join("state.tmp"), b"squall").unwrap();
    assert_eq!(recover(dir.path()).hard_state, hard_state(3, "n2"));
    let (mut storage, _) = open(dir.path()).unwrap();
    storage.set_hard_state(hard_state(4, "n3")).unwrap();
    drop(storage);
    assert_eq!(recover(dir.path()).hard_state, hard_state(4, "n3"));

    let path = dir.path().join("state");
    let whole = fs::read(&path).unwrap();
    for place in 8..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert!(matches!(error, StorageError::Corrupt { .. }), "byte {place}: {error}");
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        open(dir.path()).unwrap_err();
    }
    fs::remove_file(&path).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("the term and vote are gone"), "{error}");
}
