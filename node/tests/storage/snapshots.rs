//! Snapshots: whole or refused, and what they do to the log.

use std::fs;
use std::io::{self, Write};
use std::thread;

use squall_node::raft::{Install, LogIndex, Suffix};
use squall_node::storage::{Saved, Storage, StorageError, StorageOptions};
use tempfile::TempDir;

use crate::samples::{entry, files, install, meta, open, position, recover, snapshot};

/// More than two blocks, and not a whole number of them.
fn large_state() -> Vec<u8> {
    (0..600_001_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[test]
fn a_saved_snapshot_is_there_on_reopening_and_the_older_one_is_gone() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    let entries: Vec<_> = (1..=9).map(|index| entry(index, 1, b"x")).collect();
    storage.append(&entries).unwrap();
    let data = large_state();
    for index in [3, 6] {
        let saved = storage.snapshots().save(&meta(index, 1), |file| file.write_all(&data));
        assert_eq!(saved.unwrap(), Saved::Newest);
    }
    assert_eq!(storage.snapshots().newest(), Some(meta(6, 1)));
    drop(storage);
    let recovered = recover(dir.path());
    assert_eq!(recovered.snapshot, Some(snapshot(6, 1, &data)));
    assert_eq!(recovered.entries, entries[6..]);
    assert_eq!(files(dir.path(), "snap").len(), 1);
}

#[test]
fn pieces_are_read_at_any_place_from_the_newest_and_the_one_before() {
    let dir = TempDir::new().unwrap();
    let (storage, _) = open(dir.path()).unwrap();
    let snapshots = storage.snapshots();
    let data = large_state();
    snapshots.save(&meta(3, 1), |file| file.write_all(&data)).unwrap();
    snapshots.save(&meta(6, 1), |_| Ok(())).unwrap();
    let places = [0, 1, 262_143, 262_144, 524_288, 600_000, 600_001, 700_000];
    for offset in places {
        for length in [0, 1, 262_144, 300_000, 1 << 20] {
            let piece = snapshots.read(position(3, 1), offset as u64, length).unwrap().unwrap();
            let start = offset.min(data.len());
            let end = data.len().min(start + length);
            assert_eq!(piece.data, data[start..end], "{length} bytes at {offset}");
            assert_eq!((piece.meta, piece.total as usize), (meta(3, 1), data.len()));
        }
    }
    let empty = snapshots.read(position(6, 1), 0, 100).unwrap().unwrap();
    assert_eq!((empty.total, empty.data.len()), (0, 0));
    snapshots.save(&meta(8, 1), |_| Ok(())).unwrap();
    assert_eq!(snapshots.read(position(3, 1), 0, 100).unwrap(), None);
}

#[test]
fn damage_anywhere_is_refused() {
    let dir = TempDir::new().unwrap();
    let (storage, _) = open(dir.path()).unwrap();
    let data = large_state();
    storage.snapshots().save(&meta(3, 1), |file| file.write_all(&data)).unwrap();
    drop(storage);
    let path = files(dir.path(), "snap").remove(0);
    let whole = fs::read(&path).unwrap();
    let length = whole.len();
    let refuse = |bytes: &[u8], place: usize| {
        fs::write(&path, bytes).unwrap();
        let error = open(dir.path()).unwrap_err();
        let StorageError::Corrupt { path: named, .. } = &error else { panic!("{place}: {error}") };
        assert_eq!(named, &path);
    };
    let edges = (8..80).chain(length - 40..length);
    for place in edges.chain((80..length - 40).step_by(40_009)) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        refuse(&bytes, place);
    }
    for cut in [1, 4, 12, 30, 500_000, length - 60, length - 1, length] {
        refuse(&whole[..length - cut], cut);
    }
    refuse(&[&whole[..], b"x"].concat(), length);
    fs::write(&path, &whole).unwrap();
    assert_eq!(recover(dir.path()).snapshot, Some(snapshot(3, 1, &data)));
}

#[test]
fn a_follower_is_not_sent_a_damaged_piece() {
    let dir = TempDir::new().unwrap();
    let (storage, _) = open(dir.path()).unwrap();
    let snapshots = storage.snapshots();
    snapshots.save(&meta(3, 1), |file| file.write_all(&large_state())).unwrap();
    let path = files(dir.path(), "snap").remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[300_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    snapshots.read(position(3, 1), 0, 1_000).unwrap().unwrap();
    let error = snapshots.read(position(3, 1), 270_000, 1_000).unwrap_err();
    assert!(error.to_string().contains("a block of the state is damaged"), "{error}");
}

#[test]
fn what_a_crash_left_half_written_is_removed() {
    let dir = TempDir::new().unwrap();
    drop(open(dir.path()).unwrap());
    let left = dir.path().join("snap/00000000000000000003-00000000000000000001.snap.0.tmp");
    fs::write(&left, b"squall").unwrap();
    assert_eq!(recover(dir.path()).snapshot, None);
    assert!(!left.exists());
}

#[test]
fn a_state_that_cannot_be_encoded_is_said_to_be_so() {
    let dir = TempDir::new().unwrap();
    let (storage, _) = open(dir.path()).unwrap();
    let produce = |_: &mut dyn Write| Err(io::Error::other("no"));
    let error = storage.snapshots().save(&meta(3, 1), produce).unwrap_err();
    assert!(matches!(error, StorageError::Encode { .. }), "{error}");
}

#[test]
fn an_installed_snapshot_voids_the_log_unless_it_holds_the_last_entry() {
    for (last_term, left) in [(1, vec![6, 7, 8, 9]), (2, vec![])] {
        let dir = TempDir::new().unwrap();
        let (mut storage, _) = open(dir.path()).unwrap();
        let entries: Vec<_> = (1..=9).map(|index| entry(index, 1, b"x")).collect();
        storage.append(&entries).unwrap();
        storage.install_snapshot(&install(5, last_term, b"state")).unwrap();
        drop(storage);
        let recovered = recover(dir.path());
        assert_eq!(recovered.snapshot, Some(snapshot(5, last_term, b"state")));
        let held: Vec<_> = recovered.entries.iter().map(|entry| entry.position.index.0).collect();
        assert_eq!(held, left);
        let (mut storage, _) = open(dir.path()).unwrap();
        storage.append(&[entry(6, 2, b"y")]).unwrap();
        drop(storage);
        assert_eq!(recover(dir.path()).entries, [entry(6, 2, b"y")]);
    }
}

#[test]
fn a_suffix_to_be_discarded_goes_although_the_log_holds_the_last_entry() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    let entries: Vec<_> = (1..=9).map(|index| entry(index, 1, b"x")).collect();
    storage.append(&entries).unwrap();
    let install = Install { suffix: Suffix::Discard, ..install(5, 1, b"state") };
    storage.install_snapshot(&install).unwrap();
    drop(storage);
    assert!(recover(dir.path()).entries.is_empty());
}

