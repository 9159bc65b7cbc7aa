//! What the log file gives back after clean ends, crashes and damage.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use squall_node::raft::{Entry, HardState, LogIndex, NodeId, Payload, Position, Term};
use squall_node::storage::{LogFile, Record, Recovered, StorageError};
use tempfile::TempDir;

fn entry(index: u64, term: u64, command: &[u8]) -> Entry {
    let position = Position { term: Term(term), index: LogIndex(index) };
    Entry { position, payload: Payload::Command(command.to_vec()) }
}

fn hard_state(term: u64, vote: &str) -> HardState {
    HardState { term: Term(term), vote: Some(vote.parse::<NodeId>().unwrap()) }
}

fn append(log_file: &mut LogFile, records: &[Record]) {
    log_file.append(records).unwrap();
}

/// Writes three frames and returns where the file is and how long it was before
/// each frame and after the last.
fn three_frames(dir: &Path) -> (PathBuf, Vec<usize>) {
    let path = dir.join("raft.log");
    let (mut log_file, recovered) = LogFile::open(dir).unwrap();
    assert_eq!(recovered, Recovered::default());
    let mut lengths = vec![fs::metadata(&path).unwrap().len() as usize];
    for index in 1..=3 {
        let records =
            [Record::HardState(hard_state(index, "n1")), Record::Entry(entry(index, index, b"x"))];
        append(&mut log_file, &records);
        lengths.push(fs::metadata(&path).unwrap().len() as usize);
    }
    (path, lengths)
}

fn recover(dir: &Path) -> Recovered {
    LogFile::open(dir).unwrap().1
}

#[test]
fn what_was_appended_is_there_on_reopening() {
    let dir = TempDir::new().unwrap();
    three_frames(dir.path());
    let recovered = recover(dir.path());
    assert_eq!(recovered.hard_state, hard_state(3, "n1"));
    assert_eq!(recovered.entries.len(), 3);
    assert_eq!(recovered.torn_bytes, 0);
}

