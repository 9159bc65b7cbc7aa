//! Writes a long history of registers with compare-and-set, or measures how fast one is read.
//!
//! `cargo run --release --example long_history -- write 10000000 FILE` writes about that many
//! events; `... -- read FILE` reads the file, already in the page cache, and tells the speed
//! and the size of the operations. The history is linearizable: each key takes its operations
//! one by one, though those of different keys overlap.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::time::Instant;

use serde_json::{Value, json};
use squall_checker::history::{
    Event, EventType, EventWriter, FORMAT_VERSION, Header, HeaderTag, Operation, Process,
    read_jsonl,
};

/// Clients, each on a key of its own.
const KEYS: u64 = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", events, path] => write(events.parse()?, path),
        ["read", path] => read(path),
        _ => Err("usage: long_history write EVENTS FILE | long_history read FILE".into()),
    }
}

fn write(events: u64, path: &str) -> Result<(), Box<dyn Error>> {
    let header = Header {
        squall: FORMAT_VERSION,
        kind: HeaderTag::Header,
        system: "invented".to_owned(),
        workload: "register".to_owned(),
        model: "cas-register".to_owned(),
        nodes: (1..=5).map(|node| format!("n{node}")).collect(),
        seed: 0,
        plan: Value::Null,
    };
    let mut writer = EventWriter::new(BufWriter::new(File::create(path)?), &header)?;
    let mut index = 0;
    for round in 1..=events / (2 * KEYS) {
        for kind in [EventType::Invoke, EventType::Ok] {
            for key in 0..KEYS {
                writer.append(&event(index, round, key, kind))?;
                index += 1;
            }
        }
    }
    writer.flush()?;
    Ok(())
}

/// Of each three rounds the first writes, the second compares and sets, the third reads.
fn event(index: u64, round: u64, key: u64, kind: EventType) -> Event {
    let (f, value) = match (round % 3, kind) {
        (1, _) => ("write", json!(round)),
        (2, _) => ("cas", json!([round - 1, round])),
        (_, EventType::Invoke) => ("read", Value::Null),
        _ => ("read", json!(round - 1)),
    };
    Event {
        index: Some(index),
        time: 1_000_000_000 + index * 1_731,
        process: Process::Client(key),
        node: Some(format!("n{}", key % 5 + 1).into()),
        kind,
        f: f.into(),
        key: Some(key.to_string().into()),
        value,
        error: None,
        revision: None,
        evidence: Value::Null,
    }
}

fn read(path: &str) -> Result<(), Box<dyn Error>> {
    let file = File::open(path)?;
    let megabytes = file.metadata()?.len() as f64 / 1e6;
    let began = Instant::now();
    let history = read_jsonl(BufReader::with_capacity(1 << 20, file))?;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} operations of {} bytes from {megabytes:.0} MB in {seconds:.2} s: {:.0} MB/s",
        history.operations.len(),
        size_of::<Operation>(),
        megabytes / seconds
    );
    Ok(())
}
