//! The log: torn tails are cut off, damage is refused, segments come and go.

use std::fs;
use std::path::{Path, PathBuf};

use squall_node::raft::{Entry, LogIndex};
use squall_node::storage::{Recovered, Storage, StorageError};
use tempfile::TempDir;

use crate::samples::{entry, files, hard_state, open, recover, small_segments, snapshot};

/// Where the frames of a segment begin.
const HEADER_BYTES: usize = 44;

/// Writes three frames, and returns where the file is, what it holds without the
/// zeros at the end, and where each frame begins and the last one ends.
fn three_frames(dir: &Path) -> (PathBuf, Vec<u8>, Vec<usize>) {
    let (mut storage, recovered) = open(dir).unwrap();
    assert_eq!(recovered, Recovered::default());
    storage.set_hard_state(hard_state(3, "n1")).unwrap();
    let mut starts = vec![HEADER_BYTES];
    let mut content = Vec::new();
    for index in 1..=3 {
        storage.append(&[entry(index, index, b"x")]).unwrap();
        content = fs::read(&files(dir, "log")[0]).unwrap();
        content.truncate(content.iter().rposition(|&byte| byte != 0).unwrap() + 1);
        starts.push(content.len());
    }
    (files(dir, "log").remove(0), content, starts)
}

/// Appends entries of some size one by one.
fn append_each(storage: &mut Storage, indices: std::ops::RangeInclusive<u64>, term: u64) {
    for index in indices {
        storage.append(&[entry(index, term, &[b'v'; 100])]).unwrap();
    }
}

fn indices(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.position.index.0).collect()
}

#[test]
fn what_was_appended_is_there_on_reopening() {
    let dir = TempDir::new().unwrap();
    three_frames(dir.path());
    let recovered = recover(dir.path());
    assert_eq!(recovered.hard_state, hard_state(3, "n1"));
    assert_eq!(recovered.entries, [1, 2, 3].map(|index| entry(index, index, b"x")));
    assert_eq!(recovered.torn_bytes, 0);
}

#[test]
fn an_entry_replaces_what_stood_at_its_index_and_after_it() {
    let dir = TempDir::new().unwrap();
    three_frames(dir.path());
    let (mut storage, _) = open(dir.path()).unwrap();
    storage.append(&[entry(2, 9, b"new")]).unwrap();
    drop(storage);
    assert_eq!(recover(dir.path()).entries, [entry(1, 1, b"x"), entry(2, 9, b"new")]);
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_off_and_writing_goes_on() {
    for zeros_follow in [false, true] {
        let dir = TempDir::new().unwrap();
        let (path, whole, starts) = three_frames(dir.path());
        for length in starts[2]..starts[3] {
            let mut left = whole[..length].to_vec();
            // What the file system allocated ahead reads as zeros.
            left.resize(if zeros_follow { 4_096 } else { length }, 0);
            fs::write(&path, &left).unwrap();
            let written = left.iter().rposition(|&byte| byte != 0).unwrap() + 1;
            let (mut storage, recovered) = open(dir.path()).unwrap();
            assert_eq!(recovered.entries.len(), 2, "cut at {length}");
            assert_eq!(recovered.torn_bytes as usize, written - starts[2]);
            storage.append(&[entry(3, 7, b"again")]).unwrap();
            drop(storage);
            assert_eq!(recover(dir.path()).entries[2], entry(3, 7, b"again"));
        }
    }
}

#[test]
fn a_last_frame_whose_pages_reached_the_disk_only_in_part_is_cut_off() {
    let dir = TempDir::new().unwrap();
    let (path, mut bytes, starts) = three_frames(dir.path());
    bytes[starts[2]..starts[2] + 9].fill(0);
    fs::write(&path, bytes).unwrap();
    assert_eq!(recover(dir.path()).entries.len(), 2);
}

#[test]
fn damage_before_a_sound_frame_is_refused_wherever_it_is() {
    let dir = TempDir::new().unwrap();
    let (path, whole, starts) = three_frames(dir.path());
    for (frame, &start) in starts[..2].iter().enumerate() {
        for place in start..starts[frame + 1] {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x40;
            fs::write(&path, bytes).unwrap();
            let error = open(dir.path()).unwrap_err();
            let StorageError::Corrupt { path: named, offset, .. } = &error else {
                panic!("{place}: {error}");
            };
            assert_eq!((named, *offset as usize), (&path, start), "byte {place}");
            assert!(error.to_string().contains(&format!(".seg at offset {start}")));
        }
    }
}

#[test]
fn damage_to_the_header_is_refused_once_something_was_written_behind_it() {
    let dir = TempDir::new().unwrap();
    let (path, whole, _) = three_frames(dir.path());
    let refuse = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = open(dir.path()).unwrap_err();
        let foreign = matches!(error, StorageError::Foreign { .. });
        assert!(foreign || matches!(error, StorageError::Corrupt { offset: 0, .. }), "{error}");
    };
    for place in 0..HEADER_BYTES {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x40;
        refuse(&bytes);
        bytes[..=place].fill(0);
        refuse(&bytes);
    }
}

#[test]
fn a_segment_without_a_whole_frame_does_not_stay() {
    let dir = TempDir::new().unwrap();
    let (path, whole, starts) = three_frames(dir.path());
    for length in 0..starts[1] {
        fs::write(&path, &whole[..length]).unwrap();
        let recovered = recover(dir.path());
        assert!(recovered.entries.is_empty());
        let written =
            whole[..length].iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        assert_eq!(recovered.torn_bytes as usize, written.saturating_sub(HEADER_BYTES));
        assert!(!path.exists());
    }
}