#[test]
fn a_snapshot_far_beyond_the_log_is_where_it_goes_on() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    storage.append(&[entry(1, 1, b"x")]).unwrap();
    storage.install_snapshot(&install(1_000, 4, b"state")).unwrap();
    storage.append(&[entry(1_001, 4, b"y")]).unwrap();
    storage.compact(LogIndex(1_000)).unwrap();
    drop(storage);
    assert_eq!(recover(dir.path()).entries, [entry(1_001, 4, b"y")]);
    assert_eq!(files(dir.path(), "log").len(), 1);
}

#[test]
fn the_log_goes_on_after_a_snapshot_that_was_ahead_of_it() {
    // A leader may apply, and save, what only others have on disk yet.
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    storage.append(&[entry(1, 1, b"x")]).unwrap();
    storage.snapshots().save(&meta(2, 1), |_| Ok(())).unwrap();
    drop(storage);
    let (mut storage, recovered) = open(dir.path()).unwrap();
    assert!(recovered.entries.is_empty());
    storage.append(&[entry(3, 1, b"y")]).unwrap();
    drop(storage);
    assert_eq!(recover(dir.path()).entries, [entry(3, 1, b"y")]);
}

#[test]
fn a_missing_snapshot_is_noticed_by_the_log_that_begins_after_it() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    storage.install_snapshot(&install(10, 1, b"state")).unwrap();
    storage.append(&[entry(11, 1, b"x")]).unwrap();
    drop(storage);
    fs::remove_file(files(dir.path(), "snap").remove(0)).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("missing between the snapshot and the log"), "{error}");
}

#[test]
fn a_snapshot_that_comes_late_does_not_replace_a_newer_one() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    storage.install_snapshot(&install(10, 1, b"newer")).unwrap();
    assert_eq!(storage.snapshots().save(&meta(5, 1), |_| Ok(())).unwrap(), Saved::Superseded);
    drop(storage);
    assert_eq!(recover(dir.path()).snapshot, Some(snapshot(10, 1, b"newer")));
    assert_eq!(files(dir.path(), "snap").len(), 1);
}

#[test]
fn a_snapshot_taken_while_the_leaders_was_written_is_not_replaced_by_it() {
    // The state machine goes on from the leader's snapshot before that is durable, and the
    // snapshot it takes then may be ready first.
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    storage.append(&[entry(1, 1, b"x")]).unwrap();
    let saved = storage.snapshots().save(&meta(9, 2), |file| file.write_all(b"newer"));
    assert_eq!(saved.unwrap(), Saved::Newest);
    storage.install_snapshot(&install(5, 2, b"older")).unwrap();
    for index in 6..=10 {
        // Long enough for a segment of its own.
        storage.append(&[entry(index, 2, &[7; 3_000])]).unwrap();
    }
    storage.compact(LogIndex(9)).unwrap();
    drop(storage);
    let recovered = recover(dir.path());
    assert_eq!(recovered.snapshot, Some(snapshot(9, 2, b"newer")));
    let held: Vec<_> = recovered.entries.iter().map(|entry| entry.position.index.0).collect();
    assert_eq!(held, [10]);
    assert_eq!(files(dir.path(), "snap").len(), 1);
}

#[test]
fn snapshots_are_saved_while_the_log_is_written() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = Storage::open(dir.path(), StorageOptions::default()).unwrap();
    storage.append(&[entry(1, 1, b"x")]).unwrap();
    let snapshots = storage.snapshots();
    let (begun, wait) = std::sync::mpsc::channel();
    let (appended, go_on) = std::sync::mpsc::channel();
    let saver = thread::spawn(move || {
        snapshots.save(&meta(1, 1), |file| {
            begun.send(()).unwrap();
            // Only after an append has succeeded meanwhile.
            go_on.recv().unwrap();
            file.write_all(b"state")
        })
    });
    wait.recv().unwrap();
    storage.append(&[entry(2, 1, b"y")]).unwrap();
    appended.send(()).unwrap();
    assert_eq!(saver.join().unwrap().unwrap(), Saved::Newest);
    drop(storage);
    let recovered = recover(dir.path());
    assert_eq!(recovered.snapshot, Some(snapshot(1, 1, b"state")));
    assert_eq!(recovered.entries, [entry(2, 1, b"y")]);
}
