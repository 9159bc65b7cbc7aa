//! Measures what a node's disk costs it.
//!
//! `cargo run --release -p squall-node --example storage -- build DIR` makes a data
//! directory with a million entries behind a snapshot and some after it; `... open
//! DIR` does what a node does with it on start, and tells time and memory; `...
//! syncs DIR` times, in turn and on the same disk, the ways to make a small write
//! durable.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Parser, Subcommand};
use rustix::fs::FallocateFlags;
use squall_node::machine::{Action, Change, Command, Json, Key, Machine};
use squall_node::raft::{
    Entry, HardState, LogIndex, Membership, Payload, Position, SnapshotMeta, Term,
};
use squall_node::storage::{Storage, StorageOptions};

/// Keys written in turn.
const KEYS: u64 = 100_000;

/// Entries in one frame.
const BATCH: usize = 500;

/// The length of a file whose space is allocated ahead, in bytes.
const ALLOCATED_BYTES: u64 = 16 << 20;

/// An outcome whose failure only has to be printed.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The ways to make a small write durable, in the order in which they are timed.
const NAMES: [&str; 6] = [
    "a growing file",
    "space allocated ahead",
    "zeros written ahead",
    "two slots in place",
    "Storage::append",
    "Storage::set_hard_state",
];

/// Measures what a node's disk costs it.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Subcommand)]
enum Measure {
    /// Make a data directory.
    Build {
        /// Where; it must not exist.
        dir: PathBuf,
        /// How many entries the snapshot covers.
        #[arg(long, default_value_t = 1_000_000)]
        covered: u64,
        /// How many follow it.
        #[arg(long, default_value_t = 10_000)]
        tail: u64,
    },
    /// Open a data directory as a node does on start.
    Open {
        /// Which.
        dir: PathBuf,
    },
    /// Time ways to make a small write durable.
    Syncs {
        /// Where; it must not exist.
        dir: PathBuf,
        /// How many times each.
        #[arg(long, default_value_t = 2_000)]
        times: usize,
    },
}

fn main() -> Outcome {
    match Args::parse().measure {
        Measure::Build { dir, covered, tail } => build(&dir, covered, tail),
        Measure::Open { dir } => open(&dir),
        Measure::Syncs { dir, times } => syncs(&dir, times),
    }
}

/// Returns the entry at `index`: a hundred bytes for one of the keys.
fn entry(index: u64) -> Outcome<Entry> {
    let key = format!("key-{}", index % KEYS).parse::<Key>()?;
    let value = Json::from(&serde_json::Value::String(format!("{index:0100}")));
    let command = Command::Plain(Action::Change(key, Change::Put(value)));
    let position = Position { term: Term(1), index: LogIndex(index) };
    Ok(Entry { position, payload: Payload::Command(command.encode()) })
}

fn build(dir: &Path, covered: u64, tail: u64) -> Outcome {
    fs::create_dir(dir)?;
    let (mut storage, _) = Storage::open(dir, StorageOptions::default())?;
    storage.set_hard_state(HardState { term: Term(1), vote: None })?;
    let mut machine = Machine::new(None);
    let mut batch = Vec::with_capacity(BATCH);
    for index in 1..=covered + tail {
        let entry = entry(index)?;
        if index <= covered
            && let Payload::Command(command) = &entry.payload
        {
            machine.apply(LogIndex(index), Command::decode(command)?);
        }
        batch.push(entry);
        if batch.len() == BATCH || index == covered + tail {
            storage.append(&batch)?;
            batch.clear();
        }
    }
    let last = Position { term: Term(1), index: LogIndex(covered) };
    let membership = Membership::of_voters(["n1".parse()?]);
    let frozen = machine.freeze();
    let began = Instant::now();
    storage.snapshots().save(&SnapshotMeta { last, membership }, |file| {
        let mut file = BufWriter::new(file);
        frozen.write_to(&mut file)?;
        file.flush()
    })?;
    println!("saved the snapshot in {} ms", began.elapsed().as_millis());
    Ok(())
}

fn open(dir: &Path) -> Outcome {
    let began = Instant::now();
    let (_storage, recovered) = Storage::open(dir, StorageOptions::default())?;
    let read_ms = began.elapsed().as_millis();
    let machine = match &recovered.snapshot {
        Some(snapshot) => Machine::restore(&snapshot.data, None)?,
        None => Machine::new(None),
    };
    let restored_ms = began.elapsed().as_millis();
    println!(
        "{} entries after the snapshot, {} keys: read after {read_ms} ms, state restored after \
         {restored_ms} ms, peak memory {}",
        recovered.entries.len(),
        machine.keys(),
        peak_memory()?
    );
    Ok(())
}

/// Returns the most memory this process has held.
fn peak_memory() -> io::Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(peak.unwrap_or("unknown").trim().to_owned())
}

fn syncs(dir: &Path, times: usize) -> Outcome {
    fs::create_dir(dir)?;
    let create = |name: &str| File::create_new(dir.join(name));
    let growing = create("growing")?;
    let allocated = create("allocated")?;
    rustix::fs::fallocate(&allocated, FallocateFlags::empty(), 0, ALLOCATED_BYTES)?;
    allocated.sync_all()?;
    let zeroed = create("zeroed")?;
    zeroed.write_all_at(&vec![0; ALLOCATED_BYTES as usize], 0)?;
    zeroed.sync_all()?;
    let slots = create("slots")?;
    slots.write_all_at(&[0; 8_192], 0)?;
    slots.sync_all()?;
    let (mut storage, _) = Storage::open(&dir.join("node"), StorageOptions::default())?;

    let block = [b'x'; 150];
    let mut timings = [const { Vec::<u64>::new() }; NAMES.len()];
    for number in 0..times as u64 {
        let offset = number * block.len() as u64 % (ALLOCATED_BYTES - 4_096);
        let in_file = |file: &File, offset| {
            file.write_all_at(&block, offset)?;
            file.sync_data()
        };
        let entry = entry(number + 1)?;
        let mut time = |way: usize, action: &mut dyn FnMut() -> Outcome| -> Outcome {
            let began = Instant::now();
            action()?;
            timings[way].push(began.elapsed().as_micros() as u64);
            Ok(())
        };
        time(0, &mut || Ok(in_file(&growing, offset)?))?;
        time(1, &mut || Ok(in_file(&allocated, offset)?))?;
        time(2, &mut || Ok(in_file(&zeroed, offset)?))?;
        time(3, &mut || Ok(in_file(&slots, number % 2 * 4_096)?))?;
        time(4, &mut || Ok(storage.append(std::slice::from_ref(&entry))?))?;
        let hard_state = HardState { term: Term(number), vote: None };
        time(5, &mut || Ok(storage.set_hard_state(hard_state)?))?;
    }
    println!("{:26} {:>8} {:>8}", "microseconds", "median", "p99");
    for (name, mut timings) in NAMES.into_iter().zip(timings) {
        timings.sort_unstable();
        let at = |percent: usize| timings[(timings.len() - 1) * percent / 100];
        println!("{name:26} {:>8} {:>8}", at(50), at(99));
    }
    Ok(())
}