#[test]
fn a_frame_cut_out_of_the_middle_is_refused() {
    let dir = TempDir::new().unwrap();
    let (path, mut bytes, starts) = three_frames(dir.path());
    bytes.drain(starts[1]..starts[2]);
    fs::write(&path, bytes).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("an entry is missing"), "{error}");
}

#[test]
fn a_gap_is_not_written() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    storage.append(&[entry(1, 1, b"x")]).unwrap();
    let error = storage.append(&[entry(3, 1, b"x")]).unwrap_err();
    assert!(matches!(error, StorageError::Gap { last: LogIndex(1), next: LogIndex(3), .. }));
}

#[test]
fn a_crash_while_a_segment_was_made_leaves_the_log_as_it_was() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    append_each(&mut storage, 1..=40, 1);
    drop(storage);
    let newest = files(dir.path(), "log").pop().unwrap();
    // It has been cut to its length by then.
    let content = fs::read(&newest).unwrap();
    let written = content.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    fs::write(&newest, &content[..written]).unwrap();
    let expected = recover(dir.path()).entries;
    let made = newest.with_file_name("0000000003-00000000000000000041.seg");
    for length in [0, 1, 44, 4_096] {
        fs::write(&made, vec![0; length]).unwrap();
        let (mut storage, recovered) = open(dir.path()).unwrap();
        assert_eq!(recovered.entries, expected);
        assert!(!made.exists());
        storage.append(&[entry(41, 1, b"on")]).unwrap();
        drop(storage);
        assert_eq!(indices(&recover(dir.path()).entries), (1..=41).collect::<Vec<_>>());
        let (mut storage, _) = open(dir.path()).unwrap();
        storage.append(&[expected[39].clone()]).unwrap();
    }
}

#[test]
fn an_older_segment_may_not_be_torn_damaged_renamed_or_missing() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    append_each(&mut storage, 1..=100, 1);
    drop(storage);
    let segments = files(dir.path(), "log");
    assert!(segments.len() >= 3, "{segments:?}");
    let path = &segments[1];
    let whole = fs::read(path).unwrap();
    let refuse = |bytes: &[u8]| {
        fs::write(path, bytes).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        error.to_string()
    };
    let torn = refuse(&whole[..whole.len() - 1]);
    assert!(torn.contains("a damaged frame is followed by another segment"), "{torn}");
    refuse(&[&whole[..], &[0; 10]].concat());
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    refuse(&damaged);
    // Cut at the end of a frame, it is whole in itself, but entries are missing.
    let starts: Vec<_> = whole
        .windows(4)
        .enumerate()
        .filter(|(_, four)| *four == [0xf7, 0x5c, 0xa1, 0x1e])
        .collect();
    fs::write(path, &whole[..starts.last().unwrap().0]).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("does not continue the one before it"), "{error}");

    fs::remove_file(path).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(&error, StorageError::Missing { .. }), "{error}");
    fs::write(path.with_file_name("0000000002-00000000000000000002.seg"), &whole).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("the file was renamed"), "{error}");

    fs::remove_file(path.with_file_name("0000000002-00000000000000000002.seg")).unwrap();
    fs::write(path, &whole).unwrap();
    assert_eq!(recover(dir.path()).entries.len(), 100);
    fs::remove_file(&segments[0]).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("missing between the snapshot and the log"), "{error}");
}

#[test]
fn a_log_of_many_segments_is_read_back_also_where_entries_were_replaced() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    append_each(&mut storage, 1..=100, 1);
    append_each(&mut storage, 20..=70, 2);
    drop(storage);
    let recovered = recover(dir.path());
    assert_eq!(indices(&recovered.entries), (1..=70).collect::<Vec<_>>());
    let terms: Vec<_> = recovered.entries.iter().map(|entry| entry.position.term.0).collect();
    assert_eq!(terms, [[1; 19].to_vec(), [2; 51].to_vec()].concat());
}

#[test]
fn compaction_removes_whole_segments_and_only_what_is_covered() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    append_each(&mut storage, 1..=200, 1);
    // Those replaced lie in later segments than their index suggests.
    append_each(&mut storage, 90..=150, 2);
    let before = files(dir.path(), "log").len();
    storage.snapshots().save(&snapshot(100, 2, b"").meta, |_| Ok(())).unwrap();
    storage.compact(LogIndex(100)).unwrap();
    let after = files(dir.path(), "log").len();
    assert!(after < before && after > 1, "{before} then {after}");
    append_each(&mut storage, 151..=160, 2);
    drop(storage);
    let recovered = recover(dir.path());
    assert_eq!(indices(&recovered.entries), (101..=160).collect::<Vec<_>>());
    assert!(recovered.entries.iter().all(|entry| entry.position.term.0 == 2));
}

#[test]
fn segments_that_the_snapshot_covers_are_removed_unread() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = open(dir.path()).unwrap();
    append_each(&mut storage, 1..=200, 1);
    storage.snapshots().save(&snapshot(150, 1, b"").meta, |_| Ok(())).unwrap();
    drop(storage);
    let oldest = files(dir.path(), "log").remove(0);
    fs::write(&oldest, b"nobody reads this").unwrap();
    assert_eq!(indices(&recover(dir.path()).entries), (151..=200).collect::<Vec<_>>());
    assert!(!oldest.exists());
}

#[test]
fn a_frame_longer_than_a_segment_has_one_of_its_own() {
    let dir = TempDir::new().unwrap();
    let (mut storage, _) = Storage::open(dir.path(), small_segments(500)).unwrap();
    let entries: Vec<_> = (1..=50).map(|index| entry(index, 1, &[b'v'; 100])).collect();
    storage.append(&entries).unwrap();
    storage.append(&[entry(51, 1, b"x")]).unwrap();
    drop(storage);
    assert_eq!(files(dir.path(), "log").len(), 2);
    assert_eq!(recover(dir.path()).entries.len(), 51);
}