#[test]
fn an_entry_replaces_what_stood_at_its_index_and_after_it() {
    let dir = TempDir::new().unwrap();
    three_frames(dir.path());
    let (mut log_file, _) = LogFile::open(dir.path()).unwrap();
    append(&mut log_file, &[Record::Entry(entry(2, 9, b"new"))]);
    drop(log_file);
    assert_eq!(recover(dir.path()).entries, [entry(1, 1, b"x"), entry(2, 9, b"new")]);
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_off_and_writing_goes_on() {
    let dir = TempDir::new().unwrap();
    let (path, lengths) = three_frames(dir.path());
    let whole = fs::read(&path).unwrap();
    for length in lengths[2]..lengths[3] {
        fs::write(&path, &whole[..length]).unwrap();
        let (mut log_file, recovered) = LogFile::open(dir.path()).unwrap();
        assert_eq!(recovered.entries.len(), 2, "cut at {length}");
        assert_eq!(recovered.hard_state, hard_state(2, "n1"));
        assert_eq!(recovered.torn_bytes as usize, length - lengths[2]);
        append(&mut log_file, &[Record::Entry(entry(3, 7, b"again"))]);
        drop(log_file);
        assert_eq!(recover(dir.path()).entries[2], entry(3, 7, b"again"));
    }
}

#[test]
fn a_last_frame_whose_pages_reached_the_disk_only_in_part_is_cut_off() {
    let dir = TempDir::new().unwrap();
    let (path, lengths) = three_frames(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes[lengths[2]..lengths[2] + 20].fill(0);
    fs::write(&path, bytes).unwrap();
    assert_eq!(recover(dir.path()).entries.len(), 2);
}

#[test]
fn damage_before_a_sound_frame_is_refused_wherever_it_is() {
    let dir = TempDir::new().unwrap();
    let (path, lengths) = three_frames(dir.path());
    let whole = fs::read(&path).unwrap();
    for (frame, start) in lengths[..2].iter().enumerate() {
        for place in *start..lengths[frame + 1] {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x40;
            fs::write(&path, bytes).unwrap();
            let error = LogFile::open(dir.path()).unwrap_err();
            let StorageError::Corrupt { path: named, offset, .. } = &error else {
                panic!("{place}: {error}");
            };
            assert_eq!((named, *offset as usize), (&path, *start), "byte {place}");
            assert!(error.to_string().contains(&format!("raft.log at offset {start}")));
        }
    }
}

#[test]
fn a_frame_cut_out_of_the_middle_is_refused() {
    let dir = TempDir::new().unwrap();
    let (path, lengths) = three_frames(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes.drain(lengths[1]..lengths[2]);
    fs::write(&path, bytes).unwrap();
    let error = LogFile::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("an entry is missing"), "{error}");
}

#[test]
fn a_crash_while_the_file_was_created_leaves_an_empty_log() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("raft.log");
    for written in 0..8 {
        // The length may reach the disk without the bytes, which then read as zero.
        for length in written..=8 {
            let mut left = b"squall\0\x01"[..written].to_vec();
            left.resize(length, 0);
            fs::write(&path, &left).unwrap();
            assert_eq!(recover(dir.path()), Recovered::default(), "{left:?}");
            assert_eq!(fs::read(&path).unwrap(), b"squall\0\x01");
        }
    }
}

#[test]
fn another_kind_of_file_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("raft.log");
    for content in [&b"precious"[..], b"squall\0\x02", &[0; 9]] {
        fs::write(&path, content).unwrap();
        let error = LogFile::open(dir.path()).unwrap_err();
        assert!(matches!(error, StorageError::Foreign { .. }), "{error:?}");
        assert!(error.to_string().starts_with("open /"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn two_processes_do_not_share_a_log() {
    let dir = TempDir::new().unwrap();
    let _held = LogFile::open(dir.path()).unwrap();
    assert!(matches!(LogFile::open(dir.path()), Err(StorageError::InUse { .. })));
}

/// One thing a node may ask its disk for.
#[derive(Clone, Debug)]
enum Step {
    HardState(u64),
    /// Entries that begin this many before the end of the log.
    Entries {
        replacing: u64,
        commands: Vec<Vec<u8>>,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<u64>().prop_map(Step::HardState),
        (0..3_u64, vec(vec(any::<u8>(), 0..40), 1..5))
            .prop_map(|(replacing, commands)| Step::Entries { replacing, commands }),
        Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The file behaves like the obvious vector, and a prefix of the file like
    /// the vector some frames ago.
    #[test]
    fn the_file_agrees_with_a_vector(steps in vec(step(), 1..12), cut in any::<prop::sample::Index>()) {
        let dir = TempDir::new().unwrap();
        let (mut log_file, _) = LogFile::open(dir.path()).unwrap();
        let mut model = Recovered::default();
        let mut states = vec![model.clone()];
        for (number, step) in steps.into_iter().enumerate() {
            let records = match step {
                Step::HardState(term) => {
                    model.hard_state = hard_state(term, "n2");
                    vec![Record::HardState(model.hard_state)]
                }
                Step::Entries { replacing, commands } => {
                    let keep = (model.entries.len() as u64).saturating_sub(replacing);
                    model.entries.truncate(keep as usize);
                    let entries: Vec<_> = (keep + 1..)
                        .zip(commands)
                        .map(|(index, command)| entry(index, number as u64, &command))
                        .collect();
                    model.entries.extend(entries.iter().cloned());
                    entries.into_iter().map(Record::Entry).collect()
                }
                Step::Reopen => {
                    drop(log_file);
                    let (reopened, recovered) = LogFile::open(dir.path()).unwrap();
                    prop_assert_eq!(&recovered, &model);
                    log_file = reopened;
                    continue;
                }
            };
            log_file.append(&records).unwrap();
            states.push(model.clone());
        }
        drop(log_file);
        prop_assert_eq!(&recover(dir.path()), &model);

        let path = dir.path().join("raft.log");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..cut.index(whole.len() + 1)]).unwrap();
        let recovered = recover(dir.path());
        let state = Recovered { torn_bytes: 0, ..recovered };
        prop_assert!(states.contains(&state));
    }
}
